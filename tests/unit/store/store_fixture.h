/* What the tests of the store share: folders of their own, keys by number, entries by number. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cache/entry.h"
#include "store/store.h"

struct fixture {
	char dir[64];
};

static inline int fixture_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = hp_zalloc(sizeof *f);

	(void)snprintf(f->dir, sizeof f->dir, "/tmp/hpcc-store-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	int rc = nftw(f->dir, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);

	free(f);
	return rc;
}

static inline struct store *fixture_disk(const char *dir, uint64_t bytes_max, bool read_only)
{
	struct store_disk_options opt = {.dir = dir, .tenant = "local", .bytes_max = bytes_max, .read_only = read_only};
	struct store *s = NULL;
	struct hp_err err = {0};

	if (store_disk_new(&opt, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static inline struct codec_digest key_of(unsigned n)
{
	struct codec_digest d;

	codec_blake3(&n, sizeof n, &d);
	return d;
}

static inline struct codec_digest closure_of(unsigned n)
{
	return key_of(n ^ 0x80000000u);
}

/* A proper entry of about `len` bytes. */
static inline void entry_of(unsigned n, unsigned closure, size_t len, struct hp_buf *out)
{
	HP_AUTO_FREE char *data = hp_zalloc(len);
	struct cache_output output = {.role = CC_ROLE_MAIN, .data = data, .len = len};
	struct cache_entry e = {.outputs = &output, .outputs_len = 1};

	(void)snprintf(data, len, "%u", n);
	e.action_key = key_of(n);
	e.closure_key = closure_of(closure);
	assert_int_equal(cache_entry_encode(&e, CACHE_PACK_RAW, out, NULL), 0);
}

static inline int put_entry(struct store *s, unsigned n, unsigned closure, size_t len)
{
	HP_AUTO_BUF struct hp_buf bytes = {0};
	struct codec_digest key = key_of(n);
	struct codec_digest closure_key = closure_of(closure);

	entry_of(n, closure, len, &bytes);
	return store_put(s, &key, &closure_key, bytes.data, bytes.len, NULL);
}

/* 1: there and whole; 0: not there; -1: damaged. */
static inline int check_entry(struct store *s, unsigned n)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct codec_digest key = key_of(n);
	struct cache_entry e;
	int rc = store_get(s, &key, &blob, NULL);

	if (rc != 1)
		return rc;
	rc = cache_entry_decode(blob->data, blob->len, CACHE_WANT_PAYLOAD, &e, NULL);
	if (rc == 0) {
		rc = codec_digest_eq(&e.action_key, &key) ? 1 : -1;
		cache_entry_done(&e);
	}
	return rc;
}

static inline int count_closure(struct store *s, unsigned closure)
{
	struct codec_digest closure_key = closure_of(closure);
	struct codec_digest keys[64];

	return store_closures(s, &closure_key, keys, HP_ARRAY_SIZE(keys), NULL);
}

static inline struct store_usage usage_of(struct store *s)
{
	struct store_usage usage = {0};
	struct hp_err err = {0};

	if (store_usage(s, &usage, &err) < 0)
		fail_msg("%s", err.msg);
	return usage;
}
