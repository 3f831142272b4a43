/* The digest memo: no change to a file goes unnoticed, however alike the file looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "base/limits.h"
#include "daemon/memory.h"
#include "lib/scratch.h"

/* Checks that the memo says what the file holds. */
static void expect_text(struct daemon_memory *m, const char *path, const char *text)
{
	struct codec_digest digest;
	struct codec_digest expected;

	assert_int_equal(daemon_file_digest(daemon_file_at(m, daemon_memory_file(m, path)), &digest, NULL), 0);
	codec_blake3(text, strlen(text), &expected);
	assert_true(codec_digest_eq(&digest, &expected));
}

static void a_rewrite_of_the_same_size_in_the_same_tick_is_noticed(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_path(state, "f.h");
	char text[] = "aaaa";

	for (int i = 0; i < 2000; i++) {
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		text[i % 4] = (char)('a' + i % 26);
		assert_int_equal(pwrite(fd, text, 4, 0), 4);
		(void)close(fd);
		expect_text(m, path, text);
	}
}

static void an_old_file_is_believed_until_its_stamp_changes(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_write(state, "f.h", "old");
	struct daemon_file *file = daemon_file_at(m, daemon_memory_file(m, path));

	scratch_settle();
	expect_text(m, path, "old");
	assert_true(file->trusted);
	expect_text(m, path, "old");
	(void)scratch_write(state, "f.h", "new");
	expect_text(m, path, "new");
}

static void a_touched_file_is_read_again_and_the_same(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_write(state, "f.h", "text");
	struct daemon_file *file = daemon_file_at(m, daemon_memory_file(m, path));
	struct daemon_content *before;

	scratch_settle();
	expect_text(m, path, "text");
	before = daemon_content_ref(file->content);
	assert_int_equal(utimensat(AT_FDCWD, path, NULL, 0), 0);
	expect_text(m, path, "text");
	assert_ptr_not_equal(file->content, before);
	daemon_content_unref(before);
}

static void replaced_by_one_with_the_same_time_and_size_is_noticed(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_write(state, "f.h", "text");
	const char *other = scratch_write(state, "g.h", "TEXT");
	struct timespec times[2];
	struct stat st;

	scratch_settle();
	expect_text(m, path, "text");
	assert_int_equal(stat(path, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, other, times, 0), 0);
	assert_int_equal(rename(other, path), 0);
	expect_text(m, path, "TEXT");
}

static void a_retargeted_link_is_noticed(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_path(state, "link.h");

	(void)scratch_write(state, "a.h", "a");
	(void)scratch_write(state, "b.h", "b");
	scratch_settle();
	assert_int_equal(symlink("a.h", path), 0);
	expect_text(m, path, "a");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("b.h", path), 0);
	expect_text(m, path, "b");
}

static void a_file_stamped_in_the_future_is_never_believed(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_write(state, "f.h", "text");
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) + 100000}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	scratch_settle();
	expect_text(m, path, "text");
	assert_false(daemon_file_at(m, daemon_memory_file(m, path))->trusted);
}

static void what_cannot_be_read_says_why(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_path(state, "f.h");
	struct daemon_file *file = daemon_file_at(m, daemon_memory_file(m, path));
	struct codec_digest digest;

	assert_int_equal(daemon_file_digest(file, &digest, NULL), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(daemon_file_digest(file, &digest, NULL) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(daemon_file_digest(file, &digest, NULL), -EINVAL);
	assert_int_equal(unlink(path), 0);
	(void)scratch_write(state, "f.h", "there");
	expect_text(m, path, "there");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(daemon_file_digest(file, &digest, NULL), -ENOENT);
}

static void the_largest_source_is_read_and_one_byte_more_refused(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	const char *path = scratch_write(state, "f.h", "");
	struct daemon_file *file = daemon_file_at(m, daemon_memory_file(m, path));
	struct codec_digest digest;
	struct sys_stamp stamp;

	assert_int_equal(truncate(path, (off_t)HP_SOURCE_SIZE_MAX + 1), 0);
	assert_int_equal(daemon_file_digest(file, &digest, NULL), -EFBIG);
	assert_int_equal(truncate(path, (off_t)HP_SOURCE_SIZE_MAX), 0);
	assert_int_equal(daemon_file_digest(file, &digest, &stamp), 0);
	assert_int_equal(stamp.size, HP_SOURCE_SIZE_MAX);
}

static void assembler_is_scanned_as_such(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	static const char *const names[] = {"a.S", "a.s", "a.sx"};

	for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++) {
		DAEMON_AUTO_CONTENT struct daemon_content *content = NULL;
		const char *path = scratch_write(state, names[i], "\t.incbin \"x\"\n");

		assert_int_equal(daemon_file_content(daemon_file_at(m, daemon_memory_file(m, path)), &content, NULL),
		                 0);
		assert_true(content->scan.flags & CC_SCAN_INCBIN);
	}
}

static void names_and_lists_are_kept_once(void **state)
{
	DAEMON_AUTO_MEMORY struct daemon_memory *m = daemon_memory_new();
	struct codec_digest key = {0};
	uint32_t dirs[3] = {7, 8, 9};
	uint64_t before = daemon_memory_size(m);

	(void)state;
	assert_int_equal(daemon_memory_file(m, "/a"), daemon_memory_file(m, "/a"));
	assert_int_not_equal(daemon_memory_file(m, "/a"), daemon_memory_file(m, "/b"));
	assert_int_equal(daemon_memory_dirset(m, dirs, 3), daemon_memory_dirset(m, dirs, 3));
	assert_int_not_equal(daemon_memory_dirset(m, dirs, 3), daemon_memory_dirset(m, dirs, 2));
	assert_ptr_equal(daemon_memory_slot(m, &key, "/x", ""), daemon_memory_slot(m, &key, "/x", ""));
	assert_ptr_not_equal(daemon_memory_slot(m, &key, "/x", ""), daemon_memory_slot(m, &key, "/y", ""));
	assert_true(daemon_memory_size(m) > before);
	/* More than one chunk of the pool. */
	for (unsigned i = 0; i < 10000; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "n%u", i);
		assert_int_equal(daemon_memory_name(m, name), i);
	}
	assert_string_equal(daemon_pool_at(&m->names, 9999), "n9999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(a_rewrite_of_the_same_size_in_the_same_tick_is_noticed),
	        SCRATCH_TEST(an_old_file_is_believed_until_its_stamp_changes),
	        SCRATCH_TEST(a_touched_file_is_read_again_and_the_same),
	        SCRATCH_TEST(replaced_by_one_with_the_same_time_and_size_is_noticed),
	        SCRATCH_TEST(a_retargeted_link_is_noticed),
	        SCRATCH_TEST(a_file_stamped_in_the_future_is_never_believed),
	        SCRATCH_TEST(what_cannot_be_read_says_why),
	        SCRATCH_TEST(the_largest_source_is_read_and_one_byte_more_refused),
	        SCRATCH_TEST(assembler_is_scanned_as_such),
	        cmocka_unit_test(names_and_lists_are_kept_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
