/* The log: one record a line whatever the text, nothing where nothing is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HP_LOG_TOPIC "test"
#include "base/log.h"
#include "base/mem.h"

static char text[8192];

/* What one call writes, in `text`. */
#define CAPTURE(level, json, call)                        \
	do {                                              \
		int fds[2];                               \
		ssize_t n_;                               \
		assert_int_equal(pipe(fds), 0);           \
		hp_log_init(fds[1], (level), (json));     \
		call;                                     \
		hp_log_init(-1, HP_LOG_OFF, false);       \
		(void)close(fds[1]);                      \
		n_ = read(fds[0], text, sizeof text - 1); \
		text[n_ > 0 ? n_ : 0] = '\0';             \
		(void)close(fds[0]);                      \
	} while (0)

static size_t lines(void)
{
	size_t n = 0;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

static void a_record_has_time_level_topic_and_text(void **state)
{
	const char *rest;

	(void)state;
	CAPTURE(HP_LOG_INFO, false, hp_info("port %d", 7));
	assert_int_equal(strncmp(text, "ts=2", 4), 0);
	rest = strchr(text, ' ');
	assert_non_null(rest);
	assert_string_equal(rest, " level=info topic=test msg=\"port 7\"\n");
}

static void levels_beyond_the_chosen_one_are_silent(void **state)
{
	(void)state;
	CAPTURE(HP_LOG_WARN, false, hp_info("no"));
	assert_string_equal(text, "");
	CAPTURE(HP_LOG_OFF, false, hp_error("no"));
	assert_string_equal(text, "");
	CAPTURE(HP_LOG_WARN, false, hp_error("yes"));
	assert_int_equal(lines(), 1);
	assert_false(hp_log_on(HP_LOG_ERROR));
}

static void text_cannot_forge_a_record(void **state)
{
	const char *hostile = "x\"\nts=2020 level=error topic=a msg=\"forged\\\r\t\x1b[2J\x7f";

	(void)state;
	CAPTURE(HP_LOG_INFO, false, hp_info("%s", hostile));
	assert_int_equal(lines(), 1);
	assert_non_null(strstr(text, "msg=\"x\\\"\\u000ats=2020 level=error topic=a "
	                             "msg=\\\"forged\\\\\\u000d\\u0009\\u001b[2J\\u007f\"\n"));
}

static void json_stays_one_object_a_line(void **state)
{
	(void)state;
	CAPTURE(HP_LOG_INFO, true, hp_info("%s", "a\"},\n{\"level\":\"error\\"));
	assert_int_equal(lines(), 1);
	assert_non_null(strstr(text, ",\"level\":\"info\",\"topic\":\"test\","
	                             "\"msg\":\"a\\\"},\\u000a{\\\"level\\\":\\\"error\\\\\"}\n"));
}

static void bytes_that_are_no_text_do_not_spoil_the_json(void **state)
{
	(void)state;
	CAPTURE(HP_LOG_INFO, true, hp_info("%s", "\xff/\xc3\xa9/\xc3/\xed\xa0\x80/\xf0\x9f\x98\x80/\xe2\x82"));
	assert_int_equal(lines(), 1);
	assert_non_null(strstr(text, "\"msg\":\"\\ufffd/\xc3\xa9/\\ufffd/\\ufffd\\ufffd\\ufffd/\xf0\x9f\x98\x80/"
	                             "\\ufffd\\ufffd\"}\n"));
}

static void long_text_is_cut_and_the_record_still_whole(void **state)
{
	char huge[6000];

	(void)state;
	memset(huge, '\n', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	CAPTURE(HP_LOG_INFO, false, hp_info("%s", huge));
	assert_int_equal(lines(), 1);
	assert_true(strlen(text) < 2304);
	assert_string_equal(text + strlen(text) - 2, "\"\n");
	memset(huge, '"', sizeof huge - 1);
	CAPTURE(HP_LOG_INFO, true, hp_info("%s", huge));
	assert_int_equal(lines(), 1);
	assert_string_equal(text + strlen(text) - 3, "\"}\n");
}

static void level_names_are_read(void **state)
{
	(void)state;
	assert_int_equal(hp_log_level_parse("off"), HP_LOG_OFF);
	assert_int_equal(hp_log_level_parse("error"), HP_LOG_ERROR);
	assert_int_equal(hp_log_level_parse("trace"), HP_LOG_TRACE);
	assert_int_equal(hp_log_level_parse("Info"), -1);
	assert_int_equal(hp_log_level_parse(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_record_has_time_level_topic_and_text),
	        cmocka_unit_test(levels_beyond_the_chosen_one_are_silent),
	        cmocka_unit_test(text_cannot_forge_a_record),
	        cmocka_unit_test(json_stays_one_object_a_line),
	        cmocka_unit_test(bytes_that_are_no_text_do_not_spoil_the_json),
	        cmocka_unit_test(long_text_is_cut_and_the_record_still_whole),
	        cmocka_unit_test(level_names_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
