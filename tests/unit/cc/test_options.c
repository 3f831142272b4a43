#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "cc/options.h"

static void rows_are_sorted_and_one_per_spelling_and_family(void **state)
{
	(void)state;
	for (unsigned t = 0; cc_option_table(t); t++) {
		const struct cc_option_table *table = cc_option_table(t);

		for (size_t i = 1; i < table->len; i++) {
			const struct cc_option *a = &table->rows[i - 1];
			const struct cc_option *b = &table->rows[i];
			int order = strcmp(a->spelling, b->spelling);

			if (order > 0 || (order == 0 && (a->families & b->families)))
				fail_msg("%s stands before %s", a->spelling, b->spelling);
		}
	}
}

static void check_row(const struct cc_option *row)
{
	const char *s = row->spelling;
	bool valued = row->value != CC_VALUE_NONE;

	/* Rows of cl and clang-cl stand without their slash. */
	if ((s[0] != '-') != ((row->families & CC_FAMILY_BIT_CL) != 0) || strlen(s) != row->len || row->families == 0)
		fail_msg("%s: malformed", s);
	if ((row->flags & CC_OPT_ABS) && (!valued || row->effect != CC_EFFECT_PATH))
		fail_msg("%s: ABS without a path", s);
	if (row->effect == CC_EFFECT_PATH && !valued)
		fail_msg("%s: a path without a value", s);
	if ((row->flags & CC_OPT_IDENT) && row->effect == CC_EFFECT_NO)
		fail_msg("%s: part of the identity and not of the key", s);
	if ((row->flags & CC_OPT_NEG) && (row->value == CC_VALUE_SEPARATE || row->value == CC_VALUE_EITHER))
		fail_msg("%s: a negative with a separate value", s);
	if ((row->flags & CC_OPT_NEG) && !strchr("fmg", s[1]))
		fail_msg("%s: a negative that is never looked for", s);
	if ((row->act == CC_ACT_MODE) != (row->cls == CC_CLASS_MODE && row->bypass && row->effect == CC_EFFECT_NO))
		fail_msg("%s: mode without a reason", s);
	if (row->cls == CC_CLASS_SIDE_FILE && row->bypass == CC_REASON_NONE && row->act != CC_ACT_SIDE)
		fail_msg("%s: side files are not handled", s);
	if (row->cls == CC_CLASS_DIAGNOSTICS && row->effect == CC_EFFECT_NO)
		fail_msg("%s: diagnostics are part of an entry", s);
	if (row->cls == CC_CLASS_CODEGEN && row->effect == CC_EFFECT_NO)
		fail_msg("%s: changes the object and is not in the key", s);
	if (row->value == CC_VALUE_COMMA && s[row->len - 1] != ',' && s[row->len - 1] != '=')
		fail_msg("%s: a list that begins nowhere", s);
	if (row->bypass >= CC_REASON_COUNT ||
	    (row->bypass && cc_reason_kind((enum cc_reason)row->bypass) != CC_REASON_KIND_BYPASS))
		fail_msg("%s: the reason is not for a bypass", s);
}

static void flags_of_a_row_agree(void **state)
{
	(void)state;
	for (unsigned t = 0; cc_option_table(t); t++) {
		for (size_t i = 0; i < cc_option_table(t)->len; i++)
			check_row(&cc_option_table(t)->rows[i]);
	}
}

static void each_row_is_found_by_its_spelling(void **state)
{
	(void)state;
	for (unsigned t = 0; cc_option_table(t); t++) {
		for (size_t i = 0; i < cc_option_table(t)->len; i++) {
			const struct cc_option *row = &cc_option_table(t)->rows[i];
			for (unsigned f = CC_FAMILY_GCC; f <= CC_FAMILY_CLANG; f++) {
				if ((row->families & (1u << (f - 1))) &&
				    cc_option_find((enum cc_family)f, row->spelling).row != row)
					fail_msg("%s: not found", row->spelling);
			}
		}
	}
}

static void finds(enum cc_family family, const char *arg, const char *spelling, bool negative)
{
	struct cc_match match = cc_option_find(family, arg);
	const struct cc_option *row = match.row;

	if (!spelling) {
		if (row)
			fail_msg("%s: found %s", arg, row->spelling);
		return;
	}
	if (!row)
		fail_msg("%s: not found", arg);
	assert_string_equal(row->spelling, spelling);
	assert_int_equal(match.negative, negative);
}

static void the_longest_spelling_that_fits_wins(void **state)
{
	(void)state;
	finds(CC_FAMILY_GCC, "-Ifoo", "-I", false);
	finds(CC_FAMILY_GCC, "-I-", "-I-", false);
	finds(CC_FAMILY_GCC, "-includefoo", "-include", false);
	finds(CC_FAMILY_CLANG, "-include-pch", "-include-pch", false);
	finds(CC_FAMILY_GCC, "-include-pch", "-include", false);
	finds(CC_FAMILY_GCC, "-Wl,-z,now", "-Wl,", false);
	finds(CC_FAMILY_GCC, "-Wlogical-op", "-W", false);
	finds(CC_FAMILY_GCC, "-O2", "-O", false);
	finds(CC_FAMILY_GCC, "-objcmt-x", "-o", false);
	finds(CC_FAMILY_CLANG, "-objcmt-migrate-all", "-objcmt-", false);
	finds(CC_FAMILY_GCC, "-cx", NULL, false);
	finds(CC_FAMILY_GCC, "-MDx", NULL, false);
	finds(CC_FAMILY_GCC, "-f", NULL, false);
	finds(CC_FAMILY_GCC, "-m", NULL, false);
	finds(CC_FAMILY_GCC, "-Xclang", NULL, false);
	finds(CC_FAMILY_GCC, "-fno-such-thing", NULL, false);
	finds(CC_FAMILY_GCC, "--no-such-thing", NULL, false);
	finds(CC_FAMILY_CLANG, "-Xarch_host", "-Xarch_host", false);
	finds(CC_FAMILY_CLANG, "-Xarch_x86_64", "-Xarch_", false);
}

static void a_negative_form_belongs_to_its_positive(void **state)
{
	(void)state;
	finds(CC_FAMILY_GCC, "-fno-common", "-fcommon", true);
	finds(CC_FAMILY_GCC, "-fno-sanitize=address", "-fsanitize=", true);
	finds(CC_FAMILY_GCC, "-fno-builtin-memcpy", "-fno-builtin-", false);
	finds(CC_FAMILY_GCC, "-mno-avx2", "-mavx2", true);
	finds(CC_FAMILY_GCC, "-gno-column-info", "-gcolumn-info", true);
	finds(CC_FAMILY_GCC, "-gno-such", NULL, false);
	finds(CC_FAMILY_GCC, "-fno-", NULL, false);
	finds(CC_FAMILY_GCC, "-fnon-call-exceptions", "-fnon-call-exceptions", false);
	finds(CC_FAMILY_GCC, "-mno-march=x", NULL, false);
	finds(CC_FAMILY_GCC, "-fno-no-common", NULL, false);
	finds(CC_FAMILY_GCC, "-fno-std=c99", NULL, false);
}

static void the_long_forms_are_what_gcc_makes_of_them(void **state)
{
	(void)state;
	finds(CC_FAMILY_GCC, "--common", "-fcommon", false);
	finds(CC_FAMILY_GCC, "--no-common", "-fcommon", true);
	finds(CC_FAMILY_GCC, "--warn-all", "-W", false);
	finds(CC_FAMILY_GCC, "--machine-avx2", "-mavx2", false);
	finds(CC_FAMILY_GCC, "--machine-no-avx2", "-mavx2", true);
	finds(CC_FAMILY_GCC, "--machine=avx2", "-mavx2", false);
	finds(CC_FAMILY_GCC, "--debug=dwarf-4", "-gdwarf-4", false);
	finds(CC_FAMILY_GCC, "--debug", "--debug", false);
	finds(CC_FAMILY_GCC, "--machine", "--machine", false);
	finds(CC_FAMILY_GCC, "--", NULL, false);
	finds(CC_FAMILY_CLANG, "--common", NULL, false);
	finds(CC_FAMILY_CLANG, "--warn-all", NULL, false);
}

static void reads(enum cc_family family, char *first, size_t count, const char *value)
{
	static char next[] = "next";
	char *argv[] = {first, next, NULL};
	struct cc_arg arg;

	cc_arg_read(family, 2, argv, 0, &arg);
	assert_non_null(arg.row);
	assert_int_equal(arg.count, count);
	if (value)
		assert_string_equal(arg.value, value);
	else
		assert_null(arg.value);
	cc_arg_read(family, 1, argv, 0, &arg);
	assert_int_equal(arg.value_missing, count == 2);
	assert_int_equal(arg.count, 1);
}

static void each_way_to_take_a_value_is_read(void **state)
{
	char joined[] = "-std=c11";
	char empty[] = "-std=";
	char separate[] = "-Xlinker";
	char either[] = "-I";
	char either_joined[] = "-Idir";
	char comma[] = "-Wl,-z,now";
	char both[] = "-Xarch_i386";
	char none[] = "-pipe";
	char negative[] = "-fno-sanitize=address";
	char longer[] = "--diagnostics-color=never";

	(void)state;
	reads(CC_FAMILY_GCC, joined, 1, "c11");
	reads(CC_FAMILY_GCC, empty, 1, "");
	reads(CC_FAMILY_GCC, separate, 2, "next");
	reads(CC_FAMILY_GCC, either, 2, "next");
	reads(CC_FAMILY_GCC, either_joined, 1, "dir");
	reads(CC_FAMILY_GCC, comma, 1, "-z,now");
	reads(CC_FAMILY_CLANG, both, 2, "next");
	reads(CC_FAMILY_GCC, none, 1, NULL);
	reads(CC_FAMILY_GCC, negative, 1, "address");
	reads(CC_FAMILY_GCC, longer, 1, "never");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rows_are_sorted_and_one_per_spelling_and_family),
	        cmocka_unit_test(flags_of_a_row_agree),
	        cmocka_unit_test(each_row_is_found_by_its_spelling),
	        cmocka_unit_test(the_longest_spelling_that_fits_wins),
	        cmocka_unit_test(a_negative_form_belongs_to_its_positive),
	        cmocka_unit_test(the_long_forms_are_what_gcc_makes_of_them),
	        cmocka_unit_test(each_way_to_take_a_value_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
