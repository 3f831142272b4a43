/* Which headers -MMD leaves out: the rule by itself, then against the compilers' own files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compile_fixture.h"
#include "daemon/system_headers.h"

#define USER 0u
#define SYSTEM DAEMON_FILE_SYSTEM
#define DOUBTFUL 0xffu

#define FILES 4

struct edge {
	int from;
	int to;
	int via_system;
};

/* File 0 is the source. `edges` ends at {0, 0, …}. */
static void expect_rule(const struct edge *edges, int pragma, const uint8_t expected[FILES])
{
	struct daemon_system_headers *h = daemon_system_headers_new();
	uint8_t flags[FILES] = {0};
	size_t doubtful = SIZE_MAX;
	bool certain;

	for (; edges->from || edges->to; edges++)
		daemon_system_headers_edge(h, (size_t)edges->from, (size_t)edges->to, edges->via_system != 0);
	if (pragma >= 0)
		daemon_system_headers_pragma(h, (size_t)pragma);
	certain = daemon_system_headers_solve(h, 0, FILES, flags, &doubtful);
	for (size_t i = 0; i < FILES; i++) {
		if (expected[i] == DOUBTFUL) {
			assert_false(certain);
			assert_int_equal(doubtful, i);
			daemon_system_headers_free(h);
			return;
		}
	}
	assert_true(certain);
	assert_memory_equal(flags, expected, FILES);
	daemon_system_headers_free(h);
}

static void the_directory_or_the_includer_decides(void **state)
{
	(void)state;
	expect_rule((const struct edge[]){{0, 1, 0}, {0, 2, 1}, {2, 3, 0}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, USER, SYSTEM, SYSTEM});
	/* A user header that a system header finds in a user directory is one, too. */
	expect_rule((const struct edge[]){{0, 1, 1}, {1, 2, 0}, {2, 3, 0}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, SYSTEM, SYSTEM, SYSTEM});
	expect_rule((const struct edge[]){{0, 1, 0}, {1, 2, 1}, {2, 3, 1}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, USER, SYSTEM, SYSTEM});
}

static void two_ways_to_one_file_must_agree(void **state)
{
	(void)state;
	expect_rule((const struct edge[]){{0, 1, 0}, {0, 2, 1}, {1, 3, 0}, {2, 3, 0}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, USER, SYSTEM, DOUBTFUL});
	expect_rule((const struct edge[]){{0, 1, 0}, {0, 2, 1}, {1, 3, 1}, {2, 3, 0}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, USER, SYSTEM, SYSTEM});
}

static void a_file_that_nobody_leads_to_is_doubtful(void **state)
{
	(void)state;
	expect_rule((const struct edge[]){{0, 1, 0}, {0, 2, 0}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, USER, USER, DOUBTFUL});
	expect_rule((const struct edge[]){{0, 1, 0}, {0, 2, 0}, {3, 3, 1}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, USER, USER, DOUBTFUL});
}

static void a_name_that_stands_twice_is_what_both_may_be(void **state)
{
	static const struct edge once[] = {{0, 1, 0}, {2, 3, 0}, {0, 0, 0}};
	static const struct edge twice[] = {{0, 1, 0}, {0, 2, 1}, {2, 3, 0}, {0, 0, 0}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct daemon_system_headers *h = daemon_system_headers_new();
		uint8_t flags[FILES] = {0};
		size_t doubtful;

		for (const struct edge *e = i == 0 ? once : twice; e->from || e->to; e++)
			daemon_system_headers_edge(h, (size_t)e->from, (size_t)e->to, e->via_system != 0);
		daemon_system_headers_same(h, 1, 2);
		/* Led to once, as a user's, both are; led to by different ways, either may be. */
		assert_int_equal(daemon_system_headers_solve(h, 0, FILES, flags, &doubtful), i == 0);
		if (i == 0)
			assert_memory_equal(flags, ((const uint8_t[]){USER, USER, USER, USER}), FILES);
		daemon_system_headers_free(h);
	}
}

static void a_pragma_makes_what_follows_doubtful(void **state)
{
	(void)state;
	expect_rule((const struct edge[]){{0, 1, 0}, {1, 2, 0}, {0, 3, 0}, {0, 0, 0}}, 1,
	            (const uint8_t[]){USER, USER, DOUBTFUL, USER});
	/* In a file that is a system header anyway it changes nothing. */
	expect_rule((const struct edge[]){{0, 1, 1}, {1, 2, 0}, {0, 3, 0}, {0, 0, 0}}, 1,
	            (const uint8_t[]){USER, SYSTEM, SYSTEM, USER});
}

static void circles_end(void **state)
{
	(void)state;
	expect_rule((const struct edge[]){{0, 1, 0}, {1, 2, 0}, {2, 1, 0}, {2, 3, 0}, {3, 0, 0}, {1, 0, 1}, {0, 0, 0}},
	            -1, (const uint8_t[]){USER, USER, USER, USER});
	expect_rule((const struct edge[]){{0, 1, 1}, {1, 2, 0}, {2, 1, 0}, {2, 3, 0}, {3, 0, 0}, {0, 0, 0}}, -1,
	            (const uint8_t[]){USER, SYSTEM, SYSTEM, SYSTEM});
}

/* Compiles with -MMD and compares the file that we would write with the compiler's own. */
static void judge(void **state, const char *compiler, const char *lang, const char *args, const char *env,
                  const struct step *tree, bool certain)
{
	HP_AUTO_FREE char *full = hp_asprintf("%s -x %s -MMD -MF user.d -c src/a.c -o a.o", args, lang);
	struct hp_buf theirs HP_AUTO_BUF = {0};
	struct hp_buf ours HP_AUTO_BUF = {0};
	struct hp_buf said HP_AUTO_BUF = {0};
	AUTO_COMPILE struct compile c;
	enum cc_reason reason;
	size_t n = 0;

	compile_build_tree(state, tree);
	compile_init(state, &c, compiler, full, env);
	if (compile_run(&c, (const char *const[]){NULL}, &said) != 0)
		fail_msg("%s", hp_buf_cstr(&said));
	assert_true(scratch_read(scratch_path(state, "t/user.d"), &theirs));
	reason = compile_discover(state, &c);
	if (!certain) {
		assert_int_equal(reason, CC_REASON_MMD_AMBIGUOUS);
		return;
	}
	if (reason != CC_REASON_NONE)
		fail_msg("%s %s: %s: %s", compiler, full, cc_reason_name(reason), hp_buf_cstr(&c.detail));
	HP_AUTO_FREE char **user = hp_alloc(c.deps.deps.len * sizeof *user);

	for (size_t i = 0; i < c.deps.deps.len; i++) {
		if (!(c.discovery.draft.flags[i] & DAEMON_FILE_SYSTEM))
			user[n++] = c.deps.deps.v[i];
	}
	cc_depfile_print(c.inv.family, c.inv.deps_target, user, n, c.inv.deps_phony, &ours);
	assert_string_equal(hp_buf_cstr(&ours), hp_buf_cstr(&theirs));
}

static void judge_both(void **state, const char *args, const struct step *tree, bool certain)
{
	judge(state, "/usr/bin/gcc", "c", args, NULL, tree, certain);
	judge(state, "/usr/bin/clang", "c", args, NULL, tree, certain);
}

static void headers_of_libc_are_left_out(void **state)
{
	judge_both(
	        state, "-Iinc",
	        (const struct step[]){WRITE("src/a.c", "#include <stdio.h>\n#include <stdlib.h>\n#include <limits.h>\n"
	                                               "#include <stdint.h>\n#include <errno.h>\n#include <pthread.h>\n"
	                                               "#include <sys/socket.h>\n#include \"u.h\"\n#include <v.h>\n"),
	                              WRITE("src/u.h", "#include <string.h>\n#include <math.h>\n"),
	                              WRITE("inc/v.h", "#include <signal.h>\n"),
	                              {0}},
	        true);
}

static void headers_of_libstdcxx_are_left_out(void **state)
{
	static const struct step tree[] = {
	        WRITE("src/a.c", "#include <vector>\n#include <map>\n#include <string>\n#include <iostream>\n"
	                         "#include <algorithm>\n#include <cmath>\n#include <cstdlib>\n#include \"u.h\"\n"),
	        WRITE("src/u.h", "#include <memory>\n"),
	        {0}};

	judge(state, "/usr/bin/g++", "c++", "-Iinc", NULL, tree, true);
	judge(state, "/usr/bin/clang++", "c++", "-Iinc", NULL, tree, true);
}

static void directories_of_each_kind_count_as_the_compilers_count_them(void **state)
{
	judge_both(state, "-Iinc -isystem sys -idirafter after -iquote quote",
	           (const struct step[]){
	                   WRITE("src/a.c", "#include <i.h>\n#include <s.h>\n#include <t.h>\n#include \"q.h\"\n"),
	                   WRITE("inc/i.h", ""),
	                   WRITE("sys/s.h", "#include \"beside.h\"\n"),
	                   WRITE("sys/beside.h", ""),
	                   WRITE("after/t.h", ""),
	                   WRITE("quote/q.h", ""),
	                   {0}},
	           true);
	judge_both(state, "-Isys -isystem sys",
	           (const struct step[]){WRITE("src/a.c", "#include <s.h>\n"), WRITE("sys/s.h", ""), {0}}, true);
	judge_both(state, "-iquote sys -isystem sys",
	           (const struct step[]){WRITE("src/a.c", "#include \"s.h\"\n"), WRITE("sys/s.h", ""), {0}}, true);
	judge_both(state, "-I/usr/include", (const struct step[]){WRITE("src/a.c", "#include <errno.h>\n"), {0}}, true);
}

/* GCC lists a name once for each way in which it was put together. */
static void names_put_together_in_two_ways_are_listed_as_the_compilers_list_them(void **state)
{
	judge_both(state, "-isystem sys",
	           (const struct step[]){
	                   WRITE("src/a.c", "#include \"../common/mem.h\"\n#include \"hist.h\"\n#include <s.h>\n"),
	                   WRITE("src/hist.h", "#include \"../common/debug.h\"\n"),
	                   WRITE("common/mem.h", "#include <stddef.h>\n#include \"debug.h\"\n"),
	                   WRITE("common/debug.h", "#include \"../top.h\"\n"),
	                   WRITE("top.h", "#include <limits.h>\n"),
	                   WRITE("sys/s.h", "#include \"sub/t.h\"\n#include \"u.h\"\n"),
	                   WRITE("sys/sub/t.h", "#include \"../u.h\"\n"),
	                   WRITE("sys/u.h", ""),
	                   {0}},
	           true);
}

static void absolute_and_forced_names_count_as_the_includers(void **state)
{
	judge_both(state, "-include @/f.h -include inc/g.h -isystem sys",
	           (const struct step[]){WRITE("src/a.c", "#include \"@/abs/u.h\"\n#include <s.h>\n"),
	                                 WRITE("f.h", "int f;\n"),
	                                 WRITE("inc/g.h", ""),
	                                 WRITE("abs/u.h", ""),
	                                 WRITE("sys/s.h", ""),
	                                 {0}},
	           true);
}

static void a_user_header_that_a_system_header_includes_is_doubtful(void **state)
{
	judge_both(state, "-Iinc -isystem sys",
	           (const struct step[]){WRITE("src/a.c", "#include <s.h>\n#include <config.h>\n"),
	                                 WRITE("sys/s.h", "#include <config.h>\n"),
	                                 WRITE("inc/config.h", ""),
	                                 {0}},
	           false);
	judge_both(state, "-Iinc -isystem sys",
	           (const struct step[]){WRITE("src/a.c", "#include <s.h>\n"),
	                                 WRITE("sys/s.h", "#include <config.h>\n"),
	                                 WRITE("inc/config.h", ""),
	                                 {0}},
	           true);
}

static void a_user_header_with_the_pragma_is_doubtful_when_it_includes(void **state)
{
	judge_both(state, "-Iinc",
	           (const struct step[]){WRITE("src/a.c", "#include <p.h>\n"),
	                                 WRITE("inc/p.h", "#pragma GCC system_header\n#include <q.h>\n"),
	                                 WRITE("inc/q.h", ""),
	                                 {0}},
	           false);
	judge_both(state, "-Iinc",
	           (const struct step[]){WRITE("src/a.c", "#include <p.h>\n"),
	                                 WRITE("inc/p.h", "#pragma GCC system_header\nint p;\n"),
	                                 {0}},
	           true);
}

static void include_next_into_a_system_directory_is_followed(void **state)
{
	judge_both(state, "-Iinc -isystem sys",
	           (const struct step[]){WRITE("src/a.c", "#include <w.h>\n#include <errno.h>\n"),
	                                 WRITE("inc/w.h", "#include_next <w.h>\n"),
	                                 WRITE("sys/w.h", "int w;\n"),
	                                 WRITE("inc/errno.h", "#include_next <errno.h>\n"),
	                                 {0}},
	           true);
}

/* CPATH has the place of -I, and what is in it is the user's. */
static void headers_found_through_cpath_are_listed(void **state)
{
	static const struct step tree[] = {
	        WRITE("src/a.c", "#include <x.h>\n#include <errno.h>\n"), WRITE("cp/x.h", ""), {0}};

	judge(state, "/usr/bin/gcc", "c", "-isystem sys", "CPATH=@/cp", tree, true);
	judge(state, "/usr/bin/clang", "c", "-isystem sys", "CPATH=@/cp", tree, true);
	judge(state, "/usr/bin/gcc", "c", "", "CPATH=cp:/usr/include", tree, true);
	judge(state, "/usr/bin/clang", "c", "", "CPATH=cp:/usr/include", tree, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_directory_or_the_includer_decides),
	        cmocka_unit_test(two_ways_to_one_file_must_agree),
	        cmocka_unit_test(a_file_that_nobody_leads_to_is_doubtful),
	        cmocka_unit_test(a_name_that_stands_twice_is_what_both_may_be),
	        cmocka_unit_test(a_pragma_makes_what_follows_doubtful),
	        cmocka_unit_test(circles_end),
	        SCRATCH_TEST(headers_of_libc_are_left_out),
	        SCRATCH_TEST(headers_of_libstdcxx_are_left_out),
	        SCRATCH_TEST(directories_of_each_kind_count_as_the_compilers_count_them),
	        SCRATCH_TEST(names_put_together_in_two_ways_are_listed_as_the_compilers_list_them),
	        SCRATCH_TEST(absolute_and_forced_names_count_as_the_includers),
	        SCRATCH_TEST(a_user_header_that_a_system_header_includes_is_doubtful),
	        SCRATCH_TEST(a_user_header_with_the_pragma_is_doubtful_when_it_includes),
	        SCRATCH_TEST(include_next_into_a_system_directory_is_followed),
	        SCRATCH_TEST(headers_found_through_cpath_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
