/* What the tests of the disk store share: its folder, entries in it, and damage to them. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include "store_fixture.h"

static inline const char *dir_of(void **state)
{
	return ((struct fixture *)*state)->dir;
}

static inline const char *path_in(const char *dir, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static inline const char *path_of_entry(const char *dir, unsigned n)
{
	static char path[512];
	struct codec_digest key = key_of(n);
	char hex[CODEC_DIGEST_HEX_SIZE];

	codec_digest_hex(&key, hex);
	(void)snprintf(path, sizeof path, "%s/entry/local/%.2s/%s", dir, hex, hex);
	return path;
}

static inline void sleep_ms(long ms)
{
	(void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static inline size_t files_in(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	while (d && (entry = readdir(d)))
		count += entry->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return count;
}

static inline void write_file(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static inline void fill_store(const char *dir, unsigned count)
{
	struct store *s = fixture_disk(dir, 0, false);

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(put_entry(s, i, i % 5, 100 + i), 0);
	store_free(s);
}

static inline void expect_all(struct store *s, unsigned count)
{
	int found = 0;

	assert_int_equal(usage_of(s).entries, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(check_entry(s, i), 1);
	for (unsigned i = 0; i < 5; i++)
		found += count_closure(s, i);
	assert_int_equal(found, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
