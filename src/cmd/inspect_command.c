/* hpcc inspect -- COMPILER ARGS…: what a command line is keyed on now. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strv.h"
#include "client/resolve.h"
#include "cmd/cmd.h"
#include "cmd/service.h"

/* argv is NULL-terminated. */
static int describe(char *const *argv, const char *config_path, struct hp_buf *out, struct hp_err *err)
{
	CONFIG_AUTO struct config config = {0};
	HP_AUTO_BUF struct hp_buf compiler = {0};
	struct daemon_service_options opt;
	struct daemon_service *service;
	struct daemon_request request;
	char cwd[PATH_MAX];
	bool skipped;
	int r;

	if (!getcwd(cwd, sizeof cwd))
		return hp_err_sys(err, errno, "working directory");
	if (!client_resolve(argv[0], cwd, &compiler, &skipped))
		return hp_err_set(err, HP_NOT_FOUND, "%s: no such compiler on PATH", argv[0]);
	r = config_load(config_path, &config, err);
	if (r == 0) {
		/* Looking must not change anything. */
		config.caches[0].read_only = true;
		r = cmd_service_options(&config, &opt, err);
	}
	if (r < 0)
		return r;
	service = daemon_service_new(&opt);
	cmd_request_fill(compiler.data, argv, cwd, &request);
	daemon_service_describe(service, &request, out);
	daemon_request_done(&request);
	daemon_service_free(service);
	return 0;
}

int cmd_inspect_command(int argc, char **argv, bool json, const char *config_path)
{
	HP_AUTO_STRV struct hp_strv command = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	struct hp_err err = {0};

	assert(argc > 0);
	for (int i = 0; i < argc; i++)
		hp_strv_add(&command, argv[i]);
	if (json)
		return cmd_complain("inspect", "--json: only for an entry, not for a command line");
	if (describe(command.v, config_path, &text, &err) < 0)
		return cmd_fail("inspect", &err);
	(void)fwrite(hp_buf_cstr(&text), 1, text.len, stdout);
	return CMD_OK;
}
