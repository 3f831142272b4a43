/* A squashfs 4.0 image, written as a stream: contents of files first, in the order they come, then the tree that names
 * them. Memory is bounded by names and block counts, never by contents. docs/internals/sqfs.md tells how the pipeline keeps
 * its order, docs/formats.md which part of the format is used and why.
 *
 * The same calls give the same bytes, however many workers compress.
 *
 *     sqfs_writer_new → { sqfs_content_append…, sqfs_content_end }… → sqfs_inode (the root), { sqfs_inode, sqfs_link }…
 *     → sqfs_finish → sqfs_writer_free
 *
 * Contents and inodes may also alternate. After a failed call the image is lost: every later call fails likewise. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "codec/packer.h"

struct sqfs_writer;

/* Where the bytes go. Offsets may go back: a large file that turns out to be a duplicate is overwritten, and the
 * superblock at offset 0 is written last, so that an unfinished image is none. */
struct sqfs_sink {
	/* All bytes, or -code. */
	int (*write)(void *ctx, uint64_t offset, const void *data, size_t len, struct hp_err *err);
	/* Once, at the end: the image has this many bytes; what lies behind is to go. */
	int (*cut)(void *ctx, uint64_t size, struct hp_err *err);
	void *ctx;
};

/* Who compresses. `start` runs fn(arg, worker) now or later, worker < workers, at most one at a time a worker; it may
 * block. `wait` returns when that call has returned. Tickets are waited for in the order they were given out. */
struct sqfs_pool {
	unsigned workers;
	uint64_t (*start)(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg);
	void (*wait)(void *ctx, uint64_t ticket);
	void *ctx;
};

/* How many calls a writer has out at most with so many workers. */
unsigned sqfs_pool_calls(unsigned workers);

/* Runs each at once, in the caller: the reference that every other pool must equal byte for byte. */
extern const struct sqfs_pool sqfs_pool_serial;

struct sqfs_options {
	enum codec_packer_kind compression;
	int level;       /* 0: the kind's usual one, gzip 9, zstd 15 */
	uint32_t time_s; /* the image's own time stamp, Unix time */
};

/* The level that 0 stands for. */
int sqfs_default_level(enum codec_packer_kind kind);

/* sink and pool must outlive the writer. -HP_INVALID for a level out of range. */
int sqfs_writer_new(const struct sqfs_options *options, const struct sqfs_sink *sink, const struct sqfs_pool *pool,
                    struct sqfs_writer **ret_writer, struct hp_err *err);
void sqfs_writer_free(struct sqfs_writer *take_writer);

/* Contents. Bytes join the current one; `end` closes it (without bytes: an empty file) and names it. Equal contents have one
 * name and are stored once. Errors: the sink's; -HP_EXHAUSTED beyond HP_SQFS_BLOCKS_MAX. */
int sqfs_content_append(struct sqfs_writer *w, const void *data, size_t len, struct hp_err *err);
int sqfs_content_zeros(struct sqfs_writer *w, uint64_t len, struct hp_err *err);
int sqfs_content_end(struct sqfs_writer *w, uint32_t *ret_content, struct hp_err *err);

/* The values are the format's own. */
enum sqfs_type {
	SQFS_DIR = 1,
	SQFS_REG = 2,
	SQFS_SYMLINK = 3,
	SQFS_BLOCK = 4,
	SQFS_CHAR = 5,
	SQFS_FIFO = 6,
	SQFS_SOCKET = 7,
};

struct sqfs_xattr {
	const char *name; /* with its prefix, one of "user.", "trusted.", "security." */
	const void *value;
	size_t len;
};

struct sqfs_attr {
	enum sqfs_type type;
	uint16_t mode; /* 07777 */
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime_s;
	uint32_t content;                /* SQFS_REG: from sqfs_content_end */
	const char *target;              /* SQFS_SYMLINK: 1 to HP_SQFS_TARGET_MAX bytes */
	uint32_t major;                  /* SQFS_BLOCK, SQFS_CHAR: 12 bits */
	uint32_t minor;                  /* 20 bits */
	const struct sqfs_xattr *xattrs; /* borrowed for the call; any order */
	size_t xattrs_len;
};

/* Makes an inode; the first must be the root directory. Nothing of *attr is kept. Errors: -HP_INVALID (no such content, bad
 * target, unknown xattr prefix, a name twice), -HP_EXHAUSTED (HP_SQFS_INODES_MAX and the format's limits). */
int sqfs_inode(struct sqfs_writer *w, const struct sqfs_attr *attr, uint32_t *ret_inode, struct hp_err *err);
#define SQFS_ROOT 0u

/* Names an inode in a directory. A directory can be named once, other inodes many times (hard links). `name`: 1 to
 * HP_SQFS_NAME_MAX bytes, no '/', neither "." nor ".."; -HP_INVALID otherwise. */
int sqfs_link(struct sqfs_writer *w, uint32_t dir, const char *name, uint32_t inode, struct hp_err *err);

/* Writes what is left: tables, padding to 4 KiB, and the superblock. Inodes that the root does not lead to are left out.
 * -HP_EXISTS when a directory has a name twice. */
int sqfs_finish(struct sqfs_writer *w, uint64_t *ret_size, struct hp_err *err);
