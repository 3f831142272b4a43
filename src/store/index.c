#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/index_priv.h"

/* Entries removed in one transaction: few enough that others hardly wait, many enough that the commit does not count. */
#define EVICT_BATCH 64

/* `id` and `closure_id` are the first eight bytes of the digests: 64 bits are plenty to find a row and make the three
 * B-trees a third as large; the full digests stand in the row. */
static const char schema[] =
        "CREATE TABLE entry(tenant TEXT NOT NULL, id INTEGER NOT NULL, key BLOB NOT NULL, closure BLOB NOT NULL,"
        " closure_id INTEGER NOT NULL, bytes INTEGER NOT NULL, stored INTEGER NOT NULL, used INTEGER NOT NULL,"
        " PRIMARY KEY(tenant, id)) WITHOUT ROWID;"
        "CREATE INDEX entry_closure ON entry(closure_id);"
        "CREATE INDEX entry_used ON entry(used);"
        "CREATE TABLE total(one INTEGER PRIMARY KEY CHECK(one = 1), bytes INTEGER NOT NULL, entries INTEGER NOT NULL);"
        "INSERT INTO total VALUES(1, 0, 0);"
        "CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN"
        " UPDATE total SET bytes = bytes + new.bytes, entries = entries + 1; END;"
        "CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN"
        " UPDATE total SET bytes = bytes - old.bytes, entries = entries - 1; END;"
        "CREATE TRIGGER entry_replaced AFTER UPDATE OF bytes ON entry BEGIN"
        " UPDATE total SET bytes = bytes + new.bytes - old.bytes; END;";

static const char *const stmt_sql[STMT_COUNT] = {
        [STMT_ADD] = "INSERT INTO entry VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(tenant, id) DO UPDATE SET"
                     " key = ?3, closure = ?4, closure_id = ?5, bytes = ?6, stored = ?7, used = ?8",
        [STMT_TOUCH] = "UPDATE entry SET used = max(used, ?3) WHERE tenant = ?1 AND id = ?2",
        [STMT_REMOVE] = "DELETE FROM entry WHERE tenant = ?1 AND id = ?2",
        [STMT_CLOSURES] = "SELECT key FROM entry WHERE closure_id = ?1 AND tenant = ?2 AND closure = ?3"
                          " ORDER BY stored DESC LIMIT ?4",
        [STMT_TOTAL] = "SELECT bytes, entries FROM total",
        [STMT_RECOUNT] = "UPDATE total SET (bytes, entries) = (SELECT coalesce(sum(bytes), 0), count(*) FROM entry)",
        [STMT_OLDEST] = "SELECT tenant, key, bytes, used FROM entry ORDER BY used LIMIT ?1",
        [STMT_SHARD] = "SELECT key, stored FROM entry WHERE tenant = ?1 AND id BETWEEN ?2 AND ?3",
};

/* The digest's first byte is the highest, so that a shard (named by it) is one range of ids. */
static int64_t digest_id(const struct codec_digest *d)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 8; i++)
		v = v << 8 | d->b[i];
	return (int64_t)v;
}

/* add */

static int bind_entry(sqlite3_stmt *stmt, const char *tenant, const struct codec_digest *key)
{
	int rc = sqlite3_bind_text(stmt, 1, tenant, -1, SQLITE_STATIC);

	return rc == SQLITE_OK ? sqlite3_bind_int64(stmt, 2, digest_id(key)) : rc;
}

int store_index_add_row(struct store_index *ix, const struct store_row *row)
{
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&ix->db, STMT_ADD, &rc);

	if (!stmt)
		return rc;
	rc = bind_entry(stmt, row->tenant, &row->key);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 3, row->key.b, CODEC_DIGEST_SIZE, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 4, row->closure_key.b, CODEC_DIGEST_SIZE, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 5, digest_id(&row->closure_key));
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 6, (int64_t)row->bytes);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 7, row->stored_us);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 8, row->used_us);
	if (rc == SQLITE_OK)
		rc = store_db_step(stmt);
	return rc;
}

static int read_total(struct store_index *ix, uint64_t *ret_bytes, uint64_t *ret_entries)
{
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&ix->db, STMT_TOTAL, &rc);

	if (!stmt)
		return rc;
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		int64_t bytes = sqlite3_column_int64(stmt, 0);
		int64_t entries = sqlite3_column_int64(stmt, 1);

		*ret_bytes = bytes < 0 ? 0 : (uint64_t)bytes;
		*ret_entries = entries < 0 ? 0 : (uint64_t)entries;
	}
	(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

struct add_ctx {
	const struct store_row *row;
	struct store_added *ret_added;
};

static int add(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;
	struct add_ctx *c = ctx;
	uint64_t entries;
	int rc = store_index_add_row(ix, c->row);

	c->ret_added->generation = ix->db.generation;
	return rc == SQLITE_OK ? read_total(ix, &c->ret_added->bytes_total, &entries) : rc;
}

int store_index_add(struct store_index *ix, const struct store_row *row, struct store_added *ret_added,
                    struct hp_err *err)
{
	return store_db_operate(&ix->db, "add", add, &(struct add_ctx){row, ret_added}, err);
}

bool store_index_moved(struct store_index *ix, uint64_t generation)
{
	return store_db_moved(&ix->db, generation);
}

/* touch */

struct touch_ctx {
	const struct store_use *uses;
	size_t len;
};

static int touch_one(struct store_index *ix, const struct store_use *use)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct store_row row = {.tenant = ix->tenant};
	bool bad;
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&ix->db, STMT_TOUCH, &rc);

	if (!stmt)
		return rc;
	rc = bind_entry(stmt, ix->tenant, &use->key);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 3, use->used_us);
	if (rc == SQLITE_OK)
		rc = store_db_step(stmt);
	(void)sqlite3_clear_bindings(stmt);
	if (rc != SQLITE_OK || sqlite3_changes(ix->db.conn) > 0)
		return rc;
	store_disk_entry_path(&path, ix->db.dir, ix->tenant, &use->key);
	if (!store_scan_file(path.data, &use->key, &row, &bad))
		return SQLITE_OK; /* evicted meanwhile */
	row.used_us = use->used_us;
	return store_index_add_row(ix, &row);
}

static int touch(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;
	const struct touch_ctx *c = ctx;
	int rc = store_db_begin(&ix->db);

	if (rc != SQLITE_OK)
		return rc;
	for (size_t i = 0; i < c->len && rc == SQLITE_OK; i++)
		rc = touch_one(ix, &c->uses[i]);
	return store_db_end(&ix->db, rc);
}

int store_index_touch(struct store_index *ix, const struct store_use *uses, size_t len, struct hp_err *err)
{
	return store_db_operate(&ix->db, "note uses", touch, &(struct touch_ctx){uses, len}, err);
}

/* remove */

int store_index_remove_row(struct store_index *ix, const char *tenant, const struct codec_digest *key)
{
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&ix->db, STMT_REMOVE, &rc);

	if (!stmt)
		return rc;
	rc = bind_entry(stmt, tenant, key);
	if (rc == SQLITE_OK)
		rc = store_db_step(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc;
}

static int remove_own(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;

	return store_index_remove_row(ix, ix->tenant, ctx);
}

int store_index_remove(struct store_index *ix, const struct codec_digest *key, struct hp_err *err)
{
	struct codec_digest copy = *key;

	return store_db_operate(&ix->db, "remove", remove_own, &copy, err);
}

/* closures */

struct closures_ctx {
	const struct codec_digest *closure_key;
	struct codec_digest *ret_keys;
	size_t max;
	size_t count;
};

static int closures(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;
	struct closures_ctx *c = ctx;
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&ix->db, STMT_CLOSURES, &rc);

	if (!stmt)
		return rc;
	c->count = 0;
	(void)sqlite3_bind_int64(stmt, 1, digest_id(c->closure_key));
	(void)sqlite3_bind_text(stmt, 2, ix->tenant, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 3, c->closure_key->b, CODEC_DIGEST_SIZE, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 4, (int64_t)c->max);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && c->count < c->max) {
		if (!store_db_digest(stmt, 0, &c->ret_keys[c->count])) {
			rc = SQLITE_CORRUPT;
			break;
		}
		c->count++;
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int store_index_closures(struct store_index *ix, const struct codec_digest *closure_key, struct codec_digest *ret_keys,
                         size_t max, struct hp_err *err)
{
	struct closures_ctx c = {closure_key, ret_keys, max, 0};
	int rc = store_db_operate(&ix->db, "find closures", closures, &c, err);

	return rc < 0 ? rc : (int)c.count;
}

/* usage */

struct usage_ctx {
	uint64_t *ret_bytes;
	uint64_t *ret_entries;
};

static int usage(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;
	struct usage_ctx *c = ctx;

	return read_total(ix, c->ret_bytes, c->ret_entries);
}

int store_index_usage(struct store_index *ix, uint64_t *ret_bytes, uint64_t *ret_entries, struct hp_err *err)
{
	return store_db_operate(&ix->db, "read totals", usage, &(struct usage_ctx){ret_bytes, ret_entries}, err);
}

/* evict */

struct victim {
	char tenant[STORE_TENANT_LEN_MAX + 1];
	struct codec_digest key;
	uint64_t bytes;
	int64_t used_us;
};

struct evict_ctx {
	const struct store_evict *rule;
	struct store_evicted gone;
	bool finished;
};

static int oldest(struct store_index *ix, struct victim victims[EVICT_BATCH], size_t *ret_len)
{
	size_t len = 0;
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(&ix->db, STMT_OLDEST, &rc);

	if (!stmt)
		return rc;
	(void)sqlite3_bind_int(stmt, 1, EVICT_BATCH);
	while (len < EVICT_BATCH && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *tenant = (const char *)sqlite3_column_text(stmt, 0);
		struct victim *v = &victims[len];

		if (!tenant || strlen(tenant) > STORE_TENANT_LEN_MAX || strchr(tenant, '/') ||
		    !store_db_digest(stmt, 1, &v->key)) {
			(void)sqlite3_reset(stmt);
			return SQLITE_CORRUPT;
		}
		memcpy(v->tenant, tenant, strlen(tenant) + 1);
		v->bytes = (uint64_t)sqlite3_column_int64(stmt, 2);
		v->used_us = sqlite3_column_int64(stmt, 3);
		len++;
	}
	(void)sqlite3_reset(stmt);
	*ret_len = len;
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* One batch inside a transaction. Files go before their rows: a kill in between leaves ghosts, not strays; and since
 * the write lock is held, no put can slip in between the two. */
static int evict_batch(struct store_index *ix, struct evict_ctx *c)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct victim victims[EVICT_BATCH];
	int64_t now_us = store_disk_now_us();
	uint64_t entries = 0;
	uint64_t bytes = 0;
	size_t len = 0;
	int rc = read_total(ix, &bytes, &entries);

	if (rc == SQLITE_OK)
		rc = oldest(ix, victims, &len);
	if (rc != SQLITE_OK)
		return rc;
	for (size_t i = 0; i < len; i++) {
		const struct victim *v = &victims[i];
		bool old = c->rule->age_max_s && now_us > v->used_us &&
		           (uint64_t)(now_us - v->used_us) / 1000000 > c->rule->age_max_s;

		if (!c->rule->all && !old && bytes <= c->rule->bytes_max) {
			c->finished = true;
			return SQLITE_OK;
		}
		hp_buf_reset(&path);
		store_disk_entry_path(&path, ix->db.dir, v->tenant, &v->key);
		(void)unlink(path.data);
		rc = store_index_remove_row(ix, v->tenant, &v->key);
		if (rc != SQLITE_OK)
			return rc;
		bytes -= bytes < v->bytes ? bytes : v->bytes;
		c->gone.entries++;
		c->gone.bytes += v->bytes;
	}
	if (len < EVICT_BATCH) {
		/* Everything was looked at. Whatever the totals say, they say it of nothing. */
		c->finished = true;
		if (bytes > c->rule->bytes_max)
			rc = store_db_run(&ix->db, STMT_RECOUNT);
	}
	return rc;
}

static int evict(struct store_db *db, void *ctx)
{
	struct store_index *ix = (struct store_index *)db;
	struct evict_ctx *c = ctx;
	struct store_evicted before = c->gone;
	int rc = store_db_begin(db);

	if (rc == SQLITE_OK)
		rc = store_db_end(db, evict_batch(ix, c));
	if (rc != SQLITE_OK) { /* will be tried again, or fails: the rows are still there */
		c->gone = before;
		c->finished = false;
	}
	return rc;
}

int store_index_evict(struct store_index *ix, const struct store_evict *rule, struct store_evicted *ret_evicted,
                      struct hp_err *err)
{
	struct evict_ctx c = {.rule = rule};
	bool made_room = false;
	int rc = 0;

	/* one batch per turn, so that other threads and processes get the index in between */
	while (rc == 0 && !c.finished) {
		struct store_evicted room;

		rc = store_db_operate(&ix->db, "evict", evict, &c, err);
		if (rc < 0 && !made_room && store_index_make_room(ix, &room)) {
			made_room = true; /* what went for it is counted below, as its rows go */
			rc = 0;
		}
	}
	*ret_evicted = c.gone;
	return rc;
}

/* life cycle */

static int add_scanned(void *ctx, const struct store_row *row)
{
	return store_index_add_row(ctx, row);
}

static int fill(struct store_db *db)
{
	return store_scan(db->dir, !db->read_only, add_scanned, db);
}

static const struct store_db_type index_type = {
        .name = "index",
        .version = 1,
        .schema = schema,
        .probe = "SELECT bytes FROM total",
        .stmts = stmt_sql,
        .fill = fill,
};

struct store_index *store_index_new(const char *dir, const char *tenant, bool read_only)
{
	struct store_index *ix = hp_zalloc(sizeof *ix);

	store_db_init(&ix->db, &index_type, dir, read_only);
	ix->tenant = hp_strdup(tenant);
	return ix;
}

void store_index_free(struct store_index *take_ix)
{
	store_db_done(&take_ix->db);
	free(take_ix->tenant);
	free(take_ix);
}
