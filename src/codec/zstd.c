#include "codec/zstd.h"

#include <stdint.h>
#include <string.h>
#include <zstd.h>

int codec_zstd_pack(const void *data, size_t len, int level, struct hp_buf *out, struct hp_err *err)
{
	size_t bound = ZSTD_compressBound(len);
	size_t packed;

	if (ZSTD_isError(bound))
		return hp_err_set(err, HP_EXHAUSTED, "zstd: %zu bytes are too many to pack", len);
	packed = ZSTD_compress(hp_buf_reserve(out, bound), bound, data, len, level);
	if (ZSTD_isError(packed))
		return hp_err_set(err, HP_EXHAUSTED, "zstd: cannot pack %zu bytes: %s", len, ZSTD_getErrorName(packed));
	hp_buf_added(out, packed);
	return 0;
}

int codec_zstd_unpack(const void *data, size_t len, void *dst, size_t dst_len, struct hp_err *err)
{
	static const uint8_t magic[4] = {0x28, 0xB5, 0x2F, 0xFD};
	size_t got;

	/* The magic is checked by us, because the library also takes skippable frames and, depending on how it was
	 * built, formats older than 1.0. */
	if (len < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
		return hp_err_set(err, HP_DATA_LOSS, "zstd: not a frame");
	if (ZSTD_getFrameContentSize(data, len) != dst_len)
		return hp_err_set(err, HP_DATA_LOSS, "zstd: the frame does not hold %zu bytes", dst_len);
	if (ZSTD_findFrameCompressedSize(data, len) != len)
		return hp_err_set(err, HP_DATA_LOSS, "zstd: the frame is not %zu bytes long", len);
	got = ZSTD_decompress(dst, dst_len, data, len);
	if (ZSTD_isError(got))
		return hp_err_set(err, HP_DATA_LOSS, "zstd: %s", ZSTD_getErrorName(got));
	if (got != dst_len)
		return hp_err_set(err, HP_DATA_LOSS, "zstd: %zu bytes came out instead of %zu", got, dst_len);
	return 0;
}
