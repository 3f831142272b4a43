/* Where entries live. An entry is opaque bytes here, named by its action key; the closure key groups the entries that
 * one command line can have. Implementations: memory, disk (S3 and tiers later). Nothing above asks which one it has.
 *
 * Thread-safe: every function may be called from any thread at any time between _new and _free. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"

/* Immutable bytes shared by reference count (atomic). */
struct store_blob {
	int refs;
	size_t len;
	char data[];
};
struct store_blob *store_blob_new(size_t len);                         /* one reference, content undefined */
struct store_blob *store_blob_try_new(size_t len, struct hp_err *err); /* NULL + error for a size from outside */
struct store_blob *store_blob_ref(struct store_blob *blob);
void store_blob_unref(struct store_blob *blob); /* NULL is allowed */
static inline void store_blob_auto(struct store_blob **blob)
{
	store_blob_unref(*blob);
}
#define STORE_AUTO_BLOB __attribute__((cleanup(store_blob_auto)))

struct store_usage {
	uint64_t bytes;     /* what the entries occupy, in whole blocks */
	uint64_t bytes_max; /* 0: no limit */
	uint64_t entries;
};

struct store_evict {
	uint64_t bytes_max; /* evict least recently used until at most this; UINT64_MAX: no size rule */
	uint64_t age_max_s; /* evict what was not used for longer; 0: no age rule */
	bool all;
};

struct store_evicted {
	uint64_t entries;
	uint64_t bytes;
};

struct store;

struct store_ops {
	const char *name; /* "memory", "disk" */
	/* The entry's bytes: 1 and a reference in *ret_blob; 0 when there is none; -code when the store failed.
	 * Counts as a use for LRU. Does not verify content: the caller decodes and calls remove on damage. */
	int (*get)(struct store *s, const struct codec_digest *key, struct store_blob **ret_blob, struct hp_err *err);
	/* Publishes atomically; replaces an entry of the same key. -HP_DENIED when read-only, -HP_EXHAUSTED when the
	 * medium is full (nothing half-written stays behind). May start eviction in the background. */
	int (*put)(struct store *s, const struct codec_digest *key, const struct codec_digest *closure_key,
	           const void *data, size_t len, struct hp_err *err);
	/* Removes one entry; 0 also when there was none. */
	int (*remove)(struct store *s, const struct codec_digest *key, struct hp_err *err);
	/* The action keys stored under a closure key, most recently stored first, at most `max`. Returns the count. */
	int (*closures)(struct store *s, const struct codec_digest *closure_key, struct codec_digest *ret_keys,
	                size_t max, struct hp_err *err);
	int (*usage)(struct store *s, struct store_usage *ret_usage, struct hp_err *err);
	int (*evict)(struct store *s, const struct store_evict *rule, struct store_evicted *ret_evicted,
	             struct hp_err *err);
	/* Writes what is batched (last uses) to where other processes see it. */
	int (*flush)(struct store *s, struct hp_err *err);
	void (*free)(struct store *take_s);
};

struct store {
	const struct store_ops *ops;
};

/* Wrappers: assert the arguments, wrap errors with the store's name. */
int store_get(struct store *s, const struct codec_digest *key, struct store_blob **ret_blob, struct hp_err *err);
int store_put(struct store *s, const struct codec_digest *key, const struct codec_digest *closure_key, const void *data,
              size_t len, struct hp_err *err);
int store_remove(struct store *s, const struct codec_digest *key, struct hp_err *err);
int store_closures(struct store *s, const struct codec_digest *closure_key, struct codec_digest *ret_keys, size_t max,
                   struct hp_err *err);
int store_usage(struct store *s, struct store_usage *ret_usage, struct hp_err *err);
int store_evict(struct store *s, const struct store_evict *rule, struct store_evicted *ret_evicted, struct hp_err *err);
int store_flush(struct store *s, struct hp_err *err);
void store_free(struct store *take_s); /* NULL is allowed */

/* memory: LRU bounded by bytes_max; an entry larger than half of it is not kept (put returns 0 all the same). */
struct store *store_memory_new(uint64_t bytes_max);

struct store_disk_options {
	const char *dir;    /* ~/.cache/hpcc; made 0700 when missing */
	const char *tenant; /* "local" */
	uint64_t bytes_max; /* 0: no limit */
	bool read_only;     /* never writes anything, not even last use; works on a read-only file system */
};

/* disk: DIR/entry/TENANT/<2 hex>/<64 hex>, index in DIR/index.sqlite (rebuilt by itself when lost or damaged). */
int store_disk_new(const struct store_disk_options *opt, struct store **ret_store, struct hp_err *err);
