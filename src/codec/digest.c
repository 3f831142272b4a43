#include "codec/digest.h"

#include <blake3.h>

#include "base/str.h"

_Static_assert(CODEC_DIGEST_SIZE == BLAKE3_OUT_LEN, "a digest is BLAKE3's default output");
_Static_assert(sizeof(blake3_hasher) <= sizeof(struct codec_hasher), "the opaque room holds BLAKE3's state");
_Static_assert(_Alignof(blake3_hasher) <= _Alignof(struct codec_hasher), "the opaque room is aligned for it");

static blake3_hasher *state(struct codec_hasher *h)
{
	return (blake3_hasher *)(void *)h;
}

void codec_blake3(const void *data, size_t len, struct codec_digest *ret_digest)
{
	blake3_hasher h;

	blake3_hasher_init(&h);
	blake3_hasher_update(&h, data, len);
	blake3_hasher_finalize(&h, ret_digest->b, CODEC_DIGEST_SIZE);
}

void codec_hasher_init(struct codec_hasher *h)
{
	blake3_hasher_init(state(h));
}

void codec_hasher_add(struct codec_hasher *h, const void *data, size_t len)
{
	blake3_hasher_update(state(h), data, len);
}

void codec_hasher_add_u64(struct codec_hasher *h, uint64_t v)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	codec_hasher_add(h, bytes, sizeof bytes);
}

void codec_hasher_add_str(struct codec_hasher *h, const char *s)
{
	size_t len = strlen(s);

	codec_hasher_add_u64(h, len);
	codec_hasher_add(h, s, len);
}

void codec_hasher_end(const struct codec_hasher *h, struct codec_digest *ret_digest)
{
	blake3_hasher_finalize((const blake3_hasher *)(const void *)h, ret_digest->b, CODEC_DIGEST_SIZE);
}

void codec_digest_hex(const struct codec_digest *d, char ret_hex[CODEC_DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < CODEC_DIGEST_SIZE; i++) {
		ret_hex[2 * i] = digits[d->b[i] >> 4];
		ret_hex[2 * i + 1] = digits[d->b[i] & 15];
	}
	ret_hex[CODEC_DIGEST_HEX_SIZE - 1] = '\0';
}

bool codec_digest_parse(const char *hex, struct codec_digest *ret_digest)
{
	struct codec_digest d;

	for (size_t i = 0; i < CODEC_DIGEST_SIZE; i++) {
		int hi = hp_hex_digit(hex[2 * i]);
		int lo = hi < 0 ? -1 : hp_hex_digit(hex[2 * i + 1]);

		if (lo < 0)
			return false;
		d.b[i] = (uint8_t)(hi << 4 | lo);
	}
	if (hex[CODEC_DIGEST_HEX_SIZE - 1] != '\0')
		return false;
	*ret_digest = d;
	return true;
}
