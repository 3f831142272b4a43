#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fs.h"

static int spawn_child(char *const *argv, char *const *env, const char *cwd, int out_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none; /* then: those reset to their defaults */
	int r;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
	(void)posix_spawn_file_actions_adddup2(&actions, out_fd, 2);
	(void)posix_spawn_file_actions_addchdir_np(&actions, cwd);
	/* The daemon blocks and ignores signals; a child must not inherit that. */
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)sigaddset(&none, SIGPIPE);
	(void)sigaddset(&none, SIGIO);
	(void)posix_spawnattr_setsigdefault(&attr, &none);
	/* A process group of its own: whatever it starts can be ended with it. */
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	r = posix_spawn(ret_pid, argv[0], &actions, &attr, argv, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Reads until the pipe closes or the deadline passes. Returns 0, -ETIMEDOUT or -errno. */
static int drain(int fd, int64_t deadline_ns, size_t out_max, struct hp_buf *out)
{
	char chunk[16384];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left_ms = (deadline_ns - sys_monotonic_ns()) / 1000000;
		ssize_t n;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left_ms) <= 0)
			continue;
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (out->len < out_max)
			hp_buf_append(out, chunk, (size_t)n < out_max - out->len ? (size_t)n : out_max - out->len);
	}
}

int sys_process_capture(char *const *argv, char *const *env, const char *cwd, int deadline_ms, size_t out_max,
                        struct hp_buf *out, int *ret_status, struct hp_err *err)
{
	int64_t deadline_ns = sys_monotonic_ns() + (int64_t)deadline_ms * 1000000;
	int fds[2];
	pid_t pid;
	int status = 0;
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return hp_err_sys(err, errno, "pipe");
	r = spawn_child(argv, env, cwd, fds[1], &pid);
	(void)close(fds[1]);
	if (r < 0) {
		(void)close(fds[0]);
		return hp_err_sys(err, -r, "%s", argv[0]);
	}
	r = drain(fds[0], deadline_ns, out_max, out);
	(void)close(fds[0]);
	if (r < 0)
		(void)kill(-pid, SIGKILL); /* the group stays ours: its leader is not waited for yet */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == -ETIMEDOUT)
		return hp_err_set(err, HP_DEADLINE, "%s: no answer in %d ms", argv[0], deadline_ms);
	if (r < 0)
		return hp_err_sys(err, -r, "%s", argv[0]);
	*ret_status = status;
	return 0;
}
