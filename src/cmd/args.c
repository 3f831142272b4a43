#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"

void cmd_args_init(struct cmd_args *a, int argc, char **argv)
{
	*a = (struct cmd_args){
	        .cmd = cmd_get(argv[0]),
	        .argc = argc,
	        .argv = argv,
	        .next = 1,
	        .operands = argv + 1,
	};
}

static void print_help(const struct cmd *cmd)
{
	HP_AUTO_BUF struct hp_buf text = {0};

	cmd_help_command(cmd, &text);
	(void)fputs(hp_buf_cstr(&text), stdout);
}

static int unknown_option(const struct cmd_args *a, const char *name, size_t len)
{
	(void)cmd_usage(a->cmd->name, "unknown option --%.*s", (int)len, name);
	return CMD_ARGS_USAGE;
}

/* "--name", "--name=value", "--name value". */
static int take_option(struct cmd_args *a, const char *text, const char **ret_value)
{
	const char *name = text + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	const struct cmd_option *option = a->cmd->options;

	if (hp_streq(name, "help")) {
		print_help(a->cmd);
		return CMD_ARGS_HELP;
	}
	while (option->name && (strlen(option->name) != len || memcmp(option->name, name, len) != 0))
		option++;
	if (!option->name)
		return unknown_option(a, name, len);
	if (!option->value && value) {
		(void)cmd_usage(a->cmd->name, "--%s takes no value", option->name);
		return CMD_ARGS_USAGE;
	}
	if (option->value && !value) {
		if (a->next == a->argc) {
			(void)cmd_usage(a->cmd->name, "--%s needs a value: %s", option->name, option->value);
			return CMD_ARGS_USAGE;
		}
		value = a->argv[a->next++];
	}
	*ret_value = value;
	return option->id & 0xff;
}

/* "-o VALUE", "-oVALUE". */
static int take_letter(struct cmd_args *a, char *text, const char **ret_value)
{
	const struct cmd_option *option = a->cmd->options;

	while (option->name && cmd_letter(option) != text[1])
		option++;
	if (!option->name || (!option->value && text[2])) {
		(void)cmd_usage(a->cmd->name, "unknown option %s", text);
		return CMD_ARGS_USAGE;
	}
	if (option->value && !text[2] && a->next == a->argc) {
		(void)cmd_usage(a->cmd->name, "-%c needs a value: %s", cmd_letter(option), option->value);
		return CMD_ARGS_USAGE;
	}
	*ret_value = !option->value ? NULL : text[2] ? text + 2 : a->argv[a->next++];
	return option->id & 0xff;
}

int cmd_args_next(struct cmd_args *a, const char **ret_value)
{
	while (a->next < a->argc) {
		char *arg = a->argv[a->next++];

		if (a->dashes || arg[0] != '-' || arg[1] == '\0') {
			a->operands[a->operands_len++] = arg;
		} else if (hp_streq(arg, "--")) {
			a->dashes = true;
		} else if (hp_streq(arg, "-h")) {
			print_help(a->cmd);
			return CMD_ARGS_HELP;
		} else if (arg[1] != '-') {
			return take_letter(a, arg, ret_value);
		} else {
			return take_option(a, arg, ret_value);
		}
	}
	return CMD_ARGS_END;
}

bool cmd_args_count(const struct cmd_args *a, int min, int max)
{
	if (a->operands_len < min)
		(void)cmd_usage(a->cmd->name, "%s is missing", a->cmd->synopsis);
	else if (a->operands_len > max)
		(void)cmd_usage(a->cmd->name, "unexpected argument %s", a->operands[max]);
	else
		return true;
	return false;
}

static __attribute__((format(printf, 2, 0))) void say(const char *name, const char *fmt, va_list args)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "hpcc %s: ", name);
	(void)vfprintf(stderr, fmt, args);
}

int cmd_fail(const char *name, const struct hp_err *err)
{
	return cmd_complain(name, "%s", err->msg);
}

int cmd_complain(const char *name, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(name, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	return CMD_FAILED;
}

int cmd_usage(const char *name, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(name, fmt, args);
	va_end(args);
	(void)fprintf(stderr, ": see hpcc help %s\n", name);
	return CMD_USAGE;
}
