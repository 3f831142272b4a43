/* hpcc inspect -- COMPILER ARGS…: what a command line is keyed on now. */
#include "cmd/cmd.h"

int cmd_inspect_command(int argc, char **argv, bool json, const char *config_path)
{
	(void)argc;
	(void)json;
	(void)config_path;
	return cmd_complain("inspect", "-- %s: showing the key of a command line is not there yet", argv[0]);
}
