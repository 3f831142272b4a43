#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/rsp.h"

/* Splits `text` and compares the words, joined by '|'. */
static void splits(enum cc_family family, const char *text, const char *joined)
{
	struct hp_strv words HP_AUTO_STRV = {0};
	struct hp_buf all HP_AUTO_BUF = {0};

	assert_int_equal(cc_rsp_split(family, text, strlen(text), &words, NULL), 0);
	for (size_t i = 0; i < words.len; i++) {
		hp_buf_str(&all, words.v[i]);
		hp_buf_char(&all, '|');
	}
	assert_string_equal(hp_buf_cstr(&all), joined);
}

static void both_families_group_and_escape(void **state)
{
	static const enum cc_family families[] = {CC_FAMILY_GCC, CC_FAMILY_CLANG};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(families); i++) {
		splits(families[i], "", "");
		splits(families[i], " \t\r\n", "");
		splits(families[i], "-c a.c\n-O2\r\n", "-c|a.c|-O2|");
		splits(families[i], "'a b' \"c d\" e\\ f", "a b|c d|e f|");
		splits(families[i], "-DX=\\\"s\\\" '-DY=\"q\"'", "-DX=\"s\"|-DY=\"q\"|");
		splits(families[i], "'a\\'b' \"a\\nb\"", "a'b|anb|");
		splits(families[i], "a''b \"open x", "ab|open x|");
		splits(families[i], "a\\\nb", "a\nb|");
		splits(families[i], "C:\\\\dir", "C:\\dir|");
	}
}

static void the_families_differ_where_they_do(void **state)
{
	(void)state;
	splits(CC_FAMILY_GCC, "a \"\" b", "a||b|");
	splits(CC_FAMILY_CLANG, "a \"\" b", "a|b|");
	splits(CC_FAMILY_GCC, "a\vb\fc", "a|b|c|");
	splits(CC_FAMILY_CLANG, "a\vb", "a\vb|");
	splits(CC_FAMILY_GCC, "a\\", "a|");
	splits(CC_FAMILY_CLANG, "a\\", "a\\|");
	splits(CC_FAMILY_CLANG, "\xef\xbb\xbf-c", "-c|");
	splits(CC_FAMILY_GCC, "\xef\xbb\xbf-c", "\xef\xbb\xbf-c|");
}

static void texts_that_no_driver_wrote_are_refused(void **state)
{
	struct hp_strv words HP_AUTO_STRV = {0};

	(void)state;
	assert_int_equal(cc_rsp_split(CC_FAMILY_GCC, "a\0b", 3, &words, NULL), -HP_INVALID);
	assert_int_equal(cc_rsp_split(CC_FAMILY_CLANG,
	                              "\xff\xfe"
	                              "a",
	                              3, &words, NULL),
	                 -HP_INVALID);
}

static void quoting_is_read_back(void **state)
{
	static const char *const words[] = {"plain", "a b", "\"q\"", "it's", "back\\slash\\", "\n\t", "@x"};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(words); i++) {
		struct hp_buf text HP_AUTO_BUF = {0};
		struct hp_buf joined HP_AUTO_BUF = {0};

		cc_rsp_quote(words[i], &text);
		hp_buf_printf(&joined, "%s|", words[i]);
		splits(CC_FAMILY_GCC, hp_buf_cstr(&text), hp_buf_cstr(&joined));
		splits(CC_FAMILY_CLANG, hp_buf_cstr(&text), hp_buf_cstr(&joined));
	}
}

/* Files: "one" holds words, "two" nests it, "nN" nests n(N-1) down to n0, "loop" itself, "big" half the size limit. */
static int read_fake(void *ctx, const char *path, struct hp_buf *out)
{
	(void)ctx;
	if (hp_streq(path, "one")) {
		hp_buf_str(out, "-O2 'x y.c'");
	} else if (hp_streq(path, "two")) {
		hp_buf_str(out, "-a @one -b");
	} else if (hp_streq(path, "loop")) {
		hp_buf_str(out, "@loop");
	} else if (path[0] == 'n' && path[1] != '0') {
		hp_buf_printf(out, "@n%ld", strtol(path + 1, NULL, 10) - 1);
	} else if (hp_streq(path, "n0")) {
		hp_buf_str(out, "deep");
	} else if (hp_streq(path, "big")) {
		size_t half = HP_RSP_SIZE_MAX / 2;

		memset(hp_buf_reserve(out, half), ' ', half);
		hp_buf_added(out, half);
	} else {
		return -HP_NOT_FOUND;
	}
	return 0;
}

static int expand(const char *arg, struct hp_strv *args, bool *opened, unsigned char **from_file)
{
	char first[] = "-c";
	char *argv[] = {first, NULL};
	char *copy HP_AUTO_FREE = hp_strdup(arg);

	argv[1] = copy;
	return cc_rsp_expand(CC_FAMILY_GCC, 2, argv, read_fake, NULL, args, opened, from_file, NULL);
}

static void files_are_opened_in_place(void **state)
{
	struct hp_strv args HP_AUTO_STRV = {0};
	unsigned char *from_file HP_AUTO_FREE = NULL;
	bool opened;

	(void)state;
	assert_int_equal(expand("@two", &args, &opened, &from_file), 0);
	assert_true(opened);
	assert_int_equal(args.len, 5);
	assert_string_equal(args.v[1], "-a");
	assert_string_equal(args.v[3], "x y.c");
	assert_string_equal(args.v[4], "-b");
	assert_int_equal(from_file[0], 0);
	assert_int_equal(from_file[4], 1);
}

static void nothing_is_opened_without_a_file(void **state)
{
	struct hp_strv args HP_AUTO_STRV = {0};
	unsigned char *from_file = NULL;
	bool opened;

	(void)state;
	assert_int_equal(expand("@", &args, &opened, &from_file), 0);
	assert_false(opened);
	assert_null(from_file);
	assert_string_equal(args.v[1], "@");
}

static void depth_and_size_have_limits(void **state)
{
	struct hp_strv args HP_AUTO_STRV = {0};
	char name[16];
	bool opened;

	(void)state;
	(void)snprintf(name, sizeof name, "@n%u", HP_RSP_DEPTH_MAX - 1);
	assert_int_equal(expand(name, &args, &opened, NULL), 0);
	assert_string_equal(args.v[args.len - 1], "deep");
	(void)snprintf(name, sizeof name, "@n%u", HP_RSP_DEPTH_MAX);
	assert_int_equal(expand(name, &args, &opened, NULL), -HP_EXHAUSTED);
	assert_int_equal(expand("@loop", &args, &opened, NULL), -HP_EXHAUSTED);
	assert_int_equal(expand("@missing", &args, &opened, NULL), -HP_NOT_FOUND);
}

static void the_sizes_of_all_files_count(void **state)
{
	char big[] = "@big";
	char *argv[] = {big, big, big};
	struct hp_strv args HP_AUTO_STRV = {0};
	bool opened;

	(void)state;
	assert_int_equal(cc_rsp_expand(CC_FAMILY_GCC, 2, argv, read_fake, NULL, &args, &opened, NULL, NULL), 0);
	assert_int_equal(cc_rsp_expand(CC_FAMILY_GCC, 3, argv, read_fake, NULL, &args, &opened, NULL, NULL),
	                 -HP_EXHAUSTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_families_group_and_escape),
	        cmocka_unit_test(the_families_differ_where_they_do),
	        cmocka_unit_test(texts_that_no_driver_wrote_are_refused),
	        cmocka_unit_test(quoting_is_read_back),
	        cmocka_unit_test(files_are_opened_in_place),
	        cmocka_unit_test(nothing_is_opened_without_a_file),
	        cmocka_unit_test(depth_and_size_have_limits),
	        cmocka_unit_test(the_sizes_of_all_files_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
