#include "store/ledger.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/db_priv.h"

/* Notes in memory between two flushes; of more than these the oldest are forgotten. */
#define NOTES_MAX 1024u

/* Notes at rest. */
#define OUTCOMES_MAX 100000

enum ledger_stmt {
	STMT_COUNT,
	STMT_COUNTERS,
	STMT_RESET,
	STMT_NOTE,
	STMT_PRUNE,
	STMT_FIND,
	STMT_END,
};
_Static_assert(STMT_END <= STORE_DB_STMTS_MAX, "there is a place for each statement");

/* A note's `id` is the hash of what it is about: the object, or the source where no object was named. `outcome` keeps
 * the strings once; lookups go by 64-bit hashes and compare the strings after. */
static const char schema[] =
        "CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE outcome(id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, time INTEGER NOT NULL,"
        " source TEXT NOT NULL, object TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,"
        " detail TEXT NOT NULL, action_key BLOB NOT NULL, closure_key BLOB NOT NULL);"
        "CREATE INDEX outcome_source ON outcome(source_id);"
        "CREATE INDEX outcome_time ON outcome(time);"
        "CREATE TABLE total(one INTEGER PRIMARY KEY CHECK(one = 1), outcomes INTEGER NOT NULL);"
        "INSERT INTO total VALUES(1, 0);"
        "CREATE TRIGGER outcome_added AFTER INSERT ON outcome BEGIN UPDATE total SET outcomes = outcomes + 1; END;"
        "CREATE TRIGGER outcome_removed AFTER DELETE ON outcome BEGIN UPDATE total SET outcomes = outcomes - 1; END;";

static const char *const stmt_sql[STMT_END] = {
        [STMT_COUNT] = "INSERT INTO counter VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = value + ?2",
        [STMT_COUNTERS] = "SELECT name, value FROM counter ORDER BY name",
        [STMT_RESET] = "DELETE FROM counter",
        [STMT_NOTE] =
                "INSERT INTO outcome VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO UPDATE SET"
                " source_id = ?2, time = ?3, source = ?4, object = ?5, outcome = ?6, reason = ?7, detail = ?8,"
                " action_key = ?9, closure_key = ?10",
        [STMT_PRUNE] = "DELETE FROM outcome WHERE id IN (SELECT id FROM outcome ORDER BY time LIMIT"
                       " max(0, (SELECT outcomes FROM total) - ?1))",
        [STMT_FIND] = "SELECT time, source, object, outcome, reason, detail, action_key, closure_key FROM outcome"
                      " WHERE (id = ?1 AND object = ?2) OR (source_id = ?1 AND source = ?2) ORDER BY time DESC LIMIT 1",
};

static const struct store_db_type ledger_type = {
        .name = "ledger",
        .version = 1,
        .schema = schema,
        .probe = "SELECT outcomes FROM total",
        .stmts = stmt_sql,
};

struct counter {
	char *name;
	uint64_t value;
};

struct pending {
	struct counter *counters; /* a few dozen names */
	size_t counters_len;
	struct store_outcome *notes; /* oldest first; strings owned */
	size_t notes_len;
};

/* Lock order: db_mutex, then mutex. Whoever holds db_mutex sees each count either pending or at rest, never neither. */
struct store_ledger {
	pthread_mutex_t db_mutex;
	struct store_db db;
	pthread_mutex_t mutex; /* guards `pending`, and is never held while SQLite works */
	struct pending pending;
};

static char *copy(const char *s)
{
	return hp_strdup(s ? s : "");
}

static void note_copy(struct store_outcome *dst, const struct store_outcome *src)
{
	*dst = *src;
	dst->source = copy(src->source);
	dst->object = copy(src->object);
	dst->outcome = copy(src->outcome);
	dst->reason = copy(src->reason);
	dst->detail = copy(src->detail);
}

static void note_done(struct store_outcome *note)
{
	free((char *)note->source);
	free((char *)note->object);
	free((char *)note->outcome);
	free((char *)note->reason);
	free((char *)note->detail);
}

static void pending_done(struct pending *p)
{
	for (size_t i = 0; i < p->counters_len; i++)
		free(p->counters[i].name);
	for (size_t i = 0; i < p->notes_len; i++)
		note_done(&p->notes[i]);
	free(p->counters);
	free(p->notes);
	*p = (struct pending){0};
}

static void pending_count(struct pending *p, const char *name, uint64_t value)
{
	for (size_t i = 0; i < p->counters_len; i++) {
		if (hp_streq(p->counters[i].name, name)) {
			p->counters[i].value += value;
			return;
		}
	}
	p->counters = hp_realloc(p->counters, (p->counters_len + 1) * sizeof *p->counters);
	p->counters[p->counters_len++] = (struct counter){hp_strdup(name), value};
}

static void pending_note(struct pending *p, const struct store_outcome *note)
{
	if (!p->notes)
		p->notes = hp_alloc(NOTES_MAX * sizeof *p->notes);
	if (p->notes_len == NOTES_MAX) {
		note_done(&p->notes[0]);
		p->notes_len--;
		memmove(p->notes, p->notes + 1, p->notes_len * sizeof *p->notes);
	}
	note_copy(&p->notes[p->notes_len++], note);
}

struct store_ledger *store_ledger_new(const char *dir, bool read_only)
{
	struct store_ledger *l = hp_zalloc(sizeof *l);

	(void)pthread_mutex_init(&l->db_mutex, NULL);
	(void)pthread_mutex_init(&l->mutex, NULL);
	store_db_init(&l->db, &ledger_type, dir, read_only);
	return l;
}

void store_ledger_free(struct store_ledger *take_ledger)
{
	(void)store_ledger_flush(take_ledger, NULL);
	store_db_done(&take_ledger->db);
	pending_done(&take_ledger->pending);
	(void)pthread_mutex_destroy(&take_ledger->mutex);
	(void)pthread_mutex_destroy(&take_ledger->db_mutex);
	free(take_ledger);
}

void store_ledger_count(struct store_ledger *l, const char *name, uint64_t add)
{
	(void)pthread_mutex_lock(&l->mutex);
	pending_count(&l->pending, name, add);
	(void)pthread_mutex_unlock(&l->mutex);
}

void store_ledger_note(struct store_ledger *l, const struct store_outcome *outcome)
{
	(void)pthread_mutex_lock(&l->mutex);
	pending_note(&l->pending, outcome);
	(void)pthread_mutex_unlock(&l->mutex);
}

/* Writing. */

static int64_t path_id(const char *path)
{
	struct codec_digest d;
	uint64_t v = 0;

	codec_blake3(path, strlen(path), &d);
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | d.b[i];
	return (int64_t)v;
}

static int write_counter(struct store_db *db, const struct counter *counter)
{
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(db, STMT_COUNT, &rc);

	if (!stmt)
		return rc;
	(void)sqlite3_bind_text(stmt, 1, counter->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 2, (int64_t)counter->value);
	return store_db_step(stmt);
}

static int write_note(struct store_db *db, const struct store_outcome *note)
{
	const char *about = note->object[0] ? note->object : note->source;
	const char *const texts[] = {note->source, note->object, note->outcome, note->reason, note->detail};
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(db, STMT_NOTE, &rc);

	if (!stmt)
		return rc;
	(void)sqlite3_bind_int64(stmt, 1, path_id(about));
	(void)sqlite3_bind_int64(stmt, 2, path_id(note->source));
	(void)sqlite3_bind_int64(stmt, 3, note->time_s);
	for (size_t i = 0; i < HP_ARRAY_SIZE(texts); i++)
		(void)sqlite3_bind_text(stmt, 4 + (int)i, texts[i], -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 9, note->action_key.b, CODEC_DIGEST_SIZE, SQLITE_STATIC);
	(void)sqlite3_bind_blob(stmt, 10, note->closure_key.b, CODEC_DIGEST_SIZE, SQLITE_STATIC);
	return store_db_step(stmt);
}

static int prune(struct store_db *db)
{
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(db, STMT_PRUNE, &rc);

	if (!stmt)
		return rc;
	(void)sqlite3_bind_int64(stmt, 1, OUTCOMES_MAX);
	return store_db_step(stmt);
}

static int write_pending(struct store_db *db, void *ctx)
{
	const struct pending *p = ctx;
	int rc = store_db_begin(db);

	if (rc != SQLITE_OK)
		return rc;
	for (size_t i = 0; i < p->counters_len && rc == SQLITE_OK; i++)
		rc = write_counter(db, &p->counters[i]);
	for (size_t i = 0; i < p->notes_len && rc == SQLITE_OK; i++)
		rc = write_note(db, &p->notes[i]);
	if (rc == SQLITE_OK && p->notes_len)
		rc = prune(db);
	return store_db_end(db, rc);
}

/* Puts back what could not be written, before what came since. */
static void put_back(struct store_ledger *l, struct pending *taken)
{
	struct pending since;

	(void)pthread_mutex_lock(&l->mutex);
	since = l->pending;
	l->pending = *taken;
	for (size_t i = 0; i < since.counters_len; i++)
		pending_count(&l->pending, since.counters[i].name, since.counters[i].value);
	for (size_t i = 0; i < since.notes_len; i++)
		pending_note(&l->pending, &since.notes[i]);
	(void)pthread_mutex_unlock(&l->mutex);
	pending_done(&since);
}

int store_ledger_flush(struct store_ledger *l, struct hp_err *err)
{
	struct pending taken;
	int rc = 0;

	if (l->db.read_only)
		return 0;
	(void)pthread_mutex_lock(&l->db_mutex);
	(void)pthread_mutex_lock(&l->mutex);
	taken = l->pending;
	l->pending = (struct pending){0};
	(void)pthread_mutex_unlock(&l->mutex);
	if (taken.counters_len || taken.notes_len)
		rc = store_db_operate(&l->db, "write", write_pending, &taken, err);
	if (rc < 0)
		put_back(l, &taken);
	else
		pending_done(&taken);
	(void)pthread_mutex_unlock(&l->db_mutex);
	return rc;
}

/* Reading. */

static int read_counters(struct store_db *db, void *ctx)
{
	struct pending *sum = ctx;
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(db, STMT_COUNTERS, &rc);

	if (!stmt)
		return rc;
	pending_done(sum); /* of an attempt before */
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);

		if (name)
			pending_count(sum, name, (uint64_t)sqlite3_column_int64(stmt, 1));
	}
	(void)sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct counter *)a)->name, ((const struct counter *)b)->name);
}

int store_ledger_counters(struct store_ledger *l, store_counter_fn fn, void *ctx, struct hp_err *err)
{
	__attribute__((cleanup(pending_done))) struct pending sum = {0};
	int rc;

	(void)pthread_mutex_lock(&l->db_mutex);
	rc = store_db_operate(&l->db, "read counters", read_counters, &sum, err);
	(void)pthread_mutex_lock(&l->mutex);
	for (size_t i = 0; i < l->pending.counters_len; i++)
		pending_count(&sum, l->pending.counters[i].name, l->pending.counters[i].value);
	(void)pthread_mutex_unlock(&l->mutex);
	(void)pthread_mutex_unlock(&l->db_mutex);
	if (sum.counters_len)
		qsort(sum.counters, sum.counters_len, sizeof *sum.counters, by_name);
	for (size_t i = 0; i < sum.counters_len; i++)
		fn(ctx, sum.counters[i].name, sum.counters[i].value);
	return rc; /* the pending ones were counted in any case */
}

static int reset_counters(struct store_db *db, void *ctx)
{
	(void)ctx;
	return store_db_run(db, STMT_RESET);
}

int store_ledger_reset(struct store_ledger *l, struct hp_err *err)
{
	int rc;

	if (l->db.read_only)
		return hp_err_set(err, HP_DENIED, "ledger: %s is read-only", l->db.dir);
	(void)pthread_mutex_lock(&l->db_mutex);
	rc = store_db_operate(&l->db, "reset", reset_counters, NULL, err);
	(void)pthread_mutex_lock(&l->mutex);
	for (size_t i = 0; i < l->pending.counters_len; i++)
		l->pending.counters[i].value = 0;
	(void)pthread_mutex_unlock(&l->mutex);
	(void)pthread_mutex_unlock(&l->db_mutex);
	return rc;
}

/* Copies the strings into one buffer, and points to them there when it no longer moves. */
static void give(const struct store_outcome *from, struct store_outcome *ret_outcome, struct hp_buf *ret_memory)
{
	const char *const texts[] = {from->source, from->object, from->outcome, from->reason, from->detail};
	size_t at[HP_ARRAY_SIZE(texts)];

	for (size_t i = 0; i < HP_ARRAY_SIZE(texts); i++) {
		at[i] = ret_memory->len;
		hp_buf_append(ret_memory, texts[i], strlen(texts[i]) + 1);
	}
	*ret_outcome = *from;
	ret_outcome->source = ret_memory->data + at[0];
	ret_outcome->object = ret_memory->data + at[1];
	ret_outcome->outcome = ret_memory->data + at[2];
	ret_outcome->reason = ret_memory->data + at[3];
	ret_outcome->detail = ret_memory->data + at[4];
}

struct find_ctx {
	const char *path;
	struct store_outcome *ret_outcome;
	struct hp_buf *ret_memory;
	bool found;
};

static const char *column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

static int find(struct store_db *db, void *ctx)
{
	struct find_ctx *c = ctx;
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(db, STMT_FIND, &rc);

	if (!stmt)
		return rc;
	c->found = false;
	hp_buf_reset(c->ret_memory);
	(void)sqlite3_bind_int64(stmt, 1, path_id(c->path));
	(void)sqlite3_bind_text(stmt, 2, c->path, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		struct store_outcome o = {
		        .time_s = sqlite3_column_int64(stmt, 0),
		        .source = column_text(stmt, 1),
		        .object = column_text(stmt, 2),
		        .outcome = column_text(stmt, 3),
		        .reason = column_text(stmt, 4),
		        .detail = column_text(stmt, 5),
		};

		if (store_db_digest(stmt, 6, &o.action_key) && store_db_digest(stmt, 7, &o.closure_key)) {
			give(&o, c->ret_outcome, c->ret_memory);
			c->found = true;
		}
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int store_ledger_find(struct store_ledger *l, const char *path, struct store_outcome *ret_outcome,
                      struct hp_buf *ret_memory, struct hp_err *err)
{
	struct find_ctx c = {.path = path, .ret_outcome = ret_outcome, .ret_memory = ret_memory};
	int rc = 0;

	hp_buf_reset(ret_memory);
	(void)pthread_mutex_lock(&l->db_mutex);
	(void)pthread_mutex_lock(&l->mutex);
	for (size_t i = l->pending.notes_len; i > 0 && !c.found; i--) {
		const struct store_outcome *note = &l->pending.notes[i - 1];

		if (hp_streq(note->object, path) || hp_streq(note->source, path)) {
			give(note, ret_outcome, ret_memory);
			c.found = true;
		}
	}
	(void)pthread_mutex_unlock(&l->mutex);
	if (!c.found)
		rc = store_db_operate(&l->db, "find", find, &c, err);
	(void)pthread_mutex_unlock(&l->db_mutex);
	return rc < 0 ? rc : c.found;
}
