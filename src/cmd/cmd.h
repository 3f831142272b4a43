/* The command line: one row a command in table.c, from which parsing, --help, the man pages and the shell completions
 * come. Each command is `int cmd_NAME(int argc, char **argv)` in NAME.c, argv[0] being its name; it returns the exit code:
 * 0 done, 1 failed, 2 wrong usage. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
};

#define CMD_LETTER(c) ((c) | 0x100)

struct cmd_option {
	const char *name;  /* "max-size": written --max-size; NULL ends the list */
	const char *value; /* "SIZE"; NULL: takes none */
	const char *text;  /* a phrase, lower case, no full stop */
	int id;            /* what cmd_args_next returns; CMD_LETTER('o'): 'o', and -o VALUE is the same */
};

struct cmd {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;  /* a phrase for lists: "show what the cache did" */
	const char *synopsis; /* what follows `hpcc NAME`, without options; "" for nothing */
	const struct cmd_option *options;
	/* Paragraphs, an empty line between them; `words` in backquotes are set as code; lines that start with a blank
	 * are kept as they are. */
	const char *text;
	bool internal; /* run by hpcc itself: not in lists, no man page */
};

/* The option's letter, or 0. */
static inline int cmd_letter(const struct cmd_option *option)
{
	return option->id & 0x100 ? option->id & 0xff : 0;
}

extern const struct cmd cmd_table[];
extern const size_t cmd_table_len;

const struct cmd *cmd_find(const char *name); /* NULL: there is none */
const struct cmd *cmd_get(const char *name);  /* for a command's own row */
const char *cmd_nearest(const char *name);    /* the command that was probably meant, or NULL */
extern const char cmd_version[];              /* "0.1.0" */
#define CMD_CONFIG_OPTION                                                                 \
	{                                                                                 \
		"config", "FILE", "read this configuration instead of the usual one", 'c' \
	}

/* Walking the arguments. Options and operands may be mixed; after "--" everything is an operand. */
struct cmd_args {
	const struct cmd *cmd;
	int argc;
	char **argv;
	int next;
	char **operands; /* in argv's own memory */
	int operands_len;
	bool dashes; /* "--" was there: the operands after it are not ours to interpret */
};
#define CMD_ARGS_END 0
#define CMD_ARGS_HELP (-1)  /* help was printed: return CMD_OK */
#define CMD_ARGS_USAGE (-2) /* a message was printed: return CMD_USAGE */

void cmd_args_init(struct cmd_args *a, int argc, char **argv);
/* The next option's id and its value, or one of the above. */
int cmd_args_next(struct cmd_args *a, const char **ret_value);
/* Complains when the number of operands is outside min … max. */
bool cmd_args_count(const struct cmd_args *a, int min, int max);

/* One line `hpcc NAME: …` on standard error. */
int cmd_fail(const char *name, const struct hp_err *err);                                       /* CMD_FAILED */
int cmd_complain(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* CMD_FAILED */
int cmd_usage(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));    /* CMD_USAGE */

/* Documents made from the table; appended. */
void cmd_help_overview(struct hp_buf *out);
void cmd_help_command(const struct cmd *cmd, struct hp_buf *out);
void cmd_man_overview(struct hp_buf *out);
void cmd_man_command(const struct cmd *cmd, struct hp_buf *out);
void cmd_complete_bash(struct hp_buf *out);
void cmd_complete_zsh(struct hp_buf *out);
void cmd_complete_fish(struct hp_buf *out);

/* What the wrapper itself offers, shared by help and man. */
struct cmd_fact {
	const char *name;
	const char *text;
};
extern const struct cmd_fact cmd_environment[];
extern const size_t cmd_environment_len;
extern const struct cmd_fact cmd_files[];
extern const size_t cmd_files_len;

/* The commands. */
int cmd_clean(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_local(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_print_version(int argc, char **argv);

/* `hpcc inspect -- COMPILER ARGS…`: the compiler and its arguments. */
int cmd_inspect_command(int argc, char **argv, bool json, const char *config_path);
