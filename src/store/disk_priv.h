/* What the files of the disk store share. Private to the store area.
 *
 * docs/decisions/0004-store-index.md says why the pieces are ordered as they are. In short: the entry files are the
 * truth and are read without asking the index; the index only knows what lies there, how large it is and when it was
 * used. A row without a file ("ghost") costs nothing and goes with the next look at its shard; a file without a row
 * ("stray") is what every order of steps avoids, and reconciliation finds those that accidents still make. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"

#define STORE_SHARDS 256u
#define STORE_TENANT_LEN_MAX 64u

/* Paths. */
void store_disk_shard_path(struct hp_buf *out, const char *dir, const char *tenant, unsigned shard);
void store_disk_entry_path(struct hp_buf *out, const char *dir, const char *tenant, const struct codec_digest *key);

/* What a file of len bytes occupies. Computed, not st_blocks: delayed allocation makes that 0 right after the write. */
static inline uint64_t store_disk_bytes(uint64_t len)
{
	return (len + 4095) & ~(uint64_t)4095;
}

/* Microseconds of wall time: comparable between processes and across restarts. */
int64_t store_disk_now_us(void);

/* One row of the index. */
struct store_row {
	const char *tenant;
	struct codec_digest key;
	struct codec_digest closure_key;
	uint64_t bytes;
	int64_t stored_us;
	int64_t used_us;
};

/* One use of an entry of this store's tenant. */
struct store_use {
	struct codec_digest key;
	int64_t used_us;
};

/* The index: DIR/index.sqlite. Thread-safe. Opened when first needed; lost or damaged, it is rebuilt from the entry
 * files. Errors of it: -HP_UNAVAILABLE (busy for too long, being rebuilt by another process, cannot be opened),
 * -HP_EXHAUSTED (the disk is full), -HP_INTERNAL; none of them may fail a compile. */
struct store_index;

struct store_index *store_index_new(const char *dir, const char *tenant, bool read_only);
void store_index_free(struct store_index *take_ix);

struct store_added {
	uint64_t bytes_total; /* what all entries occupy now */
	uint64_t generation;  /* of the index that took the row */
};
/* Inserts or replaces the row. */
int store_index_add(struct store_index *ix, const struct store_row *row, struct store_added *ret_added,
                    struct hp_err *err);
/* Was that index replaced since? Then a row whose file was not in its place yet may not be in the new one. */
bool store_index_moved(struct store_index *ix, uint64_t generation);
/* Notes uses, in one transaction. An entry that has a file but no row gets one. */
int store_index_touch(struct store_index *ix, const struct store_use *uses, size_t len, struct hp_err *err);
int store_index_remove(struct store_index *ix, const struct codec_digest *key, struct hp_err *err);
int store_index_closures(struct store_index *ix, const struct codec_digest *closure_key, struct codec_digest *ret_keys,
                         size_t max, struct hp_err *err);
int store_index_usage(struct store_index *ix, uint64_t *ret_bytes, uint64_t *ret_entries, struct hp_err *err);
/* Removes files and rows, least recently used first, of all tenants: the rule is about the whole directory. */
int store_index_evict(struct store_index *ix, const struct store_evict *rule, struct store_evicted *ret_evicted,
                      struct hp_err *err);
/* The same when the disk is so full that SQLite cannot work: removes the files of the few entries stored first, for room to
 * begin. Their rows become ghosts. Does nothing (false) when the disk is not full. */
bool store_index_make_room(struct store_index *ix, struct store_evicted *ret_evicted);
/* Makes the rows of one shard agree with its files. */
int store_index_reconcile(struct store_index *ix, unsigned shard, struct hp_err *err);

/* Calls fn for each file of a shard that is named as an entry. Stops when fn returns non-zero, and returns that; -1
 * when the folder is there but cannot be read. */
typedef int (*store_name_fn)(void *ctx, const struct codec_digest *key, const char *path);
int store_scan_names(const char *dir, const char *tenant, unsigned shard, store_name_fn fn, void *ctx);
/* Calls fn with the row of each entry under DIR/entry, of all tenants. Files named as entries that are none are removed
 * when `remove_bad`. Stops when fn returns non-zero, and returns that; -1 when a folder cannot be read. */
typedef int (*store_scan_fn)(void *ctx, const struct store_row *row);
int store_scan(const char *dir, bool remove_bad, store_scan_fn fn, void *ctx);
/* Fills *ret_row (but not its tenant) from the file. False when it cannot be read; with *ret_bad when it is no entry of
 * that key. */
bool store_scan_file(const char *path, const struct codec_digest *key, struct store_row *ret_row, bool *ret_bad);
