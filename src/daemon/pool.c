#include "daemon/pool.h"

#include <assert.h>

#include "base/mem.h"

void daemon_pool_init(struct daemon_pool *pool)
{
	*pool = (struct daemon_pool){0};
	(void)pthread_mutex_init(&pool->lock, NULL);
}

void daemon_pool_done(struct daemon_pool *pool, void (*free_value)(void *value))
{
	for (uint32_t id = 0; free_value && id < pool->count; id++)
		free_value(daemon_pool_at(pool, id));
	for (uint32_t i = 0; i < DAEMON_POOL_CHUNKS_MAX; i++)
		free(pool->chunks[i]);
	hp_map_done(&pool->map);
	(void)pthread_mutex_destroy(&pool->lock);
}

uint32_t daemon_pool_intern(struct daemon_pool *pool, const void *key, size_t key_len,
                            void *(*make_value)(const char *key, size_t key_len))
{
	struct hp_map_slot *slot;
	uint32_t id;

	(void)pthread_mutex_lock(&pool->lock);
	slot = hp_map_put(&pool->map, key, key_len);
	if (slot->value) {
		id = (uint32_t)((uintptr_t)slot->value - 1);
	} else {
		uint32_t chunk = pool->count / DAEMON_POOL_CHUNK;

		assert(chunk < DAEMON_POOL_CHUNKS_MAX);
		id = pool->count;
		__atomic_store_n(&pool->count, id + 1, __ATOMIC_RELAXED);
		slot->value = (void *)((uintptr_t)id + 1);
		__atomic_store_n(&pool->key_bytes, pool->key_bytes + key_len, __ATOMIC_RELAXED);
		if (!pool->chunks[chunk])
			pool->chunks[chunk] = hp_zalloc(DAEMON_POOL_CHUNK * sizeof(void *));
		pool->chunks[chunk][id % DAEMON_POOL_CHUNK] =
		        make_value ? make_value(slot->key, slot->key_len) : slot->key;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return id;
}

bool daemon_pool_has(struct daemon_pool *pool, const void *key, size_t key_len)
{
	bool has;

	(void)pthread_mutex_lock(&pool->lock);
	has = hp_map_find(&pool->map, key, key_len) != NULL;
	(void)pthread_mutex_unlock(&pool->lock);
	return has;
}
