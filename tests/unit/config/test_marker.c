#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/marker.h"

static void read_as(const char *text, const char *want)
{
	HP_AUTO_BUF struct hp_buf got = {0};
	struct config_marker marker;
	struct hp_err err = {0};

	assert_int_equal(config_marker_parse("m", text, strlen(text), &marker, &err), 0);
	for (size_t i = 0; i < marker.roots_len; i++)
		hp_buf_printf(&got, "%s=%s;", marker.roots[i].name, marker.roots[i].path);
	assert_string_equal(hp_buf_cstr(&got), want);
	config_marker_done(&marker);
}

static void refused(const char *text, size_t len, int code, const char *message)
{
	struct config_marker marker;
	struct hp_err err = {0};

	assert_int_equal(config_marker_parse("m", text, len, &marker, &err), -code);
	assert_string_equal(err.msg, message);
}

static void an_empty_marker_names_no_roots(void **state)
{
	(void)state;
	read_as("", "");
	read_as(" \n\t\r\n", "");
	read_as("# nothing\n", "");
	read_as("[roots]\n", "");
}

static void roots_come_sorted_by_name(void **state)
{
	(void)state;
	read_as("[roots]\nobj = '../o'\nbuild_1 = \"/abs/b\"\n", "build_1=/abs/b;obj=../o;");
}

static void the_first_mistake_is_told_with_its_place(void **state)
{
	static const char bad_name[] = "m:2:1: a root's name has 1 to 32 letters, digits, - and _, and is not \"root\"";
	static const char bad_path[] = "m:2:5: expected the path of a folder, without '=' and control characters";

	(void)state;
	refused("[roots]\nroot = 'x'\ny = 1\n", 24, HP_INVALID, bad_name);
	refused("[roots]\n'a b' = 'x'\n", 20, HP_INVALID, bad_name);
	refused("[roots]\na = ''\n", 15, HP_INVALID, bad_path);
	refused("[roots]\na = 1\n", 14, HP_INVALID, bad_path);
	refused("[roots]\na = 'x=y'\n", 18, HP_INVALID, bad_path);
	refused("[roots]\na = \"x\\u0000y\"\n", 23, HP_INVALID, bad_path);
	refused("[other]\na = 'x'\n", 16, HP_INVALID, "m:1:2: unknown key: only [roots] is known");
	refused("roots = 1\n", 10, HP_INVALID, "m:1:1: roots is a section: write it as [roots]");
}

static void a_name_has_at_most_32_letters(void **state)
{
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof text, "[roots]\n%032d = 'x'", 7);
	read_as(text, "00000000000000000000000000000007=x;");
	(void)snprintf(text, sizeof text, "[roots]\n%033d = 'x'", 7);
	refused(text, strlen(text), HP_INVALID,
	        "m:2:1: a root's name has 1 to 32 letters, digits, - and _, and is not \"root\"");
}

static void sixteen_roots_are_the_limit(void **state)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	struct config_marker marker;

	(void)state;
	hp_buf_str(&text, "[roots]\n");
	for (unsigned i = 0; i < HP_MARKER_ROOTS_MAX; i++)
		hp_buf_printf(&text, "r%u = '/r%u'\n", i, i);
	assert_int_equal(config_marker_parse("m", text.data, text.len, &marker, NULL), 0);
	assert_int_equal(marker.roots_len, HP_MARKER_ROOTS_MAX);
	config_marker_done(&marker);
	hp_buf_str(&text, "more = 'x'\n");
	assert_int_equal(config_marker_parse("m", text.data, text.len, &marker, NULL), -HP_INVALID);
}

static void a_large_marker_is_refused(void **state)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	struct config_marker marker;

	(void)state;
	while (text.len < HP_MARKER_SIZE_MAX)
		hp_buf_char(&text, '\n');
	assert_int_equal(config_marker_parse("m", text.data, text.len, &marker, NULL), 0);
	hp_buf_char(&text, '\n');
	refused(text.data, text.len, HP_EXHAUSTED, "m: larger than the limit of 16384 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_empty_marker_names_no_roots),
	        cmocka_unit_test(roots_come_sorted_by_name),
	        cmocka_unit_test(the_first_mistake_is_told_with_its_place),
	        cmocka_unit_test(a_name_has_at_most_32_letters),
	        cmocka_unit_test(sixteen_roots_are_the_limit),
	        cmocka_unit_test(a_large_marker_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
