/* Interned strings with a value each, named by small numbers: what the daemon remembers thousands of times is kept as
 * four bytes. Ids and values never move or go while the pool lives. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

#define DAEMON_POOL_CHUNK 4096u
#define DAEMON_POOL_CHUNKS_MAX 1024u /* 4 Mi strings; the memory is replaced long before (daemon/memory.h) */

struct daemon_pool {
	pthread_mutex_t lock;
	struct hp_map map; /* key → id + 1 */
	void **chunks[DAEMON_POOL_CHUNKS_MAX];
	uint32_t count; /* written under the lock, read as atomics for the memory's size */
	uint64_t key_bytes;
};

void daemon_pool_init(struct daemon_pool *pool);
/* Calls free_value on each value. */
void daemon_pool_done(struct daemon_pool *pool, void (*free_value)(void *value));

/* The id of `key`; a new one gets what make_value returns (make_value may be NULL: the value is then the key itself, a
 * NUL-terminated copy that lives as long as the pool). Aborts when the pool is full. */
uint32_t daemon_pool_intern(struct daemon_pool *pool, const void *key, size_t key_len,
                            void *(*make_value)(const char *key, size_t key_len));

bool daemon_pool_has(struct daemon_pool *pool, const void *key, size_t key_len);

static inline void *daemon_pool_at(const struct daemon_pool *pool, uint32_t id)
{
	return pool->chunks[id / DAEMON_POOL_CHUNK][id % DAEMON_POOL_CHUNK];
}
