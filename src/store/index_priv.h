/* The inside of the index, shared by index.c (what it answers) and index_open.c (how it comes to be and is replaced). */
#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "store/disk_priv.h"

enum store_stmt {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_ADD,
	STMT_TOUCH,
	STMT_REMOVE,
	STMT_CLOSURES,
	STMT_TOTAL,
	STMT_RECOUNT,
	STMT_OLDEST,
	STMT_SHARD,
	STMT_COUNT,
};

struct store_index {
	pthread_mutex_t mutex; /* guards all below */
	char *dir;
	char *tenant;
	bool read_only;
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *stmts[STMT_COUNT];
	bool in_memory; /* read-only and nothing usable on disk: filled by a scan */
	bool condemned; /* damage was seen: the next open rebuilds */
	dev_t dev;      /* which file `db` is; see index_moved */
	ino_t ino;
	uint64_t generation; /* grows with each opening */
	int64_t retry_ns;    /* after a failure, no new attempt before this (monotonic) */
};

/* Makes ix->db usable, whatever it takes. Called with the mutex held. -HP_UNAVAILABLE, -HP_EXHAUSTED, -HP_DENIED. */
int store_index_ready(struct store_index *ix, struct hp_err *err);
void store_index_close(struct store_index *ix);
/* Is the file at DIR/index.sqlite another one than the one that is open? */
bool store_index_replaced(const struct store_index *ix);

/* The statement, prepared when first used; NULL with *ret_rc when SQLite refuses it (its schema is not ours). */
sqlite3_stmt *store_index_stmt(struct store_index *ix, enum store_stmt id, int *ret_rc);
/* Steps a statement that yields no row, and resets it. Returns SQLITE_OK or SQLite's error. */
int store_index_step(sqlite3_stmt *stmt);
/* Binds and runs STMT_ADD. */
int store_index_add_row(struct store_index *ix, const struct store_row *row);

/* Runs a statement without parameters. */
int store_index_run(struct store_index *ix, enum store_stmt id);
/* Ends a transaction (STMT_BEGIN) whose inside ended with rc: commits when that is SQLITE_OK. */
int store_index_end(struct store_index *ix, int rc);
int store_index_remove_row(struct store_index *ix, const char *tenant, const struct codec_digest *key);
/* False when the column does not hold a digest. */
bool store_index_column_digest(sqlite3_stmt *stmt, int column, struct codec_digest *ret_digest);

/* Runs one operation under the mutex: opens the index when needed, and when it proves damaged rebuilds it and tries once
 * more. fn returns SQLITE_OK or SQLite's error and may be called twice. */
typedef int (*store_index_fn)(struct store_index *ix, void *ctx);
int store_index_operate(struct store_index *ix, const char *what, store_index_fn fn, void *ctx, struct hp_err *err);

/* Does this result mean that the file is not (or no longer) our database? */
bool store_index_is_damage(int sqlite_rc);
/* Our error for SQLite's. */
int store_index_error(struct store_index *ix, int sqlite_rc, const char *what, struct hp_err *err);
