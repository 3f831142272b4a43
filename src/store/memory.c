/* Entries in this process's memory: what the daemon serves hits from. Two intrusive hash tables (by action key, by
 * closure key) and one list in order of use, all under one mutex; blobs leave by reference, so that nothing is copied
 * under it. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"
#include "sys/clock.h"

struct node {
	struct node *next_key; /* chains of the two tables */
	struct node *next_closure;
	struct node *older; /* order of use */
	struct node *newer;
	struct codec_digest key;
	struct codec_digest closure_key;
	struct store_blob *blob;
	int64_t used_ns;
};

struct memory {
	struct store base;
	pthread_mutex_t mutex;
	struct node **by_key;
	struct node **by_closure;
	size_t cap; /* slots of each table, a power of two */
	struct node *oldest;
	struct node *newest;
	uint64_t bytes;
	uint64_t bytes_max;
	uint64_t entries;
};

/* Digests are uniform already. */
static size_t slot_of(const struct memory *m, const struct codec_digest *d)
{
	size_t v;

	memcpy(&v, d->b, sizeof v);
	return v & (m->cap - 1);
}

static uint64_t node_bytes(const struct node *n)
{
	return sizeof *n + sizeof *n->blob + n->blob->len;
}

static void use_unlink(struct memory *m, struct node *n)
{
	*(n->older ? &n->older->newer : &m->oldest) = n->newer;
	*(n->newer ? &n->newer->older : &m->newest) = n->older;
	n->older = n->newer = NULL;
}

static void use_append(struct memory *m, struct node *n)
{
	n->older = m->newest;
	n->newer = NULL;
	*(m->newest ? &m->newest->newer : &m->oldest) = n;
	m->newest = n;
	n->used_ns = sys_monotonic_ns();
}

static struct node *find(const struct memory *m, const struct codec_digest *key)
{
	struct node *n = m->by_key[slot_of(m, key)];

	while (n && !codec_digest_eq(&n->key, key))
		n = n->next_key;
	return n;
}

static void insert(struct memory *m, struct node *n)
{
	struct node **key_head = &m->by_key[slot_of(m, &n->key)];
	struct node **closure_head = &m->by_closure[slot_of(m, &n->closure_key)];

	n->next_key = *key_head;
	*key_head = n;
	n->next_closure = *closure_head; /* newest first, as `closures` returns them */
	*closure_head = n;
}

static void drop(struct memory *m, struct node *n)
{
	struct node **at = &m->by_key[slot_of(m, &n->key)];

	while (*at != n)
		at = &(*at)->next_key;
	*at = n->next_key;
	at = &m->by_closure[slot_of(m, &n->closure_key)];
	while (*at != n)
		at = &(*at)->next_closure;
	*at = n->next_closure;
	use_unlink(m, n);
	m->bytes -= node_bytes(n);
	m->entries--;
	store_blob_unref(n->blob);
	free(n);
}

static void drop_oldest(struct memory *m)
{
	assert(!m->oldest->older);
	drop(m, m->oldest);
}

/* Doubles the tables when they are full. Chains by closure are rebuilt from old to new, which keeps their order. */
static void grow(struct memory *m)
{
	struct node **old_by_closure = m->by_closure;
	struct node **old_by_key = m->by_key;
	size_t old_cap = m->cap;

	if (m->entries < m->cap)
		return;
	m->cap *= 2;
	m->by_key = hp_zalloc(m->cap * sizeof *m->by_key);
	m->by_closure = hp_zalloc(m->cap * sizeof *m->by_closure);
	for (size_t i = 0; i < old_cap; i++) {
		struct node *reversed = NULL;

		for (struct node *n = old_by_closure[i], *next; n; n = next) {
			next = n->next_closure;
			n->next_closure = reversed;
			reversed = n;
		}
		for (struct node *n = reversed, *next; n; n = next) {
			next = n->next_closure;
			insert(m, n);
		}
	}
	free(old_by_key);
	free(old_by_closure);
}

static int memory_get(struct store *s, const struct codec_digest *key, struct store_blob **ret_blob, struct hp_err *err)
{
	struct memory *m = (struct memory *)s;
	struct node *n;

	(void)err;
	(void)pthread_mutex_lock(&m->mutex);
	n = find(m, key);
	if (n) {
		use_unlink(m, n);
		use_append(m, n);
		*ret_blob = store_blob_ref(n->blob);
	}
	(void)pthread_mutex_unlock(&m->mutex);
	return n != NULL;
}

static int memory_put(struct store *s, const struct codec_digest *key, const struct codec_digest *closure_key,
                      const void *data, size_t len, struct hp_err *err)
{
	struct memory *m = (struct memory *)s;
	struct node *old;
	struct node *n;

	if (len > m->bytes_max / 2) {
		/* also a former version goes: it would be served as if it were this one */
		return s->ops->remove(s, key, err);
	}
	n = hp_zalloc(sizeof *n);
	n->blob = store_blob_try_new(len, err);
	if (!n->blob) {
		free(n);
		return -HP_EXHAUSTED;
	}
	if (len)
		memcpy(n->blob->data, data, len);
	n->key = *key;
	n->closure_key = *closure_key;
	(void)pthread_mutex_lock(&m->mutex);
	old = find(m, key);
	if (old)
		drop(m, old);
	grow(m);
	insert(m, n);
	use_append(m, n);
	m->bytes += node_bytes(n);
	m->entries++;
	while (m->bytes > m->bytes_max && m->oldest != n)
		drop_oldest(m);
	(void)pthread_mutex_unlock(&m->mutex);
	return 0;
}

static int memory_remove(struct store *s, const struct codec_digest *key, struct hp_err *err)
{
	struct memory *m = (struct memory *)s;
	struct node *n;

	(void)err;
	(void)pthread_mutex_lock(&m->mutex);
	n = find(m, key);
	if (n)
		drop(m, n);
	(void)pthread_mutex_unlock(&m->mutex);
	return 0;
}

static int memory_closures(struct store *s, const struct codec_digest *closure_key, struct codec_digest *ret_keys,
                           size_t max, struct hp_err *err)
{
	struct memory *m = (struct memory *)s;
	size_t count = 0;

	(void)err;
	(void)pthread_mutex_lock(&m->mutex);
	for (struct node *n = m->by_closure[slot_of(m, closure_key)]; n && count < max; n = n->next_closure) {
		if (codec_digest_eq(&n->closure_key, closure_key))
			ret_keys[count++] = n->key;
	}
	(void)pthread_mutex_unlock(&m->mutex);
	return (int)count;
}

static int memory_usage(struct store *s, struct store_usage *ret_usage, struct hp_err *err)
{
	struct memory *m = (struct memory *)s;

	(void)err;
	(void)pthread_mutex_lock(&m->mutex);
	*ret_usage = (struct store_usage){.bytes = m->bytes, .bytes_max = m->bytes_max, .entries = m->entries};
	(void)pthread_mutex_unlock(&m->mutex);
	return 0;
}

static int memory_evict(struct store *s, const struct store_evict *rule, struct store_evicted *ret_evicted,
                        struct hp_err *err)
{
	struct memory *m = (struct memory *)s;
	struct store_evicted gone = {0};
	int64_t now_ns = sys_monotonic_ns();

	(void)err;
	(void)pthread_mutex_lock(&m->mutex);
	while (m->oldest) {
		struct node *n = m->oldest;
		bool old = rule->age_max_s && (uint64_t)(now_ns - n->used_ns) / 1000000000u > rule->age_max_s;

		if (!rule->all && !old && m->bytes <= rule->bytes_max)
			break;
		gone.entries++;
		gone.bytes += node_bytes(n);
		drop_oldest(m);
	}
	(void)pthread_mutex_unlock(&m->mutex);
	*ret_evicted = gone;
	return 0;
}

static int memory_flush(struct store *s, struct hp_err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void memory_free(struct store *take_s)
{
	struct memory *m = (struct memory *)take_s;

	while (m->oldest)
		drop_oldest(m);
	free(m->by_key);
	free(m->by_closure);
	(void)pthread_mutex_destroy(&m->mutex);
	free(m);
}

static const struct store_ops memory_ops = {
        .name = "memory",
        .get = memory_get,
        .put = memory_put,
        .remove = memory_remove,
        .closures = memory_closures,
        .usage = memory_usage,
        .evict = memory_evict,
        .flush = memory_flush,
        .free = memory_free,
};

struct store *store_memory_new(uint64_t bytes_max)
{
	struct memory *m = hp_zalloc(sizeof *m);

	m->base.ops = &memory_ops;
	m->bytes_max = bytes_max;
	m->cap = 256;
	m->by_key = hp_zalloc(m->cap * sizeof *m->by_key);
	m->by_closure = hp_zalloc(m->cap * sizeof *m->by_closure);
	(void)pthread_mutex_init(&m->mutex, NULL);
	return &m->base;
}
