#include "cache/key.h"

static void add_list(struct codec_hasher *h, const struct hp_strv *list)
{
	codec_hasher_add_u64(h, list->len);
	for (size_t i = 0; i < list->len; i++)
		codec_hasher_add_str(h, list->v[i]);
}

void cache_key_prefix(const struct cache_key_input *in, struct codec_hasher *ret_prefix)
{
	codec_hasher_init(ret_prefix);
	codec_hasher_add_str(ret_prefix, "hpcc");
	codec_hasher_add_u64(ret_prefix, CACHE_KEY_SCHEMA);
	codec_hasher_add(ret_prefix, in->identity->b, sizeof in->identity->b);
	codec_hasher_add_str(ret_prefix, in->lang);
	add_list(ret_prefix, in->args);
	add_list(ret_prefix, in->env);
	codec_hasher_add_u64(ret_prefix, in->cwd ? 1 : 0);
	codec_hasher_add_str(ret_prefix, in->cwd ? in->cwd : "");
	codec_hasher_add_str(ret_prefix, in->source);
	codec_hasher_add_u64(ret_prefix, in->user_deps);
	if (in->place) {
		codec_hasher_add_str(ret_prefix, "place");
		codec_hasher_add_str(ret_prefix, in->place);
	}
}

void cache_key_closure(const struct codec_hasher *prefix, struct codec_digest *ret_key)
{
	struct codec_hasher h = *prefix;

	codec_hasher_add_str(&h, "closure");
	codec_hasher_end(&h, ret_key);
}

void cache_key_action(const struct codec_hasher *prefix, const struct codec_digest *manifest, bool color,
                      const char *place, struct codec_digest *ret_key)
{
	struct codec_hasher h = *prefix;

	codec_hasher_add_str(&h, color ? "action, colour" : "action");
	codec_hasher_add(&h, manifest->b, sizeof manifest->b);
	if (place)
		codec_hasher_add_str(&h, place);
	codec_hasher_end(&h, ret_key);
}
