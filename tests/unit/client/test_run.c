/* Running the compiler as our own child: its streams, its end, its signals are what they would be without us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "client/run.h"
#include "lib/scratch.h"

#define KEEP_MAX (4u << 20)

/* ThreadSanitizer makes a fork of vfork: what the child says in shared memory does not arrive. */
#if defined(__SANITIZE_THREAD__)
#define VFORK_SHARES false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VFORK_SHARES false
#endif
#endif
#ifndef VFORK_SHARES
#define VFORK_SHARES true
#endif

/* What a process that called client_run did, and what came out of its own streams. */
struct seen {
	int status; /* of that process */
	struct hp_buf out;
	struct hp_buf err;
	struct hp_buf said; /* what `then` wrote to descriptor 3 */
};

typedef void (*then_fn)(struct client_run *run, int r);

static void say_nothing(struct client_run *run, int r)
{
	(void)run;
	(void)r;
}

static void say_what_was_kept(struct client_run *run, int r)
{
	(void)dprintf(3, "r=%d status=%d truncated=%d out=%zu err=%zu ", r, run->status, run->truncated, run->out.len,
	              run->err.len);
	(void)dprintf(3, "%.*s|%.*s", run->out.len < 100 ? (int)run->out.len : 0, hp_buf_cstr(&run->out),
	              run->err.len < 100 ? (int)run->err.len : 0, hp_buf_cstr(&run->err));
}

/* Streams go to files: a pipe of ours would have to be emptied meanwhile. */
static _Noreturn void in_child(void **state, const char *script, enum client_run_mode mode, then_fn then)
{
	char *argv[] = {(char *)"the-name", (char *)"-c", (char *)script, NULL};
	static const char *const names[] = {"out", "err", "said"};
	struct client_run run = {0};
	int r;

	for (int i = 0; i < 3; i++) {
		int fd = open(scratch_path(state, names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (fd < 0 || dup2(fd, i + 1) < 0)
			_exit(99);
		if (fd > 3)
			(void)close(fd);
	}
	r = client_run("/bin/sh", argv, mode, &run, NULL);
	then(&run, r);
	client_run_done(&run);
	client_exit_like(run.status);
}

static pid_t start(void **state, const char *script, enum client_run_mode mode, then_fn then)
{
	pid_t pid = fork();

	if (pid == 0)
		in_child(state, script, mode, then);
	assert_true(pid > 0);
	return pid;
}

static void finish(void **state, pid_t pid, struct seen *seen)
{
	assert_int_equal(waitpid(pid, &seen->status, 0), pid);
	assert_true(scratch_read(scratch_path(state, "out"), &seen->out));
	assert_true(scratch_read(scratch_path(state, "err"), &seen->err));
	assert_true(scratch_read(scratch_path(state, "said"), &seen->said));
}

static void seen_done(struct seen *seen)
{
	hp_buf_done(&seen->out);
	hp_buf_done(&seen->err);
	hp_buf_done(&seen->said);
}
#define AUTO_SEEN __attribute__((cleanup(seen_done)))

static void exit_codes_are_the_childs(void **state)
{
	static const int codes[] = {0, 1, 2, 77, 127, 255};

	for (size_t i = 0; i < HP_ARRAY_SIZE(codes); i++) {
		AUTO_SEEN struct seen seen = {0};
		HP_AUTO_FREE char *script = hp_asprintf("exit %d", codes[i]);

		finish(state, start(state, script, CLIENT_RUN_TEE, say_nothing), &seen);
		assert_true(WIFEXITED(seen.status));
		assert_int_equal(WEXITSTATUS(seen.status), codes[i]);
	}
}

static void death_by_a_signal_is_ours_too_without_a_core_of_ours(void **state)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGINT, SIGABRT, SIGPIPE};

	for (size_t i = 0; i < HP_ARRAY_SIZE(signals); i++) {
		AUTO_SEEN struct seen seen = {0};
		HP_AUTO_FREE char *script = hp_asprintf("ulimit -c 0; kill -%d $$", signals[i]);

		finish(state, start(state, script, CLIENT_RUN_TEE, say_nothing), &seen);
		assert_true(WIFSIGNALED(seen.status));
		assert_int_equal(WTERMSIG(seen.status), signals[i]);
		assert_false(WCOREDUMP(seen.status));
	}
}

static void both_streams_are_forwarded_and_kept(void **state)
{
	AUTO_SEEN struct seen seen = {0};

	finish(state, start(state, "echo out; echo err >&2; printf more", CLIENT_RUN_TEE, say_what_was_kept), &seen);
	assert_string_equal(hp_buf_cstr(&seen.out), "out\nmore");
	assert_string_equal(hp_buf_cstr(&seen.err), "err\n");
	assert_string_equal(hp_buf_cstr(&seen.said), "r=0 status=0 truncated=0 out=8 err=4 out\nmore|err\n");
}

static void a_quiet_run_shows_and_keeps_nothing(void **state)
{
	AUTO_SEEN struct seen seen = {0};

	finish(state, start(state, "echo out; echo err >&2; exit 4", CLIENT_RUN_QUIET, say_what_was_kept), &seen);
	assert_int_equal(seen.out.len + seen.err.len, 0);
	assert_string_equal(hp_buf_cstr(&seen.said), "r=0 status=1024 truncated=0 out=0 err=0 |");
}

static void more_than_is_kept_is_still_all_forwarded(void **state)
{
	AUTO_SEEN struct seen seen = {0};
	HP_AUTO_FREE char *script =
	        hp_asprintf("head -c %u /dev/zero; head -c %u /dev/zero >&2", KEEP_MAX + 1, KEEP_MAX);

	finish(state, start(state, script, CLIENT_RUN_TEE, say_what_was_kept), &seen);
	assert_int_equal(seen.out.len, KEEP_MAX + 1);
	assert_int_equal(seen.err.len, KEEP_MAX);
	assert_non_null(strstr(hp_buf_cstr(&seen.said), "truncated=1"));
	assert_non_null(strstr(hp_buf_cstr(&seen.said), "err=4194304"));
}

static void exactly_what_is_kept_is_not_truncated(void **state)
{
	AUTO_SEEN struct seen seen = {0};
	HP_AUTO_FREE char *script = hp_asprintf("head -c %u /dev/zero", KEEP_MAX);

	finish(state, start(state, script, CLIENT_RUN_TEE, say_what_was_kept), &seen);
	assert_non_null(strstr(hp_buf_cstr(&seen.said), "truncated=0 out=4194304"));
}

static void the_name_and_the_surroundings_are_the_users(void **state)
{
	AUTO_SEEN struct seen seen = {0};

	assert_int_equal(setenv("HPCC_TEST_VARIABLE", "value", 1), 0);
	finish(state,
	       start(state, "echo $0 $HPCC_TEST_VARIABLE; umask; test $PPID -ne 1 && readlink /proc/$$/fd/0",
	             CLIENT_RUN_TEE, say_nothing),
	       &seen);
	assert_int_equal(strncmp(hp_buf_cstr(&seen.out), "the-name value\n0", 16), 0);
}

static void what_cannot_start_is_an_error_and_no_child_is_left(void **state)
{
	char *argv[] = {(char *)"x", NULL};
	struct client_run run;
	struct hp_err err = {0};

	if (!VFORK_SHARES)
		skip();
	assert_int_equal(client_run(scratch_path(state, "none"), argv, CLIENT_RUN_TEE, &run, &err), -HP_NOT_FOUND);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_int_equal(client_run(scratch_write(state, "f", "x"), argv, CLIENT_RUN_TEE, &run, &err), -HP_DENIED);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Until the file is there: the child is up. Bounded. */
static void await(const char *path)
{
	for (int i = 0; i < 10000 && access(path, F_OK) < 0; i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(access(path, F_OK), 0);
}

static void signals_that_end_us_reach_the_child_first(void **state)
{
	AUTO_SEEN struct seen seen = {0};
	HP_AUTO_FREE char *script = hp_asprintf("trap 'echo cleaned; exit 9' TERM; : >%s; while :; do sleep 0.01; done",
	                                        scratch_path(state, "up"));
	pid_t pid = start(state, script, CLIENT_RUN_TEE, say_nothing);

	await(scratch_path(state, "up"));
	assert_int_equal(kill(pid, SIGTERM), 0);
	finish(state, pid, &seen);
	assert_string_equal(hp_buf_cstr(&seen.out), "cleaned\n");
	assert_true(WIFEXITED(seen.status));
	assert_int_equal(WEXITSTATUS(seen.status), 9);
}

static void ignored_signals_stay_ignored(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;
	AUTO_SEEN struct seen seen = {0};

	(void)sigaction(SIGHUP, &ignore, &old);
	finish(state, start(state, "kill -HUP $$; kill -HUP $PPID; echo alive", CLIENT_RUN_TEE, say_nothing), &seen);
	(void)sigaction(SIGHUP, &old, NULL);
	assert_string_equal(hp_buf_cstr(&seen.out), "alive\n");
	assert_int_equal(seen.status, 0);
}

static void a_killed_client_takes_the_compiler_along(void **state)
{
	HP_AUTO_FREE char *script = hp_asprintf("echo $$ >%s; mv %s %s; exec sleep 100", scratch_path(state, "tmp"),
	                                        scratch_path(state, "tmp"), scratch_path(state, "up"));
	pid_t pid = start(state, script, CLIENT_RUN_TEE, say_nothing);
	struct hp_buf text HP_AUTO_BUF = {0};
	pid_t child;
	bool gone = false;

	await(scratch_path(state, "up"));
	assert_true(scratch_read(scratch_path(state, "up"), &text));
	child = (pid_t)strtol(text.data, NULL, 10);
	assert_true(child > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 5000 && !gone; i++) {
		HP_AUTO_FREE char *stat_path = hp_asprintf("/proc/%d/stat", (int)child);
		struct hp_buf stat_text HP_AUTO_BUF = {0};

		/* Without an init that reaps, it may stay as a zombie. */
		gone = !scratch_read(stat_path, &stat_text) || strstr(hp_buf_cstr(&stat_text), ") Z ");
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	assert_true(gone);
}

/* A signal may come at any moment of the start: it must end the run, never be swallowed. */
static void no_moment_of_the_start_swallows_a_signal(void **state)
{
	for (long i = 0; i < 150; i++) {
		pid_t pid = start(state, "exec sleep 100", CLIENT_RUN_TEE, say_nothing);
		int64_t until_ns = sys_monotonic_ns() + i * 20000;
		bool ended = false;
		int status = 0;

		while (sys_monotonic_ns() < until_ns)
			;
		assert_int_equal(kill(pid, SIGTERM), 0);
		for (int k = 0; k < 10000 && !ended; k++) {
			ended = waitpid(pid, &status, WNOHANG) == pid;
			if (!ended)
				(void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
		}
		if (!ended) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			fail_msg("a signal after %ld us was swallowed", i * 20);
		}
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGTERM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(exit_codes_are_the_childs),
	        SCRATCH_TEST(death_by_a_signal_is_ours_too_without_a_core_of_ours),
	        SCRATCH_TEST(both_streams_are_forwarded_and_kept),
	        SCRATCH_TEST(a_quiet_run_shows_and_keeps_nothing),
	        SCRATCH_TEST(more_than_is_kept_is_still_all_forwarded),
	        SCRATCH_TEST(exactly_what_is_kept_is_not_truncated),
	        SCRATCH_TEST(the_name_and_the_surroundings_are_the_users),
	        SCRATCH_TEST(what_cannot_start_is_an_error_and_no_child_is_left),
	        SCRATCH_TEST(signals_that_end_us_reach_the_child_first),
	        SCRATCH_TEST(ignored_signals_stay_ignored),
	        SCRATCH_TEST(a_killed_client_takes_the_compiler_along),
	        SCRATCH_TEST(no_moment_of_the_start_swallows_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
