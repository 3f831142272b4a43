/* zstd, one shot. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends one frame holding `len` bytes to `out`; level as zstd's own (negative = faster). */
int codec_zstd_pack(const void *data, size_t len, int level, struct hp_buf *out, struct hp_err *err);

/* Unpacks one frame into exactly `dst_len` bytes at `dst`. -HP_DATA_LOSS when the frame is damaged or has another
 * size; nothing is ever allocated on the frame's word. */
int codec_zstd_unpack(const void *data, size_t len, void *dst, size_t dst_len, struct hp_err *err);
