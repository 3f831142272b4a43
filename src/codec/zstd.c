#include "codec/zstd.h"

#include <stdint.h>
#include <string.h>
#include <zstd.h>

static void cctx_done(ZSTD_CCtx **ctx)
{
	(void)ZSTD_freeCCtx(*ctx);
}

static void dctx_done(ZSTD_DCtx **ctx)
{
	(void)ZSTD_freeDCtx(*ctx);
}

int codec_zstd_pack(const void *data, size_t len, int level, struct hp_buf *out, struct hp_err *err)
{
	return codec_zstd_pack_dict(data, len, level, NULL, 0, out, err);
}

int codec_zstd_pack_dict(const void *data, size_t len, int level, const void *dict, size_t dict_len, struct hp_buf *out,
                         struct hp_err *err)
{
	__attribute__((cleanup(cctx_done))) ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(len);
	size_t packed;

	if (!ctx || ZSTD_isError(bound))
		return hp_err_set(err, HP_EXHAUSTED, "zstd: no memory to pack %zu bytes", len);
	packed = ZSTD_compress_usingDict(ctx, hp_buf_reserve(out, bound), bound, data, len, dict, dict_len, level);
	if (ZSTD_isError(packed))
		return hp_err_set(err, HP_EXHAUSTED, "zstd: cannot pack %zu bytes: %s", len, ZSTD_getErrorName(packed));
	hp_buf_added(out, packed);
	return 0;
}

int codec_zstd_unpack(const void *data, size_t len, void *dst, size_t dst_len, struct hp_err *err)
{
	return codec_zstd_unpack_dict(data, len, NULL, 0, dst, dst_len, err);
}

int codec_zstd_unpack_dict(const void *data, size_t len, const void *dict, size_t dict_len, void *dst, size_t dst_len,
                           struct hp_err *err)
{
	__attribute__((cleanup(dctx_done))) ZSTD_DCtx *ctx = NULL;
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
	ctx = ZSTD_createDCtx();
	if (!ctx)
		return hp_err_set(err, HP_EXHAUSTED, "zstd: no memory to unpack");
	got = ZSTD_decompress_usingDict(ctx, dst, dst_len, data, len, dict, dict_len);
	if (ZSTD_isError(got))
		return hp_err_set(err, HP_DATA_LOSS, "zstd: %s", ZSTD_getErrorName(got));
	if (got != dst_len)
		return hp_err_set(err, HP_DATA_LOSS, "zstd: %zu bytes came out instead of %zu", got, dst_len);
	return 0;
}

/* The smallest window that can hold `limit` bytes, within what the library allows. */
static int window_log(size_t limit)
{
	int log = 10;

	while (log < 27 && (size_t)1 << log < limit)
		log++;
	return log;
}

int codec_zstd_unpack_upto(const void *data, size_t len, size_t limit, struct hp_buf *out, struct hp_err *err)
{
	__attribute__((cleanup(dctx_done))) ZSTD_DCtx *ctx = ZSTD_createDCtx();
	ZSTD_inBuffer in = {.src = data, .size = len};
	size_t start = out->len;
	size_t left;

	if (!ctx || ZSTD_isError(ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, window_log(limit))))
		return hp_err_set(err, HP_EXHAUSTED, "zstd: no memory to unpack");
	do {
		size_t room = limit - (out->len - start) + 1;
		ZSTD_outBuffer to = {.size = room < ZSTD_DStreamOutSize() ? room : ZSTD_DStreamOutSize()};
		size_t before = in.pos;

		to.dst = hp_buf_reserve(out, to.size);
		left = ZSTD_decompressStream(ctx, &to, &in);
		if (ZSTD_isError(left))
			return hp_err_set(err, HP_DATA_LOSS, "zstd: %s", ZSTD_getErrorName(left));
		hp_buf_added(out, to.pos);
		if (out->len - start > limit)
			return hp_err_set(err, HP_EXHAUSTED, "zstd: more than %zu bytes come out", limit);
		if (to.pos == 0 && in.pos == before)
			break;
	} while (left != 0 || in.pos < in.size);
	if (left != 0 || len == 0)
		return hp_err_set(err, HP_DATA_LOSS, "zstd: cut");
	return 0;
}
