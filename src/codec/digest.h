/* BLAKE3 digests (the official C implementation, 32 bytes) and their hexadecimal form. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CODEC_DIGEST_SIZE 32
#define CODEC_DIGEST_HEX_SIZE 65 /* NUL included */

struct codec_digest {
	uint8_t b[CODEC_DIGEST_SIZE];
};

static inline bool codec_digest_eq(const struct codec_digest *a, const struct codec_digest *b)
{
	return memcmp(a->b, b->b, CODEC_DIGEST_SIZE) == 0;
}

/* One-shot digest of len bytes. */
void codec_blake3(const void *data, size_t len, struct codec_digest *ret_digest);

/* Incremental. The struct may be copied to fork the state (the action key relies on it). 8-byte aligned opaque room
 * for blake3_hasher; codec/digest.c asserts that it fits. may_alias: what lies in it is written as another type. */
struct __attribute__((may_alias)) codec_hasher {
	uint64_t opaque[240];
};
void codec_hasher_init(struct codec_hasher *h);
void codec_hasher_add(struct codec_hasher *h, const void *data, size_t len);
/* Length-prefixed (u64 little-endian), so that two adjacent strings cannot be taken for two others. */
void codec_hasher_add_str(struct codec_hasher *h, const char *s);
void codec_hasher_add_u64(struct codec_hasher *h, uint64_t v);
void codec_hasher_end(const struct codec_hasher *h, struct codec_digest *ret_digest);

/* 64 lower-case digits and a NUL. */
void codec_digest_hex(const struct codec_digest *d, char ret_hex[CODEC_DIGEST_HEX_SIZE]);
/* Accepts exactly 64 hexadecimal digits of either case. */
bool codec_digest_parse(const char *hex, struct codec_digest *ret_digest);
