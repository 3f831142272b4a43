#include <stdio.h>

#include "client/session.h"
#include "cmd/cmd.h"

int cmd_stop(int argc, char **argv)
{
	const char *value;
	struct cmd_args a;
	int id;
	int r;

	cmd_args_init(&a, argc, argv);
	id = cmd_args_next(&a, &value);
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_args_count(&a, 0, 0))
		return CMD_USAGE;
	r = client_control(PROTO_CONTROL_STOP);
	if (r < 0)
		return cmd_complain("stop", "the daemon does not answer: end it by the pid in its daemon.json");
	(void)puts(r ? "the daemon is stopping" : "no daemon is running");
	return CMD_OK;
}
