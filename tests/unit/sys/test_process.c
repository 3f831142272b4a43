/* Running a program to the end: what it says is kept and bounded, and no program keeps us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/scratch.h"
#include "sys/process.h"

struct ran {
	int r;
	int status;
	struct hp_buf out;
	struct hp_err err;
};

static struct ran shell(const char *script, const char *cwd, int deadline_ms, size_t out_max)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, NULL};
	char *env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"ONLY=this", NULL};
	struct ran ran = {0};

	ran.r = sys_process_capture(argv, env, cwd, deadline_ms, out_max, &ran.out, &ran.status, &ran.err);
	return ran;
}

static void both_streams_and_the_status_are_kept(void **state)
{
	struct ran ran = shell("echo out; echo err >&2; exit 3", "/", 10000, 1000);

	(void)state;
	assert_int_equal(ran.r, 0);
	assert_string_equal(ran.out.data, "out\nerr\n");
	assert_true(WIFEXITED(ran.status));
	assert_int_equal(WEXITSTATUS(ran.status), 3);
	hp_buf_done(&ran.out);
}

static void death_by_a_signal_is_no_error_of_ours(void **state)
{
	struct ran ran = shell("kill -9 $$", "/", 10000, 1000);

	(void)state;
	assert_int_equal(ran.r, 0);
	assert_true(WIFSIGNALED(ran.status));
	assert_int_equal(WTERMSIG(ran.status), SIGKILL);
	hp_buf_done(&ran.out);
}

static void it_runs_where_and_with_what_it_is_told(void **state)
{
	struct ran ran = shell("pwd; echo $ONLY; echo $HOME; cat", scratch_path(state, ""), 10000, 1000);
	struct hp_buf expect HP_AUTO_BUF = {0};

	hp_buf_printf(&expect, "%s\nthis\n\n", scratch_path(state, ""));
	assert_string_equal(hp_buf_cstr(&ran.out), expect.data);
	hp_buf_done(&ran.out);
}

static void output_beyond_the_bound_is_read_and_dropped(void **state)
{
	struct ran ran = shell("i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789; "
	                       "i=$((i+1)); done; exit 5",
	                       "/", 20000, 1000);

	(void)state;
	assert_int_equal(ran.r, 0);
	assert_int_equal(ran.out.len, 1000);
	assert_int_equal(WEXITSTATUS(ran.status), 5);
	hp_buf_done(&ran.out);
	ran = shell("printf 0123456789", "/", 10000, 10);
	assert_string_equal(ran.out.data, "0123456789");
	hp_buf_done(&ran.out);
}

static void the_deadline_ends_it(void **state)
{
	int64_t start_ns = sys_monotonic_ns();
	struct ran ran = shell("echo started; exec sleep 100", "/", 200, 1000);

	(void)state;
	assert_int_equal(ran.r, -HP_DEADLINE);
	assert_true(sys_monotonic_ns() - start_ns < 30000000000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	hp_buf_done(&ran.out);
}

static void a_grandchild_that_keeps_the_pipe_does_not_keep_us(void **state)
{
	int64_t start_ns = sys_monotonic_ns();
	struct ran ran = shell("sleep 20 & exit 0", "/", 200, 1000);

	(void)state;
	assert_int_equal(ran.r, -HP_DEADLINE);
	assert_true(sys_monotonic_ns() - start_ns < 15000000000);
	hp_buf_done(&ran.out);
}

/* Whether the process still runs: not one that is only waited for. */
static bool runs(long pid)
{
	HP_AUTO_FREE char *path = hp_asprintf("/proc/%ld/stat", pid);
	struct hp_buf text HP_AUTO_BUF = {0};
	const char *name_end;

	if (!scratch_read(path, &text))
		return false;
	name_end = strrchr(hp_buf_cstr(&text), ')');
	return name_end && name_end[2] != 'Z' && name_end[2] != 'X';
}

static void what_it_has_started_ends_with_it(void **state)
{
	struct ran ran = shell("sleep 300 & echo $!; exec sleep 300", "/", 200, 1000);
	long grandchild = strtol(hp_buf_cstr(&ran.out), NULL, 10);
	int64_t until_ns = sys_monotonic_ns() + 20000000000;

	(void)state;
	assert_int_equal(ran.r, -HP_DEADLINE);
	assert_true(grandchild > 0);
	while (runs(grandchild) && sys_monotonic_ns() < until_ns) /* it was told; the kernel may take a moment */
		(void)poll(NULL, 0, 5);
	assert_false(runs(grandchild));
	hp_buf_done(&ran.out);
}

static void what_cannot_start_says_so(void **state)
{
	char *argv[] = {(char *)scratch_path(state, "none"), NULL};
	char *env[] = {NULL};
	struct hp_buf out HP_AUTO_BUF = {0};
	struct hp_err err = {0};
	int status;

	assert_int_equal(sys_process_capture(argv, env, "/", 1000, 10, &out, &status, &err), -HP_NOT_FOUND);
	assert_non_null(strstr(err.msg, argv[0]));
	argv[0] = (char *)scratch_write(state, "plain", "text");
	assert_int_equal(sys_process_capture(argv, env, "/", 1000, 10, &out, &status, &err), -HP_DENIED);
	argv[0] = (char *)"/bin/true";
	assert_int_equal(sys_process_capture(argv, env, scratch_path(state, "no"), 1000, 10, &out, &status, &err),
	                 -HP_NOT_FOUND);
}

static void signals_that_we_ignore_or_block_do_not_reach_it(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction old;
	sigset_t blocked;
	sigset_t before;
	struct ran term;
	struct ran broken;

	(void)state;
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	(void)sigaction(SIGPIPE, &ignore, &old);
	term = shell("kill -TERM $$; echo alive", "/", 10000, 1000);
	broken = shell("kill -PIPE $$; echo alive", "/", 10000, 1000);
	(void)sigaction(SIGPIPE, &old, NULL);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(WTERMSIG(term.status), SIGTERM);
	assert_int_equal(WTERMSIG(broken.status), SIGPIPE);
	hp_buf_done(&term.out);
	hp_buf_done(&broken.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_streams_and_the_status_are_kept),
	        cmocka_unit_test(death_by_a_signal_is_no_error_of_ours),
	        SCRATCH_TEST(it_runs_where_and_with_what_it_is_told),
	        cmocka_unit_test(output_beyond_the_bound_is_read_and_dropped),
	        cmocka_unit_test(the_deadline_ends_it),
	        cmocka_unit_test(what_it_has_started_ends_with_it),
	        cmocka_unit_test(a_grandchild_that_keeps_the_pipe_does_not_keep_us),
	        SCRATCH_TEST(what_cannot_start_says_so),
	        cmocka_unit_test(signals_that_we_ignore_or_block_do_not_reach_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
