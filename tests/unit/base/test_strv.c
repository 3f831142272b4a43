/* String lists: terminated for execve after every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "base/strv.h"

static void a_list_ends_in_null_at_any_length(void **state)
{
	struct hp_strv sv HP_AUTO_STRV = {0};

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		char word[16];

		(void)snprintf(word, sizeof word, "w%zu", i);
		hp_strv_add(&sv, word);
		assert_int_equal(sv.len, i + 1);
		assert_string_equal(sv.v[i], word);
		assert_null(sv.v[sv.len]);
	}
	assert_string_equal(sv.v[0], "w0");
}

static void parts_and_owned_strings_join_too(void **state)
{
	struct hp_strv sv HP_AUTO_STRV = {0};

	(void)state;
	hp_strv_addn(&sv, "abcdef", 3);
	hp_strv_addn(&sv, "", 0);
	hp_strv_take(&sv, hp_strdup("own"));
	assert_string_equal(sv.v[0], "abc");
	assert_string_equal(sv.v[1], "");
	assert_string_equal(sv.v[2], "own");
}

static void a_copy_is_appended_and_independent(void **state)
{
	struct hp_strv a HP_AUTO_STRV = {0};
	struct hp_strv b HP_AUTO_STRV = {0};
	const struct hp_strv none = {0};

	(void)state;
	hp_strv_add(&a, "first");
	hp_strv_add(&b, "second");
	hp_strv_copy(&a, &b);
	hp_strv_copy(&a, &none);
	hp_strv_done(&b);
	assert_int_equal(a.len, 2);
	assert_string_equal(a.v[1], "second");
	assert_int_equal(b.len, 0);
	assert_null(b.v);
}

static void has_compares_whole_strings(void **state)
{
	struct hp_strv sv HP_AUTO_STRV = {0};

	(void)state;
	assert_false(hp_strv_has(&sv, "x"));
	hp_strv_add(&sv, "word");
	assert_true(hp_strv_has(&sv, "word"));
	assert_false(hp_strv_has(&sv, "wor"));
	assert_false(hp_strv_has(&sv, "words"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_list_ends_in_null_at_any_length),
	        cmocka_unit_test(parts_and_owned_strings_join_too),
	        cmocka_unit_test(a_copy_is_appended_and_independent),
	        cmocka_unit_test(has_compares_whole_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
