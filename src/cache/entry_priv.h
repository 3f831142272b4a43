/* What the writer and the reader of entries share: the constants of docs/formats.md and access to little-endian words.
 * Private to the cache area. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "codec/digest.h"

#define CACHE_ENTRY_MAGIC "HPCE"
#define CACHE_ENTRY_VERSION 2u
#define CACHE_ENTRY_FLAGS (CACHE_ENTRY_COLOR | CACHE_ENTRY_STAMPED) /* all that are defined; others are refused */

/* Offsets in the fixed header; all words are u32 little-endian. */
enum {
	CACHE_HEAD_MAGIC = 0,
	CACHE_HEAD_VERSION = 4,
	CACHE_HEAD_FLAGS = 8,
	CACHE_HEAD_META_RAW = 12,
	CACHE_HEAD_META_PACKED = 16,
	CACHE_HEAD_HASHES = 20,
	CACHE_HEAD_PAYLOAD_RAW = 24,
	CACHE_HEAD_PAYLOAD_PACKED = 28,
	CACHE_HEAD_ACTION_KEY = 32,
	CACHE_HEAD_CLOSURE_KEY = 64,
	CACHE_HEAD_LEN = 96,
};

/* The parts of HASHES. */
#define CACHE_HASHES_IDENTITY CODEC_DIGEST_SIZE
#define CACHE_HASHES_FILE 8u

/* The payload's own table: three counts and (role, mode, name, length) per output. */
#define CACHE_PAYLOAD_TABLE_MAX ((16u + HP_OUTPUT_NAME_SIZE_MAX) * HP_ENTRY_OUTPUTS_MAX + 64u)

/* Bits of a file in the closure. */
#define CACHE_FILE_SYSTEM 1u
#define CACHE_FILE_PROBE 2u
#define CACHE_FILE_TIMED 4u
#define CACHE_FILE_TWIN 8u

#define CACHE_OUTPUT_MODE_MAX 0777u

/* Whether an output's name can be nothing but the rest of a file's name: it must not lead to another directory. */
static inline bool cache_output_name_ok(const char *name)
{
	return strlen(name) < HP_OUTPUT_NAME_SIZE_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

/* Sections smaller than this are stored raw: zstd has nothing to win. */
#define CACHE_TINY 64u

/* entry_dict.c */
extern const char cache_entry_dict[];
extern const size_t cache_entry_dict_len;

static inline void cache_put_u32(void *dst, uint32_t v)
{
	uint8_t *p = dst;

	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint32_t cache_get_u32(const void *src)
{
	const uint8_t *p = src;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t cache_get_u64(const void *src)
{
	return cache_get_u32(src) | (uint64_t)cache_get_u32((const uint8_t *)src + 4) << 32;
}
