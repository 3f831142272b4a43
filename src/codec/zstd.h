/* zstd, one shot, with or without a dictionary (any bytes that resemble the content, in memory of
 * their own, since zstd ignores what overlaps the input; NULL: none). */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends one frame holding `len` bytes to `out`; level as zstd's own (negative = faster). */
int codec_zstd_pack(const void *data, size_t len, int level, struct hp_buf *out, struct hp_err *err);
int codec_zstd_pack_dict(const void *data, size_t len, int level, const void *dict, size_t dict_len, struct hp_buf *out,
                         struct hp_err *err);

/* Unpacks one frame into exactly `dst_len` bytes at `dst`. -HP_DATA_LOSS when the frame is damaged or has another
 * size; nothing is ever allocated on the frame's word. -HP_EXHAUSTED when there is no memory for the decoder itself. */
int codec_zstd_unpack(const void *data, size_t len, void *dst, size_t dst_len, struct hp_err *err);
int codec_zstd_unpack_dict(const void *data, size_t len, const void *dict, size_t dict_len, void *dst, size_t dst_len,
                           struct hp_err *err);

/* Appends what the frames in `data` hold, at most `limit` bytes, whatever they announce; the window is bounded by the
 * limit, and memory grows with what comes out. -HP_EXHAUSTED: more than that; -HP_DATA_LOSS: damaged or cut. */
int codec_zstd_unpack_upto(const void *data, size_t len, size_t limit, struct hp_buf *out, struct hp_err *err);
