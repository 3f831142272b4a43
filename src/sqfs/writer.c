/* Life of a writer, and the layout of the whole: superblock, compressor options, data and fragments, inode table,
 * directory table, fragment table, id table, extended attributes, padding. The kernel wants the tables in this order and
 * without gaps: each index has to end where the next table starts. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sqfs/sqfs_priv.h"

#define MAGIC 0x73717368u
#define VERSION_MAJOR 4u
#define VERSION_MINOR 0u
#define ID_GZIP 1u
#define ID_ZSTD 6u
#define FLAG_DUPLICATES 0x0040u
#define FLAG_NO_XATTRS 0x0200u
#define FLAG_COMPRESSOR_OPTIONS 0x0400u
#define NO_TABLE UINT64_MAX
#define GZIP_LEVEL 9
#define ZSTD_LEVEL 15
#define GZIP_WINDOW 15u
/* Images that do not end on a page cannot be mounted from a loop device. */
#define PADDING 4096u

static uint64_t start_serially(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg)
{
	(void)ctx;
	fn(arg, 0);
	return 0;
}

static void wait_serially(void *ctx, uint64_t ticket)
{
	(void)ctx;
	(void)ticket;
}

const struct sqfs_pool sqfs_pool_serial = {.workers = 1, .start = start_serially, .wait = wait_serially};

int sqfs_failed(const struct sqfs_writer *w, struct hp_err *err)
{
	if (w->failed.code && err)
		*err = w->failed;
	return -w->failed.code;
}

int sqfs_fail(struct sqfs_writer *w, const struct hp_err *err)
{
	w->failed = *err;
	return -err->code;
}

int sqfs_emit(struct sqfs_writer *w, const void *data, size_t len, struct hp_err *err)
{
	int r = len ? w->sink->write(w->sink->ctx, w->pos, data, len, err) : 0;

	if (r < 0)
		return r;
	w->pos += len;
	if (w->pos > w->pos_max)
		w->pos_max = w->pos;
	return 0;
}

int sqfs_default_level(enum codec_packer_kind kind)
{
	return kind == CODEC_PACKER_GZIP ? GZIP_LEVEL : ZSTD_LEVEL;
}

/* What unsquashfs -s tells of the level; readers need none of it. */
static int write_compressor_options(struct sqfs_writer *w, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf b = {0};

	if (w->opt.level == sqfs_default_level(w->opt.compression))
		return 0;
	sqfs_le16(&b, (w->opt.compression == CODEC_PACKER_GZIP ? 8u : 4u) | SQFS_META_RAW);
	sqfs_le32(&b, (uint32_t)w->opt.level);
	if (w->opt.compression == CODEC_PACKER_GZIP) {
		sqfs_le16(&b, GZIP_WINDOW);
		sqfs_le16(&b, 0); /* no strategy but the default */
	}
	return sqfs_emit(w, b.data, b.len, err);
}

int sqfs_writer_new(const struct sqfs_options *options, const struct sqfs_sink *sink, const struct sqfs_pool *pool,
                    struct sqfs_writer **ret_writer, struct hp_err *err)
{
	struct sqfs_writer *w = hp_zalloc(sizeof *w);
	int r = 0;

	w->opt = *options;
	w->sink = sink;
	w->pool = pool;
	w->pos = SQFS_SUPER_SIZE;
	w->xattr_next = &w->xattr_first;
	if (w->opt.level == 0)
		w->opt.level = sqfs_default_level(w->opt.compression);
	w->packers = hp_zalloc(pool->workers * sizeof(struct codec_packer *));
	for (unsigned i = 0; r == 0 && i < pool->workers; i++)
		r = codec_packer_new(w->opt.compression, w->opt.level, &w->packers[i], err);
	if (r == 0)
		r = write_compressor_options(w, err);
	if (r < 0) {
		sqfs_writer_free(w);
		return r;
	}
	sqfs_data_new(w);
	*ret_writer = w;
	return 0;
}

void sqfs_writer_free(struct sqfs_writer *take_writer)
{
	struct sqfs_writer *w = take_writer;

	if (!w)
		return;
	sqfs_data_free(w->data);
	for (unsigned i = 0; i < w->pool->workers; i++)
		codec_packer_free(w->packers[i]);
	free(w->packers);
	free(w->contents);
	free(w->blocks);
	free(w->fragments);
	free(w->nodes);
	free(w->entries);
	hp_buf_done(&w->names);
	hp_buf_done(&w->index);
	free(w->ids);
	hp_map_done(&w->ids_known);
	hp_map_done(&w->xattr_sets);
	for (struct sqfs_xattr_set *s = w->xattr_first, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	free(w);
}

int sqfs_emit_indexed(struct sqfs_writer *w, struct sqfs_meta *m, uint64_t *ret_start, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf index = {0};
	int r;

	sqfs_meta_flush(m, w->packers[0]);
	for (size_t i = 0; i < m->starts_len; i++)
		sqfs_le64(&index, w->pos + m->starts[i]);
	r = sqfs_emit(w, m->out.data, m->out.len, err);
	*ret_start = w->pos;
	return r < 0 ? r : sqfs_emit(w, index.data, index.len, err);
}

/* Where each table starts, as the superblock has it. */
struct tables {
	uint32_t inodes_len;
	uint64_t root;
	uint64_t inodes;
	uint64_t listings;
	uint64_t fragments;
	uint64_t ids;
	uint64_t xattrs;
	uint64_t end;
};

static int write_tree(struct sqfs_writer *w, struct tables *t, struct hp_err *err)
{
	struct sqfs_meta inodes = {0};
	struct sqfs_meta listings = {0};
	int r = sqfs_tree_pack(w, &inodes, &listings, &t->inodes_len, err);

	t->inodes = w->pos;
	if (r == 0)
		r = sqfs_emit(w, inodes.out.data, inodes.out.len, err);
	t->listings = w->pos;
	if (r == 0)
		r = sqfs_emit(w, listings.out.data, listings.out.len, err);
	if (r == 0)
		t->root = w->nodes[SQFS_ROOT].ref;
	sqfs_meta_done(&inodes);
	sqfs_meta_done(&listings);
	return r;
}

static int write_fragments(struct sqfs_writer *w, struct tables *t, struct hp_err *err)
{
	struct sqfs_meta m = {0};
	int r;

	for (uint32_t i = 0; i < w->fragments_len; i++) {
		HP_AUTO_BUF struct hp_buf b = {0};

		sqfs_le64(&b, w->fragments[i].start);
		sqfs_le32(&b, w->fragments[i].size);
		sqfs_le32(&b, 0);
		sqfs_meta_put(&m, w->packers[0], b.data, b.len);
	}
	r = sqfs_emit_indexed(w, &m, &t->fragments, err);
	sqfs_meta_done(&m);
	return r;
}

static int write_ids(struct sqfs_writer *w, struct tables *t, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf b = {0};
	struct sqfs_meta m = {0};
	int r;

	for (uint32_t i = 0; i < w->ids_len; i++)
		sqfs_le32(&b, w->ids[i]);
	sqfs_meta_put(&m, w->packers[0], b.data, b.len);
	r = sqfs_emit_indexed(w, &m, &t->ids, err);
	sqfs_meta_done(&m);
	return r;
}

static int write_superblock(struct sqfs_writer *w, const struct tables *t, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf b = {0};
	uint32_t flags = FLAG_DUPLICATES;

	if (t->xattrs == NO_TABLE)
		flags |= FLAG_NO_XATTRS;
	if (w->opt.level != sqfs_default_level(w->opt.compression))
		flags |= FLAG_COMPRESSOR_OPTIONS;
	sqfs_le32(&b, MAGIC);
	sqfs_le32(&b, t->inodes_len);
	sqfs_le32(&b, w->opt.time_s);
	sqfs_le32(&b, SQFS_BLOCK_SIZE);
	sqfs_le32(&b, w->fragments_len);
	sqfs_le16(&b, w->opt.compression == CODEC_PACKER_GZIP ? ID_GZIP : ID_ZSTD);
	sqfs_le16(&b, SQFS_BLOCK_LOG);
	sqfs_le16(&b, flags);
	sqfs_le16(&b, w->ids_len);
	sqfs_le16(&b, VERSION_MAJOR);
	sqfs_le16(&b, VERSION_MINOR);
	sqfs_le64(&b, t->root);
	sqfs_le64(&b, t->end);
	sqfs_le64(&b, t->ids);
	sqfs_le64(&b, t->xattrs);
	sqfs_le64(&b, t->inodes);
	sqfs_le64(&b, t->listings);
	sqfs_le64(&b, t->fragments);
	sqfs_le64(&b, NO_TABLE); /* no table of inode numbers: nobody exports the image by NFS */
	w->pos = 0;
	return sqfs_emit(w, b.data, b.len, err);
}

static int finish(struct sqfs_writer *w, uint64_t *ret_size, struct hp_err *err)
{
	static const uint8_t zeros[PADDING];
	struct tables t = {.xattrs = NO_TABLE};
	int r = sqfs_data_flush(w, err);

	if (r == 0)
		r = write_tree(w, &t, err);
	if (r == 0)
		r = write_fragments(w, &t, err);
	if (r == 0)
		r = write_ids(w, &t, err);
	if (r == 0 && w->xattr_len)
		r = sqfs_xattr_write(w, &t.xattrs, err);
	t.end = w->pos;
	if (r == 0)
		r = sqfs_emit(w, zeros, (size_t)(-w->pos % PADDING), err);
	*ret_size = w->pos;
	if (r == 0)
		r = w->sink->cut(w->sink->ctx, w->pos, err);
	return r == 0 ? write_superblock(w, &t, err) : r;
}

int sqfs_finish(struct sqfs_writer *w, uint64_t *ret_size, struct hp_err *err)
{
	struct hp_err local;
	uint64_t size = 0;
	int r = sqfs_failed(w, err);

	if (r < 0)
		return r;
	if (!err)
		err = &local;
	if (finish(w, &size, err) < 0)
		return sqfs_fail(w, err);
	/* Nothing may follow. */
	(void)hp_err_set(&w->failed, HP_PRECONDITION, "the image is finished");
	*ret_size = size;
	return 0;
}
