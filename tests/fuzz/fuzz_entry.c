/* Entries. Properties: what the reader accepts can be written again, and comes back the same; what was written is no longer
 * accepted when any one byte differs.
 *
 * The first byte says what the rest is: even, an entry without its checksum, which is put right here (or no fuzzer would
 * ever get past it); odd, raw sections: u16 length of META, u8 number of files, META, the rest is PAYLOAD. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "cache/entry.h"
#include "cache/entry_priv.h"
#include "lib/entry_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALL (CACHE_WANT_META | CACHE_WANT_PAYLOAD)

static void add_checksum(struct hp_buf *b)
{
	struct codec_digest sum;

	codec_blake3(b->data, b->len, &sum);
	hp_buf_append(b, sum.b, sizeof sum.b);
}

static void build_from_sections(const uint8_t *data, size_t size, struct hp_buf *out)
{
	uint8_t head[CACHE_HEAD_LEN] = {0};
	size_t meta = size >= 2 ? (size_t)data[0] | (size_t)data[1] << 8 : 0;
	uint32_t hashes = CACHE_HASHES_IDENTITY + CACHE_HASHES_FILE * (size >= 3 ? data[2] : 0u);
	size_t skip = size < 3 ? size : 3;

	data += skip;
	size -= skip;
	if (meta > size)
		meta = size;
	memcpy(head + CACHE_HEAD_MAGIC, CACHE_ENTRY_MAGIC, 4);
	cache_put_u32(head + CACHE_HEAD_VERSION, CACHE_ENTRY_VERSION);
	cache_put_u32(head + CACHE_HEAD_META_RAW, (uint32_t)meta);
	cache_put_u32(head + CACHE_HEAD_META_PACKED, (uint32_t)meta);
	cache_put_u32(head + CACHE_HEAD_HASHES, hashes);
	cache_put_u32(head + CACHE_HEAD_PAYLOAD_RAW, (uint32_t)(size - meta));
	cache_put_u32(head + CACHE_HEAD_PAYLOAD_PACKED, (uint32_t)(size - meta));
	hp_buf_append(out, head, sizeof head);
	hp_buf_append(out, data, meta);
	memset(hp_buf_reserve(out, hashes), 0x11, hashes);
	hp_buf_added(out, hashes);
	hp_buf_append(out, data + meta, size - meta);
}

static void check(const struct cache_entry *e, int level, size_t where)
{
	HP_AUTO_BUF struct hp_buf again = {0};
	struct cache_entry back;

	assert(cache_entry_encode(e, level, &again, NULL) == 0);
	assert(cache_entry_decode(again.data, again.len, ALL, &back, NULL) == 0);
	assert(entry_head_eq(e, &back) && entry_meta_eq(e, &back) && entry_payload_eq(e, &back));
	cache_entry_done(&back);
	where %= again.len;
	again.data[where] = (char)(again.data[where] ^ (1 + where % 255));
	assert(cache_entry_decode(again.data, again.len, ALL, &back, NULL) == -HP_DATA_LOSS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HP_AUTO_BUF struct hp_buf bytes = {0};
	struct codec_digest action_key;
	struct codec_digest closure_key;
	struct cache_entry e;

	if (size == 0)
		return 0;
	if (data[0] & 1)
		build_from_sections(data + 1, size - 1, &bytes);
	else
		hp_buf_append(&bytes, data + 1, size - 1);
	add_checksum(&bytes);
	if (cache_entry_decode(bytes.data, bytes.len, ALL, &e, NULL) < 0)
		return 0;
	assert(bytes.len >= CACHE_ENTRY_HEAD_SIZE);
	assert(cache_entry_peek(bytes.data, bytes.len, &action_key, &closure_key, NULL) == 0);
	assert(codec_digest_eq(&action_key, &e.action_key) && codec_digest_eq(&closure_key, &e.closure_key));
	check(&e, CACHE_PACK_RAW, size * 31);
	check(&e, 1, size * 17);
	cache_entry_done(&e);
	return 0;
}
