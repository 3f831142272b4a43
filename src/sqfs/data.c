/* Contents: blocks, fragments and duplicates.
 *
 * A ring of slots, each one block on its way into the image; counters only grow, a slot is counter modulo ring:
 *
 *     drained ──► started ──► filling
 *     [drained, started)   with the pool, or packed and not yet written
 *     [started, filling)   held back: whole blocks of the current content, at most HOLD, because the content may yet
 *                          turn out to be a duplicate, and then nothing of it needs packing
 *     filling              takes the bytes that come
 *
 * Blocks are started and written in the order of their counters, so the image does not depend on who packs when. A content
 * that is longer than HOLD blocks and ends as a duplicate has been written already: the position goes back to where it
 * started. Nothing else can lie behind it, since fragments are started only between contents. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sqfs/sqfs_priv.h"

#define HOLD 8u

enum slot_kind {
	SLOT_BLOCK,    /* of a content */
	SLOT_HOLE,     /* a block of zeros: nothing is stored */
	SLOT_FRAGMENT, /* many small contents */
};

struct slot {
	struct sqfs_writer *w;
	enum slot_kind kind;
	uint32_t content; /* SLOT_BLOCK, SLOT_HOLE */
	uint32_t record;  /* index of the size in blocks, or of the fragment */
	uint64_t ticket;
	uint8_t *raw; /* SQFS_BLOCK_SIZE */
	size_t raw_len;
	uint8_t *packed;
	size_t packed_len; /* 0: does not pay */
};

struct sqfs_data {
	struct slot *slots;
	size_t slots_len;
	uint64_t drained;
	uint64_t started;
	uint64_t filling;

	struct codec_hasher hasher; /* of the current content */
	uint64_t size;
	uint64_t sparse;
	uint32_t first_block;
	struct hp_map known; /* digest to content + 1 */

	uint8_t *fragment;
	size_t fragment_len;
};

static struct slot *slot_at(struct sqfs_data *d, uint64_t counter)
{
	return &d->slots[counter % d->slots_len];
}

static void begin_content(struct sqfs_writer *w)
{
	struct sqfs_data *d = w->data;

	codec_hasher_init(&d->hasher);
	d->size = d->sparse = 0;
	d->first_block = w->blocks_len;
}

unsigned sqfs_pool_calls(unsigned workers)
{
	return 4 * workers + HOLD + 2;
}

struct sqfs_data *sqfs_data_new(struct sqfs_writer *w)
{
	struct sqfs_data *d = hp_zalloc(sizeof *d);

	w->data = d;
	d->slots_len = sqfs_pool_calls(w->pool->workers);
	d->slots = hp_zalloc(d->slots_len * sizeof *d->slots);
	for (size_t i = 0; i < d->slots_len; i++)
		d->slots[i] =
		        (struct slot){.w = w, .raw = hp_alloc(SQFS_BLOCK_SIZE), .packed = hp_alloc(SQFS_BLOCK_SIZE)};
	d->fragment = hp_alloc(SQFS_BLOCK_SIZE);
	begin_content(w);
	return d;
}

void sqfs_data_free(struct sqfs_data *take_data)
{
	struct sqfs_data *d = take_data;

	if (!d)
		return;
	for (; d->drained < d->started; d->drained++) {
		struct slot *s = slot_at(d, d->drained);

		if (s->kind != SLOT_HOLE)
			s->w->pool->wait(s->w->pool->ctx, s->ticket);
	}
	for (size_t i = 0; i < d->slots_len; i++) {
		free(d->slots[i].raw);
		free(d->slots[i].packed);
	}
	free(d->slots);
	free(d->fragment);
	hp_map_done(&d->known);
	free(d);
}

static void pack_slot(void *arg, unsigned worker)
{
	struct slot *s = arg;

	s->packed_len = codec_packer_run(s->w->packers[worker], s->raw, s->raw_len, s->packed, s->raw_len - 1);
}

/* Writes the oldest block that was started. */
static int drain(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	struct slot *s = slot_at(d, d->drained++);
	uint64_t start = w->pos;
	uint32_t size;
	int r;

	if (s->kind == SLOT_HOLE)
		return 0;
	w->pool->wait(w->pool->ctx, s->ticket);
	if (s->packed_len)
		r = sqfs_emit(w, s->packed, s->packed_len, err);
	else
		r = sqfs_emit(w, s->raw, s->raw_len, err);
	size = s->packed_len ? (uint32_t)s->packed_len : (uint32_t)s->raw_len | SQFS_BLOCK_RAW;
	if (s->kind == SLOT_FRAGMENT) {
		w->fragments[s->record] = (struct sqfs_fragment){.start = start, .size = size};
		return r;
	}
	if (w->contents[s->content].start == 0)
		w->contents[s->content].start = start;
	w->blocks[s->record] = size;
	return r;
}

static void start(struct sqfs_writer *w)
{
	struct slot *s = slot_at(w->data, w->data->started++);

	if (s->kind != SLOT_HOLE)
		s->ticket = w->pool->start(w->pool->ctx, pack_slot, s);
}

/* Makes the next slot the filling one. */
static int advance(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	int r = 0;

	d->filling++;
	if (d->filling - d->drained == d->slots_len)
		r = drain(w, err);
	slot_at(d, d->filling)->raw_len = 0;
	return r;
}

static bool all_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* The current content gets its record with its first block, at the latest when it ends. */
static int open_record(struct sqfs_writer *w, struct hp_err *err)
{
	if (w->data->size > 0)
		return 0;
	if (w->contents_len >= HP_SQFS_INODES_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u files", HP_SQFS_INODES_MAX);
	SQFS_GROW(w->contents, w->contents_len);
	w->contents[w->contents_len] = (struct sqfs_content){.fragment = SQFS_NONE, .first_block = w->blocks_len};
	return 0;
}

/* The filling slot holds a block of the current content: it is held back, and an older one may start. */
static int close_block(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	struct slot *s = slot_at(d, d->filling);

	if (w->blocks_len >= HP_SQFS_BLOCKS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u blocks of data", HP_SQFS_BLOCKS_MAX);
	SQFS_GROW(w->blocks, w->blocks_len);
	w->blocks[w->blocks_len] = 0;
	s->kind = all_zero(s->raw, s->raw_len) ? SLOT_HOLE : SLOT_BLOCK;
	if (s->kind == SLOT_HOLE)
		d->sparse += s->raw_len;
	s->content = w->contents_len;
	s->record = w->blocks_len++;
	if (d->filling - d->started == HOLD)
		start(w);
	return advance(w, err);
}

static int append(struct sqfs_writer *w, const uint8_t *data, size_t len, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	int r = open_record(w, err);

	codec_hasher_add(&d->hasher, data, len);
	while (r == 0 && len > 0) {
		struct slot *s = slot_at(d, d->filling);
		size_t part = SQFS_BLOCK_SIZE - s->raw_len < len ? SQFS_BLOCK_SIZE - s->raw_len : len;

		memcpy(s->raw + s->raw_len, data, part);
		s->raw_len += part;
		d->size += part;
		data += part;
		len -= part;
		if (s->raw_len == SQFS_BLOCK_SIZE)
			r = close_block(w, err);
	}
	return r;
}

int sqfs_content_append(struct sqfs_writer *w, const void *data, size_t len, struct hp_err *err)
{
	struct hp_err local;
	int r = sqfs_failed(w, err);

	if (r < 0 || len == 0)
		return r;
	if (!err)
		err = &local;
	return append(w, data, len, err) < 0 ? sqfs_fail(w, err) : 0;
}

int sqfs_content_zeros(struct sqfs_writer *w, uint64_t len, struct hp_err *err)
{
	static const uint8_t zeros[65536];
	int r = sqfs_failed(w, err);

	while (r == 0 && len > 0) {
		size_t part = len < sizeof zeros ? (size_t)len : sizeof zeros;

		r = sqfs_content_append(w, zeros, part, err);
		len -= part;
	}
	return r;
}

/* The current content is one that is there already: what of it is on its way goes. */
static int drop_content(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	int r = 0;

	d->filling = d->started;
	slot_at(d, d->filling)->raw_len = 0;
	if (d->size > (uint64_t)HOLD * SQFS_BLOCK_SIZE) {
		while (r == 0 && d->drained < d->started)
			r = drain(w, err);
		if (r == 0 && w->contents[w->contents_len].start)
			w->pos = w->contents[w->contents_len].start;
	}
	w->blocks_len = d->first_block;
	return r;
}

/* The fragment block is full, or the last. The filling slot takes it and gives its own bytes (perhaps none) in exchange. */
static int close_fragment(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	struct slot *s = slot_at(d, d->filling);
	uint8_t *bytes = s->raw;
	size_t len = s->raw_len;

	SQFS_GROW(w->fragments, w->fragments_len);
	s->kind = SLOT_FRAGMENT;
	s->record = w->fragments_len++;
	s->raw = d->fragment;
	s->raw_len = d->fragment_len;
	d->fragment = bytes;
	d->fragment_len = len;
	start(w);
	return advance(w, err);
}

/* A content of less than a block joins the fragment block. */
static int add_to_fragment(struct sqfs_writer *w, struct sqfs_content *c, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	struct slot *s = slot_at(d, d->filling);
	size_t len = s->raw_len;
	int r = 0;

	if (d->fragment_len + len > SQFS_BLOCK_SIZE) {
		r = close_fragment(w, err);
		c->fragment_offset = 0;
	} else {
		memcpy(d->fragment + d->fragment_len, s->raw, len);
		c->fragment_offset = (uint32_t)d->fragment_len;
		d->fragment_len += len;
		s->raw_len = 0;
	}
	c->fragment = w->fragments_len;
	return r;
}

/* A content that is new: its last bytes go on their way. */
static int keep_content(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	int r = 0;

	if (d->size == 0)
		return 0;
	if (d->size < SQFS_BLOCK_SIZE)
		return add_to_fragment(w, &w->contents[w->contents_len], err);
	if (slot_at(d, d->filling)->raw_len)
		r = close_block(w, err);
	while (d->started < d->filling)
		start(w);
	return r;
}

static int end_content(struct sqfs_writer *w, uint32_t *ret_content, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	struct hp_map_slot *known;
	struct codec_digest digest;
	struct sqfs_content *c;
	int r = open_record(w, err);

	if (r < 0)
		return r;
	codec_hasher_end(&d->hasher, &digest);
	known = hp_map_put(&d->known, digest.b, sizeof digest.b);
	if (known->value) {
		*ret_content = (uint32_t)((uintptr_t)known->value - 1);
		r = drop_content(w, err);
	} else {
		r = keep_content(w, err);
		c = &w->contents[w->contents_len];
		c->size = d->size;
		c->sparse = d->sparse;
		c->blocks_len = w->blocks_len - d->first_block;
		*ret_content = w->contents_len++;
		known->value = (void *)((uintptr_t)*ret_content + 1);
	}
	begin_content(w);
	return r;
}

int sqfs_content_end(struct sqfs_writer *w, uint32_t *ret_content, struct hp_err *err)
{
	struct hp_err local;
	int r = sqfs_failed(w, err);

	if (r < 0)
		return r;
	if (!err)
		err = &local;
	return end_content(w, ret_content, err) < 0 ? sqfs_fail(w, err) : 0;
}

int sqfs_data_flush(struct sqfs_writer *w, struct hp_err *err)
{
	struct sqfs_data *d = w->data;
	int r = 0;

	if (d->fragment_len)
		r = close_fragment(w, err);
	while (r == 0 && d->drained < d->started)
		r = drain(w, err);
	return r;
}
