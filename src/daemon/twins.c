#include "daemon/twins.h"

#include <string.h>

struct twin_key {
	struct codec_digest content;
	uint64_t dev; /* UINT64_MAX: the time stands in `ino` */
	uint64_t ino;
};

static void add(struct daemon_twins *t, const struct twin_key *key)
{
	struct hp_map_slot *slot = hp_map_put(&t->first, key, sizeof *key);

	if (!slot->value)
		slot->value = (void *)t->len;
	codec_hasher_add_u64(&t->hasher, (uintptr_t)slot->value);
}

void daemon_twins_add(struct daemon_twins *t, const struct codec_digest *content, uint64_t dev, uint64_t ino,
                      int64_t mtime_ns)
{
	if (t->len++ == 0) {
		codec_hasher_init(&t->hasher);
		codec_hasher_add_str(&t->hasher, "hpcc twins 1");
	}
	add(t, &(struct twin_key){*content, dev, ino});
	add(t, &(struct twin_key){*content, UINT64_MAX, (uint64_t)(mtime_ns / 1000000000)});
}

bool daemon_twins_end(struct daemon_twins *t, struct codec_digest *ret_digest)
{
	bool any = t->len > 0;

	if (any)
		codec_hasher_end(&t->hasher, ret_digest);
	hp_map_done(&t->first);
	*t = (struct daemon_twins){0};
	return any;
}
