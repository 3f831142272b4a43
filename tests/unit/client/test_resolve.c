/* Which program a compiler's name means: PATH as execvp reads it, links to hpcc left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "client/resolve.h"
#include "lib/scratch.h"

/* PATH with each "@" replaced by the scratch folder. */
static void set_path(void **state, const char *path)
{
	struct hp_buf out HP_AUTO_BUF = {0};

	for (; *path; path++) {
		if (*path == '@')
			hp_buf_str(&out, scratch_path(state, ""));
		else
			hp_buf_char(&out, *path);
	}
	assert_int_equal(setenv("PATH", hp_buf_cstr(&out), 1), 0);
}

/* Resolves from the scratch folder; `expect` relative to it, NULL: not found. */
static void expect(void **state, const char *name, const char *expected, bool skipped)
{
	struct hp_buf out HP_AUTO_BUF = {0};
	struct hp_buf path HP_AUTO_BUF = {0};
	bool got_skipped = !skipped;
	bool found;

	hp_buf_str(&out, "kept:");
	found = client_resolve(name, scratch_path(state, ""), &out, &got_skipped);
	assert_int_equal(got_skipped, skipped);
	assert_int_equal(found, expected != NULL);
	hp_buf_printf(&path, "kept:%s", expected ? scratch_path(state, expected) : "");
	out.data[out.len] = '\0';
	assert_string_equal(out.data, path.data);
}

static void link_to(void **state, const char *target, const char *name)
{
	HP_AUTO_FREE char *slash = hp_strndup(name, (size_t)(strrchr(name, '/') - name));

	(void)scratch_mkdir(state, slash);
	assert_int_equal(symlink(target, scratch_path(state, name)), 0);
}

static void the_first_program_on_path_is_meant(void **state)
{
	(void)scratch_mkdir(state, "a/cc");
	(void)scratch_write(state, "b/cc", "not executable");
	(void)scratch_script(state, "c/cc", "");
	(void)scratch_script(state, "d/cc", "");
	set_path(state, "@/none:@/a:@/b:@/c:@/d");
	expect(state, "cc", "c/cc", false);
	expect(state, "gcc", NULL, false);
	set_path(state, "@/d:@/c");
	expect(state, "cc", "d/cc", false);
}

static void relative_and_empty_entries_start_at_the_working_directory(void **state)
{
	(void)scratch_script(state, "cc", "");
	(void)scratch_script(state, "sub/gcc", "");
	set_path(state, "sub:@/none");
	expect(state, "gcc", "sub/gcc", false);
	set_path(state, "@/none:");
	expect(state, "cc", "/cc", false);
	set_path(state, ":@/none");
	expect(state, "cc", "/cc", false);
	set_path(state, "@/none::@/none");
	expect(state, "cc", "/cc", false);
	set_path(state, "./sub/");
	expect(state, "gcc", "./sub//gcc", false);
}

static void no_path_at_all_means_the_systems(void **state)
{
	struct hp_buf out HP_AUTO_BUF = {0};
	bool skipped;

	(void)state;
	assert_int_equal(unsetenv("PATH"), 0);
	assert_true(client_resolve("sh", "/", &out, &skipped));
	assert_string_equal(out.data, "/usr/bin/sh");
}

static void a_name_with_a_slash_is_a_path(void **state)
{
	(void)scratch_script(state, "sub/cc", "");
	(void)scratch_script(state, "bin/cc", "");
	set_path(state, "@/bin");
	expect(state, "sub/cc", "sub/cc", false);
	expect(state, "./sub/cc", "./sub/cc", false);
	expect(state, scratch_path(state, "sub/cc"), "sub/cc", false);
	/* Whether it exists is for execve to say. */
	expect(state, "sub/none", "sub/none", false);
}

static void links_to_this_very_program_are_passed_over(void **state)
{
	link_to(state, "/proc/self/exe", "a/cc");
	(void)scratch_script(state, "b/cc", "");
	set_path(state, "@/a:@/b");
	expect(state, "cc", "b/cc", true);
	set_path(state, "@/b:@/a");
	expect(state, "cc", "b/cc", false);
	set_path(state, "@/a");
	expect(state, "cc", NULL, true);
}

static void links_that_end_at_another_hpcc_are_passed_over(void **state)
{
	(void)scratch_script(state, "other/hpcc", "");
	link_to(state, "../other/hpcc", "a/cc");
	link_to(state, "../a/cc", "b/cc");
	(void)scratch_script(state, "c/cc", "");
	set_path(state, "@/b:@/a:@/c");
	expect(state, "cc", "c/cc", true);
	/* Debian's alternatives are links too, to programs of other names. */
	(void)scratch_script(state, "d/gcc-12", "");
	link_to(state, "../d/gcc-12", "e/cc");
	set_path(state, "@/e:@/c");
	expect(state, "cc", "e/cc", false);
}

static void a_path_to_a_link_means_the_next_one_of_that_name(void **state)
{
	(void)scratch_script(state, "other/hpcc", "");
	link_to(state, "../other/hpcc", "a/cc");
	(void)scratch_script(state, "c/cc", "");
	set_path(state, "@/a:@/c");
	expect(state, "a/cc", "c/cc", true);
	set_path(state, "@/a");
	expect(state, "./a/cc", NULL, true);
}

static void links_that_lead_nowhere_or_round_are_passed_over(void **state)
{
	link_to(state, "nowhere", "a/cc");
	link_to(state, "cc", "b/cc");
	(void)scratch_script(state, "c/cc", "");
	set_path(state, "@/a:@/b:@/c");
	expect(state, "cc", "c/cc", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(the_first_program_on_path_is_meant),
	        SCRATCH_TEST(relative_and_empty_entries_start_at_the_working_directory),
	        SCRATCH_TEST(no_path_at_all_means_the_systems),
	        SCRATCH_TEST(a_name_with_a_slash_is_a_path),
	        SCRATCH_TEST(links_to_this_very_program_are_passed_over),
	        SCRATCH_TEST(links_that_end_at_another_hpcc_are_passed_over),
	        SCRATCH_TEST(a_path_to_a_link_means_the_next_one_of_that_name),
	        SCRATCH_TEST(links_that_lead_nowhere_or_round_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
