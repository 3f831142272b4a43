#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/index_priv.h"
#include "sys/clock.h"

/* Entries removed in one transaction: few enough that others hardly wait, many enough that the commit does not count. */
#define EVICT_BATCH 64

static const char *const stmt_sql[STMT_COUNT] = {
        [STMT_BEGIN] = "BEGIN IMMEDIATE",
        [STMT_COMMIT] = "COMMIT",
        [STMT_ROLLBACK] = "ROLLBACK",
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

sqlite3_stmt *store_index_stmt(struct store_index *ix, enum store_stmt id, int *ret_rc)
{
	*ret_rc = SQLITE_OK;
	if (!ix->stmts[id])
		*ret_rc = sqlite3_prepare_v3(ix->db, stmt_sql[id], -1, SQLITE_PREPARE_PERSISTENT, &ix->stmts[id], NULL);
	return ix->stmts[id];
}

int store_index_step(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int store_index_run(struct store_index *ix, enum store_stmt id)
{
	int rc;
	sqlite3_stmt *stmt = store_index_stmt(ix, id, &rc);

	return stmt ? store_index_step(stmt) : rc;
}

int store_index_end(struct store_index *ix, int rc)
{
	if (rc == SQLITE_OK)
		rc = store_index_run(ix, STMT_COMMIT);
	if (rc != SQLITE_OK)
		(void)store_index_run(ix, STMT_ROLLBACK);
	return rc;
}

bool store_index_is_damage(int sqlite_rc)
{
	switch (sqlite_rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* no such table, no such column */
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_CANTOPEN: /* a folder in its place, no permission; but see store_index_ready for read-only */
	case SQLITE_FORMAT:
		return true;
	default:
		return false;
	}
}

int store_index_error(struct store_index *ix, int sqlite_rc, const char *what, struct hp_err *err)
{
	const char *text = ix->db ? sqlite3_errmsg(ix->db) : sqlite3_errstr(sqlite_rc);

	switch (sqlite_rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_NOMEM:
		return hp_err_set(err, HP_EXHAUSTED, "index: %s: %s", what, text);
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return hp_err_set(err, HP_DENIED, "index: %s: %s", what, text);
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return hp_err_set(err, HP_INTERNAL, "index: %s: %s", what, text);
	default:
		return hp_err_set(err, HP_UNAVAILABLE, "index: %s: %s", what, text);
	}
}

int store_index_operate(struct store_index *ix, const char *what, store_index_fn fn, void *ctx, struct hp_err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&ix->mutex);
	for (int attempt = 0; attempt < 2; attempt++) {
		int sqlite_rc;

		rc = store_index_ready(ix, err);
		if (rc < 0)
			break;
		sqlite_rc = fn(ix, ctx);
		if (sqlite_rc == SQLITE_OK)
			break;
		rc = store_index_error(ix, sqlite_rc, what, err);
		if (store_index_is_damage(sqlite_rc))
			ix->condemned = true;
		else if ((sqlite_rc & 0xff) == SQLITE_BUSY)
			break;
		store_index_close(ix);
		if (!ix->condemned)
			break;
	}
	(void)pthread_mutex_unlock(&ix->mutex);
	return rc;
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
	sqlite3_stmt *stmt = store_index_stmt(ix, STMT_ADD, &rc);

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
		rc = store_index_step(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc;
}

static int read_total(struct store_index *ix, uint64_t *ret_bytes, uint64_t *ret_entries)
{
	int rc;
	sqlite3_stmt *stmt = store_index_stmt(ix, STMT_TOTAL, &rc);

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

static int add(struct store_index *ix, void *ctx)
{
	struct add_ctx *c = ctx;
	uint64_t entries;
	int rc = store_index_add_row(ix, c->row);

	c->ret_added->generation = ix->generation;
	return rc == SQLITE_OK ? read_total(ix, &c->ret_added->bytes_total, &entries) : rc;
}

int store_index_add(struct store_index *ix, const struct store_row *row, struct store_added *ret_added,
                    struct hp_err *err)
{
	return store_index_operate(ix, "add", add, &(struct add_ctx){row, ret_added}, err);
}

bool store_index_moved(struct store_index *ix, uint64_t generation)
{
	bool moved;

	(void)pthread_mutex_lock(&ix->mutex);
	moved = ix->generation != generation || (ix->db && store_index_replaced(ix));
	(void)pthread_mutex_unlock(&ix->mutex);
	return moved;
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
	sqlite3_stmt *stmt = store_index_stmt(ix, STMT_TOUCH, &rc);

	if (!stmt)
		return rc;
	rc = bind_entry(stmt, ix->tenant, &use->key);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 3, use->used_us);
	if (rc == SQLITE_OK)
		rc = store_index_step(stmt);
	(void)sqlite3_clear_bindings(stmt);
	if (rc != SQLITE_OK || sqlite3_changes(ix->db) > 0)
		return rc;
	store_disk_entry_path(&path, ix->dir, ix->tenant, &use->key);
	if (!store_scan_file(path.data, &use->key, &row, &bad))
		return SQLITE_OK; /* evicted meanwhile */
	row.used_us = use->used_us;
	return store_index_add_row(ix, &row);
}

static int touch(struct store_index *ix, void *ctx)
{
	const struct touch_ctx *c = ctx;
	int rc = store_index_run(ix, STMT_BEGIN);

	if (rc != SQLITE_OK)
		return rc;
	for (size_t i = 0; i < c->len && rc == SQLITE_OK; i++)
		rc = touch_one(ix, &c->uses[i]);
	return store_index_end(ix, rc);
}

int store_index_touch(struct store_index *ix, const struct store_use *uses, size_t len, struct hp_err *err)
{
	return store_index_operate(ix, "note uses", touch, &(struct touch_ctx){uses, len}, err);
}

/* remove */

int store_index_remove_row(struct store_index *ix, const char *tenant, const struct codec_digest *key)
{
	int rc;
	sqlite3_stmt *stmt = store_index_stmt(ix, STMT_REMOVE, &rc);

	if (!stmt)
		return rc;
	rc = bind_entry(stmt, tenant, key);
	if (rc == SQLITE_OK)
		rc = store_index_step(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc;
}

static int remove_own(struct store_index *ix, void *ctx)
{
	return store_index_remove_row(ix, ix->tenant, ctx);
}

int store_index_remove(struct store_index *ix, const struct codec_digest *key, struct hp_err *err)
{
	struct codec_digest copy = *key;

	return store_index_operate(ix, "remove", remove_own, &copy, err);
}

/* closures */

struct closures_ctx {
	const struct codec_digest *closure_key;
	struct codec_digest *ret_keys;
	size_t max;
	size_t count;
};

bool store_index_column_digest(sqlite3_stmt *stmt, int column, struct codec_digest *ret_digest)
{
	const void *blob = sqlite3_column_blob(stmt, column);

	if (!blob || sqlite3_column_bytes(stmt, column) != CODEC_DIGEST_SIZE)
		return false;
	memcpy(ret_digest->b, blob, CODEC_DIGEST_SIZE);
	return true;
}

static int closures(struct store_index *ix, void *ctx)
{
	struct closures_ctx *c = ctx;
	int rc;
	sqlite3_stmt *stmt = store_index_stmt(ix, STMT_CLOSURES, &rc);

	if (!stmt)
		return rc;
	c->count = 0;
	(void)sqlite3_bind_int64(stmt, 1, digest_id(c->closure_key));
	(void)sqlite3_bind_text(stmt, 2, ix->tenant, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 3, c->closure_key->b, CODEC_DIGEST_SIZE, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 4, (int64_t)c->max);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && c->count < c->max) {
		if (!store_index_column_digest(stmt, 0, &c->ret_keys[c->count])) {
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
	int rc = store_index_operate(ix, "find closures", closures, &c, err);

	return rc < 0 ? rc : (int)c.count;
}

/* usage */

struct usage_ctx {
	uint64_t *ret_bytes;
	uint64_t *ret_entries;
};

static int usage(struct store_index *ix, void *ctx)
{
	struct usage_ctx *c = ctx;

	return read_total(ix, c->ret_bytes, c->ret_entries);
}

int store_index_usage(struct store_index *ix, uint64_t *ret_bytes, uint64_t *ret_entries, struct hp_err *err)
{
	return store_index_operate(ix, "read totals", usage, &(struct usage_ctx){ret_bytes, ret_entries}, err);
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
	sqlite3_stmt *stmt = store_index_stmt(ix, STMT_OLDEST, &rc);

	if (!stmt)
		return rc;
	(void)sqlite3_bind_int(stmt, 1, EVICT_BATCH);
	while (len < EVICT_BATCH && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *tenant = (const char *)sqlite3_column_text(stmt, 0);
		struct victim *v = &victims[len];

		if (!tenant || strlen(tenant) > STORE_TENANT_LEN_MAX || strchr(tenant, '/') ||
		    !store_index_column_digest(stmt, 1, &v->key)) {
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
	uint64_t entries;
	uint64_t bytes;
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
		store_disk_entry_path(&path, ix->dir, v->tenant, &v->key);
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
			rc = store_index_run(ix, STMT_RECOUNT);
	}
	return rc;
}

static int evict(struct store_index *ix, void *ctx)
{
	struct evict_ctx *c = ctx;
	int rc = store_index_run(ix, STMT_BEGIN);

	return rc == SQLITE_OK ? store_index_end(ix, evict_batch(ix, c)) : rc;
}

int store_index_evict(struct store_index *ix, const struct store_evict *rule, struct store_evicted *ret_evicted,
                      struct hp_err *err)
{
	struct evict_ctx c = {.rule = rule};
	int rc = 0;

	/* one batch per turn, so that other threads and processes get the index in between */
	while (rc == 0 && !c.finished)
		rc = store_index_operate(ix, "evict", evict, &c, err);
	*ret_evicted = c.gone;
	return rc;
}

/* life cycle */

struct store_index *store_index_new(const char *dir, const char *tenant, bool read_only)
{
	struct store_index *ix = hp_zalloc(sizeof *ix);

	ix->dir = hp_strdup(dir);
	ix->tenant = hp_strdup(tenant);
	ix->read_only = read_only;
	(void)pthread_mutex_init(&ix->mutex, NULL);
	return ix;
}

void store_index_free(struct store_index *take_ix)
{
	store_index_close(take_ix);
	(void)pthread_mutex_destroy(&take_ix->mutex);
	free(take_ix->dir);
	free(take_ix->tenant);
	free(take_ix);
}
