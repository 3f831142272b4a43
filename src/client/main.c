/* hpcc: the program on the hot path. Static, no configuration, no shared libraries. It finds the daemon, asks, and is
 * done; on a miss it runs the compiler as its own child. Every other subcommand is another program (libexec). Nothing
 * of ours is printed on the compiler's output: what goes wrong here costs time, not the build. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "client/resolve.h"
#include "client/run.h"
#include "client/session.h"
#include "sys/fs.h"

#define EXIT_USAGE 2

struct call {
	char *const *argv;      /* as the compiler shall get it; argv[0] its name */
	char **owned_argv;      /* when we had to change it */
	struct hp_buf compiler; /* absolute path */
	char cwd[PATH_MAX];
	int debug_fd; /* -1: HPCC_DEBUG is not set */
};

static void debug(const struct call *call, const char *what, const char *detail, size_t detail_len)
{
	HP_AUTO_BUF struct hp_buf line = {0};

	if (call->debug_fd < 0)
		return;
	hp_buf_printf(&line, "pid=%d compiler=%s decision=%s %.*s\n", (int)getpid(), hp_buf_cstr(&call->compiler), what,
	              (int)detail_len, detail);
	(void)sys_write_all(call->debug_fd, line.data, line.len);
}

static _Noreturn void run_plainly(const struct call *call)
{
	client_become(call->compiler.data, call->argv);
}

/* Appends PREFIX/libexec/hpcc/hpcc-tool for a client at PREFIX/bin/hpcc. */
static bool tool_path(struct hp_buf *out)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(self, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	hp_buf_str(out, self);
	hp_buf_str(out, "/libexec/hpcc/hpcc-tool");
	return true;
}

/* Without a daemon the same work is done in one process; when that cannot be started either, the compiler is. */
static _Noreturn void run_locally(const struct call *call, const char *why)
{
	HP_AUTO_BUF struct hp_buf tool = {0};
	size_t argc = 0;
	char **argv;

	debug(call, "local", why, strlen(why));
	while (call->argv[argc])
		argc++;
	argv = hp_alloc((argc + 4) * sizeof *argv);
	argv[0] = (char *)"hpcc-tool";
	argv[1] = (char *)"local";
	argv[2] = call->compiler.data;
	memcpy(argv + 3, call->argv, (argc + 1) * sizeof *argv);
	if (tool_path(&tool))
		client_exec(tool.data, argv);
	free(argv);
	run_plainly(call);
}

/* The request's arguments with what the daemon wants changed. */
static char **argv_of(const char *argv0, const struct proto_list *args)
{
	char **argv = hp_alloc((args->len + 4) * sizeof *argv); /* with room for two words more */

	argv[0] = (char *)argv0;
	for (size_t i = 0; i < args->len; i++)
		argv[i + 1] = hp_strndup(args->v[i].data, args->v[i].len);
	argv[args->len + 1] = NULL;
	return argv;
}

/* The daemon wanted to write the dependency file itself and no longer can, or cannot tell it: the compiler must. The
 * object is made once more along with it; its diagnostics were shown already. */
static void rerun_quietly(const struct call *call, struct client_run *run)
{
	struct client_run again;

	if (client_run(call->compiler.data, call->argv, CLIENT_RUN_QUIET, &again, NULL) < 0)
		return;
	run->status = again.status;
	client_run_done(&again);
}

static _Noreturn void run_and_report(const struct call *call, struct client_session *s, const struct proto_reply *reply)
{
	char **argv = argv_of(call->argv[0], &reply->args);
	bool rewrites_deps = reply->rewrites_deps != 0;
	struct proto_ack ack = {0};
	struct proto_report report;
	struct client_run run;

	if (client_run(call->compiler.data, argv, CLIENT_RUN_TEE, &run, NULL) < 0)
		run_plainly(call);
	report = (struct proto_report){
	        .status = (uint64_t)run.status,
	        .out = {.data = run.out.data, .len = run.out.len},
	        .err = {.data = run.err.data, .len = run.err.len},
	        .truncated = run.truncated,
	        .duration_ms = run.duration_ms,
	};
	if (!client_session_send(s, PROTO_REPORT, &report) ||
	    !client_session_receive(s, PROTO_ACK, CLIENT_ACK_DEADLINE_MS, &ack)) {
		debug(call, "lost-daemon", "", 0);
		ack.rerun = rewrites_deps;
	}
	debug(call, "ran", ack.reason.data, ack.reason.len);
	if (run.out_lost)
		run_plainly(call);
	if (ack.rerun)
		rerun_quietly(call, &run);
	client_exit_like(run.status);
}

/* One command for each source, one after the other, as the driver does it: an error does not keep the rest from being
 * compiled, and the worst status counts. Each is a client of its own, so hits and misses are as of single commands. */
static _Noreturn void split(const struct call *call, const struct proto_list *words)
{
	static char name[] = "hpcc";
	static char wrap_word[] = "wrap";
	int worst = 0;

	for (size_t at = 0; at < words->len;) {
		HP_AUTO_FREE char *count = hp_strndup(words->v[at].data, words->v[at].len);
		struct proto_list args = {words->v + at + 1, strtoul(count, NULL, 10)};
		char **argv;
		int status;

		if (args.len == 0 || args.len >= words->len - at)
			run_plainly(call);
		at += 1 + args.len;
		argv = argv_of(call->compiler.data, &args);
		memmove(argv + 2, argv, (args.len + 2) * sizeof *argv);
		argv[0] = name;
		argv[1] = wrap_word;
		if (client_run_through("/proc/self/exe", argv, &status) < 0)
			run_plainly(call);
		/* What GCC's driver returns when a part of it died. */
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
		if (status > worst)
			worst = status;
	}
	_exit(worst);
}

/* Runs the preprocessor, of which the user sees nothing, and reports. False: the daemon is gone. */
static bool preprocess(const struct call *call, struct client_session *s, const struct proto_reply *reply)
{
	char **argv = argv_of(call->argv[0], &reply->args);
	struct proto_report report;
	struct client_run run;
	bool sent;

	debug(call, "preprocess", reply->reason.data, reply->reason.len);
	if (client_run(call->compiler.data, argv, CLIENT_RUN_KEEP, &run, NULL) < 0)
		run_plainly(call);
	report = (struct proto_report){
	        .status = (uint64_t)run.status,
	        .out = {.data = run.out.data, .len = run.out.len},
	        .err = {.data = run.err.data, .len = run.err.len},
	        .truncated = run.truncated,
	        .duration_ms = run.duration_ms,
	};
	sent = client_session_send(s, PROTO_REPORT, &report);
	client_run_done(&run);
	return sent;
}

static _Noreturn void follow(const struct call *call, struct client_session *s, const struct client_handshake *h)
{
	struct proto_reply reply;
	int deadline_ms = CLIENT_REPLY_DEADLINE_MS;

	for (;;) {
		if (!client_session_receive(s, PROTO_REPLY, deadline_ms, &reply))
			run_locally(call, "daemon does not answer");
		if (!client_token_eq(reply.proof.data, reply.proof.len, h->proof, strlen(h->proof)))
			run_locally(call, "daemon cannot prove itself");
		if (reply.kind == PROTO_REPLY_PREPROCESS) {
			if (!preprocess(call, s, &reply))
				run_locally(call, "the daemon does not take the report");
			proto_done(&proto_reply_desc, &reply);
			deadline_ms = CLIENT_ACK_DEADLINE_MS;
			continue;
		}
		if (reply.kind != PROTO_REPLY_WAIT)
			break;
		proto_done(&proto_reply_desc, &reply);
		/* Another client compiles the same: how long that takes is the compiler's business, and the daemon's
		 * end closes the connection. */
		deadline_ms = -1;
	}
	switch (reply.kind) {
	case PROTO_REPLY_HIT:
		debug(call, "hit", reply.reason.data, reply.reason.len);
		/* Where it cannot be written the compiler knows what to say of that. */
		if (reply.out.len && sys_write_all(STDOUT_FILENO, reply.out.data, reply.out.len) < 0)
			run_plainly(call);
		if (reply.err.len)
			(void)sys_write_all(STDERR_FILENO, reply.err.data, reply.err.len);
		_exit(0);
	case PROTO_REPLY_SPLIT:
		debug(call, "split", "", 0);
		client_session_close(s);
		split(call, &reply.args);
	case PROTO_REPLY_RUN:
		debug(call, "run", reply.reason.data, reply.reason.len);
		run_and_report(call, s, &reply);
	default:
		debug(call, "bypass", reply.reason.data, reply.reason.len);
		run_plainly(call);
	}
}

static _Noreturn void compile(const struct call *call)
{
	struct client_compile c = {.compiler = call->compiler.data, .argv = call->argv, .cwd = call->cwd};
	HP_AUTO_BUF struct hp_buf path = {0};
	struct proto_compile request;
	struct client_handshake h;
	struct client_session s;

	if (!client_handshake_path(&path))
		run_locally(call, "no directory for the handshake file");
	switch (client_handshake_read(path.data, &h)) {
	case CLIENT_HANDSHAKE_OK:
		break;
	case CLIENT_HANDSHAKE_NONE:
		run_locally(call, "no daemon");
	case CLIENT_HANDSHAKE_STALE:
		run_locally(call, "the handshake file's daemon is dead");
	case CLIENT_HANDSHAKE_REFUSED:
		run_locally(call, "the handshake file is not ours or malformed");
	}
	if (h.protocol != PROTO_LOCAL_VERSION)
		run_locally(call, "the daemon speaks another protocol");
	/* Before connecting, so that the daemon finds the request there when it accepts. */
	client_request_fill(&c, &request);
	if (!client_session_open(&s, &h))
		run_locally(call, "the daemon does not accept connections");
	if (!client_session_send_first(&s, &h, PROTO_COMPILE, &request))
		run_locally(call, "the daemon does not take the request");
	follow(call, &s, &h);
}

/* Where a closed standard stream would let one of our descriptors become the compiler's output, or where the user
 * asked for it, we stay out of the way. */
static bool must_stay_out(void)
{
	const char *disable = getenv("HPCC_DISABLE");

	struct pollfd standard[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

	if (disable && disable[0] && !hp_streq(disable, "0"))
		return true;
	(void)poll(standard, 3, 0);
	return ((standard[0].revents | standard[1].revents | standard[2].revents) & POLLNVAL) != 0;
}

/* argv[0] is the compiler's name. as_link: we were called by that name. */
static _Noreturn void wrap(char **argv, bool as_link)
{
	struct call call = {.argv = argv, .debug_fd = -1};
	const char *debug_file = getenv("HPCC_DEBUG");
	bool skipped = false;

	if (!getcwd(call.cwd, sizeof call.cwd))
		call.cwd[0] = '\0';
	if (!client_resolve(as_link ? hp_basename(argv[0]) : argv[0], call.cwd, &call.compiler, &skipped)) {
		(void)dprintf(STDERR_FILENO, "hpcc: %s: no such compiler on PATH%s\n", argv[0],
		              skipped ? " besides links to hpcc" : "");
		_exit(CLIENT_EXIT_NOT_FOUND);
	}
	/* GCC finds its parts relative to argv[0], looked up on PATH: there it would find our link. */
	if (as_link || skipped)
		argv[0] = call.compiler.data;
	if (must_stay_out() || call.cwd[0] != '/')
		run_plainly(&call);
	if (debug_file && debug_file[0])
		call.debug_fd = open(debug_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	compile(&call);
}

static bool is_subcommand(const char *word)
{
	static const char *const words[] = {"start",   "stop",    "local", "stats",     "clean",
	                                    "inspect", "explain", "image", "init",      "version",
	                                    "help",    "--help",  "-h",    "--version", "-V"};

	for (size_t i = 0; i < HP_ARRAY_SIZE(words); i++) {
		if (hp_streq(words[i], word))
			return true;
	}
	return false;
}

static _Noreturn void run_tool(char **argv)
{
	HP_AUTO_BUF struct hp_buf tool = {0};

	if (tool_path(&tool))
		client_exec(tool.data, argv);
	(void)dprintf(STDERR_FILENO, "hpcc: %s: %s; is the installation complete?\n",
	              tool.data ? tool.data : "/proc/self/exe", strerror(errno));
	_exit(1);
}

int main(int argc, char **argv)
{
	static char name[] = "hpcc-tool";
	static char help[] = "help";
	char *no_arguments[] = {name, help, NULL};

	if (argc < 1)
		return EXIT_USAGE;
	if (!hp_streq(hp_basename(argv[0]), "hpcc"))
		wrap(argv, true);
	if (argc < 2)
		run_tool(no_arguments);
	if (hp_streq(argv[1], "wrap") && argc > 2)
		wrap(argv + 2, false);
	if (hp_streq(argv[1], "wrap") || (argv[1][0] == '-' && !is_subcommand(argv[1]))) {
		(void)dprintf(STDERR_FILENO, "hpcc: %s: a compiler's name must follow; see hpcc --help\n", argv[1]);
		return EXIT_USAGE;
	}
	if (!is_subcommand(argv[1]))
		wrap(argv + 1, false);
	argv[0] = name;
	run_tool(argv);
}
