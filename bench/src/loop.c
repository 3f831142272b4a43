/* Runs one program many times in a row and says what a run costs, so that a script's own cost of starting processes
 * does not count.
 *
 * usage: loop CALLS REMOVE PROGRAM ARGS…
 * REMOVE is a file that is unlinked before each run, outside the clock, or "" for none.
 * prints: CALLS FAILURES WALL_NS CPU_NS P10_NS P50_NS P90_NS
 *   WALL_NS  the sum over all runs, each from before its start to after the wait
 *   CPU_NS   user and system time of all children, and of theirs that they waited for
 *   P..      percentiles of the wall time of single runs
 * The children's output goes to /dev/null. The program is found by its path, not by PATH. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
	CALLS_MAX = 1000000
};

static long long now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long children_cpu_ns(void)
{
	struct rusage ru;
	getrusage(RUSAGE_CHILDREN, &ru);
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000LL +
	       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000LL;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long calls = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	if (calls < 1 || calls > CALLS_MAX) {
		fputs("usage: loop CALLS REMOVE PROGRAM ARGS...\n", stderr);
		return 2;
	}
	long long *took = calloc((size_t)calls, sizeof(*took));
	posix_spawn_file_actions_t actions;
	if (!took || posix_spawn_file_actions_init(&actions) != 0)
		return 1;
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);

	long failures = 0;
	long long cpu = children_cpu_ns(), wall = 0;
	for (long i = 0; i < calls; i++) {
		pid_t pid;
		int status;
		if (argv[2][0])
			unlink(argv[2]);
		long long before = now_ns();
		int rc = posix_spawn(&pid, argv[3], &actions, NULL, argv + 3, environ);
		if (rc != 0) {
			fprintf(stderr, "loop: %s: %s\n", argv[3], strerror(rc));
			return 1;
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			failures++;
		took[i] = now_ns() - before;
		wall += took[i];
	}
	cpu = children_cpu_ns() - cpu;
	qsort(took, (size_t)calls, sizeof(*took), compare);
	printf("%ld %ld %lld %lld %lld %lld %lld\n", calls, failures, wall, cpu, took[calls / 10], took[calls / 2],
	       took[calls * 9 / 10]);
	free(took);
	return 0;
}
