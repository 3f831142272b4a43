/* A disk so full that SQLite cannot make its log: eviction, which would help, needs that log. So a few files go without
 * it, chosen by what the files themselves say. */
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/index_priv.h"

/* Less than this is full. SQLite needs some tens of KiB. */
#define ROOM_BYTES (1u << 20)
/* Files that go at a time, unless fewer make enough room. */
#define ROOM_FILES 64u

struct candidate {
	char tenant[STORE_TENANT_LEN_MAX + 1];
	struct store_row row;
};

/* The files stored first, in no order. */
struct candidates {
	struct candidate items[ROOM_FILES];
	size_t len;
};

static int consider(void *ctx, const struct store_row *row)
{
	struct candidates *c = ctx;
	struct candidate *place = &c->items[0];

	if (c->len < ROOM_FILES) {
		place = &c->items[c->len++];
	} else {
		for (size_t i = 1; i < c->len; i++) {
			if (c->items[i].row.stored_us > place->row.stored_us)
				place = &c->items[i];
		}
		if (place->row.stored_us <= row->stored_us)
			return 0;
	}
	memcpy(place->tenant, row->tenant, strlen(row->tenant) + 1); /* store_scan bounds its length */
	place->row = *row;
	place->row.tenant = NULL; /* only valid during the scan */
	return 0;
}

static int by_age(const void *a, const void *b)
{
	int64_t a_us = ((const struct candidate *)a)->row.stored_us;
	int64_t b_us = ((const struct candidate *)b)->row.stored_us;

	return (a_us > b_us) - (a_us < b_us);
}

bool store_index_make_room(struct store_index *ix, struct store_evicted *ret_evicted)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct store_evicted gone = {0};
	HP_AUTO_FREE struct candidates *c = NULL;
	struct statvfs fs;

	*ret_evicted = gone;
	if (ix->db.read_only || statvfs(ix->db.dir, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= ROOM_BYTES)
		return false;
	c = hp_zalloc(sizeof *c);
	(void)store_scan(ix->db.dir, false, consider, c);
	qsort(c->items, c->len, sizeof c->items[0], by_age);
	for (size_t i = 0; i < c->len && gone.bytes < ROOM_BYTES; i++) {
		hp_buf_reset(&path);
		store_disk_entry_path(&path, ix->db.dir, c->items[i].tenant, &c->items[i].row.key);
		if (unlink(path.data) == 0) {
			gone.entries++;
			gone.bytes += c->items[i].row.bytes;
		}
	}
	*ret_evicted = gone;
	store_db_retry(&ix->db);
	return gone.entries > 0;
}
