#include "client/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "sys/fs.h"

#define KEEP_MAX (HP_FRAME_SIZE_MAX / 4)

/* Signals that ask a process to end. The handler's target is process-wide by nature: a signal has no context. */
static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t child_pid;

static void pass_on(int sig)
{
	int saved = errno;

	if (child_pid > 0)
		(void)kill((pid_t)child_pid, sig);
	errno = saved;
}

/* Signals ignored by our parent (nohup, background jobs) stay ignored, for the child too. */
static void catch_signals(struct sigaction old[HP_ARRAY_SIZE(ending_signals)])
{
	struct sigaction sa = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < HP_ARRAY_SIZE(ending_signals); i++) {
		(void)sigaction(ending_signals[i], NULL, &old[i]);
		if (old[i].sa_handler != SIG_IGN)
			(void)sigaction(ending_signals[i], &sa, NULL);
	}
}

static void restore_signals(const struct sigaction old[HP_ARRAY_SIZE(ending_signals)])
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(ending_signals); i++)
		(void)sigaction(ending_signals[i], &old[i], NULL);
}

/* What the child gets back before it becomes the compiler. */
struct signals {
	sigset_t mask;
	struct sigaction actions[HP_ARRAY_SIZE(ending_signals)];
};

/* Blocks the signals that end us while nobody is there to pass them on to: none is lost, and none is handled by the
 * child in our stead. */
static void hold_signals(sigset_t *ret_mask)
{
	sigset_t held;

	(void)sigemptyset(&held);
	for (size_t i = 0; i < HP_ARRAY_SIZE(ending_signals); i++)
		(void)sigaddset(&held, ending_signals[i]);
	(void)sigprocmask(SIG_BLOCK, &held, ret_mask);
}

/* vfork, because the client's address space is tiny but page tables still cost; the child calls only what is safe
 * there. The parent-death signal keeps a killed client from leaving a compiler behind that rewrites the object later. */
static pid_t start_child(const char *path, char *const *argv, int out_fd, int err_fd, const struct signals *signals,
                         int *ret_errno)
{
	pid_t parent = getpid();
	volatile int failure = 0;
	/* NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork): what the child calls are system
	 * calls and nothing else, and the signals that end us are blocked; posix_spawn knows no parent-death signal */
	pid_t pid = vfork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(127);
		if (dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0)
			_exit(127);
		restore_signals(signals->actions);
		(void)sigprocmask(SIG_SETMASK, &signals->mask, NULL);
		(void)execv(path, argv);
		failure = errno;
		_exit(127);
	}
	/* NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork) */
	*ret_errno = pid < 0 ? errno : failure;
	if (pid > 0 && failure) {
		(void)waitpid(pid, NULL, 0);
		return -1;
	}
	return pid;
}

struct stream {
	int fd;
	int to;
	struct hp_buf *keep;
	bool lost; /* not all could be written */
};

/* One read; false at the end of the stream. */
static bool forward(struct stream *s, enum client_run_mode mode, bool *truncated)
{
	char chunk[32768];
	ssize_t n = read(s->fd, chunk, sizeof chunk);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false;
	if (mode == CLIENT_RUN_QUIET)
		return true;
	if (mode == CLIENT_RUN_TEE && sys_write_all(s->to, chunk, (size_t)n) < 0)
		s->lost = true;
	if (s->keep->len + (size_t)n > KEEP_MAX)
		*truncated = true;
	else
		hp_buf_append(s->keep, chunk, (size_t)n);
	return true;
}

static void forward_all(struct stream streams[2], enum client_run_mode mode, bool *truncated)
{
	struct pollfd p[2] = {{.fd = streams[0].fd, .events = POLLIN}, {.fd = streams[1].fd, .events = POLLIN}};
	int open_count = 2;

	while (open_count) {
		if (poll(p, 2, -1) < 0)
			continue; /* EINTR: a signal was passed on */
		for (int i = 0; i < 2; i++) {
			if (p[i].fd >= 0 && p[i].revents && !forward(&streams[i], mode, truncated)) {
				p[i].fd = -1;
				open_count--;
			}
		}
	}
}

int client_run(const char *path, char *const *argv, enum client_run_mode mode, struct client_run *ret_run,
               struct hp_err *err)
{
	struct client_run run = {0};
	struct signals signals;
	int64_t start_ns = sys_monotonic_ns();
	int out[2];
	int errs[2];
	int failure = 0;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return hp_err_sys(err, errno, "pipe");
	if (pipe2(errs, O_CLOEXEC) < 0) {
		failure = errno;
		(void)close(out[0]);
		(void)close(out[1]);
		return hp_err_sys(err, failure, "pipe");
	}
	hold_signals(&signals.mask);
	catch_signals(signals.actions);
	pid = start_child(path, argv, out[1], errs[1], &signals, &failure);
	child_pid = pid;
	(void)close(out[1]);
	(void)close(errs[1]);
	if (pid > 0) {
		struct stream streams[2] = {{out[0], 1, &run.out, false}, {errs[0], 2, &run.err, false}};

		(void)sigprocmask(SIG_SETMASK, &signals.mask, NULL);
		forward_all(streams, mode, &run.truncated);
		run.out_lost = streams[0].lost;
		while (waitpid(pid, &run.status, 0) < 0 && errno == EINTR)
			;
	}
	child_pid = 0;
	restore_signals(signals.actions);
	(void)sigprocmask(SIG_SETMASK, &signals.mask, NULL);
	(void)close(out[0]);
	(void)close(errs[0]);
	if (pid <= 0)
		return hp_err_sys(err, failure, "%s", path);
	run.duration_ms = (uint32_t)((sys_monotonic_ns() - start_ns) / 1000000);
	*ret_run = run;
	return 0;
}

int client_run_through(const char *path, char *const *argv, int *ret_status)
{
	struct signals signals;
	int failure = 0;
	pid_t pid;

	hold_signals(&signals.mask);
	catch_signals(signals.actions);
	pid = start_child(path, argv, STDOUT_FILENO, STDERR_FILENO, &signals, &failure);
	child_pid = pid;
	(void)sigprocmask(SIG_SETMASK, &signals.mask, NULL);
	while (pid > 0 && waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	child_pid = 0;
	restore_signals(signals.actions);
	return pid > 0 ? 0 : -HP_INTERNAL;
}

void client_run_done(struct client_run *run)
{
	hp_buf_done(&run->out);
	hp_buf_done(&run->err);
}

_Noreturn void client_exit_like(int status)
{
	if (WIFSIGNALED(status)) {
		struct sigaction dfl = {.sa_handler = SIG_DFL};
		struct rlimit no_core = {0, 0};
		sigset_t one;

		/* The compiler has dumped its core already if one was wanted; ours would overwrite it. */
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)sigaction(WTERMSIG(status), &dfl, NULL);
		(void)sigemptyset(&one);
		(void)sigaddset(&one, WTERMSIG(status));
		(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
		(void)raise(WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void client_exec(const char *path, char *const *argv)
{
	(void)execv(path, argv);
}

_Noreturn void client_become(const char *path, char *const *argv)
{
	int why;

	client_exec(path, argv);
	why = errno;
	(void)dprintf(STDERR_FILENO, "hpcc: %s: %s\n", path, strerror(why));
	_exit(why == ENOENT ? CLIENT_EXIT_NOT_FOUND : CLIENT_EXIT_NOT_RUN);
}
