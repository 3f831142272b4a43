/* The inside of the index, shared by index.c and reconcile.c. */
#pragma once

#include "store/db_priv.h"
#include "store/disk_priv.h"

enum store_index_stmt {
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
_Static_assert(STMT_COUNT <= STORE_DB_STMTS_MAX, "there is a place for each statement");

struct store_index {
	struct store_db db;
	char *tenant;
};

/* Inside of operations; SQLITE_OK or SQLite's error. */
int store_index_add_row(struct store_index *ix, const struct store_row *row);
int store_index_remove_row(struct store_index *ix, const char *tenant, const struct codec_digest *key);
