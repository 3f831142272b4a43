/* The disk store: entry files, and a worker thread that keeps the index behind them. disk_priv.h has the picture. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "store/disk_priv.h"
#include "store/temp_priv.h"
#include "sys/entropy.h"
#include "sys/fs.h"

/* Uses noted in memory before they are written to the index, and how many may wait while the index is busy; what comes
 * then is forgotten, which costs a little precision of LRU. */
#define USES_FLUSH 256u
#define USES_MAX 1024u

/* Rows of published files that the index did not take at once. What does not fit is found by reconciliation. */
#define ROWS_MAX 256u

/* One put in so many lets the worker check a shard, whichever process it comes from. */
#define CHECK_EVERY 64u

/* The largest file that we read: an entry at its limits, and its overhead. */
#define FILE_SIZE_MAX ((uint64_t)HP_ENTRY_SIZE_MAX + 2 * (uint64_t)HP_ENTRY_META_SIZE_MAX)

/* Above the limit the worker evicts down to this part of it, so that it does not run again at once. */
#define EVICT_TO_PERCENT 90u

struct disk {
	struct store base;
	char *dir;
	char *tenant;
	uint64_t bytes_max;
	bool read_only;
	struct store_index *index;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t wake;
	struct store_use uses[USES_MAX];
	size_t uses_len;
	struct store_row rows[ROWS_MAX];
	size_t rows_len;
	int64_t last_us; /* of the clock that orders uses: never the same twice, never backwards */
	pthread_t worker;
	bool worker_runs;
	bool stop;
	bool want_evict;
	bool want_flush;
};

static int64_t next_us(struct disk *d)
{
	int64_t now_us = store_disk_now_us();

	d->last_us = now_us > d->last_us ? now_us : d->last_us + 1;
	return d->last_us;
}

/* Flushing: moves what waits out of the shared state and gives it to the index; what the index does not take is put
 * back, as far as there is room. */

static int flush_rows(struct disk *d, struct hp_err *err)
{
	HP_AUTO_FREE struct store_row *rows = NULL;
	struct store_added added;
	size_t len;
	int rc = 0;

	(void)pthread_mutex_lock(&d->mutex);
	len = d->rows_len;
	rows = hp_memdup(d->rows, len * sizeof *rows);
	d->rows_len = 0;
	(void)pthread_mutex_unlock(&d->mutex);
	for (size_t i = 0; i < len; i++) {
		rc = rc < 0 ? rc : store_index_add(d->index, &rows[i], &added, err);
		if (rc == 0)
			continue;
		(void)pthread_mutex_lock(&d->mutex);
		if (d->rows_len < ROWS_MAX)
			d->rows[d->rows_len++] = rows[i];
		(void)pthread_mutex_unlock(&d->mutex);
	}
	return rc;
}

static int flush_uses(struct disk *d, struct hp_err *err)
{
	HP_AUTO_FREE struct store_use *uses = NULL;
	size_t len;
	int rc;

	(void)pthread_mutex_lock(&d->mutex);
	len = d->uses_len;
	uses = hp_memdup(d->uses, len * sizeof *uses);
	d->uses_len = 0;
	(void)pthread_mutex_unlock(&d->mutex);
	if (len == 0)
		return 0;
	rc = store_index_touch(d->index, uses, len, err);
	if (rc < 0) {
		(void)pthread_mutex_lock(&d->mutex);
		if (len > USES_MAX - d->uses_len)
			len = USES_MAX - d->uses_len;
		memcpy(d->uses + d->uses_len, uses, len * sizeof *uses);
		d->uses_len += len;
		(void)pthread_mutex_unlock(&d->mutex);
	}
	return rc;
}

static int flush(struct disk *d, struct hp_err *err)
{
	int rc = flush_rows(d, err);

	return rc < 0 ? rc : flush_uses(d, err);
}

/* The worker. */

static void evict_in_background(struct disk *d)
{
	struct store_evict rule = {.bytes_max = d->bytes_max / 100 * EVICT_TO_PERCENT};
	struct store_evicted gone;

	(void)store_index_evict(d->index, &rule, &gone, NULL);
}

static void *work(void *ctx)
{
	struct disk *d = ctx;

	(void)pthread_mutex_lock(&d->mutex);
	for (;;) {
		bool evict;

		while (!d->stop && !d->want_evict && !d->want_flush)
			(void)pthread_cond_wait(&d->wake, &d->mutex);
		if (d->stop && !d->want_evict)
			break;
		evict = d->want_evict;
		d->want_evict = d->want_flush = false;
		(void)pthread_mutex_unlock(&d->mutex);
		(void)flush(d, NULL); /* first, so that what was just used is not what goes */
		if (evict)
			evict_in_background(d);
		(void)store_index_reconcile(d->index, (unsigned)sys_random_u64() % STORE_SHARDS, NULL);
		(void)pthread_mutex_lock(&d->mutex);
	}
	(void)pthread_mutex_unlock(&d->mutex);
	return NULL;
}

/* Called with the mutex held. Signals stay with the threads that expect them. A thread that cannot be made is tried
 * again next time. */
static void wake_worker(struct disk *d)
{
	if (!d->worker_runs) {
		sigset_t all;
		sigset_t before;

		(void)sigfillset(&all);
		(void)pthread_sigmask(SIG_SETMASK, &all, &before);
		d->worker_runs = pthread_create(&d->worker, NULL, work, d) == 0;
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_cond_signal(&d->wake);
}

/* get */

static void note_use(struct disk *d, const struct codec_digest *key)
{
	if (d->read_only)
		return;
	(void)pthread_mutex_lock(&d->mutex);
	if (d->uses_len < USES_MAX)
		d->uses[d->uses_len++] = (struct store_use){.key = *key, .used_us = next_us(d)};
	if (d->uses_len >= USES_FLUSH && !d->want_flush) {
		d->want_flush = true;
		wake_worker(d);
	}
	(void)pthread_mutex_unlock(&d->mutex);
}

/* Reads up to blob->len bytes; the file cannot change, but it may have been cut by a crash of the machine. */
static int read_blob(int fd, struct store_blob *blob, struct hp_err *err)
{
	size_t done = 0;

	while (done < blob->len) {
		ssize_t n = read(fd, blob->data + done, blob->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hp_err_sys(err, errno, "read an entry");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	blob->len = done;
	return 0;
}

static int disk_get(struct store *s, const struct codec_digest *key, struct store_blob **ret_blob, struct hp_err *err)
{
	struct disk *d = (struct disk *)s;
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_CLOSE int fd = -1;
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct stat st;
	int rc;

	store_disk_entry_path(&path, d->dir, d->tenant, key);
	fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return hp_err_sys(err, errno, "open %s", path.data);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_SIZE_MAX)
		return hp_err_set(err, HP_DATA_LOSS, "%s: not a file that could be an entry", path.data);
	blob = store_blob_try_new((size_t)st.st_size, err);
	if (!blob)
		return -HP_EXHAUSTED;
	rc = read_blob(fd, blob, err);
	if (rc < 0)
		return rc;
	note_use(d, key);
	*ret_blob = hp_steal(blob);
	return 1;
}

/* put */

/* Adds the row before the file is in its place: a kill in between leaves a row without a file, which is harmless. When the
 * index does not take it, the row waits in memory and the entry is published all the same. */
static bool add_row(struct disk *d, const struct store_row *row, uint64_t *ret_generation)
{
	struct store_added added = {0};
	bool ok = store_index_add(d->index, row, &added, NULL) == 0;

	(void)pthread_mutex_lock(&d->mutex);
	if (!ok && d->rows_len < ROWS_MAX)
		d->rows[d->rows_len++] = *row;
	if (d->bytes_max && added.bytes_total > d->bytes_max)
		d->want_evict = true;
	if (sys_random_u64() % CHECK_EVERY == 0)
		d->want_flush = true;
	if (d->want_evict || d->want_flush)
		wake_worker(d);
	(void)pthread_mutex_unlock(&d->mutex);
	*ret_generation = added.generation;
	return ok;
}

static int publish(struct disk *d, struct store_temp *temp, const struct store_row *row, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_BUF struct hp_buf shard = {0};
	int rc;

	store_disk_entry_path(&path, d->dir, d->tenant, &row->key);
	store_disk_shard_path(&shard, d->dir, d->tenant, row->key.b[0]);
	rc = store_temp_rename(temp, path.data);
	if (rc == -ENOENT) {
		rc = sys_mkdirs(shard.data, 0700, err);
		if (rc < 0)
			return rc;
		rc = store_temp_rename(temp, path.data);
	}
	return rc < 0 ? hp_err_sys(err, -rc, "publish %s", path.data) : 0;
}

static int put_once(struct disk *d, const struct store_row *row, const void *data, size_t len, struct hp_err *err)
{
	__attribute__((cleanup(store_temp_done))) struct store_temp temp = {.fd = -1};
	int rc = store_temp_write(&temp, d->dir, data, len, err);
	uint64_t generation;
	bool added;

	if (rc < 0)
		return rc;
	added = add_row(d, row, &generation);
	rc = publish(d, &temp, row, err);
	if (rc < 0)
		return rc;
	/* An index that replaced the one we added to was made from what lay here before. */
	if (added && store_index_moved(d->index, generation))
		(void)add_row(d, row, &generation);
	return 0;
}

static int disk_put(struct store *s, const struct codec_digest *key, const struct codec_digest *closure_key,
                    const void *data, size_t len, struct hp_err *err)
{
	struct disk *d = (struct disk *)s;
	struct store_row row = {
	        .tenant = d->tenant, .key = *key, .closure_key = *closure_key, .bytes = store_disk_bytes(len)};
	int rc = 0;

	if (d->read_only)
		return hp_err_set(err, HP_DENIED, "%s is read-only", d->dir);
	if (len > FILE_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "an entry of %zu bytes is too large", len);
	(void)pthread_mutex_lock(&d->mutex);
	row.stored_us = row.used_us = next_us(d);
	(void)pthread_mutex_unlock(&d->mutex);
	/* Again, since somebody may clean up or remove the folders under us; a full disk stays full. */
	for (int attempt = 0; attempt < 3; attempt++) {
		rc = put_once(d, &row, data, len, err);
		if (rc != -HP_NOT_FOUND)
			break;
	}
	return rc;
}

static int disk_remove(struct store *s, const struct codec_digest *key, struct hp_err *err)
{
	struct disk *d = (struct disk *)s;
	HP_AUTO_BUF struct hp_buf path = {0};

	if (d->read_only)
		return hp_err_set(err, HP_DENIED, "%s is read-only", d->dir);
	store_disk_entry_path(&path, d->dir, d->tenant, key);
	if (unlink(path.data) < 0 && errno != ENOENT && errno != ENOTDIR)
		return hp_err_sys(err, errno, "remove %s", path.data);
	/* the file is gone, so the row is a ghost at worst */
	(void)store_index_remove(d->index, key, NULL);
	return 0;
}

static int disk_closures(struct store *s, const struct codec_digest *closure_key, struct codec_digest *ret_keys,
                         size_t max, struct hp_err *err)
{
	struct disk *d = (struct disk *)s;
	size_t count = 0;
	int rc;

	(void)pthread_mutex_lock(&d->mutex);
	for (size_t i = d->rows_len; i > 0 && count < max; i--) {
		if (codec_digest_eq(&d->rows[i - 1].closure_key, closure_key))
			ret_keys[count++] = d->rows[i - 1].key;
	}
	(void)pthread_mutex_unlock(&d->mutex);
	rc = store_index_closures(d->index, closure_key, ret_keys + count, max - count, err);
	if (rc < 0)
		return count ? (int)count : rc;
	return (int)count + rc;
}

static int disk_usage(struct store *s, struct store_usage *ret_usage, struct hp_err *err)
{
	struct disk *d = (struct disk *)s;
	struct store_usage usage = {.bytes_max = d->bytes_max};
	int rc = store_index_usage(d->index, &usage.bytes, &usage.entries, err);

	if (rc < 0)
		return rc;
	*ret_usage = usage;
	return 0;
}

static int disk_flush(struct store *s, struct hp_err *err)
{
	struct disk *d = (struct disk *)s;

	return d->read_only ? 0 : flush(d, err);
}

static int disk_evict(struct store *s, const struct store_evict *rule, struct store_evicted *ret_evicted,
                      struct hp_err *err)
{
	struct disk *d = (struct disk *)s;

	if (d->read_only)
		return hp_err_set(err, HP_DENIED, "%s is read-only", d->dir);
	(void)flush(d, NULL);
	if (rule->all) {
		/* "all" includes what no row speaks of */
		for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
			(void)store_index_reconcile(d->index, shard, NULL);
	}
	return store_index_evict(d->index, rule, ret_evicted, err);
}

static void disk_free(struct store *take_s)
{
	struct disk *d = (struct disk *)take_s;

	(void)pthread_mutex_lock(&d->mutex);
	d->stop = true;
	(void)pthread_cond_signal(&d->wake);
	(void)pthread_mutex_unlock(&d->mutex);
	if (d->worker_runs)
		(void)pthread_join(d->worker, NULL);
	if (!d->read_only)
		(void)flush(d, NULL);
	store_index_free(d->index);
	(void)pthread_cond_destroy(&d->wake);
	(void)pthread_mutex_destroy(&d->mutex);
	free(d->dir);
	free(d->tenant);
	free(d);
}

static const struct store_ops disk_ops = {
        .name = "disk",
        .get = disk_get,
        .put = disk_put,
        .remove = disk_remove,
        .closures = disk_closures,
        .usage = disk_usage,
        .evict = disk_evict,
        .flush = disk_flush,
        .free = disk_free,
};

/* Opening. */

static bool tenant_ok(const char *tenant)
{
	size_t len = strspn(tenant, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return len > 0 && len <= STORE_TENANT_LEN_MAX && tenant[len] == '\0' && tenant[0] != '.';
}

/* What others can write is no cache of ours: they would choose what our builds link. Others may own it only when it is the
 * administrator's and we do not write. */
static int check_dir(const struct store_disk_options *opt, struct hp_err *err)
{
	HP_AUTO_CLOSE int fd = open(opt->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return hp_err_sys(err, errno, "open %s", opt->dir);
	if (st.st_uid != geteuid() && !(opt->read_only && st.st_uid == 0))
		return hp_err_set(err, HP_DENIED, "%s belongs to user %u, not to %u: use a directory of your own",
		                  opt->dir, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 022)
		return hp_err_set(err, HP_DENIED, "%s can be written by others (mode %04o): chmod go-w it", opt->dir,
		                  (unsigned)st.st_mode & 07777);
	return 0;
}

int store_disk_new(const struct store_disk_options *opt, struct store **ret_store, struct hp_err *err)
{
	struct disk *d;
	char *dir;
	int rc;

	if (!tenant_ok(opt->tenant))
		return hp_err_set(err, HP_INVALID, "\"%s\" is no tenant's name", opt->tenant);
	if (!opt->read_only) {
		rc = sys_mkdirs(opt->dir, 0700, err);
		if (rc < 0)
			return rc;
	}
	rc = check_dir(opt, err);
	if (rc < 0)
		return rc;
	dir = realpath(opt->dir, NULL); /* the working directory may change later */
	if (!dir)
		return hp_err_sys(err, errno, "open %s", opt->dir);
	d = hp_zalloc(sizeof *d);
	d->base.ops = &disk_ops;
	d->dir = dir;
	d->tenant = hp_strdup(opt->tenant);
	d->bytes_max = opt->bytes_max;
	d->read_only = opt->read_only;
	d->index = store_index_new(d->dir, d->tenant, opt->read_only);
	(void)pthread_mutex_init(&d->mutex, NULL);
	(void)pthread_cond_init(&d->wake, NULL);
	if (!opt->read_only)
		store_temp_clean(d->dir);
	*ret_store = &d->base;
	return 0;
}
