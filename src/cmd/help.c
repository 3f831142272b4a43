/* Help on the terminal. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"

enum {
	HELP_WIDTH = 80,
	HELP_COLUMN = 24, /* where explanations start */
};

/* Words up to `width`, every line but the first indented; backquotes are left out. */
static void add_wrapped(struct hp_buf *out, const char *text, size_t len, size_t column, size_t indent)
{
	const char *end = text + len;

	while (text < end) {
		size_t word = strcspn(text, " ");

		if (word > (size_t)(end - text))
			word = (size_t)(end - text);
		if (column + word > HELP_WIDTH && column > indent) {
			while (out->data[out->len - 1] == ' ')
				out->data[--out->len] = '\0';
			hp_buf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		for (size_t i = 0; i < word; i++) {
			if (text[i] != '`')
				hp_buf_char(out, text[i]);
		}
		column += word;
		text += word;
		if (text < end) {
			text++;
			if (text < end && column < HELP_WIDTH)
				hp_buf_char(out, ' ');
			column++;
		}
	}
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	hp_buf_char(out, '\n');
}

static void add_row(struct hp_buf *out, const char *name, const char *text)
{
	size_t column = strlen(name) + 2;

	hp_buf_printf(out, "  %s", name);
	if (column + 2 > HELP_COLUMN) {
		hp_buf_char(out, '\n');
		column = 0;
	}
	hp_buf_printf(out, "%*s", (int)(HELP_COLUMN - column), "");
	add_wrapped(out, text, strlen(text), HELP_COLUMN, HELP_COLUMN);
}

static void add_paragraphs(struct hp_buf *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);

		hp_buf_char(out, '\n');
		if (*text == ' ') {
			hp_buf_append(out, text, len);
			hp_buf_char(out, '\n');
		} else {
			add_wrapped(out, text, len, 0, 0);
		}
		text += len;
		text += strspn(text, "\n");
	}
}

static bool has_options(const struct cmd *cmd)
{
	return cmd->options->name != NULL;
}

void cmd_help_command(const struct cmd *cmd, struct hp_buf *out)
{
	hp_buf_printf(out, "Usage: hpcc %s%s%s%s\n", cmd->name, has_options(cmd) ? " [OPTION]..." : "",
	              cmd->synopsis[0] ? " " : "", cmd->synopsis);
	add_paragraphs(out, cmd->text);
	hp_buf_str(out, "\nOptions:\n");
	for (const struct cmd_option *option = cmd->options; option->name; option++) {
		HP_AUTO_BUF struct hp_buf name = {0};

		if (cmd_letter(option))
			hp_buf_printf(&name, "-%c, ", cmd_letter(option));
		hp_buf_printf(&name, "--%s%s%s", option->name, option->value ? " " : "",
		              option->value ? option->value : "");
		add_row(out, hp_buf_cstr(&name), option->text);
	}
	add_row(out, "-h, --help", "print this");
}

void cmd_help_overview(struct hp_buf *out)
{
	hp_buf_str(out, "Usage: hpcc [wrap] COMPILER ARGS...   compile through the cache\n"
	                "       hpcc COMMAND [OPTION]...\n\n"
	                "A link named like a compiler (cc, g++, clang, ...) that points to hpcc compiles\n"
	                "through the cache too.\n\nCommands:\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (!cmd_table[i].internal)
			add_row(out, cmd_table[i].name, cmd_table[i].summary);
	}
	hp_buf_str(out, "\nEnvironment:\n");
	for (size_t i = 0; i < cmd_environment_len; i++)
		add_row(out, cmd_environment[i].name, cmd_environment[i].text);
	hp_buf_str(out, "\nFor one command: hpcc help COMMAND, hpcc COMMAND --help or man hpcc-COMMAND.\n");
}

int cmd_help(int argc, char **argv)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	const struct cmd *cmd;
	struct cmd_args a;
	const char *value;
	int id;

	cmd_args_init(&a, argc, argv);
	id = cmd_args_next(&a, &value);
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_args_count(&a, 0, 1))
		return CMD_USAGE;
	if (a.operands_len == 0) {
		cmd_help_overview(&text);
	} else {
		cmd = cmd_find(a.operands[0]);
		if (!cmd) {
			const char *nearest = cmd_nearest(a.operands[0]);

			(void)fprintf(stderr, "hpcc help: %s: there is no such command%s%s: see hpcc help\n",
			              a.operands[0], nearest ? "; did you mean " : "", nearest ? nearest : "");
			return CMD_USAGE;
		}
		cmd_help_command(cmd, &text);
	}
	(void)fputs(hp_buf_cstr(&text), stdout);
	return CMD_OK;
}

int cmd_print_version(int argc, char **argv)
{
	struct cmd_args a;
	const char *value;
	int id;

	cmd_args_init(&a, argc, argv);
	id = cmd_args_next(&a, &value);
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_args_count(&a, 0, 0))
		return CMD_USAGE;
	(void)printf("hpcc %s\n", cmd_version);
	return CMD_OK;
}
