/* How long taking a command line apart takes: the part of a hit that grows with the number of arguments.
 *
 *   build/gcc/tests/unit/cc/parse_bench [ROUNDS [ARGUMENTS]]
 *
 * The command line is made up of what large projects give, in their proportions: macros, include directories, warnings,
 * -f and -m options, a few with separate values. Prints the best and the median of ROUNDS (default 2000) parses. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cc/invocation.h"

/* One of each kind of ten arguments; %zu makes them different. */
static const char *const pattern[] = {
        "-DPROJECT_FEATURE_%zu=1",
        "-I../../third_party/library_%zu/include",
        "-Wno-some-warning-%zu",
        "-DNAME_%zu",
        "-I../../gen/component/%zu",
        "-Werror=return-type",
        "-fno-strict-aliasing",
        "-isystem",
        "../../buildtools/include/%zu",
        "-mavx2",
        "-DSTRING_%zu=\"value with spaces\"",
        "-fstack-protector-strong",
        "-I../../base/%zu",
        "-Wall",
        "-fvisibility=hidden",
        "-DUSE_%zu=0",
        "-I../../src/module/%zu",
        "-ffunction-sections",
        "-Wextra-semi",
        "-pthread",
};

static const char *const fixed[] = {"-std=c++17", "-O2", "-g",           "-fPIC", "-MMD", "-MF",
                                    "a/x.o.d",    "-c",  "../../a/x.cc", "-o",    "a/x.o"};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void make_command_line(size_t argc, struct hp_strv *args)
{
	for (size_t i = 0; args->len + HP_ARRAY_SIZE(fixed) < argc; i++) {
		HP_AUTO_BUF struct hp_buf word = {0};

		for (const char *p = pattern[i % HP_ARRAY_SIZE(pattern)]; *p; p++) {
			if (*p == '%') {
				hp_buf_printf(&word, "%zu", i);
				p += 2;
			} else {
				hp_buf_char(&word, *p);
			}
		}
		hp_strv_addn(args, word.data, word.len);
	}
	for (size_t i = 0; i < HP_ARRAY_SIZE(fixed); i++)
		hp_strv_add(args, fixed[i]);
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
	size_t args_len = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	HP_AUTO_STRV struct hp_strv args = {0};
	HP_AUTO_FREE int64_t *times = hp_zalloc((rounds + 1) * sizeof *times);
	enum cc_reason bypass = CC_REASON_NONE;

	make_command_line(args_len, &args);
	for (size_t i = 0; i < rounds; i++) {
		struct cc_invocation inv;
		int64_t start = now_ns();

		(void)cc_invocation_parse(&inv, CC_FAMILY_GCC, "g++", args.len, args.v, NULL, NULL, NULL);
		bypass = inv.bypass;
		cc_invocation_done(&inv);
		times[i] = now_ns() - start;
	}
	qsort(times, rounds, sizeof *times, by_value);
	printf("%zu arguments: best %.1f us, median %.1f us of %zu parses%s%s\n", args.len, (double)times[0] / 1e3,
	       (double)times[rounds / 2] / 1e3, rounds, bypass ? "; bypass " : "",
	       bypass ? cc_reason_name(bypass) : "");
	return bypass != CC_REASON_NONE;
}
