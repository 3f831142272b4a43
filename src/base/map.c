#include "base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

/* Of a small map's keys: a dozen names. */
#define KEYS_SIZE 256
#define CAP_MIN 16

static uint64_t hash_seeded(const void *data, size_t len, uint64_t seed)
{
	/* Eight bytes a step, multiply and fold (a wyhash-like mix). */
	const unsigned char *p = data;
	uint64_t h = seed ^ 0x9E3779B97F4A7C15u ^ (uint64_t)len;

	while (len >= 8) {
		uint64_t w;
		unsigned __int128 m;

		memcpy(&w, p, 8);
		m = (unsigned __int128)(h ^ w) * 0xD6E8FEB86659FD93u;
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
		p += 8;
		len -= 8;
	}
	if (len) {
		uint64_t w = 0;
		unsigned __int128 m;

		memcpy(&w, p, len);
		m = (unsigned __int128)(h ^ w) * 0xD6E8FEB86659FD93u;
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	h ^= h >> 32;
	h *= 0xD6E8FEB86659FD93u;
	return h ^ (h >> 32);
}

uint64_t hp_hash(const void *data, size_t len)
{
	return hash_seeded(data, len, 0);
}

void hp_map_done(struct hp_map *map)
{
	free(map->slots);
	hp_arena_free(map->keys);
	*map = (struct hp_map){0};
}

/* The slot that holds the key, or the free one where it belongs. */
static struct hp_map_slot *probe(const struct hp_map *map, uint32_t hash, const void *key, size_t key_len)
{
	size_t i = hash & (map->cap - 1);

	for (;;) {
		struct hp_map_slot *slot = &map->slots[i];

		if (!slot->key)
			return slot;
		if (slot->hash == hash && slot->key_len == key_len && memcmp(slot->key, key, key_len) == 0)
			return slot;
		i = (i + 1) & (map->cap - 1);
	}
}

void *hp_map_find(const struct hp_map *map, const void *key, size_t key_len)
{
	struct hp_map_slot *slot;

	if (map->len == 0)
		return NULL;
	slot = probe(map, (uint32_t)hash_seeded(key, key_len, map->seed), key, key_len);
	return slot->key ? slot->value : NULL;
}

static void resize(struct hp_map *map, size_t cap)
{
	struct hp_map bigger = {.cap = cap, .len = map->len, .seed = map->seed, .keys = map->keys};

	assert(cap <= (size_t)UINT32_MAX + 1); /* as far as the hashes reach */
	bigger.slots = hp_zalloc(bigger.cap * sizeof *bigger.slots);
	for (size_t i = 0; i < map->cap; i++) {
		const struct hp_map_slot *slot = &map->slots[i];
		size_t k = slot->hash & (cap - 1);

		if (!slot->key)
			continue;
		while (bigger.slots[k].key) /* all keys are distinct */
			k = (k + 1) & (cap - 1);
		bigger.slots[k] = *slot;
	}
	free(map->slots);
	*map = bigger;
}

void hp_map_reserve(struct hp_map *map, size_t len)
{
	size_t cap = map->cap ? map->cap : CAP_MIN;

	while ((len + 1) * 4 > cap * 3)
		cap *= 2;
	if (cap > map->cap)
		resize(map, cap);
}

struct hp_map_slot *hp_map_put(struct hp_map *map, const void *key, size_t key_len)
{
	uint32_t hash = (uint32_t)hash_seeded(key, key_len, map->seed);
	struct hp_map_slot *slot;

	if ((map->len + 1) * 4 > map->cap * 3)
		resize(map, map->cap ? map->cap * 2 : CAP_MIN);
	slot = probe(map, hash, key, key_len);
	if (!slot->key) {
		slot->hash = hash;
		slot->key_len = (uint32_t)key_len;
		if (!map->keys)
			map->keys = hp_arena_new(KEYS_SIZE);
		slot->key = hp_arena_strndup(map->keys, key, key_len);
		map->len++;
	}
	return slot;
}
