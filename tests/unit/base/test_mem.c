/* Memory: allocation with limits, clean-up by attribute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

static void nothing_is_never_null(void **state)
{
	HP_AUTO_FREE void *a = hp_alloc(0);
	HP_AUTO_FREE void *b = hp_zalloc(0);
	HP_AUTO_FREE void *c = hp_realloc(NULL, 0);
	HP_AUTO_FREE void *d = hp_memdup(NULL, 0);
	HP_AUTO_FREE char *e = hp_strndup(NULL, 0);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_non_null(d);
	assert_string_equal(e, "");
}

static void copies_hold_what_was_copied(void **state)
{
	HP_AUTO_FREE char *whole = hp_strdup("text");
	HP_AUTO_FREE char *part = hp_strndup("text", 2);
	HP_AUTO_FREE char *bytes = hp_memdup("a\0b", 3);
	HP_AUTO_FREE char *printed = hp_asprintf("%s-%03d", "n", 7);
	HP_AUTO_FREE unsigned char *zeroes = hp_zalloc(64);

	(void)state;
	assert_string_equal(whole, "text");
	assert_string_equal(part, "te");
	assert_memory_equal(bytes, "a\0b", 3);
	assert_string_equal(printed, "n-007");
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(zeroes[i], 0);
}

static void stealing_leaves_null_behind(void **state)
{
	HP_AUTO_FREE char *p = hp_strdup("kept");
	HP_AUTO_FREE char *q = hp_steal(p);

	(void)state;
	assert_null(p);
	assert_string_equal(q, "kept");
}

static void an_array_at_its_limit_is_given_and_one_past_it_refused(void **state)
{
	struct hp_err err = {0};
	HP_AUTO_FREE unsigned *at = hp_try_array(16, sizeof *at, 16, "things", &err);

	(void)state;
	assert_non_null(at);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(at[i], 0);
	assert_null(hp_try_array(17, sizeof *at, 16, "things", &err));
	assert_int_equal(err.code, HP_EXHAUSTED);
	assert_string_equal(err.msg, "things: 17 is more than the limit of 16");
	assert_null(hp_try_array(17, sizeof *at, 16, "things", NULL));
}

static void an_empty_array_is_no_error(void **state)
{
	HP_AUTO_FREE void *p = hp_try_array(0, 8, 16, "things", NULL);

	(void)state;
	assert_non_null(p);
}

static void a_product_that_overflows_is_refused(void **state)
{
	struct hp_err err = {0};
	volatile size_t count = SIZE_MAX / 2;

	(void)state;
	assert_null(hp_try_array(count, 16, SIZE_MAX, "things", &err));
	assert_int_equal(err.code, HP_EXHAUSTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nothing_is_never_null),
	        cmocka_unit_test(copies_hold_what_was_copied),
	        cmocka_unit_test(stealing_leaves_null_behind),
	        cmocka_unit_test(an_array_at_its_limit_is_given_and_one_past_it_refused),
	        cmocka_unit_test(an_empty_array_is_no_error),
	        cmocka_unit_test(a_product_that_overflows_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
