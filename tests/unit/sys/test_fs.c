/* Files: limits of reading, what changes under us, atomic writing, stamps, paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "lib/require.h"
#include "lib/scratch.h"

static size_t names_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void a_file_is_read_whole_and_appended(void **state)
{
	const char *path = scratch_write(state, "f", "content");
	struct hp_buf text HP_AUTO_BUF = {0};
	struct sys_stamp stamp;
	struct sys_stamp again;

	hp_buf_str(&text, "before:");
	assert_int_equal(sys_read_file(path, 7, &text, &stamp, NULL), 0);
	assert_string_equal(text.data, "before:content");
	assert_int_equal(stamp.size, 7);
	assert_int_equal(sys_stamp_path(path, &again), 0);
	assert_true(sys_stamp_eq(&stamp, &again));
}

static void the_limit_itself_is_read_and_one_byte_more_refused(void **state)
{
	const char *path = scratch_write(state, "f", "0123456789");
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_err err = {0};

	assert_int_equal(sys_read_file(path, 10, &text, NULL, &err), 0);
	assert_int_equal(text.len, 10);
	assert_int_equal(sys_read_file(path, 9, &text, NULL, &err), -HP_EXHAUSTED);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(sys_read_file(scratch_write(state, "empty", ""), 0, &text, NULL, &err), 0);
}

/* Files of /proc say that they hold nothing. */
static void a_file_that_lies_about_its_size_is_bounded_too(void **state)
{
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(sys_read_file("/proc/self/maps", 1u << 20, &text, NULL, &err), 0);
	assert_true(text.len > 100);
	assert_int_equal(sys_read_file("/proc/self/maps", 100, &text, NULL, &err), -HP_EXHAUSTED);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
	const char *fifo = scratch_path(state, "fifo");
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_err err = {0};

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(sys_read_file(fifo, 10, &text, NULL, &err), -HP_INVALID);
	assert_int_equal(sys_read_file("/dev/zero", 10, &text, NULL, &err), -HP_INVALID);
	assert_int_equal(sys_read_file(scratch_path(state, ""), 10, &text, NULL, &err), -HP_INVALID);
	assert_int_equal(sys_read_file(scratch_path(state, "none"), 10, &text, NULL, &err), -HP_NOT_FOUND);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_int_equal(sys_read_file(scratch_path(state, "fifo/x"), 10, &text, NULL, &err), -HP_NOT_FOUND);
	assert_int_equal(text.len, 0);
}

struct changer {
	const char *path;
	bool stop;
	unsigned written;
};

static void *change_all_the_time(void *arg)
{
	struct changer *c = arg;
	HP_AUTO_CLOSE int fd = open(c->path, O_WRONLY | O_CLOEXEC);

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		(void)!pwrite(fd, "y", 1, 0);
		(void)!ftruncate(fd, (off_t)((4u << 20) + (__atomic_add_fetch(&c->written, 1, __ATOMIC_ACQ_REL) & 1)));
	}
	return NULL;
}

static void a_file_that_changes_meanwhile_is_noticed(void **state)
{
	struct changer c = {.path = scratch_write(state, "f", "x")};
	unsigned noticed = 0;
	pthread_t thread;

	assert_int_equal(truncate(c.path, 4 << 20), 0);
	assert_int_equal(pthread_create(&thread, NULL, change_all_the_time, &c), 0);
	for (int i = 0; i < 500 && noticed == 0; i++) {
		struct hp_buf text HP_AUTO_BUF = {0};
		struct sys_stamp stamp;
		int r = sys_read_file(c.path, 8u << 20, &text, &stamp, NULL);

		assert_true(r == 0 || r == -HP_ABORTED);
		noticed += r == -HP_ABORTED;
		if (r == 0)
			assert_int_equal(text.len, stamp.size);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(noticed > 0);
}

static void publishing_replaces_and_leaves_nothing_beside(void **state)
{
	const char *path = scratch_write(state, "f", "old");
	struct hp_buf text HP_AUTO_BUF = {0};
	HP_AUTO_CLOSE int reader = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char old[8];

	assert_int_equal(sys_write_file_atomic(path, 0600, "newer", 5, NULL), 0);
	assert_true(scratch_read(path, &text));
	assert_string_equal(text.data, "newer");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Who had the old one open still has it. */
	assert_int_equal(read(reader, old, sizeof old), 3);
	assert_memory_equal(old, "old", 3);
	assert_int_equal(names_in(scratch_path(state, "")), 1);
}

static void publishing_in_vain_leaves_nothing_either(void **state)
{
	const char *dir = scratch_mkdir(state, "taken");
	struct hp_err err = {0};

	(void)scratch_write(state, "taken/full", "");
	assert_true(sys_write_file_atomic(dir, 0600, "x", 1, &err) < 0);
	assert_int_equal(names_in(scratch_path(state, "")), 1);
	assert_int_equal(sys_write_file_atomic(scratch_path(state, "no/dir"), 0600, "x", 1, &err), -HP_NOT_FOUND);
}

static void folders_are_made_all_the_way(void **state)
{
	const char *deep = scratch_path(state, "a//b/c/");
	struct stat st;

	assert_int_equal(sys_mkdirs(deep, 0700, NULL), 0);
	assert_int_equal(sys_mkdirs(deep, 0700, NULL), 0);
	assert_int_equal(stat(scratch_path(state, "a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(sys_mkdirs("/", 0700, NULL), 0);
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
	const char *file = scratch_write(state, "f", "");
	struct hp_err err = {0};

	assert_int_equal(sys_mkdirs(scratch_path(state, "f/sub"), 0700, &err), -HP_NOT_FOUND);
	assert_int_equal(err.sys_errno, ENOTDIR);
	assert_int_equal(sys_mkdirs(file, 0700, &err), -HP_NOT_FOUND);
	assert_int_equal(symlink(scratch_mkdir(state, "d"), scratch_path(state, "link")), 0);
	assert_int_equal(sys_mkdirs(scratch_path(state, "link/sub"), 0700, &err), 0);
	assert_int_equal(symlink("nowhere", scratch_path(state, "dangling")), 0);
	assert_int_equal(sys_mkdirs(scratch_path(state, "dangling"), 0700, &err), -HP_NOT_FOUND);
}

static void each_kind_of_change_changes_the_stamp(void **state)
{
	const char *path = scratch_write(state, "f", "12345");
	struct timespec times[2];
	struct sys_stamp before;
	struct sys_stamp after;
	struct stat st;

	assert_int_equal(sys_stamp_path(path, &before), 0);
	assert_int_equal(sys_stamp_path(path, &after), 0);
	assert_true(sys_stamp_eq(&before, &after));

	scratch_settle();
	assert_int_equal(stat(path, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	scratch_write_at(path, "abcde", 5);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(sys_stamp_path(path, &after), 0);
	assert_int_equal(before.mtime_ns, after.mtime_ns); /* set back by somebody: the change time tells */
	assert_false(sys_stamp_eq(&before, &after));

	before = after;
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(sys_stamp_path(path, &after), 0);
	assert_false(sys_stamp_eq(&before, &after));

	before = after;
	assert_int_equal(rename(scratch_write(state, "g", "abcde"), path), 0);
	assert_int_equal(sys_stamp_path(path, &after), 0);
	assert_false(sys_stamp_eq(&before, &after));
	assert_int_equal(sys_stamp_path(scratch_path(state, "none"), &after), -ENOENT);
}

static void a_stamp_made_after_the_clock_was_read_is_not_below_it(void **state)
{
	for (int i = 0; i < 200; i++) {
		int64_t now_ns = sys_file_clock_ns();
		struct sys_stamp stamp;

		assert_int_equal(sys_stamp_path(scratch_write(state, "f", i & 1 ? "a" : "b"), &stamp), 0);
		assert_true(sys_stamp_time_ns(&stamp) >= now_ns);
	}
}

static void paths_join_as_the_kernel_reads_them(void **state)
{
	static const char *const rows[][3] = {{"/d", "f", "/d/f"},
	                                      {"/d", "/f", "/f"},
	                                      {"/d", "../f", "/d/../f"},
	                                      {"/", "f", "//f"},
	                                      {"/d", "", "/d/"}};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct hp_buf out HP_AUTO_BUF = {0};

		sys_path_join(&out, rows[i][0], rows[i][1]);
		assert_string_equal(out.data, rows[i][2]);
	}
}

static void only_local_file_systems_have_a_fine_clock(void **state)
{
	HP_AUTO_CLOSE int here = open(scratch_path(state, ""), O_RDONLY | O_CLOEXEC);
	HP_AUTO_CLOSE int proc = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	assert_int_equal(sys_fs_step_ns(here), 0);
	assert_int_equal(sys_fs_step_ns(proc), 2000000000);
	assert_int_equal(sys_fs_step_ns(-1), 2000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(a_file_is_read_whole_and_appended),
	        SCRATCH_TEST(the_limit_itself_is_read_and_one_byte_more_refused),
	        SCRATCH_TEST(a_file_that_lies_about_its_size_is_bounded_too),
	        SCRATCH_TEST(what_is_no_regular_file_is_refused_without_waiting),
	        SCRATCH_TEST(a_file_that_changes_meanwhile_is_noticed),
	        SCRATCH_TEST(publishing_replaces_and_leaves_nothing_beside),
	        SCRATCH_TEST(publishing_in_vain_leaves_nothing_either),
	        SCRATCH_TEST(folders_are_made_all_the_way),
	        SCRATCH_TEST(a_file_in_the_way_of_a_folder_is_an_error),
	        SCRATCH_TEST(each_kind_of_change_changes_the_stamp),
	        SCRATCH_TEST(a_stamp_made_after_the_clock_was_read_is_not_below_it),
	        SCRATCH_TEST(paths_join_as_the_kernel_reads_them),
	        SCRATCH_TEST(only_local_file_systems_have_a_fine_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
