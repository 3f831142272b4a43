/* The one key (design.md): BLAKE3 over schema, toolchain identity, canonical arguments, effective environment and the
 * manifest digest. The prefix is shared by the closure key, which names a command line, and by the action keys of all
 * that this command line can yield. docs/formats.md has the exact bytes. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"
#include "codec/digest.h"

/* Goes up whenever the meaning of anything in a key or an entry changes; old entries are then simply never found. */
#define CACHE_KEY_SCHEMA 3u

struct cache_key_input {
	const struct codec_digest *identity;
	const char *lang;           /* as -x names it */
	const struct hp_strv *args; /* canonical, in order */
	const struct hp_strv *env;  /* "NAME=value", sorted */
	const char *cwd;            /* NULL when no output can hold it */
	const char *source;         /* as the compiler spells it */
	const char *place;          /* NULL, or what ties every result of this command line to one place */
	bool user_deps;             /* -MMD: the entry must know which headers are system headers */
};

/* Starts the hash. Fork it with a struct copy. */
void cache_key_prefix(const struct cache_key_input *in, struct codec_hasher *ret_prefix);
void cache_key_closure(const struct codec_hasher *prefix, struct codec_digest *ret_key);
/* color: the variant for diagnostics that were made with colour. place: NULL, or the variant for results that hold paths
 * of this place. */
void cache_key_action(const struct codec_hasher *prefix, const struct codec_digest *manifest, bool color,
                      const char *place, struct codec_digest *ret_key);
