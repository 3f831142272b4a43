/* The table of keys: one row a key, one a section. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum config_type {
	CONFIG_TYPE_PATH = 1,    /* char *: absolute, "~/" opened; NULL when empty */
	CONFIG_TYPE_SIZE,        /* uint64_t, bytes */
	CONFIG_TYPE_DURATION,    /* uint64_t, seconds */
	CONFIG_TYPE_BOOL,        /* bool */
	CONFIG_TYPE_INT,         /* int64_t within min … max */
	CONFIG_TYPE_WORD,        /* int: index into words */
	CONFIG_TYPE_COMPRESSION, /* int: zstd level, 0 for "none" */
	CONFIG_TYPE_LISTEN,      /* uint16_t: port */
	CONFIG_TYPE_SECRET,      /* char *: "env:NAME" or "file:PATH", opened only when used */
};

struct config_key {
	const char *section; /* "" at the top */
	const char *name;
	enum config_type type;
	size_t offset;        /* in struct config; in struct config_cache for the keys of [[cache]] */
	const char *fallback; /* the default, as written in the file but without quotes; NULL: computed when loading */
	const char *shown;    /* what the documents show where fallback is NULL or "" */
	int64_t min;
	int64_t max;
	const char *const *words; /* CONFIG_TYPE_WORD: NULL-terminated */
	const char *not_yet;      /* a value that is known and refused until it exists; NULL: none */
	const char *doc;          /* one or two sentences */
};

struct config_section {
	const char *name;
	bool repeated; /* [[name]] */
	const char *doc;
};

extern const struct config_key config_keys[];
extern const size_t config_keys_len;
extern const struct config_section config_sections[];
extern const size_t config_sections_len;

const struct config_key *config_key_find(const char *section, const char *name);
const struct config_section *config_section_find(const char *name);

/* The key or section that was probably meant, for a message: written to `ret_hint` as ": did you mean …?" or as a list
 * of what there is. */
void config_key_hint(const char *section, const char *name, char *ret_hint, size_t hint_size);

/* How a value of this type is written, for messages and documents: `a size such as "10G"`. */
const char *config_type_text(enum config_type type);
