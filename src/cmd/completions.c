/* Shell completions from the table. Behind a compiler each shell completes as it would for the compiler itself. */
#include <string.h>

#include "cmd/cmd.h"

static void add_words(struct hp_buf *out, const struct cmd *cmd)
{
	for (const struct cmd_option *option = cmd->options; option->name; option++)
		hp_buf_printf(out, "--%s ", option->name);
	hp_buf_str(out, "--help");
}

void cmd_complete_bash(struct hp_buf *out)
{
	hp_buf_str(out, "# bash completion for hpcc\n_hpcc()\n{\n"
	                "\tlocal current=${COMP_WORDS[COMP_CWORD]} words=\n"
	                "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	                "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (!cmd_table[i].internal)
			hp_buf_printf(out, "%s ", cmd_table[i].name);
	}
	hp_buf_str(out, "wrap --help --version' -- \"$current\"; compgen -c -- \"$current\")\n"
	                "\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (cmd_table[i].internal)
			continue;
		hp_buf_printf(out, "\t%s) words='", cmd_table[i].name);
		add_words(out, &cmd_table[i]);
		hp_buf_str(out, "' ;;\n");
	}
	hp_buf_str(out, "\tesac\n"
	                "\tif [[ $current == -* && -n $words ]]; then\n"
	                "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	                "\telif [ \"${COMP_WORDS[1]}\" = help ]; then\n"
	                "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (!cmd_table[i].internal)
			hp_buf_printf(out, "%s ", cmd_table[i].name);
	}
	hp_buf_str(out, "' -- \"$current\")\n"
	                "\telse\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n\tfi\n}\n"
	                "complete -o filenames -F _hpcc hpcc\n");
}

/* Inside '…' of zsh and fish. */
static void add_quoted(struct hp_buf *out, const char *text, const char *also)
{
	for (; *text; text++) {
		if (*text == '\'')
			hp_buf_str(out, "'\\''");
		else if (strchr(also, *text))
			hp_buf_printf(out, "\\%c", *text);
		else if (*text != '`')
			hp_buf_char(out, *text);
	}
}

void cmd_complete_zsh(struct hp_buf *out)
{
	hp_buf_str(out, "#compdef hpcc\n\n_hpcc() {\n\tlocal -a commands\n\tcommands=(\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (cmd_table[i].internal)
			continue;
		hp_buf_printf(out, "\t\t'%s:", cmd_table[i].name);
		add_quoted(out, cmd_table[i].summary, ":");
		hp_buf_str(out, "'\n");
	}
	hp_buf_str(out, "\t)\n\tif (( CURRENT == 2 )); then\n"
	                "\t\t_describe -t commands 'hpcc command' commands\n"
	                "\t\t_command_names -e\n\t\treturn\n\tfi\n"
	                "\tshift words\n\t(( CURRENT-- ))\n\tcase $words[1] in\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		const struct cmd *cmd = &cmd_table[i];

		if (cmd->internal)
			continue;
		hp_buf_printf(out, "\t%s)\n\t\t_arguments", cmd->name);
		for (const struct cmd_option *option = cmd->options; option->name; option++) {
			hp_buf_printf(out, " \\\n\t\t\t'--%s%s[", option->name, option->value ? "=" : "");
			add_quoted(out, option->text, "[]:");
			hp_buf_str(out, "]");
			if (option->value)
				hp_buf_printf(out, ":%s:%s", option->value,
				              strcmp(option->value, "FILE") == 0 ? "_files" : "");
			hp_buf_str(out, "'");
		}
		hp_buf_str(out, " \\\n\t\t\t'--help[print a summary]'");
		if (strcmp(cmd->name, "help") == 0)
			hp_buf_str(out, " \\\n\t\t\t'1:command:(${commands%%:*})'");
		else if (cmd->synopsis[0])
			hp_buf_str(out, " \\\n\t\t\t'*:file:_files'");
		hp_buf_str(out, "\n\t\t;;\n");
	}
	hp_buf_str(out, "\t*) _normal ;;\n\tesac\n}\n\n_hpcc \"$@\"\n");
}

void cmd_complete_fish(struct hp_buf *out)
{
	hp_buf_str(out, "# fish completion for hpcc\n"
	                "complete -c hpcc -n __fish_use_subcommand -a '(__fish_complete_command)'\n"
	                "complete -c hpcc -n __fish_use_subcommand -l help -d 'print a summary'\n"
	                "complete -c hpcc -n __fish_use_subcommand -l version -d 'print the version'\n");
	for (size_t i = 0; i < cmd_table_len; i++) {
		const struct cmd *cmd = &cmd_table[i];

		if (cmd->internal)
			continue;
		hp_buf_printf(out, "complete -c hpcc -n __fish_use_subcommand -a %s -d '", cmd->name);
		add_quoted(out, cmd->summary, "\\");
		hp_buf_str(out, "'\n");
		for (const struct cmd_option *option = cmd->options; option->name; option++) {
			hp_buf_printf(out, "complete -c hpcc -n '__fish_seen_subcommand_from %s' -l %s%s -d '",
			              cmd->name, option->name, option->value ? " -r" : "");
			add_quoted(out, option->text, "\\");
			hp_buf_str(out, "'\n");
		}
	}
}
