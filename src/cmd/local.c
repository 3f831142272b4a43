/* hpcc local COMPILER ARGV0 ARGS…: one compile through the cache without a daemon. The client becomes this when it finds
 * no daemon; whatever fails here ends in the plain compiler, and nothing is printed. */
#define HP_LOG_TOPIC "local"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/run.h"
#include "client/session.h"
#include "cmd/cmd.h"
#include "cmd/service.h"
#include "sys/fs.h"

struct local {
	const char *compiler;
	char **argv; /* argv[0] the compiler's name */
	char cwd[PATH_MAX];
	mode_t mask;
};

static _Noreturn void run_plainly(const struct local *l)
{
	(void)umask(l->mask);
	client_become(l->compiler, l->argv);
}

/* Signals that our own work can bring: leases on outputs (daemon/outputs.c), and a limit on the size of files (ulimit -f)
 * that the compiler keeps and the cache's databases do not. The compiler must not inherit that they are ignored. */
static const int own_signals[] = {SIGIO, SIGXFSZ};

struct own_actions {
	struct sigaction v[HP_ARRAY_SIZE(own_signals)];
};

static void own_work_begin(struct own_actions *ret_user)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(own_signals); i++)
		(void)sigaction(own_signals[i], &(struct sigaction){.sa_handler = SIG_IGN}, &ret_user->v[i]);
}

static void own_work_end(const struct own_actions *user)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(own_signals); i++)
		(void)sigaction(own_signals[i], &user->v[i], NULL);
}

/* argv for the compiler with the answer's arguments; their strings stay the answer's. */
static char **argv_of(const struct local *l, const struct daemon_answer *answer)
{
	char **argv = hp_alloc((answer->args.len + 2) * sizeof *argv);

	argv[0] = l->argv[0];
	for (size_t i = 0; i <= answer->args.len; i++)
		argv[i + 1] = answer->args.len ? answer->args.v[i] : NULL;
	return argv;
}

static struct daemon_result result_of(const struct client_run *run)
{
	return (struct daemon_result){
	        .status = run->status,
	        .out = run->out.data,
	        .out_len = run->out.len,
	        .err = run->err.data,
	        .err_len = run->err.len,
	        .truncated = run->truncated,
	        .duration_ms = run->duration_ms,
	};
}

/* Runs the preprocessor, of which the user sees nothing; *answer becomes what follows from its text. */
static void run_preprocessor(const struct local *l, struct daemon_service *service, struct daemon_ticket *ticket,
                             struct daemon_answer *answer)
{
	HP_AUTO_FREE char **argv = argv_of(l, answer);
	struct daemon_result result;
	struct own_actions user;
	struct client_run run;

	(void)umask(l->mask);
	if (client_run(l->compiler, argv, CLIENT_RUN_KEEP, &run, NULL) < 0)
		run_plainly(l);
	(void)umask(0);
	own_work_begin(&user);
	result = result_of(&run);
	daemon_answer_done(answer);
	daemon_service_preprocessed(service, ticket, &result, answer);
	client_run_done(&run);
	own_work_end(&user);
}

/* Runs the compiler, reports, and ends as it ended. */
static _Noreturn void run_and_report(const struct local *l, struct daemon_service *service,
                                     struct daemon_ticket *ticket, const struct daemon_answer *answer)
{
	char **argv = argv_of(l, answer);
	struct daemon_verdict verdict;
	struct daemon_result result;
	struct own_actions user;
	struct client_run again;
	struct client_run run;

	(void)umask(l->mask);
	if (client_run(l->compiler, argv, CLIENT_RUN_TEE, &run, NULL) < 0)
		run_plainly(l);
	(void)umask(0);
	own_work_begin(&user);
	result = result_of(&run);
	daemon_service_report(service, ticket, &result, &verdict);
	if (verdict.rerun) {
		own_work_end(&user);
		(void)umask(l->mask);
		if (client_run(l->compiler, l->argv, CLIENT_RUN_QUIET, &again, NULL) == 0)
			run.status = again.status;
		(void)umask(0);
		own_work_begin(&user);
	}
	daemon_service_settle(service, ticket);
	daemon_service_free(service);
	if (run.out_lost) {
		own_work_end(&user);
		run_plainly(l);
	}
	client_exit_like(run.status);
}

int cmd_local(int argc, char **argv)
{
	struct daemon_service_options opt;
	struct daemon_service *service;
	struct daemon_ticket *ticket = NULL;
	struct daemon_request request;
	struct daemon_answer answer;
	struct config config = {0};
	struct own_actions user;
	struct local l;

	if (argc < 3)
		return cmd_usage("local", "COMPILER and its name must follow");
	l = (struct local){.compiler = argv[1], .argv = argv + 2};
	l.mask = umask(0);
	(void)umask(l.mask);
	if (!getcwd(l.cwd, sizeof l.cwd) || l.cwd[0] != '/' || config_load(NULL, &config, NULL) < 0)
		run_plainly(&l);
	if (cmd_service_options(&config, &opt, NULL) < 0)
		run_plainly(&l);
	own_work_begin(&user);
	service = daemon_service_new(&opt);
	cmd_request_fill(l.compiler, l.argv, l.cwd, &request);
	(void)umask(0);
	daemon_service_look_up(service, &request, NULL, &answer, &ticket);
	if (answer.decision == DAEMON_PREPROCESS) {
		own_work_end(&user);
		run_preprocessor(&l, service, ticket, &answer);
		own_work_begin(&user);
		if (answer.decision == DAEMON_HIT)
			daemon_service_settle(service, ticket);
	}
	if (answer.decision == DAEMON_RUN) {
		own_work_end(&user);
		run_and_report(&l, service, ticket, &answer);
	}
	daemon_service_free(service);
	own_work_end(&user);
	if (answer.decision != DAEMON_HIT)
		run_plainly(&l);
	(void)umask(l.mask);
	/* Where it cannot be written the compiler knows what to say of that. */
	if (answer.out.len && sys_write_all(STDOUT_FILENO, answer.out.data, answer.out.len) < 0)
		run_plainly(&l);
	if (answer.err.len)
		(void)sys_write_all(STDERR_FILENO, answer.err.data, answer.err.len);
	return 0;
}
