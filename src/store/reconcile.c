/* Making rows and files agree, one shard at a time: what heals everything that accidents leave behind. */
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "store/index_priv.h"

/* A row younger than this may be of a put that has not renamed its file into place yet. */
#define GHOST_AGE_US 60000000

struct reconcile {
	struct store_index *ix;
	unsigned shard;
	struct hp_map rows; /* keys in the index; value: the key is a file, too */
};

static char present[1]; /* any non-NULL pointers will do as marks */
static char missing[1];

/* Notes the shard's rows; the young ones as if their files were there. */
static int read_rows(struct reconcile *r)
{
	int64_t young_us = store_disk_now_us() - GHOST_AGE_US;
	int64_t low = (int64_t)((uint64_t)r->shard << 56);
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&r->ix->db, STMT_SHARD, &rc);

	if (!stmt)
		return rc;
	(void)sqlite3_bind_text(stmt, 1, r->ix->tenant, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 2, low);
	(void)sqlite3_bind_int64(stmt, 3, low | (((int64_t)1 << 56) - 1));
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct codec_digest key;

		if (!store_db_digest(stmt, 0, &key)) {
			rc = SQLITE_CORRUPT;
			break;
		}
		hp_map_put(&r->rows, key.b, sizeof key.b)->value =
		        sqlite3_column_int64(stmt, 1) < young_us ? missing : present;
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int see_file(void *ctx, const struct codec_digest *key, const char *path)
{
	struct reconcile *r = ctx;
	struct store_row row = {.tenant = r->ix->tenant};
	bool bad;

	if (hp_map_find(&r->rows, key->b, sizeof key->b)) {
		hp_map_put(&r->rows, key->b, sizeof key->b)->value = present;
		return SQLITE_OK;
	}
	if (store_scan_file(path, key, &row, &bad))
		return store_index_add_row(r->ix, &row);
	if (bad)
		(void)unlink(path);
	return SQLITE_OK;
}

static int remove_ghosts(struct reconcile *r)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < r->rows.cap && rc == SQLITE_OK; i++) {
		const struct hp_map_slot *slot = &r->rows.slots[i];
		struct codec_digest key;

		if (!slot->key || slot->value != missing)
			continue;
		memcpy(key.b, slot->key, sizeof key.b);
		rc = store_index_remove_row(r->ix, r->ix->tenant, &key);
	}
	return rc;
}

static int reconcile(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;
	struct reconcile r = {.ix = ix, .shard = *(const unsigned *)ctx};
	int rc = store_db_begin(db);

	if (rc != SQLITE_OK)
		return rc;
	rc = read_rows(&r);
	if (rc == SQLITE_OK)
		rc = store_scan_names(db->dir, ix->tenant, r.shard, see_file, &r);
	if (rc == SQLITE_OK)
		rc = remove_ghosts(&r);
	hp_map_done(&r.rows);
	return store_db_end(db, rc);
}

int store_index_reconcile(struct store_index *ix, unsigned shard, struct hp_err *err)
{
	return store_db_operate(&ix->db, "reconcile", reconcile, &shard, err);
}
