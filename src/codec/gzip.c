#include "codec/gzip.h"

#include <limits.h>
#include <zlib.h>

#define WINDOW_GZIP (15 + 16)
#define STEP_SIZE ((size_t)32 << 10)

int codec_gzip_pack(const void *data, size_t len, int level, struct hp_buf *out, struct hp_err *err)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data};
	uLong bound;
	int r;

	if (len > UINT_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "gzip: %zu bytes are too many", len);
	if (deflateInit2(&z, level, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return hp_err_set(err, HP_EXHAUSTED, "gzip: no memory");
	bound = deflateBound(&z, (uLong)len);
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)hp_buf_reserve(out, bound);
	z.avail_out = (uInt)bound;
	r = deflate(&z, Z_FINISH);
	(void)deflateEnd(&z);
	if (r != Z_STREAM_END)
		return hp_err_set(err, HP_INTERNAL, "gzip: cannot pack");
	hp_buf_added(out, z.total_out);
	return 0;
}

int codec_gzip_unpack(const void *data, size_t len, size_t limit, struct hp_buf *out, struct hp_err *err)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
	size_t start = out->len;
	int r = Z_OK;

	if (len > UINT_MAX || inflateInit2(&z, WINDOW_GZIP) != Z_OK)
		return hp_err_set(err, HP_EXHAUSTED, "gzip: no memory");
	for (;;) {
		size_t room = limit - (out->len - start);
		size_t step = room + 1 < STEP_SIZE ? room + 1 : STEP_SIZE;

		z.next_out = (Bytef *)hp_buf_reserve(out, step);
		z.avail_out = (uInt)step;
		r = inflate(&z, Z_NO_FLUSH);
		hp_buf_added(out, step - z.avail_out);
		if (out->len - start > limit) {
			(void)inflateEnd(&z);
			return hp_err_set(err, HP_EXHAUSTED, "gzip: more than %zu bytes come out", limit);
		}
		if (r == Z_STREAM_END && z.avail_in > 0)
			(void)inflateReset(&z); /* another member */
		else if (r != Z_OK || (z.avail_in == 0 && z.avail_out > 0))
			break;
	}
	(void)inflateEnd(&z);
	if (r != Z_STREAM_END)
		return hp_err_set(err, HP_DATA_LOSS, "gzip: damaged");
	return 0;
}
