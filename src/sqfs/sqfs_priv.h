/* What the parts of the writer share. Sizes and layouts are squashfs 4.0's. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/digest.h"
#include "sqfs/sqfs.h"

#define SQFS_BLOCK_LOG 17
#define SQFS_BLOCK_SIZE (1u << SQFS_BLOCK_LOG)
#define SQFS_META_SIZE 8192u
#define SQFS_SUPER_SIZE 96u
#define SQFS_NONE UINT32_MAX      /* no fragment, no xattrs */
#define SQFS_BLOCK_RAW (1u << 24) /* in a block's size: not compressed */
#define SQFS_META_RAW 0x8000u     /* in a metadata block's header */

/* A metadata stream: 8 KiB blocks, each packed on its own behind a two-byte header. A reference into it is (position of
 * the block in the packed stream, offset in the unpacked block). */
struct sqfs_meta {
	struct hp_buf out; /* what is packed */
	uint32_t *starts;  /* of each block in `out` */
	size_t starts_len;
	uint8_t block[SQFS_META_SIZE];
	size_t fill; /* always < SQFS_META_SIZE between calls */
};

void sqfs_meta_put(struct sqfs_meta *m, struct codec_packer *packer, const void *data, size_t len);
void sqfs_meta_flush(struct sqfs_meta *m, struct codec_packer *packer);
void sqfs_meta_done(struct sqfs_meta *m);

static inline uint64_t sqfs_meta_ref(const struct sqfs_meta *m)
{
	return (uint64_t)m->out.len << 16 | m->fill;
}

struct sqfs_content {
	uint64_t size;
	uint64_t start;       /* of the first block that is stored, once it is */
	uint64_t sparse;      /* bytes of blocks that hold only zeros and are not stored */
	uint32_t first_block; /* index into the writer's block sizes */
	uint32_t blocks_len;
	uint32_t fragment; /* SQFS_NONE, or where the whole content lies: */
	uint32_t fragment_offset;
};

struct sqfs_fragment {
	uint64_t start;
	uint32_t size; /* SQFS_BLOCK_RAW in it */
};

/* The data half: see data.c. */
struct sqfs_data;
struct sqfs_data *sqfs_data_new(struct sqfs_writer *w);
void sqfs_data_free(struct sqfs_data *take_data);
/* Stores what is still held; afterwards all records below are final. */
int sqfs_data_flush(struct sqfs_writer *w, struct hp_err *err);

struct sqfs_entry {
	uint32_t next; /* of the same directory; SQFS_NONE */
	uint32_t inode;
	uint32_t name; /* offset in names, NUL-terminated */
};

struct sqfs_node {
	uint8_t type;
	uint16_t mode;
	uint16_t uid; /* index into ids */
	uint16_t gid;
	uint32_t mtime_s;
	uint32_t what;   /* content, offset of the target in names, or encoded device */
	uint32_t xattrs; /* set, or SQFS_NONE */
	uint32_t nlink;
	uint32_t number; /* 0: not reached yet */
	bool packed;     /* then `ref` is where */
	uint64_t ref;
	/* a directory's */
	uint32_t parent;
	uint32_t entries; /* newest first */
	uint32_t entries_len;
	uint32_t listing_size;
	uint64_t listing_ref;
	uint32_t index_at; /* its directory index in the writer's `index`, encoded */
	uint32_t index_size;
	uint16_t index_len;
};

struct sqfs_xattr_set {
	struct sqfs_xattr_set *next;
	uint32_t count;
	uint32_t names_size; /* of the names as listxattr gives them */
	size_t len;
	uint8_t bytes[];
};

struct sqfs_writer {
	struct sqfs_options opt;
	const struct sqfs_sink *sink;
	const struct sqfs_pool *pool;
	struct codec_packer **packers; /* one a worker */
	struct hp_err failed;          /* code ≠ 0: the image is lost */
	uint64_t pos;                  /* where the next bytes go */
	uint64_t pos_max;              /* the farthest that anything was written */

	/* Data. */
	struct sqfs_data *data;
	struct sqfs_content *contents;
	uint32_t contents_len;
	uint32_t *blocks; /* sizes, of all contents */
	uint32_t blocks_len;
	struct sqfs_fragment *fragments;
	uint32_t fragments_len;

	/* Tree. */
	struct sqfs_node *nodes;
	uint32_t nodes_len;
	struct sqfs_entry *entries;
	uint32_t entries_len;
	struct hp_buf names;
	struct hp_buf index;
	uint32_t *ids;
	uint32_t ids_len;
	struct hp_map ids_known;
	struct hp_map xattr_sets; /* bytes of a set to the set */
	struct sqfs_xattr_set *xattr_first;
	struct sqfs_xattr_set **xattr_next;
	uint32_t xattr_len;
	size_t xattr_size;
};

/* Grows an array by doubling when `len` has reached a power of two. */
#define SQFS_GROW(array, len)                                                                           \
	do {                                                                                            \
		if (((len) & ((len)-1)) == 0)                                                           \
			(array) = hp_realloc((array), ((len) ? (size_t)(len)*2 : 1) * sizeof *(array)); \
	} while (0)

/* Writes at w->pos and moves it. */
int sqfs_emit(struct sqfs_writer *w, const void *data, size_t len, struct hp_err *err);
/* The sticky failure, or 0. */
int sqfs_failed(const struct sqfs_writer *w, struct hp_err *err);
/* Makes *err stick. Returns -code. */
int sqfs_fail(struct sqfs_writer *w, const struct hp_err *err);

/* Index of the set, made when new. */
int sqfs_xattr_add(struct sqfs_writer *w, const struct sqfs_xattr *xattrs, size_t len, uint32_t *ret_set,
                   struct hp_err *err);
/* Writes the tables; *ret_start is where the superblock finds them. */
int sqfs_xattr_write(struct sqfs_writer *w, uint64_t *ret_start, struct hp_err *err);

/* Numbers the inodes that the root leads to, and packs inodes and listings. ret_count: inodes. */
int sqfs_tree_pack(struct sqfs_writer *w, struct sqfs_meta *inodes, struct sqfs_meta *listings, uint32_t *ret_count,
                   struct hp_err *err);

/* A packed metadata stream, and behind it the positions of its blocks; *ret_start is where those are. */
int sqfs_emit_indexed(struct sqfs_writer *w, struct sqfs_meta *m, uint64_t *ret_start, struct hp_err *err);

static inline void sqfs_le16(struct hp_buf *b, uint32_t v)
{
	hp_buf_append(b, (const uint8_t[2]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

static inline void sqfs_le32(struct hp_buf *b, uint32_t v)
{
	hp_buf_append(b, (const uint8_t[4]){(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)}, 4);
}

static inline void sqfs_le64(struct hp_buf *b, uint64_t v)
{
	sqfs_le32(b, (uint32_t)v);
	sqfs_le32(b, (uint32_t)(v >> 32));
}
