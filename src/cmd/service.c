#include "cmd/service.h"

#include "cache/entry.h"
#include "sys/fs.h"

int cmd_service_options(const struct config *config, struct daemon_service_options *ret_options, struct hp_err *err)
{
	const struct config_cache *cache = &config->caches[0];
	struct store_disk_options disk = {
	        .dir = cache->location,
	        .tenant = "local",
	        .bytes_max = cache->size_max,
	        .read_only = cache->read_only,
	};
	struct store *store = NULL;
	int r = store_disk_new(&disk, &store, err);

	*ret_options = (struct daemon_service_options){
	        .cache_dir = cache->location,
	        .disk = store,
	        .ledger = store_ledger_new(cache->location, cache->read_only || r < 0),
	        .pack_level = cache->zstd_level ? cache->zstd_level : CACHE_PACK_RAW,
	        .memory_max = config->daemon.memory_size_max,
	        .read_only = cache->read_only,
	};
	return r;
}
