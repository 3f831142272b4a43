#include <string.h>

#include "base/mem.h"
#include "sqfs/sqfs_priv.h"

void sqfs_meta_flush(struct sqfs_meta *m, struct codec_packer *packer)
{
	uint8_t packed[SQFS_META_SIZE];
	size_t len;

	if (m->fill == 0)
		return;
	SQFS_GROW(m->starts, m->starts_len);
	m->starts[m->starts_len++] = (uint32_t)m->out.len;
	len = m->fill > 1 ? codec_packer_run(packer, m->block, m->fill, packed, m->fill - 1) : 0;
	sqfs_le16(&m->out, len ? (uint32_t)len : (uint32_t)m->fill | SQFS_META_RAW);
	hp_buf_append(&m->out, len ? packed : m->block, len ? len : m->fill);
	m->fill = 0;
}

void sqfs_meta_put(struct sqfs_meta *m, struct codec_packer *packer, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		size_t part = SQFS_META_SIZE - m->fill < len ? SQFS_META_SIZE - m->fill : len;

		memcpy(m->block + m->fill, from, part);
		m->fill += part;
		from += part;
		len -= part;
		if (m->fill == SQFS_META_SIZE)
			sqfs_meta_flush(m, packer);
	}
}

void sqfs_meta_done(struct sqfs_meta *m)
{
	hp_buf_done(&m->out);
	free(m->starts);
	*m = (struct sqfs_meta){0};
}
