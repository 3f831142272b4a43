#include "codec/packer.h"

#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

struct codec_packer {
	enum codec_packer_kind kind;
	int level;
	z_stream deflate;
	ZSTD_CCtx *zstd;
};

int codec_packer_new(enum codec_packer_kind kind, int level, struct codec_packer **ret_packer, struct hp_err *err)
{
	int level_max = kind == CODEC_PACKER_GZIP ? Z_BEST_COMPRESSION : ZSTD_maxCLevel();
	struct codec_packer *p;

	if (level < 1 || level > level_max)
		return hp_err_set(err, HP_INVALID, "compression level %d is not between 1 and %d", level, level_max);
	p = hp_zalloc(sizeof *p);
	p->kind = kind;
	p->level = level;
	if (kind == CODEC_PACKER_GZIP ? deflateInit(&p->deflate, level) != Z_OK : !(p->zstd = ZSTD_createCCtx())) {
		free(p);
		return hp_err_set(err, HP_EXHAUSTED, "no memory for a compressor");
	}
	*ret_packer = p;
	return 0;
}

void codec_packer_free(struct codec_packer *take_packer)
{
	if (!take_packer)
		return;
	if (take_packer->kind == CODEC_PACKER_GZIP)
		(void)deflateEnd(&take_packer->deflate);
	(void)ZSTD_freeCCtx(take_packer->zstd);
	free(take_packer);
}

size_t codec_packer_run(struct codec_packer *packer, const void *data, size_t len, void *dst, size_t dst_size)
{
	size_t packed;

	if (packer->kind == CODEC_PACKER_ZSTD) {
		packed = ZSTD_compressCCtx(packer->zstd, dst, dst_size, data, len, packer->level);
		return ZSTD_isError(packed) ? 0 : packed;
	}
	if (deflateReset(&packer->deflate) != Z_OK)
		return 0;
	packer->deflate.next_in = (Bytef *)data;
	packer->deflate.avail_in = (uInt)len;
	packer->deflate.next_out = dst;
	packer->deflate.avail_out = (uInt)dst_size;
	if (deflate(&packer->deflate, Z_FINISH) != Z_STREAM_END)
		return 0;
	return packer->deflate.total_out;
}
