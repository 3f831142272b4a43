/* The disk store's index: lost, damaged or wrong, it is made again from the entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>

#include "disk_fixture.h"

/* The index, lost and damaged. */

static void a_lost_index_is_rebuilt(void **state)
{
	struct store *s;

	fill_store(dir_of(state), 50);
	assert_int_equal(unlink(path_in(dir_of(state), "index.sqlite")), 0);
	s = fixture_disk(dir_of(state), 0, false);
	expect_all(s, 50);
	store_free(s);
}

static void an_index_lost_under_way_is_rebuilt(void **state)
{
	struct store *s = fixture_disk(dir_of(state), 0, false);

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put_entry(s, i, i % 5, 100), 0);
	assert_int_equal(unlink(path_in(dir_of(state), "index.sqlite")), 0);
	for (unsigned i = 20; i < 40; i++)
		assert_int_equal(put_entry(s, i, i % 5, 100), 0);
	expect_all(s, 40);
	store_free(s);
}

static void a_directory_removed_under_way_is_made_again(void **state)
{
	struct store *s = fixture_disk(dir_of(state), 0, false);

	assert_int_equal(put_entry(s, 99, 9, 100), 0);
	/* again where the store's worker makes a file in a folder that is just being removed */
	while (nftw(dir_of(state), fixture_unlink, 16, FTW_DEPTH | FTW_PHYS) != 0 && access(dir_of(state), F_OK) == 0)
		;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(put_entry(s, i, i % 5, 100), 0);
	expect_all(s, 10);
	store_free(s);
}

static void garbage_in_the_place_of_the_index_is_replaced(void **state)
{
	static const char *const texts[] = {"", "x", "this is no database at all, but it is a file of some length",
	                                    "SQLite format 3\0then nothing of the kind"};
	struct store *s;

	fill_store(dir_of(state), 20);
	for (size_t i = 0; i < HP_ARRAY_SIZE(texts); i++) {
		write_file(path_in(dir_of(state), "index.sqlite"), texts[i], i == 3 ? 40 : strlen(texts[i]));
		s = fixture_disk(dir_of(state), 0, false);
		expect_all(s, 20);
		store_free(s);
	}
	assert_int_equal(unlink(path_in(dir_of(state), "index.sqlite")), 0);
	assert_int_equal(mkdir(path_in(dir_of(state), "index.sqlite"), 0700), 0);
	s = fixture_disk(dir_of(state), 0, false);
	expect_all(s, 20);
	store_free(s);
}

static void run_sql(const char *dir, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path_in(dir, "index.sqlite"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void an_index_of_another_schema_is_replaced(void **state)
{
	static const char *const sqls[] = {"PRAGMA user_version = 77", "DROP TABLE total", "DROP TABLE entry",
	                                   "ALTER TABLE entry RENAME COLUMN used TO lately", "DELETE FROM total"};
	struct store *s;

	fill_store(dir_of(state), 20);
	for (size_t i = 0; i < HP_ARRAY_SIZE(sqls); i++) {
		run_sql(dir_of(state), sqls[i]);
		s = fixture_disk(dir_of(state), 0, false);
		assert_int_equal(put_entry(s, 3, 3, 103), 0);
		expect_all(s, 20);
		store_free(s);
	}
}

/* Overwrites a page after another, and cuts the file at several places: whatever SQLite makes of it, the store goes on,
 * and after a while knows of everything. */
static void damage_at_any_page_costs_no_entry(void **state)
{
	struct stat st;

	fill_store(dir_of(state), 300);
	assert_int_equal(stat(path_in(dir_of(state), "index.sqlite"), &st), 0);
	assert_true(st.st_size > 8 * 4096);
	for (off_t page = 0; page < st.st_size / 4096; page++) {
		struct store *s;
		char noise[4096];
		int fd = open(path_in(dir_of(state), "index.sqlite"), O_RDWR);

		assert_true(fd >= 0);
		memset(noise, 0x5a + (int)page, sizeof noise);
		if (page % 3 == 2)
			assert_int_equal(ftruncate(fd, page * 4096 + (page % 2 ? 100 : 0)), 0);
		else
			assert_int_equal(pwrite(fd, noise, sizeof noise, page * 4096), (ssize_t)sizeof noise);
		assert_int_equal(close(fd), 0);
		s = fixture_disk(dir_of(state), 0, false);
		for (unsigned i = 0; i < 300; i++)
			assert_int_equal(check_entry(s, i), 1);
		(void)store_flush(s, NULL);
		assert_int_equal(store_flush(s, NULL), 0);
		expect_all(s, 300);
		store_free(s);
	}
}

static void a_damaged_log_costs_no_entry(void **state)
{
	struct store *s;
	char wal[256];
	char noise[8192];
	int fd;

	memset(noise, 0xa5, sizeof noise);
	s = fixture_disk(dir_of(state), 0, false);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(put_entry(s, i, i % 5, 100), 0);
	/* as a crash of the machine might leave it */
	(void)snprintf(wal, sizeof wal, "%s/index.sqlite-wal", dir_of(state));
	fd = open(wal, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, noise, sizeof noise, 5000), (ssize_t)sizeof noise);
	assert_int_equal(close(fd), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(check_entry(s, i), 1);
	(void)store_flush(s, NULL);
	store_free(s);
	s = fixture_disk(dir_of(state), 0, false);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(check_entry(s, i), 1);
	assert_int_equal(store_flush(s, NULL), 0);
	expect_all(s, 50);
	store_free(s);
}

static void a_file_without_a_row_is_found_again(void **state)
{
	struct store *s;

	fill_store(dir_of(state), 20);
	run_sql(dir_of(state), "DELETE FROM entry");
	s = fixture_disk(dir_of(state), 0, false);
	assert_int_equal(usage_of(s).entries, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(check_entry(s, i), 1); /* by use */
	assert_int_equal(store_flush(s, NULL), 0);
	expect_all(s, 20);
	store_free(s);

	run_sql(dir_of(state), "DELETE FROM entry");
	s = fixture_disk(dir_of(state), 0, false);
	for (unsigned i = 1000; i < 5000 && usage_of(s).entries < i - 1000 + 20; i++)
		assert_int_equal(put_entry(s, i, 99, 10), 0); /* by the checks that puts start now and then */
	sleep_ms(200);
	assert_true(usage_of(s).entries > 0);
	store_free(s);
}

static void rows_without_files_go(void **state)
{
	struct store_evict rule = {.bytes_max = UINT64_MAX, .all = true};
	struct store_evicted gone;
	struct store *s;

	fill_store(dir_of(state), 20);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(unlink(path_of_entry(dir_of(state), i)), 0);
	run_sql(dir_of(state), "UPDATE entry SET stored = 0");
	s = fixture_disk(dir_of(state), 0, false);
	assert_int_equal(check_entry(s, 3), 0);
	assert_int_equal(store_evict(s, &rule, &gone, NULL), 0);
	assert_int_equal(gone.entries, 0);
	assert_int_equal(usage_of(s).entries, 0);
	store_free(s);
}

static void files_that_are_no_entries_do_not_join_a_rebuilt_index(void **state)
{
	struct store *s;
	char other[520];

	fill_store(dir_of(state), 20);
	assert_int_equal(truncate(path_of_entry(dir_of(state), 1), 0), 0);
	assert_int_equal(truncate(path_of_entry(dir_of(state), 2), 50), 0);
	write_file(path_of_entry(dir_of(state), 3),
	           "no entry, but long enough to hold a header: ...................."
	           "................................................................",
	           128);
	(void)snprintf(other, sizeof other, "%s.keep", path_of_entry(dir_of(state), 4));
	write_file(other, "x", 1);
	assert_int_equal(unlink(path_in(dir_of(state), "index.sqlite")), 0);
	s = fixture_disk(dir_of(state), 0, false);
	assert_int_equal(usage_of(s).entries, 17);
	assert_int_equal(check_entry(s, 1), 0);
	assert_int_equal(check_entry(s, 2), 0);
	assert_int_equal(check_entry(s, 3), 0);
	assert_int_equal(access(other, F_OK), 0);
	store_free(s);
}
static void wrong_totals_are_put_right(void **state)
{
	struct store_evict rule = {.bytes_max = 1 << 20};
	struct store_evicted gone;
	struct store *s;

	fill_store(dir_of(state), 20);
	run_sql(dir_of(state), "UPDATE total SET bytes = 1000000000000, entries = 5");
	s = fixture_disk(dir_of(state), 0, false);
	assert_int_equal(store_evict(s, &rule, &gone, NULL), 0);
	assert_int_equal(usage_of(s).bytes, 4096 * usage_of(s).entries);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_lost_index_is_rebuilt),
	        TEST(an_index_lost_under_way_is_rebuilt),
	        TEST(a_directory_removed_under_way_is_made_again),
	        TEST(garbage_in_the_place_of_the_index_is_replaced),
	        TEST(an_index_of_another_schema_is_replaced),
	        TEST(damage_at_any_page_costs_no_entry),
	        TEST(a_damaged_log_costs_no_entry),
	        TEST(a_file_without_a_row_is_found_again),
	        TEST(rows_without_files_go),
	        TEST(files_that_are_no_entries_do_not_join_a_rebuilt_index),
	        TEST(wrong_totals_are_put_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
