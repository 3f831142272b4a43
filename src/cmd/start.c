/* hpcc start: the daemon, in the foreground. */
#define HP_LOG_TOPIC "start"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/handshake.h"
#include "cmd/cmd.h"
#include "cmd/service.h"
#include "daemon/server.h"
#include "sys/fs.h"

/* How long running compiles may take to end after SIGTERM; systemd kills after 90 s. */
#define GRACE_MS 60000

/* The first descriptor that systemd hands over (sd_listen_fds(3)). */
#define LISTEN_FDS_START 3

struct start_options {
	const char *config_path;
	bool port_given;
	uint16_t port;
};

/* CMD_ARGS_END when the daemon is to run, else as cmd_args_next. */
static int parse_options(int argc, char **argv, struct start_options *ret_opt)
{
	const char *value = NULL;
	struct cmd_args a;
	int id;

	*ret_opt = (struct start_options){0};
	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		if (id == 'c') {
			ret_opt->config_path = value;
			continue;
		}
		if (!config_listen_parse(value, &ret_opt->port)) {
			(void)cmd_usage("start", "--listen takes 127.0.0.1:PORT, not %s", value);
			return CMD_ARGS_USAGE;
		}
		ret_opt->port_given = true;
	}
	if (id == CMD_ARGS_END && !cmd_args_count(&a, 0, 0))
		return CMD_ARGS_USAGE;
	return id;
}

/* 0: none. The variables are for this process alone. */
static int inherited_socket(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	bool ours = pid && fds && strtol(pid, NULL, 10) == getpid() && strtol(fds, NULL, 10) >= 1;

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	return ours ? LISTEN_FDS_START : -1;
}

static int open_log(const struct config *config, struct hp_err *err)
{
	int fd = STDERR_FILENO;

	if (config->log.file) {
		fd = open(config->log.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return hp_err_sys(err, errno, "log file %s", config->log.file);
	}
	hp_log_init(fd, (enum hp_log_level)config->log.level, config->log.format == CONFIG_LOG_JSON);
	return 0;
}

/* Signals become readable: the pool's threads are never interrupted. */
static int open_signals(void)
{
	sigset_t set;

	(void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	(void)sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(const struct config *config, const struct start_options *opt, struct hp_err *err)
{
	HP_AUTO_CLOSE int stop_fd = open_signals();
	HP_AUTO_BUF struct hp_buf handshake = {0};
	HP_AUTO_FREE char *runtime_dir = NULL;
	struct daemon_server_options server_opt = {
	        .port = opt->port_given ? opt->port : config->daemon.port,
	        .listen_fd = inherited_socket(),
	        .threads = (unsigned)config->daemon.threads,
	};
	struct daemon_server *server;
	int r;

	if (!client_handshake_path(&handshake))
		return hp_err_set(
		        err, HP_PRECONDITION,
		        "no directory for the handshake file: set XDG_RUNTIME_DIR or HOME to an absolute path");
	r = cmd_service_options(config, &server_opt.service, err);
	if (r < 0)
		return r;
	runtime_dir = hp_strndup(handshake.data, handshake.len - strlen("/daemon.json"));
	server_opt.service.runtime_dir = runtime_dir;
	server_opt.handshake_path = handshake.data;
	r = daemon_server_new(&server_opt, &server, err);
	if (r < 0)
		return r;
	daemon_server_run(server, stop_fd, GRACE_MS);
	daemon_server_free(server);
	return 0;
}

int cmd_start(int argc, char **argv)
{
	CONFIG_AUTO struct config config = {0};
	struct start_options opt;
	struct hp_err err = {0};
	int r = parse_options(argc, argv, &opt);

	if (r != CMD_ARGS_END)
		return r == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	r = config_load(opt.config_path, &config, &err);
	if (r == 0)
		r = open_log(&config, &err);
	if (r == 0)
		r = serve(&config, &opt, &err);
	return r < 0 ? cmd_fail("start", &err) : CMD_OK;
}
