#define HP_LOG_TOPIC "security"
#include "oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "oci/layer.h"
#include "sys/entropy.h"
#include "sys/fs.h"
#include "sys/workers.h"

struct build {
	struct oci_source *source;
	const struct oci_image *image;
	const struct oci_rootfs_options *opt;
	char *tmp;
	int fd;
	struct sys_workers *workers;
	struct sqfs_writer *writer;
	struct oci_merge *merge;
	struct hp_map events; /* name to how many were logged */
	size_t layers_done;
	int64_t bytes_done; /* of the layers that are done */
	int64_t bytes;
};

static int sink_write(void *ctx, uint64_t offset, const void *data, size_t len, struct hp_err *err)
{
	const struct build *b = ctx;
	const char *from = data;

	while (len > 0) {
		ssize_t n = pwrite(b->fd, from, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return hp_err_sys(err, n < 0 ? errno : ENOSPC, "%s", b->tmp);
		from += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int sink_cut(void *ctx, uint64_t size, struct hp_err *err)
{
	const struct build *b = ctx;

	return ftruncate(b->fd, (off_t)size) == 0 ? 0 : hp_err_sys(err, errno, "%s", b->tmp);
}

static uint64_t pool_start(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg)
{
	return sys_workers_start(ctx, fn, arg);
}

static void pool_wait(void *ctx, uint64_t ticket)
{
	sys_workers_wait(ctx, ticket);
}

static void log_event(void *ctx, const char *name, const char *path)
{
	struct build *b = ctx;
	struct hp_map_slot *slot = hp_map_put(&b->events, name, strlen(name));
	uintptr_t count = (uintptr_t)slot->value;

	if (count >= HP_IMAGE_EVENTS_MAX)
		return;
	slot->value = (void *)(count + 1);
	hp_warn("event=%s image=%s path=\"%s\"%s", name, b->image->manifest.digest, path,
	        count + 1 == HP_IMAGE_EVENTS_MAX ? " (no more of these are logged)" : "");
}

static void show_progress(void *ctx, int64_t packed_bytes)
{
	const struct build *b = ctx;

	if (b->opt->progress)
		b->opt->progress(b->opt->ctx, b->layers_done, b->image->layers_len, b->bytes_done + packed_bytes,
		                 b->bytes);
}

static int add_agent(struct build *b, uint32_t *ret_content, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf bytes = {0};
	int r;

	*ret_content = OCI_NO_AGENT;
	if (!b->opt->agent)
		return 0;
	r = sys_read_file(b->opt->agent, HP_IMAGE_AGENT_MAX, &bytes, NULL, err);
	if (r == 0)
		r = sqfs_content_append(b->writer, bytes.data, bytes.len, err);
	if (r == 0)
		r = sqfs_content_end(b->writer, ret_content, err);
	return r;
}

static int read_layer(struct build *b, const struct oci_desc *layer, struct oci_layer_sink *sink, struct hp_err *err)
{
	struct oci_stream *stream;
	int r = oci_blob_open(b->source, layer, &stream, err);

	if (r < 0)
		return r;
	r = oci_layer_read(stream, sink, err);
	oci_stream_close(stream);
	return r;
}

static int read_layers(struct build *b, uint64_t *ret_bytes, struct hp_err *err)
{
	struct oci_layer_sink sink = {.merge = b->merge, .writer = b->writer, .progress = show_progress, .ctx = b};
	int r = 0;

	for (size_t i = b->image->layers_len; r == 0 && i-- > 0;) {
		const struct oci_desc *layer = &b->image->layers[i];

		oci_merge_layer_begin(b->merge);
		r = read_layer(b, layer, &sink, err);
		if (r == 0)
			r = oci_merge_layer_end(b->merge, err);
		if (r == 1) {
			oci_merge_layer_again(b->merge);
			r = read_layer(b, layer, &sink, err);
			if (r == 0)
				r = oci_merge_layer_end(b->merge, err);
		}
		if (r < 0)
			return hp_err_wrap(err, "layer %zu of %zu (%.19s…)", i + 1, b->image->layers_len,
			                   layer->digest);
		b->layers_done++;
		b->bytes_done += layer->size;
		show_progress(b, 0);
	}
	*ret_bytes = sink.bytes;
	return r;
}

static int fill(struct build *b, struct oci_rootfs_report *ret_report, struct hp_err *err)
{
	uint32_t agent;
	int r = add_agent(b, &agent, err);

	if (r == 0)
		r = read_layers(b, &ret_report->bytes, err);
	if (r == 0)
		r = oci_merge_write(b->merge, agent, b->writer, err);
	if (r == 0)
		r = sqfs_finish(b->writer, &ret_report->size, err);
	oci_merge_counts(b->merge, &ret_report->counts);
	return r;
}

static int run(struct build *b, struct oci_rootfs_report *ret_report, struct hp_err *err)
{
	struct sqfs_options options = {.compression = b->opt->compression, .level = b->opt->level};
	struct sqfs_sink sink = {.write = sink_write, .cut = sink_cut, .ctx = b};
	struct oci_merge_options merge = {.event = log_event, .ctx = b, .seed = sys_random_u64()};
	struct sqfs_pool pool = {.start = pool_start, .wait = pool_wait};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	/* tar headers hold UTF-8 where they hold anything but bytes; libarchive converts to the thread's locale. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
	int r;

	pool.workers = b->opt->threads ? b->opt->threads : processors > 0 ? (unsigned)processors : 1;
	if (pool.workers > SYS_WORKERS_MAX)
		pool.workers = SYS_WORKERS_MAX;
	r = sys_workers_new(pool.workers, sqfs_pool_calls(pool.workers), &b->workers, err);
	if (r == 0) {
		pool.ctx = b->workers;
		r = sqfs_writer_new(&options, &sink, &pool, &b->writer, err);
	}
	if (r == 0) {
		b->merge = oci_merge_new(&merge);
		r = fill(b, ret_report, err);
	}
	oci_merge_free(b->merge);
	sqfs_writer_free(b->writer);
	sys_workers_free(b->workers);
	hp_map_done(&b->events);
	if (utf8) {
		(void)uselocale(before);
		freelocale(utf8);
	}
	return r;
}

/* The file and its name reach the disk before anyone is told that it is there. */
static int publish(const struct build *b, const char *path, struct hp_err *err)
{
	HP_AUTO_FREE char *dir = hp_strdup(path);
	char *slash = strrchr(dir, '/');
	HP_AUTO_CLOSE int dir_fd = -1;

	if (fsync(b->fd) < 0 || rename(b->tmp, path) < 0)
		return hp_err_sys(err, errno, "%s", path);
	if (slash)
		slash[slash == dir ? 1 : 0] = '\0';
	dir_fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 || fsync(dir_fd) < 0 ? hp_err_sys(err, errno, "%s", path) : 0;
}

int oci_rootfs_build(struct oci_source *source, const struct oci_image *image, const char *path,
                     const struct oci_rootfs_options *options, struct oci_rootfs_report *ret_report, struct hp_err *err)
{
	struct build b = {.source = source, .image = image, .opt = options};
	HP_AUTO_FREE char *tmp = hp_asprintf("%s.%016llx.tmp", path, (unsigned long long)sys_random_u64());
	int r;

	*ret_report = (struct oci_rootfs_report){0};
	b.tmp = tmp;
	for (size_t i = 0; i < image->layers_len; i++)
		b.bytes += image->layers[i].size;
	b.fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (b.fd < 0)
		return hp_err_sys(err, errno, "%s", path);
	r = run(&b, ret_report, err);
	if (r == 0)
		r = publish(&b, path, err);
	if (r < 0)
		(void)unlink(tmp);
	(void)close(b.fd);
	return r;
}
