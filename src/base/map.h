/* A hash map from byte strings to pointers, open addressing; keys are copied, values are the caller's.
 * A zeroed struct is an empty map. No removal of single keys: the users of it either only grow or drop it whole. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hp_arena;

struct hp_map_slot {
	uint32_t hash; /* the lower half */
	uint32_t key_len;
	char *key; /* NULL: free slot */
	void *value;
};

struct hp_map {
	struct hp_map_slot *slots;
	size_t cap; /* 0 or a power of two */
	size_t len;
	uint64_t
	        seed; /* random, set before the first put, where strangers choose a great many keys: else they collide at will */
	struct hp_arena *keys; /* private */
};

/* Hash of bytes; not keyed, so only for maps whose size is bounded elsewhere, or that have a seed. */
uint64_t hp_hash(const void *data, size_t len);

void hp_map_done(struct hp_map *map);
void hp_map_reserve(struct hp_map *map, size_t len); /* room for `len` keys, so that it need not grow on the way */
void *hp_map_find(const struct hp_map *map, const void *key, size_t key_len); /* NULL when absent */

/* The slot of `key`, made with a NULL value when new. The slot is valid until the next put; its key, NUL-terminated, as
 * long as the map. */
struct hp_map_slot *hp_map_put(struct hp_map *map, const void *key, size_t key_len);
#define HP_AUTO_MAP __attribute__((cleanup(hp_map_done)))
