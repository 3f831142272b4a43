#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation.h"

#define AUTO_INV __attribute__((cleanup(cc_invocation_done)))

static void parse(const char *line, struct cc_invocation *inv)
{
	struct hp_strv words HP_AUTO_STRV = {0};

	while (*line) {
		size_t len = strcspn(line, " ");

		hp_strv_addn(&words, line, len);
		line += len + (line[len] == ' ');
	}
	assert_int_equal(cc_invocation_parse(inv, strstr(words.v[0], "clang") ? CC_FAMILY_CLANG : CC_FAMILY_GCC,
	                                     words.v[0], words.len - 1, words.v + 1, NULL, NULL, NULL),
	                 0);
}

/* "dwo sub/x.dwo!, gcno sub/x.gcno": role, place, "*" for a family, "!" where one must appear. */
static void makes(const char *line, const char *want)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_buf got HP_AUTO_BUF = {0};

	parse(line, &inv);
	if (inv.bypass != CC_REASON_NONE)
		fail_msg("%s: %s %s", line, cc_reason_name(inv.bypass), inv.bypass_detail);
	for (size_t i = 0; i < inv.sides_len; i++)
		hp_buf_printf(&got, "%s%s %s%s%s", i ? ", " : "", cc_role_name(inv.sides[i].role), inv.sides[i].path,
		              inv.sides[i].family ? "*" : "", inv.sides[i].required ? "!" : "");
	if (!hp_streq(hp_buf_cstr(&got), want))
		fail_msg("%s:\n  %s\ninstead of\n  %s", line, hp_buf_cstr(&got), want);
}

static bool has_key(const char *line, const char *word)
{
	struct cc_invocation inv AUTO_INV;

	parse(line, &inv);
	return hp_strv_has(&inv.key_args, word);
}

static void a_plain_compile_makes_none(void **unused)
{
	(void)unused;
	makes("gcc -c x.c -g -O2", "");
	makes("clang -c x.c -g -O2", "");
}

static void names_follow_the_output(void **unused)
{
	(void)unused;
	makes("gcc -c a/x.c -fstack-usage", "stack usage x.su!");
	makes("gcc -c x.c -o sub/y.o -fstack-usage", "stack usage sub/y.su!");
	makes("gcc -c x.c -o sub/y -fstack-usage", "stack usage sub/y.su!");
	makes("gcc -c x.c -o sub.d/y -fstack-usage", "stack usage sub.d/y.su!");
	makes("gcc -c x.c -o y.a.b -fstack-usage", "stack usage y.a.su!");
	makes("gcc -c x.c -o .y -fstack-usage", "stack usage .y.su!");
	makes("clang -c x.c -o .y -fstack-usage", "stack usage .su!");
	makes("gcc -c x.c -o sub/.y.o -fstack-usage", "stack usage sub/.y.su!");
}

static void each_option_makes_its_file(void **unused)
{
	(void)unused;
	makes("gcc -c x.c --coverage", "gcno x.gcno!");
	makes("gcc -c x.c -ftest-coverage", "gcno x.gcno!");
	makes("gcc -c x.c -fprofile-arcs", "");
	makes("gcc -c x.c -fcallgraph-info=su", "call graph x.ci!");
	makes("gcc -c x.cc -o y.o -fsave-optimization-record", "optimisation record y.cc.opt-record.json.gz!");
	makes("clang -c x.cc -o y.o -fsave-optimization-record", "optimisation record y.opt.yaml!");
	makes("clang -c x.c -ftime-trace -ftime-trace-granularity=9", "time trace x.json!");
}

static void families_have_a_stem(void **unused)
{
	(void)unused;
	makes("gcc -c a/x.cc -o sub/y.o -fdump-tree-all", "dump sub/y.cc*!");
	makes("gcc -c x.c -da", "dump x.c*!");
	makes("gcc -c x.c -o sub/y.o -save-temps", "temporary file sub/y*!");
	makes("gcc -c x.c -o sub/y.o -save-temps=cwd -fstack-usage", "stack usage y.su!, temporary file y*!");
	makes("clang -c a/x.c -o sub/y.o -save-temps -fstack-usage", "stack usage sub/y.su!, temporary file x*!");
	makes("clang -c a/x.c -o sub/y.o -save-temps=obj", "temporary file sub/x*!");
}

static void files_that_are_named_are_there(void **unused)
{
	(void)unused;
	makes("gcc -c x.c -aux-info a/b", "aux info a/b!");
	makes("gcc -c x.c -fopt-info", "");
	makes("gcc -c x.c -fopt-info-vec-missed=o", "optimisation info o!");
	makes("gcc -c x.c -Wa,-L,-adhln=l,-L", "listing l!");
	makes("gcc -c x.c -Wa,-adhln", "");
	makes("gcc -c x.c -fdump-go-spec=g -fdump-final-insns=f", "go spec g!, final instructions f!");
	makes("clang -c x.c -MJ m --serialize-diagnostics d", "serialized diagnostics d!, compilation database m!");
	makes("clang -c x.c -foptimization-record-file=r", "optimisation record r!");
}

static void fits(enum cc_role role, const char *suffix, bool want)
{
	struct cc_side side = {.role = role, .path = (char *)"x", .family = true};

	if (cc_side_fits(&side, suffix) != want)
		fail_msg("%s %s", cc_role_name(role), suffix);
}

/* What is beside them may be another compile's, and what stands in an entry may be anybody's. */
static void a_family_has_a_pattern(void **unused)
{
	(void)unused;
	fits(CC_ROLE_DUMP, ".252t.optimized", true);
	fits(CC_ROLE_DUMP, ".000i.type-inheritance", true);
	fits(CC_ROLE_DUMP, ".001l.class", true);
	fits(CC_ROLE_DUMP, ".337r.final.dot", true);
	fits(CC_ROLE_DUMP, "", false);
	fits(CC_ROLE_DUMP, ".252t.", false);
	fits(CC_ROLE_DUMP, ".252t", false);
	fits(CC_ROLE_DUMP, ".25t.optimized", false);
	fits(CC_ROLE_DUMP, ".252x.optimized", false);
	fits(CC_ROLE_DUMP, ".c.252t.optimized", false);
	fits(CC_ROLE_DUMP, ".252t.a b", false);
	fits(CC_ROLE_TEMP, ".i", true);
	fits(CC_ROLE_TEMP, ".s", true);
	fits(CC_ROLE_TEMP, ".bc", true);
	fits(CC_ROLE_TEMP, ".o", false);
	fits(CC_ROLE_TEMP, ".c", false);
	fits(CC_ROLE_TEMP, "", false);
	fits(CC_ROLE_DWO, "", false);
}

static void a_second_object_depends_on_the_debug_information(void **unused)
{
	(void)unused;
	makes("gcc -c x.c -gsplit-dwarf", "dwo x.dwo!");
	makes("gcc -c x.S -gsplit-dwarf", "dwo x.dwo!");
	makes("clang -c x.c -gsplit-dwarf", "dwo x.dwo");
	makes("clang -c x.c -g -gsplit-dwarf", "dwo x.dwo!");
	makes("clang -c x.c -g -gsplit-dwarf -flto", "dwo x.dwo");
	makes("clang -c x.c -g -gsplit-dwarf=single", "dwo x.dwo");
}

static void what_was_taken_back_may_still_appear(void **unused)
{
	(void)unused;
	makes("gcc -c x.c -ftest-coverage -fno-test-coverage", "gcno x.gcno");
	makes("gcc -c x.c -fno-test-coverage -ftest-coverage", "gcno x.gcno!");
	makes("gcc -c x.S -fstack-usage --coverage", "gcno x.gcno, stack usage x.su");
}

static void the_output_is_in_the_key_where_the_object_names_it(void **unused)
{
	(void)unused;
	assert_true(has_key("gcc -c x.c -o y.o -g -gsplit-dwarf", "y.o"));
	assert_true(has_key("gcc -c x.c -o y.o --coverage", "y.o"));
	assert_true(has_key("gcc -c x.c -o y.o -fprofile-arcs", "y.o"));
	assert_true(has_key("clang -c x.c -o y.o -fsave-optimization-record", "y.o"));
	assert_false(has_key("gcc -c x.c -o y.o -g -fstack-usage", "y.o"));
	assert_false(has_key("clang -c x.c -o y.o -ftime-trace", "y.o"));
}

static void a_file_fits_only_its_own_name(void **unused)
{
	struct cc_side side = {.role = CC_ROLE_DWO, .path = (char *)"x.dwo"};

	(void)unused;
	assert_true(cc_side_fits(&side, ""));
	assert_false(cc_side_fits(&side, "x"));
	assert_false(cc_side_fits(&side, ".dwo"));
}

static void roles_have_names(void **unused)
{
	(void)unused;
	assert_string_equal(cc_role_name(0), "other");
	assert_string_equal(cc_role_name(CC_ROLE_COUNT), "other");
	for (unsigned i = 1; i < CC_ROLE_COUNT; i++)
		assert_string_not_equal(cc_role_name(i), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_plain_compile_makes_none),
	        cmocka_unit_test(names_follow_the_output),
	        cmocka_unit_test(each_option_makes_its_file),
	        cmocka_unit_test(families_have_a_stem),
	        cmocka_unit_test(files_that_are_named_are_there),
	        cmocka_unit_test(a_family_has_a_pattern),
	        cmocka_unit_test(a_second_object_depends_on_the_debug_information),
	        cmocka_unit_test(what_was_taken_back_may_still_appear),
	        cmocka_unit_test(the_output_is_in_the_key_where_the_object_names_it),
	        cmocka_unit_test(a_file_fits_only_its_own_name),
	        cmocka_unit_test(roles_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
