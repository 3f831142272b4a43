#include "cmd/cache.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/session.h"
#include "cmd/cmd.h"

bool cmd_cache_open(struct cmd_cache *c, const char *name, const char *config_path, enum cmd_cache_mode mode)
{
	struct store_disk_options options = {.tenant = "local"};
	struct hp_err err = {0};

	*c = (struct cmd_cache){0};
	if (config_load(config_path, &c->config, &err) < 0) {
		(void)cmd_fail(name, &err);
		return false;
	}
	c->dir = c->config.caches[0].location;
	/* No daemon, or one that cannot: what is on disk is still true, only not the latest. */
	(void)client_control(PROTO_CONTROL_FLUSH);
	if (access(c->dir, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	options.dir = c->dir;
	options.bytes_max = c->config.caches[0].size_max;
	options.read_only = mode == CMD_CACHE_READ || c->config.caches[0].read_only;
	if (store_disk_new(&options, &c->store, &err) < 0) {
		(void)cmd_fail(name, &err);
		return false;
	}
	c->ledger = store_ledger_new(c->dir, options.read_only);
	c->exists = true;
	return true;
}

void cmd_cache_close(struct cmd_cache *c)
{
	if (c->ledger)
		store_ledger_free(c->ledger);
	store_free(c->store);
	config_done(&c->config);
}
