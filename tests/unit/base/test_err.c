/* Error values: codes, messages that are cut and never overrun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void setting_returns_the_negative_code_and_fills_in(void **state)
{
	struct hp_err err;

	(void)state;
	assert_int_equal(hp_err_set(&err, HP_INVALID, "bad %s", "thing"), -HP_INVALID);
	assert_int_equal(err.code, HP_INVALID);
	assert_int_equal(err.sys_errno, 0);
	assert_string_equal(err.msg, "bad thing");
}

static void an_errno_gives_code_and_text(void **state)
{
	struct hp_err err;

	(void)state;
	assert_int_equal(hp_err_sys(&err, ENOENT, "%s", "/x"), -HP_NOT_FOUND);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_string_equal(err.msg, "/x: No such file or directory");
}

static void wrapping_keeps_code_and_errno(void **state)
{
	struct hp_err err;

	(void)state;
	(void)hp_err_sys(&err, EACCES, "/x");
	assert_int_equal(hp_err_wrap(&err, "reading %d", 7), -HP_DENIED);
	assert_int_equal(err.code, HP_DENIED);
	assert_int_equal(err.sys_errno, EACCES);
	assert_string_equal(err.msg, "reading 7: /x: Permission denied");
}

static void nobody_has_to_want_the_message(void **state)
{
	(void)state;
	assert_int_equal(hp_err_set(NULL, HP_RANGE, "x"), -HP_RANGE);
	assert_int_equal(hp_err_sys(NULL, ENOSPC, "x"), -HP_EXHAUSTED);
	assert_int_equal(hp_err_wrap(NULL, "x"), -HP_UNKNOWN);
}

static void long_messages_are_cut(void **state)
{
	struct {
		struct hp_err err;
		char after[8];
	} guarded;
	char text[1024];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memset(guarded.after, 0x5a, sizeof guarded.after);
	(void)hp_err_set(&guarded.err, HP_INTERNAL, "%s", text);
	assert_int_equal(strlen(guarded.err.msg), sizeof guarded.err.msg - 1);
	(void)hp_err_sys(&guarded.err, EIO, "%s", text);
	assert_int_equal(strlen(guarded.err.msg), sizeof guarded.err.msg - 1);
	(void)hp_err_wrap(&guarded.err, "%s", text);
	assert_int_equal(strlen(guarded.err.msg), sizeof guarded.err.msg - 1);
	(void)hp_err_wrap(&guarded.err, "short");
	assert_int_equal(strlen(guarded.err.msg), sizeof guarded.err.msg - 1);
	assert_memory_equal(guarded.err.msg, "short: xxx", 10);
	for (size_t i = 0; i < sizeof guarded.after; i++)
		assert_int_equal(guarded.after[i], 0x5a);
}

static void each_errno_has_a_code(void **state)
{
	static const struct {
		int sys_errno;
		enum hp_code code;
	} rows[] = {
	        {0, HP_OK},
	        {ENOTDIR, HP_NOT_FOUND},
	        {EEXIST, HP_EXISTS},
	        {EROFS, HP_DENIED},
	        {EDQUOT, HP_EXHAUSTED},
	        {EMFILE, HP_EXHAUSTED},
	        {ETIMEDOUT, HP_DEADLINE},
	        {ELOOP, HP_INVALID},
	        {ECONNRESET, HP_UNAVAILABLE},
	        {EIO, HP_INTERNAL},
	        {9999, HP_INTERNAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(hp_code_from_errno(rows[i].sys_errno), rows[i].code);
}

static void every_code_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(hp_code_name(HP_OK), "ok");
	assert_string_equal(hp_code_name(HP_UNAUTHENTICATED), "unauthenticated");
	assert_string_equal(hp_code_name(-HP_NOT_FOUND), "not-found");
	assert_string_equal(hp_code_name(17), "unknown");
	assert_string_equal(hp_code_name(-1000), "unknown");
	for (int a = 0; a <= HP_UNAUTHENTICATED; a++) {
		for (int b = 0; b < a; b++)
			assert_string_not_equal(hp_code_name(a), hp_code_name(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(setting_returns_the_negative_code_and_fills_in),
	        cmocka_unit_test(an_errno_gives_code_and_text),
	        cmocka_unit_test(wrapping_keeps_code_and_errno),
	        cmocka_unit_test(nobody_has_to_want_the_message),
	        cmocka_unit_test(long_messages_are_cut),
	        cmocka_unit_test(each_errno_has_a_code),
	        cmocka_unit_test(every_code_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
