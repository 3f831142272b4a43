/* Looking at the entry files themselves: what the index is rebuilt from. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cache/entry.h"
#include "store/disk_priv.h"
#include "sys/clock.h"
#include "sys/fs.h"

int64_t store_disk_now_us(void)
{
	return sys_clock_ns(CLOCK_REALTIME) / 1000;
}

void store_disk_shard_path(struct hp_buf *out, const char *dir, const char *tenant, unsigned shard)
{
	hp_buf_printf(out, "%s/entry/%s/%02x", dir, tenant, shard);
}

void store_disk_entry_path(struct hp_buf *out, const char *dir, const char *tenant, const struct codec_digest *key)
{
	char hex[CODEC_DIGEST_HEX_SIZE];

	store_disk_shard_path(out, dir, tenant, key->b[0]);
	codec_digest_hex(key, hex);
	hp_buf_char(out, '/');
	hp_buf_append(out, hex, sizeof hex - 1);
}

bool store_scan_file(const char *path, const struct codec_digest *key, struct store_row *ret_row, bool *ret_bad)
{
	HP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char head[CACHE_ENTRY_HEAD_SIZE];
	struct codec_digest found;
	struct stat st;

	*ret_bad = false;
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (!S_ISREG(st.st_mode) || pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head ||
	    cache_entry_peek(head, sizeof head, &found, &ret_row->closure_key, NULL) < 0 ||
	    !codec_digest_eq(&found, key)) {
		*ret_bad = true;
		return false;
	}
	ret_row->key = *key;
	ret_row->bytes = store_disk_bytes((uint64_t)st.st_size);
	ret_row->stored_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	ret_row->used_us = ret_row->stored_us;
	return true;
}

static void close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}
#define AUTO_DIR __attribute__((cleanup(close_dir)))

int store_scan_names(const char *dir, const char *tenant, unsigned shard, store_name_fn fn, void *ctx)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	AUTO_DIR DIR *d = NULL;
	struct dirent *entry;
	size_t base_len;
	int rc = 0;

	store_disk_shard_path(&path, dir, tenant, shard);
	d = opendir(path.data);
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	hp_buf_char(&path, '/');
	base_len = path.len;
	while (rc == 0 && (entry = readdir(d))) {
		struct codec_digest key;

		/* what is not named as an entry is not ours to judge */
		if (!codec_digest_parse(entry->d_name, &key) || key.b[0] != shard)
			continue;
		path.len = base_len;
		hp_buf_str(&path, entry->d_name);
		rc = fn(ctx, &key, path.data);
	}
	return rc;
}

struct scan_ctx {
	const char *tenant;
	bool remove_bad;
	store_scan_fn fn;
	void *ctx;
};

static int scan_one(void *ctx, const struct codec_digest *key, const char *path)
{
	const struct scan_ctx *c = ctx;
	struct store_row row = {.tenant = c->tenant};
	bool bad;

	if (store_scan_file(path, key, &row, &bad))
		return c->fn(c->ctx, &row);
	if (bad && c->remove_bad)
		(void)unlink(path);
	return 0;
}

int store_scan(const char *dir, bool remove_bad, store_scan_fn fn, void *ctx)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	AUTO_DIR DIR *d = NULL;
	struct dirent *entry;

	hp_buf_printf(&path, "%s/entry", dir);
	d = opendir(path.data);
	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) > STORE_TENANT_LEN_MAX)
			continue;
		for (unsigned shard = 0; shard < STORE_SHARDS; shard++) {
			struct scan_ctx c = {entry->d_name, remove_bad, fn, ctx};
			int rc = store_scan_names(dir, entry->d_name, shard, scan_one, &c);

			if (rc != 0)
				return rc;
		}
	}
	return 0;
}
