#include "store/db_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/fs.h"

/* How long an operation may wait for another process's transaction. Those take about a millisecond (an eviction batch);
 * a writer that finds the index busy for longer goes on without it. */
#define DB_BUSY_MS 500
/* How long we wait for another process that rebuilds, and how long a failure is remembered. */
#define DB_LOCK_WAIT_MS 5000
#define DB_RETRY_NS 1000000000

static void file_path(struct hp_buf *out, const struct store_db *db, const char *suffix)
{
	hp_buf_printf(out, "%s/%s.sqlite%s", db->dir, db->type->name, suffix);
}

static bool file_id(const struct store_db *db, dev_t *ret_dev, ino_t *ret_ino)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct stat st;

	file_path(&path, db, "");
	if (stat(path.data, &st) < 0)
		return false;
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	return true;
}

static bool replaced(const struct store_db *db)
{
	dev_t dev;
	ino_t ino;

	return !db->in_memory && !(file_id(db, &dev, &ino) && dev == db->dev && ino == db->ino);
}

static void close_conn(struct store_db *db)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(db->stmts); i++) {
		(void)sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	(void)sqlite3_close_v2(db->conn);
	db->conn = NULL;
	db->in_memory = false;
}

static int run_sql(sqlite3 *conn, const char *sql)
{
	return sqlite3_exec(conn, sql, NULL, NULL, NULL);
}

/* Reads user_version, which also makes SQLite open the log and look at the first page. */
static int check_version(const struct store_db *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->conn, "PRAGMA user_version", -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			rc = sqlite3_column_int(stmt, 0) == db->type->version ? SQLITE_OK : SQLITE_NOTADB;
	}
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_OK ? run_sql(db->conn, db->type->probe) : rc;
}

static void tune(sqlite3 *conn)
{
	(void)sqlite3_extended_result_codes(conn, 0);
	(void)sqlite3_busy_timeout(conn, DB_BUSY_MS);
	/* Off: a kill loses nothing (the page cache stays), and what a power loss damages is rebuilt. */
	(void)run_sql(conn,
	              "PRAGMA synchronous = OFF; PRAGMA journal_size_limit = 1048576; PRAGMA temp_store = MEMORY");
}

/* Does this result mean that the file is not, or no longer, our database? */
static bool is_damage(int sqlite_rc)
{
	switch (sqlite_rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* no such table, no such column */
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_FORMAT:
		return true;
	default:
		return false;
	}
}

static int set_error(const struct store_db *db, int sqlite_rc, const char *what, struct hp_err *err)
{
	const char *text = db->conn ? sqlite3_errmsg(db->conn) : sqlite3_errstr(sqlite_rc);

	switch (sqlite_rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_NOMEM:
		return hp_err_set(err, HP_EXHAUSTED, "%s: %s: %s", db->type->name, what, text);
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return hp_err_set(err, HP_DENIED, "%s: %s: %s", db->type->name, what, text);
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return hp_err_set(err, HP_INTERNAL, "%s: %s: %s", db->type->name, what, text);
	default:
		return hp_err_set(err, HP_UNAVAILABLE, "%s: %s: %s", db->type->name, what, text);
	}
}

static bool usable(const struct store_db *db)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct stat st;

	file_path(&path, db, "");
	return stat(path.data, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path.data, db->read_only ? R_OK : R_OK | W_OK) == 0;
}

/* Opens with the flags and query string given; leaves db->conn NULL unless SQLITE_OK. */
static int open_as(struct store_db *db, int flags, const char *query)
{
	HP_AUTO_BUF struct hp_buf name = {0};
	dev_t dev;
	ino_t ino;
	int rc;

	if (!file_id(db, &dev, &ino))
		return SQLITE_NOTFOUND;
	if (query) {
		hp_buf_str(&name, "file:");
		for (const char *p = db->dir; *p; p++) {
			if (strchr("?#%", *p))
				hp_buf_printf(&name, "%%%02x", (unsigned char)*p);
			else
				hp_buf_char(&name, *p);
		}
		hp_buf_printf(&name, "/%s.sqlite?%s", db->type->name, query);
	} else {
		file_path(&name, db, "");
	}
	rc = sqlite3_open_v2(name.data, &db->conn, flags | SQLITE_OPEN_NOMUTEX | (query ? SQLITE_OPEN_URI : 0), NULL);
	if (rc == SQLITE_OK) {
		tune(db->conn);
		rc = check_version(db);
	}
	db->dev = dev;
	db->ino = ino;
	/* "Cannot open" says both that there is no file to speak of and that descriptors or space ran out. */
	if (rc == SQLITE_CANTOPEN && !usable(db))
		rc = SQLITE_NOTADB;
	/* Another process may have put a new file there meanwhile: then the log we opened may belong to that one. */
	if (rc == SQLITE_OK && replaced(db))
		rc = SQLITE_BUSY;
	if (rc != SQLITE_OK)
		close_conn(db);
	return rc;
}

/* SQLITE_OK; SQLITE_NOTFOUND: there is none; else SQLite's code. */
static int open_existing(struct store_db *db)
{
	HP_AUTO_BUF struct hp_buf wal = {0};
	struct stat st;

	if (!db->read_only)
		return open_as(db, SQLITE_OPEN_READWRITE, NULL);
	/* With a log, somebody writes: take part through the shared memory. Without one, the file alone is everything. */
	file_path(&wal, db, "-wal");
	if (stat(wal.data, &st) < 0 || st.st_size == 0)
		return open_as(db, SQLITE_OPEN_READONLY, "immutable=1");
	return open_as(db, SQLITE_OPEN_READONLY, "mode=ro&readonly_shm=1");
}

/* Makes a fresh and empty database hold the schema and what is known. */
static int fill(struct store_db *db)
{
	int rc = run_sql(db->conn, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");

	if (rc == SQLITE_OK)
		rc = run_sql(db->conn, db->type->schema);
	if (rc == SQLITE_OK && db->type->fill)
		rc = db->type->fill(db);
	if (rc == SQLITE_OK) {
		char *sql = sqlite3_mprintf("PRAGMA user_version = %d; COMMIT", db->type->version);

		rc = sql ? run_sql(db->conn, sql) : SQLITE_NOMEM;
		sqlite3_free(sql);
	}
	return rc;
}

static void discard(const struct store_db *db, const char *suffix)
{
	HP_AUTO_BUF struct hp_buf path = {0};

	file_path(&path, db, suffix);
	(void)unlink(path.data);
}

/* Writes a new file beside the old one and puts it in its place; DIR/lock is held. The old log goes before the new file
 * appears, for SQLite would replay it into the new file. */
static int rebuild(struct store_db *db)
{
	HP_AUTO_BUF struct hp_buf fresh = {0};
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_BUF struct hp_buf aside = {0};
	int rc;

	file_path(&fresh, db, ".new");
	file_path(&path, db, "");
	file_path(&aside, db, ".damaged");
	discard(db, ".new");
	discard(db, ".new-wal");
	discard(db, ".new-shm");
	rc = sqlite3_open_v2(fresh.data, &db->conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	                     NULL);
	if (rc == SQLITE_OK)
		rc = fill(db);
	if (rc == SQLITE_OK)
		rc = run_sql(db->conn, "PRAGMA journal_mode = WAL");
	close_conn(db);
	if (rc != SQLITE_OK) {
		discard(db, ".new");
		return rc;
	}
	(void)chmod(fresh.data, 0600);
	/* kept for whoever wants to know what happened, one at most; also gets a folder out of the way */
	(void)unlink(aside.data);
	if (rename(path.data, aside.data) < 0)
		(void)unlink(path.data);
	discard(db, "-wal");
	discard(db, "-shm");
	return rename(fresh.data, path.data) < 0 ? SQLITE_CANTOPEN : SQLITE_OK;
}

/* The lock that rebuilders hold, or -1 when another one keeps it for too long. It ends with its descriptor, so also with
 * its process. */
static int take_lock(const struct store_db *db)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_CLOSE int fd = -1;

	hp_buf_printf(&path, "%s/lock", db->dir);
	fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += 20) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited_ms >= DB_LOCK_WAIT_MS)
			return -1;
		(void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	return sys_steal_fd(&fd);
}

static int open_or_rebuild(struct store_db *db)
{
	HP_AUTO_CLOSE int lock = -1;
	int rc = db->condemned ? SQLITE_CORRUPT : open_existing(db);

	if (rc != SQLITE_NOTFOUND && !is_damage(rc))
		return rc;
	lock = take_lock(db);
	if (lock < 0)
		return SQLITE_BUSY;
	/* another process may have been faster; a condemned one is another file by then */
	if (!db->condemned || replaced(db)) {
		rc = open_existing(db);
		if (rc != SQLITE_NOTFOUND && !is_damage(rc))
			return rc;
	}
	rc = rebuild(db);
	return rc == SQLITE_OK ? open_existing(db) : rc;
}

/* Nothing may be written: what cannot be opened is scanned into memory. */
static int open_read_only(struct store_db *db)
{
	int rc = db->condemned ? SQLITE_CORRUPT : open_existing(db);

	if (rc == SQLITE_OK)
		return rc;
	rc = sqlite3_open_v2(":memory:", &db->conn,
	                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
	                     NULL);
	if (rc == SQLITE_OK)
		rc = fill(db);
	if (rc != SQLITE_OK) {
		close_conn(db);
		return rc;
	}
	db->in_memory = true;
	return SQLITE_OK;
}

/* Makes db->conn usable, whatever it takes. */
static int ready(struct store_db *db, struct hp_err *err)
{
	int rc;

	if (db->conn && !db->condemned && !replaced(db))
		return 0;
	close_conn(db);
	if (sys_monotonic_ns() < db->retry_ns)
		return hp_err_set(err, HP_UNAVAILABLE, "%s: could not be opened a moment ago", db->type->name);
	rc = db->read_only ? open_read_only(db) : open_or_rebuild(db);
	db->condemned = false;
	db->generation++;
	if (rc == SQLITE_OK)
		return 0;
	db->retry_ns = sys_monotonic_ns() + DB_RETRY_NS;
	return set_error(db, rc, "open", err);
}

void store_db_init(struct store_db *db, const struct store_db_type *type, const char *dir, bool read_only)
{
	*db = (struct store_db){.type = type, .dir = hp_strdup(dir), .read_only = read_only};
	(void)pthread_mutex_init(&db->mutex, NULL);
}

void store_db_done(struct store_db *db)
{
	close_conn(db);
	(void)pthread_mutex_destroy(&db->mutex);
	free(db->dir);
}

int store_db_operate(struct store_db *db, const char *what, store_db_fn fn, void *ctx, struct hp_err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&db->mutex);
	for (int attempt = 0; attempt < 2; attempt++) {
		int sqlite_rc;

		rc = ready(db, err);
		if (rc < 0)
			break;
		sqlite_rc = fn(db, ctx);
		if (sqlite_rc == SQLITE_OK)
			break;
		rc = set_error(db, sqlite_rc, what, err);
		if ((sqlite_rc & 0xff) == SQLITE_BUSY)
			break;
		db->condemned = is_damage(sqlite_rc);
		close_conn(db);
		if (!db->condemned)
			break;
	}
	(void)pthread_mutex_unlock(&db->mutex);
	return rc;
}

bool store_db_moved(struct store_db *db, uint64_t generation)
{
	bool moved;

	(void)pthread_mutex_lock(&db->mutex);
	moved = db->generation != generation || (db->conn && replaced(db));
	(void)pthread_mutex_unlock(&db->mutex);
	return moved;
}

void store_db_retry(struct store_db *db)
{
	(void)pthread_mutex_lock(&db->mutex);
	db->retry_ns = 0;
	(void)pthread_mutex_unlock(&db->mutex);
}

sqlite3_stmt *store_db_stmt(struct store_db *db, unsigned id, int *ret_rc)
{
	*ret_rc = SQLITE_OK;
	if (!db->stmts[id])
		*ret_rc = sqlite3_prepare_v3(db->conn, db->type->stmts[id], -1, SQLITE_PREPARE_PERSISTENT,
		                             &db->stmts[id], NULL);
	return db->stmts[id];
}

int store_db_step(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int store_db_run(struct store_db *db, unsigned id)
{
	int rc;
	sqlite3_stmt *stmt = store_db_stmt(db, id, &rc);

	return stmt ? store_db_step(stmt) : rc;
}

int store_db_begin(struct store_db *db)
{
	return run_sql(db->conn, "BEGIN IMMEDIATE");
}

int store_db_end(struct store_db *db, int rc)
{
	if (rc == SQLITE_OK)
		rc = run_sql(db->conn, "COMMIT");
	if (rc != SQLITE_OK)
		(void)run_sql(db->conn, "ROLLBACK");
	return rc;
}

bool store_db_digest(sqlite3_stmt *stmt, int column, struct codec_digest *ret_digest)
{
	const void *blob = sqlite3_column_blob(stmt, column);

	if (!blob || sqlite3_column_bytes(stmt, column) != CODEC_DIGEST_SIZE)
		return false;
	memcpy(ret_digest->b, blob, CODEC_DIGEST_SIZE);
	return true;
}
