/* gzip (RFC 1952), one shot. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends one member; level 1 (fastest) … 9. */
int codec_gzip_pack(const void *data, size_t len, int level, struct hp_buf *out, struct hp_err *err);

/* Appends what one or more members hold, at most `limit` bytes; memory grows with what comes out, not with what is
 * announced. -HP_EXHAUSTED: more than that; -HP_DATA_LOSS: damaged, cut, or something follows. */
int codec_gzip_unpack(const void *data, size_t len, size_t limit, struct hp_buf *out, struct hp_err *err);
