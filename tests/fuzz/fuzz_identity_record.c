/* Identity records: nothing without its checksum is read; with it, what is read and written anew is read as the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "daemon/identity_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct hp_strv *a, const struct hp_strv *b)
{
	assert(a->len == b->len);
	for (size_t i = 0; i < a->len; i++)
		assert(strcmp(a->v[i], b->v[i]) == 0);
}

static void check_again(const struct daemon_identity *id)
{
	DAEMON_AUTO_IDENTITY struct daemon_identity *again = NULL;
	struct hp_buf text HP_AUTO_BUF = {0};

	daemon_identity_encode(id, &text);
	again = daemon_identity_decode(text.data, text.len);
	assert(again);
	assert(id->family == again->family && strcmp(id->version, again->version) == 0);
	assert(codec_digest_eq(&id->digest, &again->digest));
	check_same(&id->quote_dirs, &again->quote_dirs);
	check_same(&id->angle_dirs, &again->angle_dirs);
	check_same(&id->files, &again->files);
	check_same(&id->missing, &again->missing);
	assert(id->files.len == 0 || memcmp(id->stamps, again->stamps, id->files.len * sizeof *id->stamps) == 0);
	/* A single bit flipped anywhere is seen. */
	text.data[text.len / 2] ^= 1;
	assert(!daemon_identity_decode(text.data, text.len));
	assert(!daemon_identity_decode(text.data, text.len - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = NULL;
	struct hp_buf summed HP_AUTO_BUF = {0};
	struct codec_digest sum;

	daemon_identity_unref(daemon_identity_decode(data, size));
	codec_blake3(data, size, &sum);
	hp_buf_append(&summed, data, size);
	hp_buf_append(&summed, sum.b, sizeof sum.b);
	id = daemon_identity_decode(summed.data, summed.len);
	if (id)
		check_again(id);
	return 0;
}
