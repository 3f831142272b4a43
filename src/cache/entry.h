/* An entry: everything that one compile produced and what it depended on, as a single immutable, checksummed object.
 * docs/formats.md has the grammar of the bytes. Pure: bytes in, bytes out.
 *
 * Layout: fixed header (magic, version, flags, section table, keys), META section (always zstd unless tiny), PAYLOAD
 * section (zstd at the chosen level, or raw), each with its raw and packed size; BLAKE3 over all that precedes it at
 * the end. META = metadata + closure (+ absent paths), PAYLOAD = stdout, stderr, outputs. A reader that wants only one
 * section unpacks only that one.
 *
 * Compactness matters (spec 1: bytes per entry): paths are split into (directory, name) with shared tables, per-file
 * digests are cut to 8 bytes (they serve `hpcc explain` only; the action key covers the full ones). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "cc/side.h"
#include "codec/digest.h"

struct cache_output {
	uint8_t role;        /* enum cc_role */
	const char *name;    /* what the compiler added to the name that the command line gave; NULL or "": nothing */
	uint32_t mode_extra; /* permission bits that the compiler set beyond 0666, e.g. 0111; normally 0 */
	const char *data;    /* borrowed: from the caller when encoding, from the entry's own memory when decoded */
	size_t len;
};

struct cache_file {
	const char *path; /* as the compiler spells it */
	uint64_t digest8; /* first 8 bytes of the content's BLAKE3, little-endian */
	bool system;      /* a system header: left out of -MMD */
	bool probe;       /* part of the closure, not of the dependency file */
	bool timed;       /* its modification time is in its digest */
	bool twin;        /* another file has the same content, and whether both are one counts */
};

struct cache_entry {
	/* header */
	struct codec_digest action_key;
	struct codec_digest closure_key;
	uint32_t flags; /* CACHE_ENTRY_* */

	/* META */
	uint64_t created_s;           /* Unix time */
	uint32_t compile_ms;          /* what the compile took: the time a hit saves */
	const char *compiler;         /* path */
	const char *compiler_version; /* one line */
	struct codec_digest identity;
	const char *cwd;
	const char *source;      /* as spelled */
	const char *output;      /* as spelled */
	const char *const *args; /* key arguments */
	size_t args_len;
	const char *const *env; /* "NAME=value" of those in the key */
	size_t env_len;
	const struct cache_file *files; /* closure in the dependency file's order; the source first */
	size_t files_len;
	const char *const *absent; /* paths searched and not found, as spelled */
	size_t absent_len;

	/* PAYLOAD */
	const char *out; /* stdout */
	size_t out_len;
	const char *err; /* stderr */
	size_t err_len;
	const struct cache_output *outputs;
	size_t outputs_len;

	void *memory; /* private: what a decoded entry's pointers point into, besides the encoded bytes */
};

#define CACHE_ENTRY_COLOR (1u << 0)   /* the diagnostics were made with colour */
#define CACHE_ENTRY_STAMPED (1u << 1) /* the time in the object's COFF header is zero and to be set anew */

#define CACHE_PACK_RAW 0 /* level for cache_entry_encode: do not compress the payload */

/* Appends the encoded entry to `out`. Level as zstd's, CACHE_PACK_RAW = stored raw. Limits (HP_ENTRY_SIZE_MAX …):
 * -HP_EXHAUSTED. */
int cache_entry_encode(const struct cache_entry *entry, int level, struct hp_buf *out, struct hp_err *err);

enum cache_entry_want {
	CACHE_WANT_META = 1u << 0,
	CACHE_WANT_PAYLOAD = 1u << 1,
	CACHE_TRUSTED = 1u << 2, /* skip the checksum: these bytes were verified in this process's memory before */
};

/* Decodes the sections wanted. Raw sections are not copied: `data` must outlive *ret_entry (release with
 * cache_entry_done). -HP_DATA_LOSS for anything that is not exactly an entry: bad magic, version, checksum, sizes,
 * indices, trailing bytes. Never trusts a count for reserving memory. */
int cache_entry_decode(const void *data, size_t len, unsigned want, struct cache_entry *ret_entry, struct hp_err *err);
void cache_entry_done(struct cache_entry *entry);

/* The header alone, for rebuilding an index: -HP_DATA_LOSS when these are not the first bytes of an entry.
 * `head_len` ≥ CACHE_ENTRY_HEAD_SIZE. */
#define CACHE_ENTRY_HEAD_SIZE 128
int cache_entry_peek(const void *head, size_t head_len, struct codec_digest *ret_action_key,
                     struct codec_digest *ret_closure_key, struct hp_err *err);
