/* What only the disk store promises: layout, background eviction, full disks, several processes, kills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "disk_fixture.h"
#include "lib/require.h"

/* Layout. */

static void everything_is_private(void **state)
{
	static const char *const names[] = {"index.sqlite", "lock", "entry", "entry/local", "tmp"};
	struct stat st;
	char dir[128];

	(void)snprintf(dir, sizeof dir, "%s/a/b", dir_of(state));
	(void)umask(0);
	fill_store(dir, 3);
	for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++) {
		assert_int_equal(stat(path_in(dir, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, S_ISDIR(st.st_mode) ? 0700 : 0600);
	}
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(path_of_entry(dir, 1), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)umask(022);
}

static void a_closed_store_leaves_no_log_behind(void **state)
{
	fill_store(dir_of(state), 3);
	assert_int_equal(files_in(dir_of(state)), 4); /* entry, tmp, lock, index.sqlite */
	assert_int_equal(files_in(path_in(dir_of(state), "tmp")), 0);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
	struct store_disk_options opt = {.dir = dir_of(state), .tenant = "local"};
	struct store *s;
	struct hp_err err;

	assert_int_equal(chmod(opt.dir, 0770), 0);
	assert_int_equal(store_disk_new(&opt, &s, &err), -HP_DENIED);
	assert_non_null(strstr(err.msg, "chmod"));
	assert_int_equal(chmod(opt.dir, 0702), 0);
	assert_int_equal(store_disk_new(&opt, &s, &err), -HP_DENIED);
	assert_int_equal(chmod(opt.dir, 0755), 0);
	assert_int_equal(store_disk_new(&opt, &s, &err), 0);
	store_free(s);
}

static void a_directory_of_another_user_is_refused(void **state)
{
	struct store_disk_options opt = {.dir = dir_of(state), .tenant = "local"};
	struct store *s;
	struct hp_err err;

	test_require("root", geteuid() == 0);
	assert_int_equal(chown(opt.dir, 12345, 12345), 0);
	assert_int_equal(store_disk_new(&opt, &s, &err), -HP_DENIED);
	assert_non_null(strstr(err.msg, "12345"));
	opt.read_only = true;
	assert_int_equal(store_disk_new(&opt, &s, &err), -HP_DENIED);
	assert_int_equal(chown(opt.dir, 0, 0), 0);
}

static void odd_tenants_are_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", ".x", "a/b", "a b", "\xc3\xa4"};
	struct store_disk_options opt = {.dir = dir_of(state)};
	struct store *s;

	for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++) {
		opt.tenant = names[i];
		assert_int_equal(store_disk_new(&opt, &s, NULL), -HP_INVALID);
	}
}

static void tenants_do_not_see_each_other(void **state)
{
	struct store_disk_options opt = {.dir = dir_of(state), .tenant = "other"};
	struct store *a = fixture_disk(dir_of(state), 0, false);
	struct store *b;

	assert_int_equal(store_disk_new(&opt, &b, NULL), 0);
	assert_int_equal(put_entry(a, 1, 1, 10), 0);
	assert_int_equal(check_entry(b, 1), 0);
	assert_int_equal(count_closure(b, 1), 0);
	assert_int_equal(put_entry(b, 1, 1, 10), 0);
	assert_int_equal(usage_of(a).entries, 2);
	assert_int_equal(count_closure(a, 1), 1);
	store_free(a);
	store_free(b);
}

static void entries_survive_closing(void **state)
{
	struct store *s;

	fill_store(dir_of(state), 50);
	s = fixture_disk(dir_of(state), 0, false);
	expect_all(s, 50);
	store_free(s);
}

/* Eviction. */

static void a_full_store_shrinks_in_the_background(void **state)
{
	uint64_t bytes_max = 100 * 8192;
	struct store *s = fixture_disk(dir_of(state), bytes_max, false);

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(put_entry(s, i, i, 6000), 0);
	assert_int_equal(usage_of(s).bytes, bytes_max);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(check_entry(s, i), 1);
	assert_int_equal(put_entry(s, 1000, 1000, 6000), 0);
	for (int waited = 0; usage_of(s).bytes > bytes_max && waited < 100; waited++)
		sleep_ms(50);
	assert_true(usage_of(s).bytes <= bytes_max / 10 * 9);
	assert_true(usage_of(s).bytes > bytes_max / 10 * 8);
	/* true LRU: those stored first but used last are there */
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(check_entry(s, i), 1);
	for (unsigned i = 50; i < 60; i++)
		assert_int_equal(check_entry(s, i), 0);
	assert_int_equal(check_entry(s, 99), 1);
	assert_int_equal(check_entry(s, 1000), 1);
	store_free(s);
}

static void freeing_waits_for_the_eviction(void **state)
{
	struct store *s = fixture_disk(dir_of(state), 20 * 8192, false);

	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(put_entry(s, i, i, 6000), 0);
	store_free(s);
	s = fixture_disk(dir_of(state), 0, false);
	assert_true(usage_of(s).bytes <= 20 * 8192);
	store_free(s);
}

/* Read-only. */

static void a_read_only_store_writes_nothing(void **state)
{
	struct codec_digest key = key_of(1);
	struct store_evict rule = {.all = true};
	struct store_evicted gone;
	struct stat before;
	struct stat after;
	struct store *s;

	fill_store(dir_of(state), 20);
	assert_int_equal(stat(dir_of(state), &before), 0);
	s = fixture_disk(dir_of(state), 0, true);
	expect_all(s, 20);
	assert_int_equal(put_entry(s, 99, 9, 10), -HP_DENIED);
	assert_int_equal(store_remove(s, &key, NULL), -HP_DENIED);
	assert_int_equal(store_evict(s, &rule, &gone, NULL), -HP_DENIED);
	assert_int_equal(store_flush(s, NULL), 0);
	store_free(s);
	assert_int_equal(stat(dir_of(state), &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	assert_int_equal(files_in(dir_of(state)), 4);
}

static void a_read_only_store_needs_no_index(void **state)
{
	struct store *s;

	fill_store(dir_of(state), 20);
	assert_int_equal(unlink(path_in(dir_of(state), "index.sqlite")), 0);
	s = fixture_disk(dir_of(state), 0, true);
	expect_all(s, 20);
	store_free(s);
	assert_int_equal(access(path_in(dir_of(state), "index.sqlite"), F_OK), -1);
	write_file(path_in(dir_of(state), "index.sqlite"), "garbage garbage garbage garbage", 31);
	s = fixture_disk(dir_of(state), 0, true);
	expect_all(s, 20);
	store_free(s);
}

static void a_reader_sees_what_a_writer_has_just_put(void **state)
{
	struct store *writer = fixture_disk(dir_of(state), 0, false);
	struct store *reader;

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put_entry(writer, i, i % 5, 100), 0);
	reader = fixture_disk(dir_of(state), 0, true);
	expect_all(reader, 20);
	assert_int_equal(put_entry(writer, 20, 0, 100), 0);
	expect_all(reader, 21);
	store_free(reader);
	store_free(writer);
}

static void a_read_only_file_system_will_do(void **state)
{
	char mounted[128];
	struct store *s;
	bool ok;

	(void)snprintf(mounted, sizeof mounted, "%s/ro", dir_of(state));
	assert_int_equal(mkdir(mounted, 0700), 0);
	ok = geteuid() == 0 && mount("tmpfs", mounted, "tmpfs", 0, "mode=0700") == 0;
	test_require("root", ok);
	fill_store(mounted, 20);
	assert_int_equal(mount(NULL, mounted, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	s = fixture_disk(mounted, 0, true);
	expect_all(s, 20);
	store_free(s);
	assert_int_equal(umount(mounted), 0);
}

/* Full disks. */

static void a_full_disk_keeps_no_half_entry(void **state)
{
	char mounted[128];
	struct store *s;
	int rc = 0;
	bool ok;

	(void)snprintf(mounted, sizeof mounted, "%s/small", dir_of(state));
	assert_int_equal(mkdir(mounted, 0700), 0);
	ok = geteuid() == 0 && mount("tmpfs", mounted, "tmpfs", 0, "mode=0700,size=2m") == 0;
	test_require("root", ok);
	s = fixture_disk(mounted, 0, false);
	for (unsigned i = 0; i < 100 && rc == 0; i++)
		rc = put_entry(s, i, i, 100000);
	assert_int_equal(rc, -HP_EXHAUSTED);
	assert_int_equal(files_in(path_in(mounted, "tmp")), 0);
	assert_int_equal(check_entry(s, 0), 1);
	for (unsigned i = 0; i < 100; i++)
		assert_true(check_entry(s, i) >= 0);
	for (unsigned i = 0; i < 10; i++) {
		struct codec_digest key = key_of(i);

		assert_int_equal(store_remove(s, &key, NULL), 0);
	}
	assert_int_equal(put_entry(s, 500, 500, 100000), 0);
	assert_int_equal(check_entry(s, 500), 1);
	store_free(s);
	assert_int_equal(umount(mounted), 0);
}

static void a_full_disk_can_be_evicted_from(void **state)
{
	struct store_evict rule = {.bytes_max = 500000};
	struct store_evicted gone;
	char mounted[128];
	struct hp_err err = {0};
	struct store *s;
	int fd;
	bool ok;

	(void)snprintf(mounted, sizeof mounted, "%s/small", dir_of(state));
	assert_int_equal(mkdir(mounted, 0700), 0);
	ok = geteuid() == 0 && mount("tmpfs", mounted, "tmpfs", 0, "mode=0700,size=4m") == 0;
	test_require("root", ok);
	for (int fresh = 0; fresh < 2; fresh++) {
		char noise[4096] = {0};

		s = fixture_disk(mounted, 0, false);
		for (unsigned i = 0; i < 20; i++) {
			assert_int_equal(put_entry(s, i, i, 100000), 0);
			sleep_ms(5); /* another tick, another mtime */
		}
		if (fresh) { /* the log, too, must find a place */
			store_free(s);
			s = fixture_disk(mounted, 0, false);
		}
		fd = open(path_in(mounted, "fill"), O_WRONLY | O_CREAT, 0600);
		while (write(fd, noise, sizeof noise) == (ssize_t)sizeof noise)
			continue;
		assert_int_equal(close(fd), 0);
		if (store_evict(s, &rule, &gone, &err) != 0)
			fail_msg("%s", err.msg);
		assert_true(usage_of(s).bytes <= rule.bytes_max);
		assert_true(usage_of(s).entries > 0);
		assert_int_equal(check_entry(s, 0), 0);
		assert_int_equal(check_entry(s, 19), 1);
		store_free(s);
		assert_int_equal(unlink(path_in(mounted, "fill")), 0);
	}
	assert_int_equal(umount(mounted), 0);
}

static void a_file_size_limit_keeps_no_half_entry(void **state)
{
	struct store *s = fixture_disk(dir_of(state), 0, false);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct rlimit before;
	struct rlimit small;

	assert_int_equal(put_entry(s, 1, 1, 100), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1 << 20;
	assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put_entry(s, 2, 2, 2 << 20), -HP_EXHAUSTED);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(files_in(path_in(dir_of(state), "tmp")), 0);
	assert_int_equal(check_entry(s, 2), 0);
	assert_int_equal(put_entry(s, 2, 2, 2 << 20), 0);
	store_free(s);
}

/* Processes. */

static void churn(const char *dir, unsigned seed, unsigned rounds)
{
	struct store *s = fixture_disk(dir, 40 * 4096, false);
	unsigned x = seed;

	for (unsigned i = 0; i < rounds; i++) {
		unsigned n;

		x = x * 1664525u + 1013904223u;
		n = x >> 26;
		if (x >> 20 & 1)
			(void)put_entry(s, n, n % 5, 100 + n);
		else if (check_entry(s, n) < 0)
			_exit(3);
		if ((x >> 10 & 63) == 0)
			(void)store_flush(s, NULL);
	}
	store_free(s);
}

/* Everything agrees: each file is whole and has a row, the sums are right. */
static void expect_consistent(const char *dir)
{
	struct store *s;
	unsigned files = 0;
	unsigned in_closures = 0;

	s = fixture_disk(dir, 0, false);
	for (unsigned n = 0; n < 64; n++) {
		int rc = check_entry(s, n);

		assert_true(rc >= 0);
		files += (unsigned)rc;
	}
	for (unsigned c = 0; c < 5; c++) {
		struct codec_digest closure_key = closure_of(c);
		struct codec_digest keys[64];
		int count = store_closures(s, &closure_key, keys, 64, NULL);

		assert_true(count >= 0);
		for (int i = 0; i < count; i++) {
			STORE_AUTO_BLOB struct store_blob *blob = NULL;

			/* a row without its file may be left by a kill, a file without a row may not */
			in_closures += store_get(s, &keys[i], &blob, NULL) == 1;
		}
	}
	assert_int_equal(in_closures, files);
	assert_int_equal(files_in(path_in(dir, "tmp")), 0);
	store_free(s);
}

static void processes_share_a_directory(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			churn(dir_of(state), i + 1, 300);
			_exit(0);
		}
		assert_true(pid > 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	expect_consistent(dir_of(state));
}

static void processes_that_rebuild_at_once_agree(void **state)
{
	fill_store(dir_of(state), 200);
	for (int round = 0; round < 5; round++) {
		write_file(path_in(dir_of(state), "index.sqlite"), "garbage", 7);
		for (unsigned i = 0; i < 4; i++) {
			pid_t pid = fork();

			if (pid == 0) {
				struct store *s = fixture_disk(dir_of(state), 0, false);

				_exit(usage_of(s).entries == 200 ? 0 : 4);
			}
			assert_true(pid > 0);
		}
		for (unsigned i = 0; i < 4; i++) {
			int status;

			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
	}
}

static void killed_writers_lose_only_what_they_write(void **state)
{
	unsigned x = (unsigned)time(NULL);

	print_message("seed %u\n", x);
	for (unsigned round = 0; round < 40; round++) {
		pid_t pids[2];

		for (unsigned i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				churn(dir_of(state), x + i, 1000000);
				_exit(0);
			}
			assert_true(pids[i] > 0);
		}
		x = x * 1664525u + 1013904223u;
		sleep_ms(1 + (x >> 16) % 40);
		for (unsigned i = 0; i < 2; i++) {
			int status;

			assert_int_equal(kill(pids[i], SIGKILL), 0);
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		expect_consistent(dir_of(state));
	}
}

static void a_busy_index_fails_nothing(void **state)
{
	struct store *s = fixture_disk(dir_of(state), 0, false);
	sqlite3 *db;

	assert_int_equal(put_entry(s, 1, 1, 100), 0);
	assert_int_equal(sqlite3_open(path_in(dir_of(state), "index.sqlite"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(check_entry(s, 1), 1);
	assert_int_equal(put_entry(s, 2, 2, 100), 0);
	assert_int_equal(check_entry(s, 2), 1);
	assert_int_equal(count_closure(s, 2), 1); /* its row waits in memory */
	assert_int_equal(count_closure(s, 1), 1);
	assert_true(store_flush(s, NULL) < 0);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(store_flush(s, NULL), 0);
	assert_int_equal(usage_of(s).entries, 2);
	assert_int_equal(count_closure(s, 2), 1);
	store_free(s);
}

static void temporary_files_of_the_dead_are_removed(void **state)
{
	struct store *s;

	fill_store(dir_of(state), 1);
	write_file(path_in(dir_of(state), "tmp/1.0123456789abcdef"), "half an entry", 13);
	s = fixture_disk(dir_of(state), 0, false);
	assert_int_equal(files_in(path_in(dir_of(state), "tmp")), 0);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(everything_is_private),
	        TEST(a_closed_store_leaves_no_log_behind),
	        TEST(a_directory_that_others_may_write_is_refused),
	        TEST(a_directory_of_another_user_is_refused),
	        TEST(odd_tenants_are_refused),
	        TEST(tenants_do_not_see_each_other),
	        TEST(entries_survive_closing),
	        TEST(a_full_store_shrinks_in_the_background),
	        TEST(freeing_waits_for_the_eviction),
	        TEST(a_read_only_store_writes_nothing),
	        TEST(a_read_only_store_needs_no_index),
	        TEST(a_reader_sees_what_a_writer_has_just_put),
	        TEST(a_read_only_file_system_will_do),
	        TEST(a_full_disk_keeps_no_half_entry),
	        TEST(a_full_disk_can_be_evicted_from),
	        TEST(a_file_size_limit_keeps_no_half_entry),
	        TEST(processes_share_a_directory),
	        TEST(processes_that_rebuild_at_once_agree),
	        TEST(killed_writers_lose_only_what_they_write),
	        TEST(a_busy_index_fails_nothing),
	        TEST(temporary_files_of_the_dead_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
