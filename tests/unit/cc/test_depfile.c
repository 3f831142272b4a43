#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cc/depfile.h"

/* Parses `text`, checks that it prints as it was, and leaves the result in *df. */
static void same(enum cc_family family, const char *text, struct cc_depfile *df)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	struct hp_err err = {0};

	if (cc_depfile_parse(family, text, strlen(text), df, &err) != 0)
		fail_msg("%s: %s", text, err.msg);
	cc_depfile_print(family, df->target, df->deps.v, df->deps.len, df->phony, &out);
	assert_string_equal(hp_buf_cstr(&out), text);
}

static void refuses(const char *data, size_t len, int rc)
{
	static const enum cc_family families[] = {CC_FAMILY_GCC, CC_FAMILY_CLANG};

	for (size_t i = 0; i < HP_ARRAY_SIZE(families); i++) {
		struct cc_depfile df = {.phony = true};

		assert_int_equal(cc_depfile_parse(families[i], data, len, &df, NULL), rc);
		assert_null(df.target);
		assert_true(df.phony);
	}
}

static void gcc_lines_break_at_column_72(void **state)
{
	struct cc_depfile df;

	(void)state;
	same(CC_FAMILY_GCC,
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \\\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccc: m.c \\\n"
	     " /usr/include/stdc-predef.h\n",
	     &df);
	assert_string_equal(df.target,
	                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \\\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccc");
	assert_int_equal(df.deps.len, 2);
	assert_string_equal(df.deps.v[0], "m.c");
	assert_string_equal(df.deps.v[1], "/usr/include/stdc-predef.h");
	assert_false(df.phony);
	cc_depfile_done(&df);
}

static void gcc_names_are_unquoted(void **state)
{
	static const char *const want[] = {"t/m.c",      "t/a b.h",     "t/a\tb.h",   "t/d$x.h",
	                                   "t/h#h.h",    "t/back\\s.h", "t/b\\ s.h",  "t/b\\\\ s.h",
	                                   "t/b\\\tt.h", "t/b\\#h.h",   "t/co:lon.h", "t/e\\\\"};
	struct cc_depfile df;

	(void)state;
	same(CC_FAMILY_GCC,
	     "x.o: t/m.c t/a\\ b.h t/a\\\tb.h t/d$$x.h t/h\\#h.h t/back\\s.h t/b\\\\\\ s.h \\\n"
	     " t/b\\\\\\\\\\ s.h t/b\\\\\\\tt.h t/b\\\\#h.h t/co:lon.h t/e\\\\\n",
	     &df);
	assert_int_equal(df.deps.len, HP_ARRAY_SIZE(want));
	for (size_t i = 0; i < HP_ARRAY_SIZE(want); i++)
		assert_string_equal(df.deps.v[i], want[i]);
	cc_depfile_done(&df);
}

static void phony_rules_are_told_by_their_text(void **state)
{
	struct cc_depfile df;

	(void)state;
	same(CC_FAMILY_GCC, "x.o: m.c a\\ b.h c.h\na\\ b.h:\nc.h:\n", &df);
	assert_true(df.phony);
	assert_int_equal(df.deps.len, 3);
	cc_depfile_done(&df);
	same(CC_FAMILY_CLANG, "x.o: m.c a\\ b.h c.h\n\na\\ b.h:\n\nc.h:\n", &df);
	assert_true(df.phony);
	cc_depfile_done(&df);
	same(CC_FAMILY_CLANG, "x.o: m.c\n", &df);
	assert_false(df.phony);
	cc_depfile_done(&df);
}

static void clang_prints_tabs_of_dependencies_bare(void **state)
{
	struct cc_depfile df;

	(void)state;
	same(CC_FAMILY_CLANG,
	     "x.o: m.c a\tb.h \\\n  cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.h\n", &df);
	assert_int_equal(df.deps.len, 3);
	assert_string_equal(df.deps.v[1], "a\tb.h");
	cc_depfile_done(&df);
}

static void a_target_may_hold_colons_and_a_rule_may_be_empty(void **state)
{
	struct cc_depfile df;

	(void)state;
	same(CC_FAMILY_GCC, "c:/a:b.o: m.c\n", &df);
	assert_string_equal(df.target, "c:/a:b.o");
	cc_depfile_done(&df);
	same(CC_FAMILY_GCC, "x.o:\n", &df);
	assert_int_equal(df.deps.len, 0);
	cc_depfile_done(&df);
	same(CC_FAMILY_GCC, ": m.c\n", &df);
	assert_string_equal(df.target, "");
	cc_depfile_done(&df);
}

static void malformed_files_are_refused(void **state)
{
	static const char *const texts[] = {"",
	                                    "\n",
	                                    "x.o\n",
	                                    "x.o m.c\ny: z\n",
	                                    "x.o: m.c a.h\nb.h:\n",
	                                    "x.o: m.c a.h\na.h:\nb.h:\n",
	                                    "x.o: m.c a\\\n b\n",
	                                    "x.o: m.c \\\\\\\n b\n",
	                                    "x.o: m.c \\"};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(texts); i++)
		refuses(texts[i], strlen(texts[i]), -HP_INVALID);
	refuses("x.o: m\0c\n", 9, -HP_INVALID);
}

static void the_number_of_files_is_bounded(void **state)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	struct cc_depfile df;

	(void)state;
	hp_buf_str(&text, "x:");
	for (unsigned i = 0; i < HP_CLOSURE_FILES_MAX; i++)
		hp_buf_str(&text, " a");
	assert_int_equal(cc_depfile_parse(CC_FAMILY_GCC, text.data, text.len, &df, NULL), 0);
	assert_int_equal(df.deps.len, HP_CLOSURE_FILES_MAX);
	cc_depfile_done(&df);
	hp_buf_str(&text, " a");
	refuses(text.data, text.len, -HP_EXHAUSTED);
}

static void the_size_of_the_file_is_bounded(void **state)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	struct cc_depfile df;

	(void)state;
	hp_buf_str(&text, "x: ");
	memset(hp_buf_reserve(&text, HP_DEPFILE_SIZE_MAX), 'a', HP_DEPFILE_SIZE_MAX);
	hp_buf_added(&text, HP_DEPFILE_SIZE_MAX - text.len);
	assert_int_equal(cc_depfile_parse(CC_FAMILY_GCC, text.data, text.len, &df, NULL), 0);
	cc_depfile_done(&df);
	hp_buf_char(&text, 'a');
	refuses(text.data, text.len, -HP_EXHAUSTED);
}

static void targets_are_quoted_as_the_family_does(void **state)
{
	HP_AUTO_BUF struct hp_buf out = {0};

	(void)state;
	cc_depfile_quote_target(CC_FAMILY_GCC, ".//a b\\ c$d#e\tf:g%", &out);
	assert_string_equal(hp_buf_cstr(&out), "a\\ b\\\\\\ c$$d\\#e\\\tf:g%");
	hp_buf_reset(&out);
	cc_depfile_quote_target(CC_FAMILY_CLANG, "./a b\\ c$d#e\tf:g%", &out);
	assert_string_equal(hp_buf_cstr(&out), "./a\\ b\\\\\\ c$$d\\#e\\\tf:g%");
}

static void targets_are_joined_in_the_order_of_the_family(void **state)
{
	static const struct cc_depfile_target targets[] = {
	        {"q1", true}, {"./a", false}, {"q 2", true}, {"b$", false}, {"q3", true}};
	HP_AUTO_BUF struct hp_buf out = {0};

	(void)state;
	cc_depfile_join_targets(CC_FAMILY_GCC, targets, HP_ARRAY_SIZE(targets), &out);
	assert_string_equal(hp_buf_cstr(&out), "a b$ q3 q1 q\\ 2");
	hp_buf_reset(&out);
	cc_depfile_join_targets(CC_FAMILY_CLANG, targets, HP_ARRAY_SIZE(targets), &out);
	assert_string_equal(hp_buf_cstr(&out), "q1 ./a q\\ 2 b$ q3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(gcc_lines_break_at_column_72),
	        cmocka_unit_test(gcc_names_are_unquoted),
	        cmocka_unit_test(phony_rules_are_told_by_their_text),
	        cmocka_unit_test(clang_prints_tabs_of_dependencies_bare),
	        cmocka_unit_test(a_target_may_hold_colons_and_a_rule_may_be_empty),
	        cmocka_unit_test(malformed_files_are_refused),
	        cmocka_unit_test(the_number_of_files_is_bounded),
	        cmocka_unit_test(the_size_of_the_file_is_bounded),
	        cmocka_unit_test(targets_are_quoted_as_the_family_does),
	        cmocka_unit_test(targets_are_joined_in_the_order_of_the_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
