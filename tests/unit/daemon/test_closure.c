/* Remembered closures: a match means that every file holds what it held and nothing appeared where nothing was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "daemon/closure.h"
#include "lib/scratch.h"

/* A closure of src/a.c and inc/b.h that looked for b.h in the directories of `absent`. */
struct bound {
	struct daemon_memory *m;
	struct daemon_closure *c;
	char *cwd;
	struct codec_digest manifest;
};

static void add_probe(struct daemon_draft *draft, const char *name, const char *const *dirs)
{
	for (size_t i = 0; dirs[i]; i++)
		daemon_draft_add_absent(draft, name, daemon_draft_dir(draft, dirs[i], strlen(dirs[i])));
}

static void make_draft(const char *name, const char *const *dirs, struct daemon_draft *ret_draft)
{
	*ret_draft = (struct daemon_draft){0};
	hp_strv_add(&ret_draft->files, "src/a.c");
	hp_strv_add(&ret_draft->files, "inc/b.h");
	ret_draft->flags = hp_zalloc(2);
	if (name)
		add_probe(ret_draft, name, dirs);
}

/* Some compile found this and the clock has moved on; then it matches once, so that the gates are there. */
static void bind(void **state, struct bound *b, const char *name, const char *const *dirs)
{
	DAEMON_AUTO_DRAFT struct daemon_draft draft;
	struct hp_buf detail HP_AUTO_BUF = {0};

	(void)scratch_write(state, "src/a.c", "source");
	(void)scratch_write(state, "inc/b.h", "header");
	scratch_settle();
	make_draft(name, dirs, &draft);
	b->m = daemon_memory_new();
	b->cwd = hp_strdup(scratch_path(state, ""));
	b->c = daemon_closure_new(b->m, &draft, b->cwd, NULL);
	assert_int_equal(daemon_closure_match(b->m, b->c, &b->manifest, &detail), CC_REASON_NONE);
}

static void bound_done(struct bound *b)
{
	daemon_closure_free(b->c);
	daemon_memory_unref(b->m);
	free(b->cwd);
}
#define AUTO_BOUND __attribute__((cleanup(bound_done)))

/* Twice: what a first match learns must not blind the second. */
static void expect(struct bound *b, enum cc_reason reason)
{
	for (int i = 0; i < 2; i++) {
		struct hp_buf detail HP_AUTO_BUF = {0};
		struct codec_digest manifest;

		assert_int_equal(daemon_closure_match(b->m, b->c, &manifest, &detail), reason);
		assert_int_equal(detail.len == 0, reason == CC_REASON_NONE);
		if (reason == CC_REASON_NONE)
			assert_true(codec_digest_eq(&manifest, &b->manifest));
	}
}

static const char *const over[] = {"over", NULL};

static void nothing_changed_matches_with_the_same_manifest(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over");
	bind(state, &b, "b.h", over);
	for (int i = 0; i < 5; i++)
		expect(&b, CC_REASON_NONE);
	assert_string_equal(daemon_closure_path(b.m, b.c, 1), "inc/b.h");
}

static void another_content_gives_another_manifest(void **state)
{
	struct hp_buf detail HP_AUTO_BUF = {0};
	AUTO_BOUND struct bound b;
	struct codec_digest manifest;

	bind(state, &b, NULL, NULL);
	(void)scratch_write(state, "inc/b.h", "HEADER");
	assert_int_equal(daemon_closure_match(b.m, b.c, &manifest, &detail), CC_REASON_NONE);
	assert_false(codec_digest_eq(&manifest, &b.manifest));
	(void)scratch_write(state, "inc/b.h", "header");
	expect(&b, CC_REASON_NONE);
}

static void contents_that_swap_give_another_manifest(void **state)
{
	struct hp_buf detail HP_AUTO_BUF = {0};
	AUTO_BOUND struct bound b;
	struct codec_digest manifest;

	bind(state, &b, NULL, NULL);
	(void)scratch_write(state, "inc/b.h", "source");
	(void)scratch_write(state, "src/a.c", "header");
	assert_int_equal(daemon_closure_match(b.m, b.c, &manifest, &detail), CC_REASON_NONE);
	assert_false(codec_digest_eq(&manifest, &b.manifest));
}

static void a_missing_file_is_named(void **state)
{
	struct hp_buf detail HP_AUTO_BUF = {0};
	AUTO_BOUND struct bound b;
	struct codec_digest manifest;

	bind(state, &b, NULL, NULL);
	assert_int_equal(unlink(scratch_path(state, "inc/b.h")), 0);
	assert_int_equal(daemon_closure_match(b.m, b.c, &manifest, &detail), CC_REASON_INPUT_DIFFERS);
	assert_non_null(strstr(detail.data, scratch_path(state, "inc/b.h")));
	(void)scratch_write(state, "inc/b.h", "header");
	expect(&b, CC_REASON_NONE);
}

static void a_file_appears_in_a_directory_that_is_there(void **state)
{
	struct hp_buf detail HP_AUTO_BUF = {0};
	AUTO_BOUND struct bound b;
	struct codec_digest manifest;

	(void)scratch_mkdir(state, "over");
	bind(state, &b, "b.h", over);
	(void)scratch_write(state, "over/other.h", "");
	expect(&b, CC_REASON_NONE);
	(void)scratch_write(state, "over/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
	assert_int_equal(daemon_closure_match(b.m, b.c, &manifest, &detail), CC_REASON_HEADER_APPEARED);
	assert_non_null(strstr(detail.data, "over/b.h"));
	assert_int_equal(unlink(scratch_path(state, "over/b.h")), 0);
	expect(&b, CC_REASON_NONE);
}

static void a_file_appears_in_the_very_tick_of_the_match(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over");
	bind(state, &b, "b.h", over);
	for (int i = 0; i < 300; i++) {
		expect(&b, CC_REASON_NONE);
		(void)scratch_write(state, "over/b.h", "");
		expect(&b, CC_REASON_HEADER_APPEARED);
		assert_int_equal(unlink(scratch_path(state, "over/b.h")), 0);
	}
}

static void a_file_appears_in_a_directory_that_was_not_there(void **state)
{
	AUTO_BOUND struct bound b;

	bind(state, &b, "b.h", over);
	(void)scratch_write(state, "over/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_deep_directory_appears_step_by_step(void **state)
{
	static const char *const deep[] = {"gen/x/y", NULL};
	AUTO_BOUND struct bound b;

	bind(state, &b, "sub/b.h", deep);
	(void)scratch_mkdir(state, "gen");
	expect(&b, CC_REASON_NONE);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	(void)scratch_mkdir(state, "gen/x/y");
	expect(&b, CC_REASON_NONE);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	(void)scratch_mkdir(state, "gen/x/y/sub");
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	(void)scratch_write(state, "gen/x/y/sub/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_name_with_directories_in_it_is_watched_there(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over/sub");
	bind(state, &b, "sub/b.h", over);
	(void)scratch_write(state, "over/sub/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_directory_of_that_name_does_not_count(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over");
	bind(state, &b, "b.h", over);
	(void)scratch_mkdir(state, "over/b.h");
	expect(&b, CC_REASON_NONE);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	assert_int_equal(rmdir(scratch_path(state, "over/b.h")), 0);
	(void)scratch_write(state, "over/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_directory_replaced_by_another_is_noticed(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over");
	(void)scratch_write(state, "spare/b.h", "");
	bind(state, &b, "b.h", over);
	assert_int_equal(rename(scratch_path(state, "over"), scratch_path(state, "old")), 0);
	expect(&b, CC_REASON_NONE);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	assert_int_equal(rename(scratch_path(state, "spare"), scratch_path(state, "over")), 0);
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void the_directory_above_replaced_is_noticed(void **state)
{
	static const char *const deep[] = {"top/over", NULL};
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "top/over");
	(void)scratch_write(state, "spare/over/b.h", "");
	bind(state, &b, "b.h", deep);
	assert_int_equal(rename(scratch_path(state, "top"), scratch_path(state, "old")), 0);
	assert_int_equal(rename(scratch_path(state, "spare"), scratch_path(state, "top")), 0);
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_retargeted_link_to_a_directory_is_noticed(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "empty");
	(void)scratch_write(state, "full/b.h", "");
	assert_int_equal(symlink("empty", scratch_path(state, "over")), 0);
	bind(state, &b, "b.h", over);
	expect(&b, CC_REASON_NONE);
	assert_int_equal(unlink(scratch_path(state, "over")), 0);
	assert_int_equal(symlink("full", scratch_path(state, "over")), 0);
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_file_behind_a_link_to_a_directory_is_noticed(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "target");
	assert_int_equal(symlink("target", scratch_path(state, "over")), 0);
	bind(state, &b, "b.h", over);
	(void)scratch_write(state, "target/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

/* The directory that holds the link does not change when what the link names comes into being. */
static void the_target_of_a_dangling_link_to_a_directory_appears(void **state)
{
	AUTO_BOUND struct bound b;

	assert_int_equal(symlink("far/away/inc", scratch_path(state, "over")), 0);
	(void)scratch_mkdir(state, "far");
	bind(state, &b, "b.h", over);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	(void)scratch_write(state, "far/away/inc/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void the_target_of_a_dangling_link_to_a_file_appears(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over");
	(void)scratch_mkdir(state, "far");
	assert_int_equal(symlink("../far/config.h", scratch_path(state, "over/b.h")), 0);
	bind(state, &b, "b.h", over);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	(void)scratch_write(state, "far/config.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void a_file_in_place_of_a_directory_becomes_one(void **state)
{
	AUTO_BOUND struct bound b;

	(void)scratch_write(state, "over", "a file");
	bind(state, &b, "b.h", over);
	scratch_settle();
	expect(&b, CC_REASON_NONE);
	assert_int_equal(unlink(scratch_path(state, "over")), 0);
	(void)scratch_write(state, "over/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
}

static void dots_in_a_directory_are_the_kernels_business(void **state)
{
	static const char *const dotted[] = {"src/../over", "./none/../over2", NULL};
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "over");
	bind(state, &b, "../over/b.h", dotted);
	(void)scratch_write(state, "over/b.h", "");
	expect(&b, CC_REASON_HEADER_APPEARED);
	assert_int_equal(unlink(scratch_path(state, "over/b.h")), 0);
	expect(&b, CC_REASON_NONE);
	(void)scratch_mkdir(state, "none");
	(void)scratch_mkdir(state, "over2");
	expect(&b, CC_REASON_NONE);
}

/* A match that fails must leave the gates as they were. */
static void a_failed_match_forgets_nothing(void **state)
{
	static const char *const two[] = {"one", "two", NULL};
	AUTO_BOUND struct bound b;

	(void)scratch_mkdir(state, "one");
	(void)scratch_mkdir(state, "two");
	bind(state, &b, "b.h", two);
	(void)scratch_write(state, "two/b.h", "");
	(void)scratch_write(state, "one/b.h", "");
	scratch_settle();
	expect(&b, CC_REASON_HEADER_APPEARED);
	assert_int_equal(unlink(scratch_path(state, "one/b.h")), 0);
	scratch_settle();
	expect(&b, CC_REASON_HEADER_APPEARED);
	assert_int_equal(unlink(scratch_path(state, "two/b.h")), 0);
	expect(&b, CC_REASON_NONE);
}

static void equal_closures_are_told_from_different_ones(void **state)
{
	static const char *const other[] = {"elsewhere", NULL};
	DAEMON_AUTO_DRAFT struct daemon_draft draft;
	DAEMON_AUTO_DRAFT struct daemon_draft differing;
	struct daemon_closure *c;
	AUTO_BOUND struct bound b;

	bind(state, &b, "b.h", over);
	make_draft("b.h", over, &draft);
	c = daemon_closure_new(b.m, &draft, b.cwd, NULL);
	assert_true(daemon_closure_same(b.c, c));
	daemon_closure_free(c);
	draft.flags[1] = DAEMON_FILE_SYSTEM;
	c = daemon_closure_new(b.m, &draft, b.cwd, NULL);
	assert_false(daemon_closure_same(b.c, c));
	daemon_closure_free(c);
	make_draft("b.h", other, &differing);
	c = daemon_closure_new(b.m, &differing, b.cwd, NULL);
	assert_false(daemon_closure_same(b.c, c));
	daemon_closure_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(nothing_changed_matches_with_the_same_manifest),
	        SCRATCH_TEST(another_content_gives_another_manifest),
	        SCRATCH_TEST(contents_that_swap_give_another_manifest),
	        SCRATCH_TEST(a_missing_file_is_named),
	        SCRATCH_TEST(a_file_appears_in_a_directory_that_is_there),
	        SCRATCH_TEST(a_file_appears_in_the_very_tick_of_the_match),
	        SCRATCH_TEST(a_file_appears_in_a_directory_that_was_not_there),
	        SCRATCH_TEST(a_deep_directory_appears_step_by_step),
	        SCRATCH_TEST(a_name_with_directories_in_it_is_watched_there),
	        SCRATCH_TEST(a_directory_of_that_name_does_not_count),
	        SCRATCH_TEST(a_directory_replaced_by_another_is_noticed),
	        SCRATCH_TEST(the_directory_above_replaced_is_noticed),
	        SCRATCH_TEST(a_retargeted_link_to_a_directory_is_noticed),
	        SCRATCH_TEST(a_file_behind_a_link_to_a_directory_is_noticed),
	        SCRATCH_TEST(the_target_of_a_dangling_link_to_a_directory_appears),
	        SCRATCH_TEST(the_target_of_a_dangling_link_to_a_file_appears),
	        SCRATCH_TEST(a_file_in_place_of_a_directory_becomes_one),
	        SCRATCH_TEST(dots_in_a_directory_are_the_kernels_business),
	        SCRATCH_TEST(a_failed_match_forgets_nothing),
	        SCRATCH_TEST(equal_closures_are_told_from_different_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
