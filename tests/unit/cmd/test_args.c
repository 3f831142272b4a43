#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"

/* argv on the test's own stack: the walk reorders it. */
#define ARGV(...)                                                  \
	char text[][24] = {__VA_ARGS__};                           \
	char *argv[sizeof text / sizeof text[0] + 1] = {0};        \
	int argc = 0;                                              \
	for (; argc < (int)(sizeof text / sizeof text[0]); argc++) \
		argv[argc] = text[argc];                           \
	struct cmd_args a;                                         \
	const char *value = NULL;                                  \
	cmd_args_init(&a, argc, argv)

static void options_and_operands_mix(void **state)
{
	(void)state;
	ARGV("explain", "x.c", "--json", "--config=/c", "-");
	assert_int_equal(cmd_args_next(&a, &value), 'j');
	assert_null(value);
	assert_int_equal(cmd_args_next(&a, &value), 'c');
	assert_string_equal(value, "/c");
	assert_int_equal(cmd_args_next(&a, &value), CMD_ARGS_END);
	assert_int_equal(a.operands_len, 2);
	assert_string_equal(a.operands[0], "x.c");
	assert_string_equal(a.operands[1], "-");
	assert_false(a.dashes);
}

static void a_value_may_be_the_next_argument(void **state)
{
	(void)state;
	ARGV("explain", "--config", "--json", "x.c");
	assert_int_equal(cmd_args_next(&a, &value), 'c');
	assert_string_equal(value, "--json");
	assert_int_equal(cmd_args_next(&a, &value), CMD_ARGS_END);
	assert_int_equal(a.operands_len, 1);
}

static void after_two_dashes_nothing_is_an_option(void **state)
{
	(void)state;
	ARGV("inspect", "--json", "--", "gcc", "--json", "--", "-h");
	assert_int_equal(cmd_args_next(&a, &value), 'j');
	assert_int_equal(cmd_args_next(&a, &value), CMD_ARGS_END);
	assert_true(a.dashes);
	assert_int_equal(a.operands_len, 4);
	assert_string_equal(a.operands[0], "gcc");
	assert_string_equal(a.operands[1], "--json");
	assert_string_equal(a.operands[2], "--");
	assert_string_equal(a.operands[3], "-h");
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const wrong[] = {"--jso", "--jsonx", "--json=", "-j", "--config"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ARGV("explain", "");
		memcpy(argv[1], wrong[i], strlen(wrong[i]) + 1);
		assert_int_equal(cmd_args_next(&a, &value), CMD_ARGS_USAGE);
	}
}

static void every_row_of_the_table_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < cmd_table_len; i++) {
		const struct cmd *c = &cmd_table[i];

		assert_true(i == 0 || strcmp(cmd_table[i - 1].name, c->name) < 0 || c->internal ||
		            cmd_table[i - 1].internal);
		assert_non_null(c->run);
		assert_true(c->summary[0] && !hp_endswith(c->summary, "."));
		assert_true(hp_endswith(c->text, "."));
		assert_non_null(c->synopsis);
		for (const struct cmd_option *o = c->options; o->name; o++) {
			assert_true(o->id > 0);
			assert_true(o->text[0] && !hp_endswith(o->text, "."));
			for (const struct cmd_option *other = o + 1; other->name; other++)
				assert_true(o->id != other->id && !hp_streq(o->name, other->name));
		}
		assert_ptr_equal(cmd_find(c->name), c);
	}
}

static void suggestions_are_near_or_none(void **state)
{
	(void)state;
	assert_string_equal(cmd_nearest("stat"), "stats");
	assert_string_equal(cmd_nearest("sttas"), "stats");
	assert_string_equal(cmd_nearest("exp"), "explain");
	assert_null(cmd_nearest("gcc"));
	assert_null(cmd_nearest(""));
	assert_null(cmd_nearest("local")); /* internal */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(options_and_operands_mix),
	        cmocka_unit_test(a_value_may_be_the_next_argument),
	        cmocka_unit_test(after_two_dashes_nothing_is_an_option),
	        cmocka_unit_test(what_is_wrong_is_refused),
	        cmocka_unit_test(every_row_of_the_table_is_complete),
	        cmocka_unit_test(suggestions_are_near_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
