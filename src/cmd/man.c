/* Man pages in mdoc, from the table. */
#include <string.h>

#include "base/str.h"
#include "cmd/cmd.h"

/* The day of the texts, not of the build: the same sources give the same pages. */
static const char page_date[] = "November 24, 2026";

/* One run of text: backquoted words bold, what roff would interpret escaped. */
static void add_text(struct hp_buf *out, const char *text, size_t len)
{
	bool bold = false;

	for (size_t i = 0; i < len; i++) {
		bool line_start = out->len == 0 || out->data[out->len - 1] == '\n';

		if (line_start && (text[i] == '.' || text[i] == '\''))
			hp_buf_str(out, "\\&");
		if (text[i] == '`') {
			hp_buf_str(out, bold ? "\\fP" : "\\fB");
			bold = !bold;
		} else if (text[i] == '\\') {
			hp_buf_str(out, "\\e");
		} else if (text[i] == '-') {
			hp_buf_str(out, "\\-");
		} else if (text[i] == '~') {
			hp_buf_str(out, "\\(ti");
		} else {
			hp_buf_char(out, text[i]);
		}
	}
}

/* Paragraphs; a new line after each sentence, as mdoc wants it. */
static void add_paragraphs(struct hp_buf *out, const char *text)
{
	bool first = true;

	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);
		const char *p = text;

		if (!first)
			hp_buf_str(out, ".Pp\n");
		first = false;
		if (*text == ' ') {
			hp_buf_str(out, ".Bd -literal -offset indent\n");
			add_text(out, text, len);
			hp_buf_str(out, "\n.Ed\n");
		} else {
			for (const char *stop; p < text + len; p = stop + 1) {
				stop = strstr(p, ". ");
				if (!stop || stop >= text + len)
					stop = text + len - 1;
				add_text(out, p, (size_t)(stop - p) + 1);
				hp_buf_char(out, '\n');
				while (stop[1] == ' ')
					stop++;
			}
		}
		text += len;
		text += strspn(text, "\n");
	}
}

static void add_head(struct hp_buf *out, const char *title, const char *name, const char *summary)
{
	hp_buf_printf(out, ".Dd %s\n.Dt %s 1\n.Os hpcc %s\n.Sh NAME\n.Nm %s\n.Nd ", page_date, title, cmd_version,
	              name);
	add_text(out, summary, strlen(summary));
	hp_buf_str(out, "\n.Sh SYNOPSIS\n");
}

static void add_facts(struct hp_buf *out, const char *section, const char *macro, const struct cmd_fact *facts,
                      size_t len)
{
	hp_buf_printf(out, ".Sh %s\n.Bl -tag -width Ds\n", section);
	for (size_t i = 0; i < len; i++) {
		hp_buf_printf(out, ".It %s ", macro);
		add_text(out, facts[i].name, strlen(facts[i].name));
		hp_buf_char(out, '\n');
		add_text(out, facts[i].text, strlen(facts[i].text));
		hp_buf_str(out, ".\n");
	}
	hp_buf_str(out, ".El\n");
}

static void add_exit_status(struct hp_buf *out, const char *text)
{
	hp_buf_printf(out, ".Sh EXIT STATUS\n%s", text);
}

static void upper_case(const char *name, char *ret_title, size_t size)
{
	size_t n = 0;

	for (; name[n] && n + 1 < size; n++)
		ret_title[n] = name[n] >= 'a' && name[n] <= 'z' ? (char)(name[n] - 'a' + 'A') : name[n];
	ret_title[n] = '\0';
}

void cmd_man_command(const struct cmd *cmd, struct hp_buf *out)
{
	HP_AUTO_BUF struct hp_buf name = {0};
	char title[64];

	hp_buf_printf(&name, "hpcc-%s", cmd->name);
	upper_case(hp_buf_cstr(&name), title, sizeof title);
	add_head(out, title, hp_buf_cstr(&name), cmd->summary);
	hp_buf_printf(out, ".Nm hpcc %s\n", cmd->name);
	if (cmd->options->name)
		hp_buf_str(out, ".Op Ar option ...\n");
	if (cmd->synopsis[0]) {
		hp_buf_str(out, ".Li ");
		add_text(out, cmd->synopsis, strlen(cmd->synopsis));
		hp_buf_char(out, '\n');
	}
	hp_buf_str(out, ".Sh DESCRIPTION\n");
	add_paragraphs(out, cmd->text);
	hp_buf_str(out, ".Pp\nOptions:\n.Bl -tag -width Ds\n");
	for (const struct cmd_option *option = cmd->options; option->name; option++) {
		hp_buf_str(out, ".It ");
		if (cmd_letter(option))
			hp_buf_printf(out, "Fl %c , ", cmd_letter(option));
		hp_buf_printf(out, "Fl \\-%s%s%s\n", option->name, option->value ? " Ar " : "",
		              option->value ? option->value : "");
		add_text(out, option->text, strlen(option->text));
		hp_buf_str(out, ".\n");
	}
	hp_buf_str(out, ".It Fl h , Fl \\-help\nPrint a summary and do nothing else.\n.El\n");
	add_facts(out, "ENVIRONMENT", "Ev", cmd_environment, 2);
	add_exit_status(out, "0 when it was done, 1 when it failed, 2 when the command line was wrong.\n");
	hp_buf_str(out, ".Sh SEE ALSO\n.Xr hpcc 1\n");
}

void cmd_man_overview(struct hp_buf *out)
{
	bool first = true;

	add_head(out, "HPCC", "hpcc", "compile through a cache");
	hp_buf_str(out, ".Nm\n.Op Cm wrap\n.Ar compiler\n.Op Ar argument ...\n"
	                ".Nm\n.Ar command\n.Op Ar option ...\n"
	                ".Sh DESCRIPTION\n");
	add_paragraphs(
	        out, "Put in front of a compiler, `hpcc` answers a compile that was done before from the cache, and "
	             "runs the compiler for every other one. The object, the dependency file, what the compiler prints "
	             "and the exit code are the compiler's own, byte for byte.\n\n"
	             "A link named like a compiler, such as `cc`, `g++` or `x86_64-linux-gnu-gcc-12`, that points to "
	             "`hpcc` does the same for the next program of that name on `PATH`.\n\n"
	             "Whatever goes wrong with the cache costs time, not the build: the compiler runs then. Nothing is "
	             "ever added to its output.");
	hp_buf_str(out, ".Pp\nCommands:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (cmd_table[i].internal)
			continue;
		hp_buf_printf(out, ".It Xr hpcc-%s 1\n", cmd_table[i].name);
		add_text(out, cmd_table[i].summary, strlen(cmd_table[i].summary));
		hp_buf_str(out, ".\n");
	}
	hp_buf_str(out, ".El\n");
	add_facts(out, "ENVIRONMENT", "Ev", cmd_environment, cmd_environment_len);
	add_facts(out, "FILES", "Pa", cmd_files, cmd_files_len);
	add_exit_status(out,
	                "For a compile, the compiler's own.\n"
	                "For a command, 0 when it was done, 1 when it failed, 2 when the command line was wrong.\n");
	hp_buf_str(out, ".Sh SEE ALSO\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (cmd_table[i].internal)
			continue;
		hp_buf_printf(out, "%s.Xr hpcc-%s 1", first ? "" : " ,\n", cmd_table[i].name);
		first = false;
	}
	hp_buf_char(out, '\n');
}
