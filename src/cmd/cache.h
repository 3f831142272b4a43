/* The configured cache, as commands that look at it open it. */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "store/ledger.h"
#include "store/store.h"

struct cmd_cache {
	struct config config;
	const char *dir; /* the disk cache's folder, in config */
	bool exists;     /* false: nothing was ever cached here, store and ledger are NULL */
	struct store *store;
	struct store_ledger *ledger;
};

enum cmd_cache_mode {
	CMD_CACHE_READ, /* never writes, never makes the folder */
	CMD_CACHE_WRITE,
};

/* Asks a running daemon to write what it has in memory, then opens. A cache folder that does not exist is no error and
 * is not made. Complains for the command `name`: false. */
bool cmd_cache_open(struct cmd_cache *c, const char *name, const char *config_path, enum cmd_cache_mode mode);
void cmd_cache_close(struct cmd_cache *c);
#define CMD_AUTO_CACHE __attribute__((cleanup(cmd_cache_close)))
