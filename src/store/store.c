#include "store/store.h"

#include <assert.h>

#include "base/mem.h"

struct store_blob *store_blob_new(size_t len)
{
	struct store_blob *blob = hp_alloc(sizeof *blob + len);

	blob->refs = 1;
	blob->len = len;
	return blob;
}

struct store_blob *store_blob_try_new(size_t len, struct hp_err *err)
{
	struct store_blob *blob = len < SIZE_MAX - sizeof *blob ? malloc(sizeof *blob + len) : NULL;

	if (!blob) {
		(void)hp_err_set(err, HP_EXHAUSTED, "no memory for %zu bytes", len);
		return NULL;
	}
	blob->refs = 1;
	blob->len = len;
	return blob;
}

struct store_blob *store_blob_ref(struct store_blob *blob)
{
	(void)__atomic_fetch_add(&blob->refs, 1, __ATOMIC_RELAXED);
	return blob;
}

void store_blob_unref(struct store_blob *blob)
{
	if (blob && __atomic_sub_fetch(&blob->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(blob);
}

/* The wrappers' common end: a failure says in which kind of store it happened. */
static int ended(const struct store *s, int rc, struct hp_err *err)
{
	if (rc < 0 && err)
		return hp_err_wrap(err, "%s store", s->ops->name);
	return rc;
}

int store_get(struct store *s, const struct codec_digest *key, struct store_blob **ret_blob, struct hp_err *err)
{
	assert(s && key && ret_blob);
	return ended(s, s->ops->get(s, key, ret_blob, err), err);
}

int store_put(struct store *s, const struct codec_digest *key, const struct codec_digest *closure_key, const void *data,
              size_t len, struct hp_err *err)
{
	assert(s && key && closure_key && (data || len == 0));
	return ended(s, s->ops->put(s, key, closure_key, data, len, err), err);
}

int store_remove(struct store *s, const struct codec_digest *key, struct hp_err *err)
{
	assert(s && key);
	return ended(s, s->ops->remove(s, key, err), err);
}

int store_closures(struct store *s, const struct codec_digest *closure_key, struct codec_digest *ret_keys, size_t max,
                   struct hp_err *err)
{
	assert(s && closure_key && (ret_keys || max == 0));
	return ended(s, s->ops->closures(s, closure_key, ret_keys, max, err), err);
}

int store_usage(struct store *s, struct store_usage *ret_usage, struct hp_err *err)
{
	assert(s && ret_usage);
	return ended(s, s->ops->usage(s, ret_usage, err), err);
}

int store_evict(struct store *s, const struct store_evict *rule, struct store_evicted *ret_evicted, struct hp_err *err)
{
	assert(s && rule && ret_evicted);
	return ended(s, s->ops->evict(s, rule, ret_evicted, err), err);
}

int store_flush(struct store *s, struct hp_err *err)
{
	assert(s);
	return ended(s, s->ops->flush(s, err), err);
}

void store_free(struct store *take_s)
{
	if (take_s)
		take_s->ops->free(take_s);
}
