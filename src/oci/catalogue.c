#define HP_LOG_TOPIC "security"
#include "oci/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/digest.h"
#include "sys/fs.h"

/* Changes whenever the same image would give other bytes. */
#define WRITER_VERSION 1u
#define NAME_LEN 32
#define RECORD_SIZE_MAX 4096u

struct oci_catalogue {
	char *dir;
	uint64_t size_max;
};

int oci_catalogue_new(const char *dir, uint64_t size_max, struct oci_catalogue **ret_catalogue, struct hp_err *err)
{
	static const char *const parts[] = {"rootfs", "lock", "grant", "pin"};
	struct oci_catalogue *c;

	for (size_t i = 0; i < HP_ARRAY_SIZE(parts); i++) {
		HP_AUTO_FREE char *path = hp_asprintf("%s/%s", dir, parts[i]);
		int r = sys_mkdirs(path, 0700, err);

		if (r < 0)
			return r;
	}
	c = hp_zalloc(sizeof *c);
	c->dir = hp_strdup(dir);
	c->size_max = size_max;
	*ret_catalogue = c;
	return 0;
}

void oci_catalogue_free(struct oci_catalogue *take_catalogue)
{
	if (!take_catalogue)
		return;
	free(take_catalogue->dir);
	free(take_catalogue);
}

void oci_lease_done(struct oci_lease *lease)
{
	if (lease->path)
		(void)close(lease->fd);
	free(lease->path);
	*lease = (struct oci_lease){0};
}

static char *file_path(const struct oci_catalogue *c, const char *name, const char *suffix)
{
	return hp_asprintf("%s/rootfs/%s.%s", c->dir, name, suffix);
}

/* What an entry is made of, as a name. */
static int entry_name(const char *image, const struct oci_rootfs_options *o, struct oci_catalogue_entry *e,
                      struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf agent = {0};
	struct codec_digest digest;
	struct codec_hasher h;
	char hex[CODEC_DIGEST_HEX_SIZE];
	int r;

	*e = (struct oci_catalogue_entry){0};
	(void)snprintf(e->image, sizeof e->image, "%s", image);
	(void)snprintf(e->compression, sizeof e->compression, "%s:%d",
	               o->compression == CODEC_PACKER_GZIP ? "gzip" : "zstd",
	               o->level ? o->level : sqfs_default_level(o->compression));
	if (o->agent) {
		r = sys_read_file(o->agent, HP_IMAGE_AGENT_MAX, &agent, NULL, err);
		if (r < 0)
			return r;
		codec_blake3(hp_buf_cstr(&agent), agent.len, &digest);
		codec_digest_hex(&digest, e->agent);
	}
	codec_hasher_init(&h);
	codec_hasher_add_u64(&h, WRITER_VERSION);
	codec_hasher_add_str(&h, e->image);
	codec_hasher_add_str(&h, e->agent);
	codec_hasher_add_str(&h, e->compression);
	codec_hasher_end(&h, &digest);
	codec_digest_hex(&digest, hex);
	(void)snprintf(e->name, sizeof e->name, "%.32s", hex);
	return 0;
}

static int hash_file(int fd, char ret_hex[CODEC_DIGEST_HEX_SIZE], struct hp_err *err)
{
	HP_AUTO_FREE char *buf = hp_alloc(1 << 20);
	struct codec_digest digest;
	struct codec_hasher h;
	off_t at = 0;
	ssize_t n;

	codec_hasher_init(&h);
	while ((n = pread(fd, buf, 1 << 20, at)) > 0) {
		codec_hasher_add(&h, buf, (size_t)n);
		at += n;
	}
	if (n < 0)
		return hp_err_sys(err, errno, "cannot read");
	codec_hasher_end(&h, &digest);
	codec_digest_hex(&digest, ret_hex);
	return 0;
}

/* The record: what list shows, and the stamp of the file as it was when its digest was taken. */
struct record {
	struct oci_catalogue_entry e;
	struct sys_stamp stamp;
};

static bool copy_string(const json_t *json, const char *key, char *dst, size_t size)
{
	const char *value = json_string_value(json_object_get(json, key));

	if (!value || strlen(value) >= size)
		return false;
	(void)snprintf(dst, size, "%s", value);
	return true;
}

static bool name_ok(const char *name)
{
	return strlen(name) == NAME_LEN && strspn(name, "0123456789abcdef") == NAME_LEN;
}

/* False: no entry. */
static bool read_record(const struct oci_catalogue *c, const char *name, struct record *ret)
{
	HP_AUTO_FREE char *path = file_path(c, name, "json");
	HP_AUTO_FREE char *pin = NULL;
	HP_AUTO_BUF struct hp_buf text = {0};
	struct sys_stamp stamp;
	json_t *json;
	bool ok;

	*ret = (struct record){0};
	if (sys_read_file(path, RECORD_SIZE_MAX, &text, &stamp, NULL) < 0)
		return false;
	json = json_loadb(hp_buf_cstr(&text), text.len, 0, NULL);
	(void)snprintf(ret->e.name, sizeof ret->e.name, "%s", name);
	ok = copy_string(json, "image", ret->e.image, sizeof ret->e.image) && oci_digest_valid(ret->e.image) &&
	     copy_string(json, "agent", ret->e.agent, sizeof ret->e.agent) &&
	     copy_string(json, "compression", ret->e.compression, sizeof ret->e.compression) &&
	     copy_string(json, "digest", ret->e.digest, sizeof ret->e.digest);
	ret->e.size = ret->stamp.size = (uint64_t)json_integer_value(json_object_get(json, "size"));
	ret->e.made_s = json_integer_value(json_object_get(json, "made"));
	ret->e.used_s = stamp.mtime_ns / 1000000000;
	ret->stamp.ino = (uint64_t)json_integer_value(json_object_get(json, "ino"));
	ret->stamp.mtime_ns = json_integer_value(json_object_get(json, "mtime_ns"));
	ret->stamp.ctime_ns = json_integer_value(json_object_get(json, "ctime_ns"));
	json_decref(json);
	pin = hp_asprintf("%s/pin/%s", c->dir, ok ? ret->e.image : "");
	ret->e.pinned = ok && access(pin, F_OK) == 0;
	return ok;
}

static int write_record(const struct oci_catalogue *c, const struct oci_catalogue_entry *e,
                        const struct sys_stamp *stamp, struct hp_err *err)
{
	HP_AUTO_FREE char *path = file_path(c, e->name, "json");
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "image", e->image, "agent", e->agent,
	                         "compression", e->compression, "digest", e->digest, "size", (json_int_t)stamp->size,
	                         "made", (json_int_t)e->made_s, "ino", (json_int_t)stamp->ino, "mtime_ns",
	                         (json_int_t)stamp->mtime_ns, "ctime_ns", (json_int_t)stamp->ctime_ns);
	char *text = json_dumps(json, JSON_INDENT(1));
	int r = text ? sys_write_file_atomic(path, 0600, text, strlen(text), err)
	             : hp_err_set(err, HP_INTERNAL, "no record can be written");

	free(text);
	json_decref(json);
	return r;
}

static void drop(const struct oci_catalogue *c, const char *name)
{
	HP_AUTO_FREE char *record = file_path(c, name, "json");
	HP_AUTO_FREE char *file = file_path(c, name, "sqsh");

	(void)unlink(record);
	(void)unlink(file);
}

/* Compares the whole file with its record. */
static int check_content(const struct oci_catalogue *c, const struct record *rec, int fd, struct hp_err *err)
{
	char hex[CODEC_DIGEST_HEX_SIZE];
	int r = hash_file(fd, hex, err);

	if (r < 0)
		return r;
	if (hp_streq(hex, rec->e.digest))
		return 0;
	hp_warn("event=image-catalogue-corrupt name=%s image=%s", rec->e.name, rec->e.image);
	drop(c, rec->e.name);
	return hp_err_set(err, HP_DATA_LOSS, "%s: the file is not what was written; it has been removed", rec->e.name);
}

/* 0: leased. -HP_NOT_FOUND: there is none (any more). */
static int lease(const struct oci_catalogue *c, const char *name, struct oci_lease *ret_lease, struct hp_err *err)
{
	HP_AUTO_FREE char *path = file_path(c, name, "sqsh");
	HP_AUTO_FREE char *record = file_path(c, name, "json");
	HP_AUTO_CLOSE int fd = -1;
	struct sys_stamp stamp;
	struct record rec;
	struct stat st;
	int r;

	if (!read_record(c, name, &rec))
		return hp_err_set(err, HP_NOT_FOUND, "%s: no such entry", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH) < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0)
		return hp_err_set(err, HP_NOT_FOUND, "%s: no such entry", name);
	sys_stamp_from_stat(&st, &stamp);
	if (stamp.size != rec.stamp.size || stamp.ino != rec.stamp.ino || stamp.mtime_ns != rec.stamp.mtime_ns ||
	    stamp.ctime_ns != rec.stamp.ctime_ns) {
		r = check_content(c, &rec, fd, err);
		if (r < 0)
			return r == -HP_DATA_LOSS ? -HP_NOT_FOUND : r;
	}
	(void)utimensat(AT_FDCWD, record, NULL, 0);
	*ret_lease = (struct oci_lease){.path = hp_steal(path), .fd = sys_steal_fd(&fd)};
	return 0;
}

static bool tenant_ok(const char *tenant)
{
	size_t len = strlen(tenant);

	return len >= 1 && len <= 64 && strspn(tenant, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static char *grant_path(const struct oci_catalogue *c, const char *tenant, const char *image)
{
	return hp_asprintf("%s/grant/%s/%s", c->dir, tenant, image);
}

static int make_mark(const char *path, struct hp_err *err)
{
	HP_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? hp_err_sys(err, errno, "%s", path) : 0;
}

static int grant(const struct oci_catalogue *c, const char *tenant, const char *image, struct hp_err *err)
{
	HP_AUTO_FREE char *dir = hp_asprintf("%s/grant/%s", c->dir, tenant);
	HP_AUTO_FREE char *path = grant_path(c, tenant, image);
	int r = sys_mkdirs(dir, 0700, err);

	return r < 0 ? r : make_mark(path, err);
}

/* Leftovers of a maker that died: its lock is ours. */
static void remove_leftovers(const struct oci_catalogue *c, const char *name)
{
	HP_AUTO_FREE char *dir = hp_asprintf("%s/rootfs", c->dir);
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		HP_AUTO_FREE char *path = NULL;

		if (strncmp(e->d_name, name, NAME_LEN) != 0 || !hp_endswith(e->d_name, ".tmp"))
			continue;
		path = hp_asprintf("%s/%s", dir, e->d_name);
		(void)unlink(path);
	}
	if (d)
		(void)closedir(d);
}

static int compare_use(const void *a, const void *b)
{
	const struct oci_catalogue_entry *x = a;
	const struct oci_catalogue_entry *y = b;

	return x->used_s != y->used_s ? (x->used_s < y->used_s ? 1 : -1) : strcmp(x->name, y->name);
}

int oci_catalogue_list(struct oci_catalogue *c, struct oci_catalogue_entry **ret_entries, size_t *ret_len,
                       struct hp_err *err)
{
	HP_AUTO_FREE char *dir = hp_asprintf("%s/rootfs", c->dir);
	struct oci_catalogue_entry *entries = NULL;
	DIR *d = opendir(dir);
	const struct dirent *e;
	size_t len = 0;

	if (!d)
		return hp_err_sys(err, errno, "%s", dir);
	while ((e = readdir(d)) != NULL) {
		struct record rec;
		char name[NAME_LEN + 1];

		(void)snprintf(name, sizeof name, "%.32s", e->d_name);
		if (!name_ok(name) || !hp_streq(e->d_name + NAME_LEN, ".json") || !read_record(c, name, &rec))
			continue;
		if ((len & (len - 1)) == 0)
			entries = hp_realloc(entries, (len ? len * 2 : 1) * sizeof *entries);
		entries[len++] = rec.e;
	}
	(void)closedir(d);
	if (len > 1)
		qsort(entries, len, sizeof *entries, compare_use);
	*ret_entries = entries;
	*ret_len = len;
	return 0;
}

/* False: somebody uses it. */
static bool remove_unused(const struct oci_catalogue *c, const char *name)
{
	HP_AUTO_FREE char *path = file_path(c, name, "sqsh");
	HP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	drop(c, name);
	return true;
}

/* Down to size_max, least recently used first; `keep` has just been made. */
static void evict(struct oci_catalogue *c, const char *keep)
{
	HP_AUTO_FREE struct oci_catalogue_entry *entries = NULL;
	uint64_t size = 0;
	size_t len = 0;

	if (c->size_max == 0 || oci_catalogue_list(c, &entries, &len, NULL) < 0)
		return;
	for (size_t i = 0; i < len; i++)
		size += entries[i].size;
	for (size_t i = len; i-- > 0 && size > c->size_max;) {
		if (!entries[i].pinned && !hp_streq(entries[i].name, keep) && remove_unused(c, entries[i].name))
			size -= entries[i].size;
	}
}

/* The lock is held. */
static int make(struct oci_catalogue *c, struct oci_catalogue_entry *e, struct oci_source *source,
                const struct oci_image *image, const struct oci_rootfs_options *options, struct hp_err *err)
{
	HP_AUTO_FREE char *path = file_path(c, e->name, "sqsh");
	HP_AUTO_CLOSE int fd = -1;
	struct oci_rootfs_report report;
	struct sys_stamp stamp;
	int r;

	remove_leftovers(c, e->name);
	r = oci_rootfs_build(source, image, path, options, &report, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sys_stamp_fd(fd, &stamp) < 0)
		return hp_err_sys(err, errno, "%s", path);
	r = hash_file(fd, e->digest, err);
	if (r < 0)
		return r;
	e->made_s = time(NULL);
	return write_record(c, e, &stamp, err);
}

int oci_catalogue_pull(struct oci_catalogue *c, const char *tenant, struct oci_source *source,
                       const struct oci_image *image, const struct oci_rootfs_options *options,
                       struct oci_lease *ret_lease, bool *ret_made, struct hp_err *err)
{
	struct oci_catalogue_entry e;
	HP_AUTO_FREE char *lock = NULL;
	HP_AUTO_CLOSE int lock_fd = -1;
	int r;

	*ret_made = false;
	if (!tenant_ok(tenant))
		return hp_err_set(err, HP_INVALID, "%.64s: not a tenant's name", tenant);
	r = entry_name(image->manifest.digest, options, &e, err);
	if (r < 0)
		return r;
	lock = hp_asprintf("%s/lock/%s", c->dir, e.name);
	lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd < 0 || flock(lock_fd, LOCK_EX) < 0)
		return hp_err_sys(err, errno, "%s", lock);
	r = lease(c, e.name, ret_lease, err);
	if (r == -HP_NOT_FOUND) {
		r = make(c, &e, source, image, options, err);
		if (r == 0)
			r = lease(c, e.name, ret_lease, err);
		*ret_made = r == 0;
	}
	if (r == 0)
		r = grant(c, tenant, e.image, err);
	if (r < 0) {
		oci_lease_done(ret_lease);
		return r;
	}
	evict(c, e.name);
	return 0;
}

int oci_catalogue_get(struct oci_catalogue *c, const char *tenant, const char *image_digest,
                      const struct oci_rootfs_options *options, struct oci_lease *ret_lease, struct hp_err *err)
{
	struct oci_catalogue_entry e;
	HP_AUTO_FREE char *path = NULL;
	int r;

	if (!tenant_ok(tenant) || !oci_digest_valid(image_digest))
		return hp_err_set(err, HP_INVALID, "not a tenant or not a digest");
	path = grant_path(c, tenant, image_digest);
	if (access(path, F_OK) < 0)
		return hp_err_set(err, HP_NOT_FOUND, "%s: there is no such image", image_digest);
	r = entry_name(image_digest, options, &e, err);
	if (r == 0)
		r = lease(c, e.name, ret_lease, err);
	return r == -HP_NOT_FOUND ? hp_err_set(err, HP_NOT_FOUND, "%s: there is no such image", image_digest) : r;
}

int oci_catalogue_verify(struct oci_catalogue *c, const char *name, struct hp_err *err)
{
	HP_AUTO_FREE char *path = NULL;
	HP_AUTO_CLOSE int fd = -1;
	struct record rec;

	if (!name_ok(name) || !read_record(c, name, &rec))
		return hp_err_set(err, HP_NOT_FOUND, "%.64s: no such entry", name);
	path = file_path(c, name, "sqsh");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hp_err_sys(err, errno, "%s", path);
	return check_content(c, &rec, fd, err);
}

int oci_catalogue_remove(struct oci_catalogue *c, const char *name, struct hp_err *err)
{
	struct record rec;

	if (!name_ok(name) || !read_record(c, name, &rec))
		return hp_err_set(err, HP_NOT_FOUND, "%.64s: no such entry", name);
	if (!remove_unused(c, name))
		return hp_err_set(err, HP_PRECONDITION, "%s: it is in use", name);
	return 0;
}

int oci_catalogue_pin(struct oci_catalogue *c, const char *image_digest, bool pin, struct hp_err *err)
{
	HP_AUTO_FREE char *path = NULL;

	if (!oci_digest_valid(image_digest))
		return hp_err_set(err, HP_INVALID, "%.80s: not a digest", image_digest);
	path = hp_asprintf("%s/pin/%s", c->dir, image_digest);
	if (pin)
		return make_mark(path, err);
	return unlink(path) < 0 && errno != ENOENT ? hp_err_sys(err, errno, "%s", path) : 0;
}
