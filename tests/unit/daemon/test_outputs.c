/* Outputs are written as compilers write them: who has the old one keeps it, and nobody can tell ours from theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "daemon/outputs.h"
#include "lib/require.h"
#include "lib/scratch.h"

static int setup(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* As the server does. */
	(void)sigaction(SIGIO, &ignore, NULL);
	return scratch_setup(state);
}

static int write_object(const char *path, const char *text)
{
	mode_t old = umask(0);
	int r = daemon_output_write_object(path, 022, 0, text, strlen(text), NULL);

	(void)umask(old);
	return r;
}

static void expect_text(const char *path, const char *text)
{
	struct hp_buf got HP_AUTO_BUF = {0};

	assert_true(scratch_read(path, &got));
	assert_string_equal(hp_buf_cstr(&got), text);
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void expect_alone(void **state, size_t expected)
{
	DIR *d = opendir(scratch_path(state, ""));
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	assert_int_equal(n, expected);
}

static void a_new_file_has_the_mode_that_the_umask_gives(void **state)
{
	static const struct {
		mode_t mask;
		mode_t extra;
		mode_t mode;
	} rows[] = {{022, 0, 0644}, {0, 0, 0666}, {077, 0, 0600}, {027, 0111, 0750}, {0777, 0, 0}, {02, 0111, 0775}};
	const char *path = scratch_path(state, "a.o");
	mode_t old = umask(0);

	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		assert_int_equal(daemon_output_write_object(path, rows[i].mask, rows[i].extra, "x", 1, NULL), 0);
		assert_int_equal(stat_of(path).st_mode & 07777, rows[i].mode);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(daemon_output_write_deps(path, rows[i].mask, "x", 1, NULL), 0);
		assert_int_equal(stat_of(path).st_mode & 07777, 0666 & ~rows[i].mask);
		assert_int_equal(unlink(path), 0);
	}
	(void)umask(old);
}

static void what_nobody_else_has_is_overwritten_in_place(void **state)
{
	const char *path = scratch_write(state, "a.o", "an older and longer object");
	struct stat before = stat_of(path);

	scratch_settle();
	assert_int_equal(write_object(path, "new"), 0);
	expect_text(path, "new");
	assert_int_equal(stat_of(path).st_ino, before.st_ino);
	assert_true(stat_of(path).st_mtim.tv_sec > before.st_mtim.tv_sec ||
	            stat_of(path).st_mtim.tv_nsec != before.st_mtim.tv_nsec);
	assert_int_equal(write_object(path, "and longer again"), 0);
	expect_text(path, "and longer again");
	assert_int_equal(write_object(path, ""), 0);
	expect_text(path, "");
	expect_alone(state, 1);
}

static void another_hard_link_keeps_its_content(void **state)
{
	const char *path = scratch_write(state, "a.o", "old");
	const char *link_path = scratch_path(state, "kept.o");

	assert_int_equal(link(path, link_path), 0);
	assert_int_equal(write_object(path, "new"), 0);
	expect_text(path, "new");
	expect_text(link_path, "old");
	assert_int_equal(stat_of(link_path).st_nlink, 1);
	expect_alone(state, 2);
}

static void who_has_it_open_keeps_its_content(void **state)
{
	static const int flags[] = {O_RDONLY, O_RDWR};
	const char *path = scratch_path(state, "a.o");

	for (size_t i = 0; i < HP_ARRAY_SIZE(flags); i++) {
		char text[8] = "";
		int fd;

		(void)scratch_write(state, "a.o", "old");
		fd = open(path, flags[i] | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(write_object(path, "new"), 0);
		expect_text(path, "new");
		assert_int_equal(pread(fd, text, sizeof text, 0), 3);
		assert_memory_equal(text, "old", 3);
		(void)close(fd);
	}
	expect_alone(state, 1);
}

static void who_has_it_mapped_keeps_its_content(void **state)
{
	const char *path = scratch_write(state, "a.o", "old");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *map = mmap(NULL, 3, PROT_READ, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(map, MAP_FAILED);
	(void)close(fd);
	assert_int_equal(write_object(path, "new"), 0);
	expect_text(path, "new");
	assert_memory_equal(map, "old", 3);
	(void)munmap((void *)map, 3);
}

static void another_mode_is_the_new_files_mode(void **state)
{
	const char *path = scratch_write(state, "a.o", "old");

	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(write_object(path, "new"), 0);
	assert_int_equal(stat_of(path).st_mode & 07777, 0644);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(write_object(path, "newer"), 0);
	assert_int_equal(stat_of(path).st_mode & 07777, 0644);
	expect_text(path, "newer");
}

static void an_empty_output_over_an_empty_file_has_the_time_of_now(void **state)
{
	const char *path = scratch_write(state, "a.su", "");
	const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(write_object(path, ""), 0);
	assert_true(stat_of(path).st_mtime > 1000000000);
	expect_text(path, "");
}

static void another_owners_file_is_replaced(void **state)
{
	const char *path = scratch_write(state, "a.o", "old");

	test_require("root", geteuid() == 0);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(write_object(path, "new"), 0);
	assert_int_equal(stat_of(path).st_uid, 0);
	expect_text(path, "new");
}

static void a_folder_that_cannot_be_written_says_so(void **state)
{
	const char *path = scratch_path(state, "none/a.o");
	struct hp_err err = {0};

	assert_int_equal(daemon_output_write_object(path, 022, 0, "x", 1, &err), -HP_NOT_FOUND);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(daemon_output_write_deps(path, 022, "x", 1, &err), -HP_NOT_FOUND);
	assert_true(daemon_output_write_object(scratch_mkdir(state, "dir"), 022, 0, "x", 1, &err) < 0);
	expect_alone(state, 1);
}

static void a_read_only_file_system_says_so(void **state)
{
	const char *mounted = scratch_mkdir(state, "ro");
	HP_AUTO_FREE char *path = hp_asprintf("%s/a.o", mounted);
	bool ok = geteuid() == 0 && mount("tmpfs", mounted, "tmpfs", 0, "mode=0700") == 0;
	struct hp_err err = {0};

	test_require("root", ok);
	scratch_write_at(path, "old", 3);
	assert_int_equal(mount(NULL, mounted, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(daemon_output_write_object(path, 022, 0, "new", 3, &err), -HP_DENIED);
	expect_text(path, "old");
	assert_int_equal(umount(mounted), 0);
}

static void a_full_disk_leaves_nothing_half_written(void **state)
{
	const char *mounted = scratch_mkdir(state, "small");
	HP_AUTO_FREE char *fresh = hp_asprintf("%s/fresh.o", mounted);
	HP_AUTO_FREE char *old = hp_asprintf("%s/old.o", mounted);
	HP_AUTO_FREE char *other = hp_asprintf("%s/other.o", mounted);
	HP_AUTO_FREE char *big = hp_zalloc(2u << 20);
	bool ok = geteuid() == 0 && mount("tmpfs", mounted, "tmpfs", 0, "mode=0700,size=1m") == 0;
	struct hp_err err = {0};

	test_require("root", ok);
	assert_int_equal(daemon_output_write_object(fresh, 022, 0, big, 2u << 20, &err), -HP_EXHAUSTED);
	assert_int_equal(access(fresh, F_OK), -1);
	/* With another name the old content stays there; the output itself is gone or whole. */
	scratch_write_at(old, "old", 3);
	assert_int_equal(link(old, other), 0);
	assert_true(daemon_output_write_object(old, 022, 0, big, 2u << 20, &err) < 0);
	expect_text(other, "old");
	expect_text(old, "old");
	assert_int_equal(unlink(other), 0);
	assert_true(daemon_output_write_object(old, 022, 0, big, 2u << 20, &err) < 0);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(write_object(old, "fits"), 0);
	assert_int_equal(umount(mounted), 0);
}

static void only_plain_objects_are_ours_to_write(void **state)
{
	const char *path = scratch_path(state, "a.o");

	assert_true(daemon_output_plain(path));
	assert_true(daemon_output_plain(scratch_path(state, "none/a.o")));
	assert_true(daemon_output_plain(scratch_write(state, "full", "x")));
	assert_false(daemon_output_plain(scratch_write(state, "empty", "")));
	assert_false(daemon_output_plain("/dev/null"));
	assert_false(daemon_output_plain(scratch_mkdir(state, "dir")));
	assert_int_equal(symlink("full", path), 0);
	assert_false(daemon_output_plain(path));
	assert_int_equal(chmod(scratch_path(state, "full"), 0444), 0);
	assert_false(daemon_output_plain(scratch_path(state, "full")));
	assert_false(daemon_output_plain(scratch_path(state, "full/a.o")));
}

static void a_dependency_file_is_written_in_place(void **state)
{
	const char *path = scratch_write(state, "a.d", "an older and longer list");
	const char *link_path = scratch_path(state, "b.d");
	struct stat before = stat_of(path);

	assert_int_equal(link(path, link_path), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_true(daemon_deps_plain(path));
	assert_int_equal(daemon_output_write_deps(path, 022, "new", 3, NULL), 0);
	expect_text(link_path, "new");
	assert_int_equal(stat_of(path).st_ino, before.st_ino);
	assert_int_equal(stat_of(path).st_mode & 07777, 0640);
	assert_true(daemon_deps_plain(scratch_write(state, "empty.d", "")));
	assert_false(daemon_deps_plain("/dev/null"));
	assert_int_equal(symlink("a.d", scratch_path(state, "link.d")), 0);
	assert_false(daemon_deps_plain(scratch_path(state, "link.d")));
}

struct reader {
	const char *path;
	bool stop;
	unsigned torn;
	unsigned read;
};

/* An object is one letter throughout, or the reader saw half of two. */
static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		struct hp_buf text HP_AUTO_BUF = {0};

		if (!scratch_read(r->path, &text) || text.len == 0)
			continue;
		r->read++;
		for (size_t i = 1; i < text.len; i++)
			r->torn += text.data[i] != text.data[0];
	}
	return NULL;
}

static void nobody_ever_reads_half_an_object(void **state)
{
	enum {
		LEN = 300000
	};
	struct reader r = {.path = scratch_path(state, "a.o")};
	HP_AUTO_FREE char *data = hp_alloc(LEN);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, read_all_the_time, &r), 0);
	for (int i = 0; i < 300; i++) {
		size_t len = (size_t)(i % 3 + 1) * (LEN / 3);

		memset(data, 'a' + i % 26, len);
		assert_int_equal(daemon_output_write_object(r.path, 022, 0, data, len, NULL), 0);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r.torn, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_new_file_has_the_mode_that_the_umask_gives),
	        TEST(what_nobody_else_has_is_overwritten_in_place),
	        TEST(another_hard_link_keeps_its_content),
	        TEST(who_has_it_open_keeps_its_content),
	        TEST(who_has_it_mapped_keeps_its_content),
	        TEST(another_mode_is_the_new_files_mode),
	        TEST(an_empty_output_over_an_empty_file_has_the_time_of_now),
	        TEST(another_owners_file_is_replaced),
	        TEST(a_folder_that_cannot_be_written_says_so),
	        TEST(a_read_only_file_system_says_so),
	        TEST(a_full_disk_leaves_nothing_half_written),
	        TEST(only_plain_objects_are_ours_to_write),
	        TEST(a_dependency_file_is_written_in_place),
	        TEST(nobody_ever_reads_half_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
