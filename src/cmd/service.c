#include "cmd/service.h"

#include "base/mem.h"
#include "cache/entry.h"
#include "client/session.h"
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
	        .preprocessed = config->source_mode == CONFIG_SOURCE_PREPROCESSED,
	        .auto_inject = config->determinism.auto_inject,
	        .zi_as_z7 = config->msvc.zi == CONFIG_MSVC_ZI_Z7,
	};
	return r;
}

void cmd_request_fill(const char *compiler, char *const *argv, const char *cwd, struct daemon_request *ret_request)
{
	struct client_compile c = {.compiler = compiler, .argv = argv, .cwd = cwd};
	struct proto_compile p;

	client_request_fill(&c, &p);
	*ret_request = (struct daemon_request){
	        .compiler = hp_strdup(compiler),
	        .argv0 = hp_strdup(argv[0]),
	        .cwd = hp_strdup(cwd),
	        .mask = (mode_t)p.umask,
	        .stderr_tty = p.stderr_tty != 0,
	};
	for (size_t i = 0; i < p.args.len; i++)
		hp_strv_addn(&ret_request->args, p.args.v[i].data, p.args.v[i].len);
	for (size_t i = 0; i < p.env.len; i++)
		hp_strv_addn(&ret_request->env, p.env.v[i].data, p.env.v[i].len);
	proto_done(&proto_compile_desc, &p);
}
