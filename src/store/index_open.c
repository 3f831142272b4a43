/* Opening the index, and putting a new one in the place of a lost or damaged one. docs/decisions/0004-store-index.md. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/index_priv.h"
#include "sys/clock.h"
#include "sys/fs.h"

/* Also in PRAGMA user_version: another number means another schema, and the index is rebuilt. */
#define INDEX_VERSION 1

/* How long an operation may wait for another process's transaction. Those take about a millisecond (an eviction batch);
 * a writer that finds the index busy for longer goes on without it. */
#define INDEX_BUSY_MS 500
/* How long we wait for another process that rebuilds, and how long a failure is remembered. */
#define INDEX_LOCK_WAIT_MS 5000
#define INDEX_RETRY_NS 1000000000

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

static void index_path(struct hp_buf *out, const struct store_index *ix, const char *suffix)
{
	hp_buf_printf(out, "%s/index.sqlite%s", ix->dir, suffix);
}

static bool file_id(const struct store_index *ix, dev_t *ret_dev, ino_t *ret_ino)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct stat st;

	index_path(&path, ix, "");
	if (stat(path.data, &st) < 0)
		return false;
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	return true;
}

bool store_index_replaced(const struct store_index *ix)
{
	dev_t dev;
	ino_t ino;

	return !ix->in_memory && !(file_id(ix, &dev, &ino) && dev == ix->dev && ino == ix->ino);
}

void store_index_close(struct store_index *ix)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(ix->stmts); i++) {
		(void)sqlite3_finalize(ix->stmts[i]);
		ix->stmts[i] = NULL;
	}
	(void)sqlite3_close_v2(ix->db);
	ix->db = NULL;
	ix->in_memory = false;
}

static int run_sql(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* Reads user_version, which also makes SQLite open the log and look at the first page. */
static int check_version(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			rc = sqlite3_column_int(stmt, 0) == INDEX_VERSION ? SQLITE_OK : SQLITE_NOTADB;
	}
	(void)sqlite3_finalize(stmt);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "SELECT bytes FROM total", NULL, NULL, NULL);
	return rc;
}

static void tune(sqlite3 *db)
{
	(void)sqlite3_extended_result_codes(db, 0);
	(void)sqlite3_busy_timeout(db, INDEX_BUSY_MS);
	/* Off: a kill loses nothing (the page cache stays), and what a power loss damages is rebuilt. */
	(void)run_sql(db, "PRAGMA synchronous = OFF; PRAGMA journal_size_limit = 1048576; PRAGMA temp_store = MEMORY");
}

/* Opens with the flags and query string given; leaves ix->db NULL unless SQLITE_OK. */
static int open_as(struct store_index *ix, int flags, const char *query)
{
	HP_AUTO_BUF struct hp_buf name = {0};
	dev_t dev;
	ino_t ino;
	int rc;

	if (!file_id(ix, &dev, &ino))
		return SQLITE_NOTFOUND;
	if (query) {
		hp_buf_str(&name, "file:");
		for (const char *p = ix->dir; *p; p++) {
			if (strchr("?#%", *p))
				hp_buf_printf(&name, "%%%02x", (unsigned char)*p);
			else
				hp_buf_char(&name, *p);
		}
		hp_buf_printf(&name, "/index.sqlite?%s", query);
	} else {
		index_path(&name, ix, "");
	}
	rc = sqlite3_open_v2(name.data, &ix->db, flags | SQLITE_OPEN_NOMUTEX | (query ? SQLITE_OPEN_URI : 0), NULL);
	if (rc == SQLITE_OK) {
		tune(ix->db);
		rc = check_version(ix->db);
	}
	ix->dev = dev;
	ix->ino = ino;
	/* Another process may have put a new file there meanwhile: then the log we opened may belong to that one. */
	if (rc == SQLITE_OK && store_index_replaced(ix))
		rc = SQLITE_BUSY;
	if (rc != SQLITE_OK)
		store_index_close(ix);
	return rc;
}

/* SQLITE_OK; SQLITE_NOTFOUND: there is none; else SQLite's code. */
static int open_existing(struct store_index *ix)
{
	HP_AUTO_BUF struct hp_buf wal = {0};
	struct stat st;
	int rc;

	if (!ix->read_only)
		return open_as(ix, SQLITE_OPEN_READWRITE, NULL);
	/* With a log, somebody writes: take part through the shared memory. Without one, the file alone is everything. */
	index_path(&wal, ix, "-wal");
	if (stat(wal.data, &st) < 0 || st.st_size == 0)
		return open_as(ix, SQLITE_OPEN_READONLY, "immutable=1");
	rc = open_as(ix, SQLITE_OPEN_READONLY, "mode=ro&readonly_shm=1");
	return rc;
}

static int add_scanned(void *ctx, const struct store_row *row)
{
	return store_index_add_row(ctx, row);
}

/* Makes ix->db (fresh and empty) hold the schema and a row for each entry file. */
static int fill(struct store_index *ix)
{
	int rc = run_sql(ix->db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");

	if (rc == SQLITE_OK)
		rc = run_sql(ix->db, schema);
	if (rc == SQLITE_OK)
		rc = store_scan(ix->dir, !ix->read_only, add_scanned, ix);
	if (rc == SQLITE_OK) {
		char *sql = sqlite3_mprintf("PRAGMA user_version = %d; COMMIT", INDEX_VERSION);

		rc = sql ? run_sql(ix->db, sql) : SQLITE_NOMEM;
		sqlite3_free(sql);
	}
	return rc;
}

static void discard(const struct store_index *ix, const char *suffix)
{
	HP_AUTO_BUF struct hp_buf path = {0};

	index_path(&path, ix, suffix);
	(void)unlink(path.data);
}

/* Writes a new index beside the old one and puts it in its place; DIR/lock is held. The old log goes before the new file
 * appears, for SQLite would replay it into the new file. */
static int rebuild(struct store_index *ix)
{
	HP_AUTO_BUF struct hp_buf fresh = {0};
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_BUF struct hp_buf aside = {0};
	int rc;

	index_path(&fresh, ix, ".new");
	index_path(&path, ix, "");
	index_path(&aside, ix, ".damaged");
	discard(ix, ".new");
	discard(ix, ".new-wal");
	discard(ix, ".new-shm");
	rc = sqlite3_open_v2(fresh.data, &ix->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	                     NULL);
	if (rc == SQLITE_OK)
		rc = fill(ix);
	if (rc == SQLITE_OK)
		rc = run_sql(ix->db, "PRAGMA journal_mode = WAL");
	store_index_close(ix);
	if (rc != SQLITE_OK) {
		discard(ix, ".new");
		return rc;
	}
	(void)chmod(fresh.data, 0600);
	/* kept for whoever wants to know what happened, one at most; also gets a folder out of the way */
	if (rename(path.data, aside.data) < 0)
		(void)unlink(path.data);
	discard(ix, "-wal");
	discard(ix, "-shm");
	return rename(fresh.data, path.data) < 0 ? SQLITE_CANTOPEN : SQLITE_OK;
}

/* The lock that rebuilders hold, or -1 when another one keeps it for too long. It ends with its descriptor, so also with
 * its process. */
static int take_lock(const struct store_index *ix)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_CLOSE int fd = -1;
	int held;

	hp_buf_printf(&path, "%s/lock", ix->dir);
	fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += 20) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited_ms >= INDEX_LOCK_WAIT_MS)
			return -1;
		(void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	held = fd;
	fd = -1;
	return held;
}

static int open_or_rebuild(struct store_index *ix)
{
	HP_AUTO_CLOSE int lock = -1;
	int rc = ix->condemned ? SQLITE_CORRUPT : open_existing(ix);

	if (rc != SQLITE_NOTFOUND && !store_index_is_damage(rc))
		return rc;
	lock = take_lock(ix);
	if (lock < 0)
		return SQLITE_BUSY;
	/* another process may have been faster; a condemned one is another file by then */
	if (!ix->condemned || store_index_replaced(ix)) {
		rc = open_existing(ix);
		if (rc != SQLITE_NOTFOUND && !store_index_is_damage(rc))
			return rc;
	}
	rc = rebuild(ix);
	return rc == SQLITE_OK ? open_existing(ix) : rc;
}

/* Nothing may be written: what cannot be opened is scanned into memory. */
static int open_read_only(struct store_index *ix)
{
	int rc = ix->condemned ? SQLITE_CORRUPT : open_existing(ix);

	if (rc == SQLITE_OK)
		return rc;
	rc = sqlite3_open_v2(":memory:", &ix->db,
	                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
	                     NULL);
	if (rc == SQLITE_OK)
		rc = fill(ix);
	if (rc != SQLITE_OK) {
		store_index_close(ix);
		return rc;
	}
	ix->in_memory = true;
	return SQLITE_OK;
}

int store_index_ready(struct store_index *ix, struct hp_err *err)
{
	int rc;

	if (ix->db && !ix->condemned && !store_index_replaced(ix))
		return 0;
	store_index_close(ix);
	if (sys_monotonic_ns() < ix->retry_ns)
		return hp_err_set(err, HP_UNAVAILABLE, "index: could not be opened a moment ago");
	rc = ix->read_only ? open_read_only(ix) : open_or_rebuild(ix);
	ix->condemned = false;
	ix->generation++;
	if (rc == SQLITE_OK)
		return 0;
	ix->retry_ns = sys_monotonic_ns() + INDEX_RETRY_NS;
	return store_index_error(ix, rc, "open", err);
}
