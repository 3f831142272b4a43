/* hpcc-tool CMD ARGS…: every command but the compile itself, which is the client's (src/client). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "config/config.h"

/* The build asks the program for its own documents: hpcc-tool --generate WHAT. */
static int generate(const char *what)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	const struct cmd *cmd;

	if (hp_streq(what, "man:hpcc")) {
		cmd_man_overview(&out);
	} else if (hp_startswith(what, "man:hpcc-") && (cmd = cmd_find(what + strlen("man:hpcc-"))) != NULL) {
		cmd_man_command(cmd, &out);
	} else if (hp_streq(what, "bash")) {
		cmd_complete_bash(&out);
	} else if (hp_streq(what, "zsh")) {
		cmd_complete_zsh(&out);
	} else if (hp_streq(what, "fish")) {
		cmd_complete_fish(&out);
	} else if (hp_streq(what, "config-reference")) {
		config_reference(&out);
	} else if (hp_streq(what, "commands")) {
		for (size_t i = 0; i < cmd_table_len; i++) {
			if (!cmd_table[i].internal)
				hp_buf_printf(&out, "%s\n", cmd_table[i].name);
		}
	} else {
		(void)fprintf(stderr, "hpcc-tool: --generate %s: there is no such document\n", what);
		return CMD_USAGE;
	}
	(void)fputs(hp_buf_cstr(&out), stdout);
	return CMD_OK;
}

static int run(int argc, char **argv)
{
	char help_name[] = "help";
	char version_name[] = "version";
	char *help[] = {help_name, NULL};
	char *version[] = {version_name, NULL};
	const struct cmd *cmd;
	const char *nearest;

	if (argc < 2) {
		(void)fprintf(stderr, "hpcc: a command or a compiler is missing: see hpcc help\n");
		return CMD_USAGE;
	}
	if (hp_streq(argv[1], "--help") || hp_streq(argv[1], "-h"))
		return cmd_help(1, help);
	if (hp_streq(argv[1], "--version"))
		return cmd_print_version(1, version);
	if (hp_streq(argv[1], "--generate") && argc == 3)
		return generate(argv[2]);
	cmd = cmd_find(argv[1]);
	if (cmd)
		return cmd->run(argc - 1, argv + 1);
	nearest = cmd_nearest(argv[1]);
	(void)fprintf(stderr, "hpcc: %s: there is no such command%s%s: see hpcc help\n", argv[1],
	              nearest ? "; did you mean " : "", nearest ? nearest : "");
	return CMD_USAGE;
}

int main(int argc, char **argv)
{
	int code = run(argc, argv);

	/* What could not be written is a failure: a full disk must not look like an empty answer. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == CMD_OK) {
		(void)fprintf(stderr, "hpcc: standard output: %s\n", strerror(errno));
		code = CMD_FAILED;
	}
	return code;
}
