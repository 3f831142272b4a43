/* The configuration parser: whatever the text, it is refused with a place and one printable line, or every field is
 * within its bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct config *c)
{
	assert(c->source_mode == CONFIG_SOURCE_DIRECT || c->source_mode == CONFIG_SOURCE_PREPROCESSED);
	assert(c->caches_len == 1);
	assert(c->caches[0].type == CONFIG_CACHE_DISK);
	assert(c->caches[0].location[0] == '/');
	assert(strlen(c->caches[0].location) < 2 * HP_PATH_SIZE_MAX);
	assert(c->caches[0].zstd_level >= 0 && c->caches[0].zstd_level <= 19);
	assert(c->daemon.threads >= 0 && c->daemon.threads <= 1024);
	assert(c->log.level >= HP_LOG_OFF && c->log.level <= HP_LOG_TRACE);
	assert(c->log.format == CONFIG_LOG_LOGFMT || c->log.format == CONFIG_LOG_JSON);
	assert(!c->log.file || c->log.file[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char fallback_home[] = "/home/u";
	struct config config = {0};
	struct hp_err err = {0};
	int r;

	(void)setenv("HOME", fallback_home, 1);
	(void)unsetenv("HPCC_CACHE_DIR");
	r = config_parse("c.toml", (const char *)data, size, &config, &err);
	if (r == 0) {
		check(&config);
	} else {
		assert(r == -HP_INVALID || r == -HP_UNIMPLEMENTED || r == -HP_EXHAUSTED);
		assert(err.code == -r);
		assert(hp_startswith(err.msg, "c.toml:"));
		for (const char *p = err.msg; *p; p++)
			assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
	config_done(&config);
	return 0;
}
