/* A compressor that is used again and again on blocks of bounded size, by one thread at a time: zlib's format (which
 * squashfs calls gzip) or one zstd frame a block. The same bytes, kind and level give the same result, whatever it packed
 * before. */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum codec_packer_kind {
	CODEC_PACKER_GZIP = 1, /* level 1…9 */
	CODEC_PACKER_ZSTD = 2, /* level 1…22 */
};

struct codec_packer;

/* -HP_INVALID for a level that the kind does not have, -HP_EXHAUSTED without memory. */
int codec_packer_new(enum codec_packer_kind kind, int level, struct codec_packer **ret_packer, struct hp_err *err);
void codec_packer_free(struct codec_packer *take_packer);

/* Packs `len` bytes into at most `dst_size` bytes at `dst`. Returns the packed size, or 0 when it would not fit:
 * whoever wants to know whether packing pays gives dst_size = len - 1. */
size_t codec_packer_run(struct codec_packer *packer, const void *data, size_t len, void *dst, size_t dst_size);
