#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/text.h"

#define assert_text(call, expected)                                 \
	do {                                                        \
		HP_AUTO_BUF struct hp_buf out = {0};                \
		call;                                               \
		assert_string_equal(hp_buf_cstr(&out), (expected)); \
	} while (0)

static void sizes_have_one_digit_and_the_right_unit(void **state)
{
	(void)state;
	assert_text(cmd_text_size(&out, 0), "0 bytes");
	assert_text(cmd_text_size(&out, 1023), "1023 bytes");
	assert_text(cmd_text_size(&out, 1024), "1.0 KiB");
	assert_text(cmd_text_size(&out, (1u << 20) - 1), "1.0 MiB"); /* not 1024.0 KiB */
	assert_text(cmd_text_size(&out, UINT64_C(10) << 30), "10.0 GiB");
	assert_text(cmd_text_size(&out, UINT64_MAX), "16384.0 PiB");
}

static void durations_show_the_two_largest_units(void **state)
{
	(void)state;
	assert_text(cmd_text_duration_ms(&out, 0), "0 ms");
	assert_text(cmd_text_duration_ms(&out, 999), "999 ms");
	assert_text(cmd_text_duration_ms(&out, 1500), "1 s");
	assert_text(cmd_text_duration_ms(&out, 61000), "1 min 1 s");
	assert_text(cmd_text_duration_ms(&out, 3600000), "1 h");
	assert_text(cmd_text_duration_ms(&out, 90000000), "1 d 1 h");
}

static void counts_have_separators(void **state)
{
	(void)state;
	assert_text(cmd_text_count(&out, 0), "0");
	assert_text(cmd_text_count(&out, 999), "999");
	assert_text(cmd_text_count(&out, 1000), "1,000");
	assert_text(cmd_text_count(&out, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void times_are_utc_or_the_number(void **state)
{
	(void)state;
	assert_text(cmd_text_time(&out, 0), "1970-01-01 00:00:00 UTC");
	assert_text(cmd_text_time(&out, INT64_MAX), "9223372036854775807");
}

static void text_of_others_cannot_steer_the_terminal(void **state)
{
	(void)state;
	assert_text(cmd_text_safe(&out, "a\033[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
	assert_text(cmd_text_safe(&out, "gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

static void words_are_quoted_for_a_shell(void **state)
{
	(void)state;
	assert_text(cmd_text_shell(&out, "-O2"), "-O2");
	assert_text(cmd_text_shell(&out, ""), "''");
	assert_text(cmd_text_shell(&out, "-DX=a b"), "'-DX=a b'");
	assert_text(cmd_text_shell(&out, "it's"), "'it'\\''s'");
	assert_text(cmd_text_shell(&out, "a\nb"), "'a'$'\\x0a''b'");
}

static void json_strings_are_always_valid(void **state)
{
	(void)state;
	assert_text(cmd_json_string(&out, "a\"b\\c\n\x7f"), "\"a\\\"b\\\\c\\u000a\\u007f\"");
	assert_text(cmd_json_string(&out, "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"),
	            "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"");
	/* Cut, stray, overlong, a surrogate, beyond U+10FFFF. */
	assert_text(cmd_json_string(&out, "\xc3"), "\"\\ufffd\"");
	assert_text(cmd_json_string(&out, "\x80z"), "\"\\ufffdz\"");
	assert_text(cmd_json_string(&out, "\xc0\xaf"), "\"\\ufffd\\ufffd\"");
	assert_text(cmd_json_string(&out, "\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	assert_text(cmd_json_string(&out, "\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sizes_have_one_digit_and_the_right_unit),
	        cmocka_unit_test(durations_show_the_two_largest_units),
	        cmocka_unit_test(counts_have_separators),
	        cmocka_unit_test(times_are_utc_or_the_number),
	        cmocka_unit_test(text_of_others_cannot_steer_the_terminal),
	        cmocka_unit_test(words_are_quoted_for_a_shell),
	        cmocka_unit_test(json_strings_are_always_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
