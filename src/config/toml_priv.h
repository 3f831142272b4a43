/* TOML text to a flat list of nodes, through toml++ (toml.cc, the only C++ here). Nothing but this area's parse.c uses it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum config_toml_type {
	CONFIG_TOML_STRING = 1,
	CONFIG_TOML_INTEGER,
	CONFIG_TOML_BOOLEAN,
	CONFIG_TOML_TABLE,
	CONFIG_TOML_TABLES, /* an array that holds tables and nothing else, and at least one */
	CONFIG_TOML_OTHER,  /* floats, dates, other arrays: no key of ours has them */
};

struct config_toml_place {
	uint32_t line; /* both from 1; 0 when unknown */
	uint32_t column;
};

/* One `key = value` or one table. `section` is NULL at the top level; a table inside a section is reported as a node of
 * type TABLE and not opened. All pointers are valid during the call only. */
struct config_toml_node {
	const char *section;
	size_t section_index; /* which of [[section]]; 0 for a plain table */
	const char *key;      /* may hold anything, also what is no UTF-8 name of ours */
	enum config_toml_type type;
	const char *string; /* STRING: NUL-terminated; NULs inside are possible */
	size_t string_len;
	int64_t integer; /* INTEGER; TABLES: how many there are */
	bool boolean;
	struct config_toml_place key_place;
	struct config_toml_place value_place;
};

typedef void (*config_toml_fn)(void *ctx, const struct config_toml_node *node);

/* Calls fn for every node, each section's table before what is in it, otherwise in no useful order. Returns 0, or -1
 * when the text is no TOML: *ret_place and the message (cut to message_size) say where and why. */
int config_toml_walk(const char *text, size_t len, config_toml_fn fn, void *ctx, struct config_toml_place *ret_place,
                     char *ret_message, size_t message_size);

#ifdef __cplusplus
}
#endif
