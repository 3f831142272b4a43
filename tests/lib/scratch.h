/* A folder of its own for each test, and small files in it. Use scratch_setup and scratch_teardown as cmocka's. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/fs.h"

struct scratch {
	char dir[64];
};

static inline int scratch_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int scratch_setup(void **state)
{
	struct scratch *s = hp_zalloc(sizeof *s);

	(void)snprintf(s->dir, sizeof s->dir, "/tmp/hpcc-test-XXXXXX");
	*state = s;
	return mkdtemp(s->dir) ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
	struct scratch *s = *state;
	int r = nftw(s->dir, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);

	free(s);
	return r;
}

/* The absolute path of `name` in the folder; one of eight static buffers in turn. */
static inline const char *scratch_path(void **state, const char *name)
{
	static char paths[8][512];
	static unsigned turn;
	const struct scratch *s = *state;
	char *path = paths[turn++ % 8];

	(void)snprintf(path, sizeof paths[0], "%s%s%s", s->dir, name[0] ? "/" : "", name);
	return path;
}

static inline const char *scratch_mkdir(void **state, const char *name)
{
	const char *path = scratch_path(state, name);

	if (sys_mkdirs(path, 0755, NULL) < 0)
		abort();
	return path;
}

static inline void scratch_write_at(const char *path, const char *data, size_t len)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		abort();
}

/* Writes the file, its folders too. */
static inline const char *scratch_write(void **state, const char *name, const char *text)
{
	const char *path = scratch_path(state, name);
	const char *slash = strrchr(name, '/');

	if (slash) {
		HP_AUTO_FREE char *dir = hp_strndup(name, (size_t)(slash - name));

		(void)scratch_mkdir(state, dir);
	}
	scratch_write_at(path, text, strlen(text));
	return path;
}

static inline const char *scratch_script(void **state, const char *name, const char *text)
{
	const char *path = scratch_write(state, name, text);

	if (chmod(path, 0755) < 0)
		abort();
	return path;
}

/* The file's whole content in *ret (hp_buf_done); false when it cannot be read. */
static inline bool scratch_read(const char *path, struct hp_buf *ret)
{
	hp_buf_reset(ret);
	return sys_read_file(path, 64u << 20, ret, NULL, NULL) == 0;
}

/* Until the clock of file stamps has passed everything written before: a tick is some milliseconds, and kernels with
 * fine-grained stamps are ahead of it within one. */
static inline void scratch_settle(void)
{
	int64_t start = sys_clock_ns(CLOCK_REALTIME);

	for (int64_t deadline = sys_monotonic_ns() + 1000000000; sys_monotonic_ns() < deadline;) {
		if (sys_file_clock_ns() > start)
			return;
	}
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
