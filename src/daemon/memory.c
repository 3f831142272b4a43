#include "daemon/memory.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "daemon/closure.h"

static void slot_free(void *p)
{
	struct daemon_slot *slot = p;

	for (size_t i = 0; i < slot->closures_len; i++)
		daemon_closure_free(slot->closures[i]);
	(void)pthread_mutex_destroy(&slot->lock);
	free(slot);
}

static void *slot_new(const char *key, size_t key_len)
{
	struct daemon_slot *slot = hp_zalloc(sizeof *slot);

	(void)key;
	(void)key_len;
	(void)pthread_mutex_init(&slot->lock, NULL);
	return slot;
}

static void *dirset_new(const char *key, size_t key_len)
{
	struct daemon_dirset *set = hp_alloc(sizeof *set + key_len);

	set->len = (uint32_t)(key_len / sizeof set->dirs[0]);
	memcpy(set->dirs, key, key_len);
	return set;
}

struct daemon_memory *daemon_memory_new(void)
{
	struct daemon_memory *m = hp_zalloc(sizeof *m);

	m->refs = 1;
	daemon_pool_init(&m->files);
	daemon_pool_init(&m->dirs);
	daemon_pool_init(&m->names);
	daemon_pool_init(&m->dirsets);
	daemon_pool_init(&m->slots);
	daemon_pool_init(&m->timeless);
	daemon_pool_init(&m->markers);
	return m;
}

struct daemon_memory *daemon_memory_ref(struct daemon_memory *m)
{
	(void)__atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
	return m;
}

void daemon_memory_unref(struct daemon_memory *m)
{
	if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	daemon_pool_done(&m->markers, daemon_marker_free);
	daemon_pool_done(&m->timeless, NULL);
	daemon_pool_done(&m->slots, slot_free);
	daemon_pool_done(&m->dirsets, free);
	daemon_pool_done(&m->names, NULL);
	daemon_pool_done(&m->dirs, daemon_dir_free);
	daemon_pool_done(&m->files, daemon_file_free);
	free(m);
}

/* A file's scan lists the names it includes: some hundred bytes; the rest is bookkeeping. */
#define FILE_COST 600u
#define SLOT_COST 300u
#define STRING_COST 64u

static uint64_t pool_size(const struct daemon_pool *pool, uint64_t value_cost)
{
	return __atomic_load_n(&pool->key_bytes, __ATOMIC_RELAXED) +
	       __atomic_load_n(&pool->count, __ATOMIC_RELAXED) * (value_cost + STRING_COST);
}

uint64_t daemon_memory_size(const struct daemon_memory *m)
{
	return __atomic_load_n(&m->closure_bytes, __ATOMIC_RELAXED) + pool_size(&m->files, FILE_COST) +
	       pool_size(&m->dirs, sizeof(struct daemon_dir)) + pool_size(&m->names, 0) +
	       pool_size(&m->dirsets, STRING_COST) + pool_size(&m->slots, SLOT_COST) + pool_size(&m->timeless, 0) +
	       pool_size(&m->markers, FILE_COST);
}

uint32_t daemon_memory_file(struct daemon_memory *m, const char *path)
{
	uint32_t id = daemon_pool_intern(&m->files, path, strlen(path), daemon_file_new);
	struct daemon_file *file = daemon_pool_at(&m->files, id);

	if (!__atomic_load_n(&file->dir, __ATOMIC_ACQUIRE)) {
		size_t len = (size_t)(file->name - file->path);
		HP_AUTO_FREE char *dir = hp_strndup(path, len > 1 ? len - 1 : len);

		__atomic_store_n(&file->dir, daemon_dir_at(m, daemon_memory_dir(m, dir)), __ATOMIC_RELEASE);
	}
	return id;
}

uint32_t daemon_memory_dir(struct daemon_memory *m, const char *path)
{
	return daemon_pool_intern(&m->dirs, path, strlen(path), daemon_dir_new);
}

uint32_t daemon_memory_name(struct daemon_memory *m, const char *name)
{
	return daemon_pool_intern(&m->names, name, strlen(name), NULL);
}

uint32_t daemon_memory_dirset(struct daemon_memory *m, const uint32_t *dirs, size_t len)
{
	return daemon_pool_intern(&m->dirsets, dirs, len * sizeof *dirs, dirset_new);
}

struct daemon_slot *daemon_memory_slot(struct daemon_memory *m, const struct codec_digest *closure_key, const char *cwd,
                                       const char *place)
{
	HP_AUTO_BUF struct hp_buf key = {0};

	hp_buf_append(&key, closure_key->b, sizeof closure_key->b);
	hp_buf_str(&key, cwd);
	if (*place) {
		hp_buf_char(&key, '\n');
		hp_buf_str(&key, place);
	}
	return daemon_pool_at(&m->slots, daemon_pool_intern(&m->slots, key.data, key.len, slot_new));
}

void daemon_memory_note_timeless(struct daemon_memory *m, const void *pch, size_t len)
{
	struct codec_digest digest;

	codec_blake3(pch, len, &digest);
	(void)daemon_pool_intern(&m->timeless, digest.b, sizeof digest.b, NULL);
}

bool daemon_memory_is_timeless(struct daemon_memory *m, const struct codec_digest *pch)
{
	return daemon_pool_has(&m->timeless, pch->b, sizeof pch->b);
}
