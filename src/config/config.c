#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config_priv.h"
#include "config/keys_priv.h"
#include "config/value_priv.h"
#include "sys/fs.h"

static void set_defaults(const char *section, bool in_section, void *base)
{
	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];

		if (hp_streq(key->section, section) == in_section)
			config_value_default(key, (char *)base + key->offset);
	}
}

void config_add_caches(struct config *config, size_t count)
{
	assert(count <= HP_CONFIG_CACHES_MAX);
	while (config->caches_len < count)
		set_defaults("cache", true, &config->caches[config->caches_len++]);
}

void config_done(struct config *config)
{
	free(config->path);
	free(config->log.file);
	for (size_t i = 0; i < config->caches_len; i++)
		free(config->caches[i].location);
	*config = (struct config){0};
}

/* What depends on the environment, after the file has had its say. */
static int complete(struct config *config, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf dir = {0};
	const char *override = getenv("HPCC_CACHE_DIR");
	bool overridden = override && override[0];
	int r;

	if (config->caches_len == 0)
		config_add_caches(config, 1);
	for (size_t i = 0; i < config->caches_len; i++) {
		struct config_cache *cache = &config->caches[i];

		if (cache->location && !(overridden && i == 0))
			continue;
		hp_buf_reset(&dir);
		r = config_cache_dir(&dir, err);
		if (r < 0)
			return r;
		free(cache->location);
		cache->location = hp_strdup(hp_buf_cstr(&dir));
	}
	return 0;
}

/* `text` may be NULL: defaults alone. */
static int build(const char *name, const char *text, size_t len, struct config *ret_config, struct hp_err *err)
{
	CONFIG_AUTO struct config config = {0};
	int r = 0;

	set_defaults("cache", false, &config);
	if (text)
		r = config_parse_into(name, text, len, &config, err);
	if (r == 0)
		r = complete(&config, err);
	if (r < 0)
		return r;
	if (text)
		config.path = hp_strdup(name);
	*ret_config = config;
	config = (struct config){0};
	return 0;
}

int config_parse(const char *name, const char *text, size_t len, struct config *ret_config, struct hp_err *err)
{
	assert(text);
	return build(name, text, len, ret_config, err);
}

static int load_file(const char *path, struct config *ret_config, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	int r = sys_read_file(path, HP_CONFIG_SIZE_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	return build(path, hp_buf_cstr(&text), text.len, ret_config, err);
}

/* Only "there is none" goes on to the next place: a file that exists and cannot be read is the user's to know. */
static bool is_missing(const char *path)
{
	return access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

int config_load(const char *path, struct config *ret_config, struct hp_err *err)
{
	static const char system_path[] = "/etc/hpcc/config.toml";
	HP_AUTO_BUF struct hp_buf user_path = {0};
	const char *named = path;

	if (!named) {
		named = getenv("HPCC_CONFIG");
		if (named && !named[0])
			named = NULL;
	}
	if (named)
		return load_file(named, ret_config, err);
	/* Without a home there is no user's file; what needs one complains in complete(). */
	if (config_user_path(&user_path, NULL) == 0 && !is_missing(hp_buf_cstr(&user_path)))
		return load_file(hp_buf_cstr(&user_path), ret_config, err);
	if (!is_missing(system_path))
		return load_file(system_path, ret_config, err);
	return build(NULL, NULL, 0, ret_config, err);
}

/* $`variable`/hpcc, else $HOME/`below`/hpcc. XDG says that a path which is not absolute counts as unset. */
static int xdg_dir(const char *variable, const char *below, struct hp_buf *ret_path, struct hp_err *err)
{
	const char *dir = getenv(variable);
	const char *home = getenv("HOME");

	if (dir && dir[0] == '/')
		hp_buf_printf(ret_path, "%s/hpcc", dir);
	else if (home && home[0] == '/')
		hp_buf_printf(ret_path, "%s/%s/hpcc", home, below);
	else
		return hp_err_set(err, HP_PRECONDITION, "neither HOME nor %s is an absolute path: set one of them",
		                  variable);
	return 0;
}

int config_user_path(struct hp_buf *ret_path, struct hp_err *err)
{
	int r = xdg_dir("XDG_CONFIG_HOME", ".config", ret_path, err);

	if (r == 0)
		hp_buf_str(ret_path, "/config.toml");
	return r;
}

int config_cache_dir(struct hp_buf *ret_path, struct hp_err *err)
{
	const char *dir = getenv("HPCC_CACHE_DIR");

	if (!dir || !dir[0])
		return xdg_dir("XDG_CACHE_HOME", ".cache", ret_path, err);
	if (dir[0] != '/')
		return hp_err_set(err, HP_INVALID, "HPCC_CACHE_DIR: \"%.80s\" is not an absolute path", dir);
	hp_buf_str(ret_path, dir);
	return 0;
}
