/* A SQLite file in DIR that several processes share and that is replaced by a new one when it is lost or damaged. The
 * index and the ledger are two of them. docs/decisions/0004-store-index.md says why this is safe.
 *
 * Nothing here may fail a compile: whatever goes wrong ends in an error that the callers degrade on. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "codec/digest.h"

#define STORE_DB_STMTS_MAX 16

struct store_db;

/* What distinguishes one kind of file from another. */
struct store_db_type {
	const char *name; /* in messages, and DIR/NAME.sqlite */
	int version;      /* PRAGMA user_version; a file of another version is replaced */
	const char *schema;
	const char *probe;        /* a query that fails when the schema is not there */
	const char *const *stmts; /* SQL by number, STORE_DB_STMTS_MAX at most */
	/* Fills a fresh database inside a transaction; NULL: nothing is known to fill it with. Returns SQLITE_OK or what
	 * stopped it. */
	int (*fill)(struct store_db *db);
};

struct store_db {
	const struct store_db_type *type;
	pthread_mutex_t mutex; /* guards all below */
	char *dir;
	bool read_only;
	sqlite3 *conn; /* NULL: not open */
	sqlite3_stmt *stmts[STORE_DB_STMTS_MAX];
	bool in_memory; /* read-only and nothing usable on disk */
	bool condemned; /* damage was seen: the next opening replaces the file */
	dev_t dev;      /* which file is open; see store_db_moved */
	ino_t ino;
	uint64_t generation; /* grows with each opening */
	int64_t retry_ns;    /* after a failure, no new attempt before this (monotonic) */
};

/* Opens nothing yet. */
void store_db_init(struct store_db *db, const struct store_db_type *type, const char *dir, bool read_only);
void store_db_done(struct store_db *db);

/* Runs one operation under the mutex: opens the file when needed, and when it proves damaged replaces it and tries once
 * more. fn returns SQLITE_OK or SQLite's error and may be called twice. -HP_UNAVAILABLE (busy for too long, being
 * rebuilt by another process, cannot be opened), -HP_EXHAUSTED (the disk is full), -HP_DENIED, -HP_INTERNAL. */
typedef int (*store_db_fn)(struct store_db *db, void *ctx);
int store_db_operate(struct store_db *db, const char *what, store_db_fn fn, void *ctx, struct hp_err *err);

/* Was the file of that generation replaced since, by us or by another process? */
bool store_db_moved(struct store_db *db, uint64_t generation);

/* Forgets the last failure: what caused it is gone. */
void store_db_retry(struct store_db *db);

/* For use inside of operations. */

/* The statement, prepared when first used; NULL with *ret_rc when SQLite refuses it (its schema is not ours). */
sqlite3_stmt *store_db_stmt(struct store_db *db, unsigned id, int *ret_rc);
/* Steps a statement that yields no row, and makes it ready for the next use. SQLITE_OK or SQLite's error. */
int store_db_step(sqlite3_stmt *stmt);
/* Both, for a statement without parameters. */
int store_db_run(struct store_db *db, unsigned id);
int store_db_begin(struct store_db *db);
/* Ends a transaction whose inside ended with rc: commits when that is SQLITE_OK, else rolls back. */
int store_db_end(struct store_db *db, int rc);
/* False when the column does not hold a digest. */
bool store_db_digest(sqlite3_stmt *stmt, int column, struct codec_digest *ret_digest);
