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

	if (s[0] != '-' || strlen(s) != row->len || row->families == 0)
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
			bool negative;

			for (unsigned f = CC_FAMILY_GCC; f <= CC_FAMILY_CLANG; f++) {
				if ((row->families & (1u << (f - 1))) &&
				    cc_option_find((enum cc_family)f, row->spelling, &negative) != row)
					fail_msg("%s: not found", row->spelling);
			}
		}
	}
}

static void finds(enum cc_family family, const char *arg, const char *spelling, bool negative)
{
	bool got_negative;
	const struct cc_option *row = cc_option_find(family, arg, &got_negative);

	if (!spelling) {
		if (row)
			fail_msg("%s: found %s", arg, row->spelling);
		return;
	}
	if (!row)
		fail_msg("%s: not found", arg);
	assert_string_equal(row->spelling, spelling);
	assert_int_equal(got_negative, negative);
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rows_are_sorted_and_one_per_spelling_and_family),
	        cmocka_unit_test(flags_of_a_row_agree),
	        cmocka_unit_test(each_row_is_found_by_its_spelling),
	        cmocka_unit_test(the_longest_spelling_that_fits_wins),
	        cmocka_unit_test(a_negative_form_belongs_to_its_positive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
