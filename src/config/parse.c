#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config_priv.h"
#include "config/keys_priv.h"
#include "config/toml_priv.h"
#include "config/value_priv.h"

/* toml++ hands nodes out in its own order; people want the first mistake of the file, so they are kept and sorted. */
struct node {
	char *section; /* NULL at the top */
	size_t section_index;
	char *key;
	char *text;
	bool text_has_nul;
	enum config_toml_type type;
	int64_t number;
	bool flag;
	struct config_toml_place key_place;
	struct config_toml_place value_place;
};

struct nodes {
	struct node *v;
	size_t len;
	size_t cap;
};

static void nodes_done(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->len; i++) {
		free(nodes->v[i].section);
		free(nodes->v[i].key);
		free(nodes->v[i].text);
	}
	free(nodes->v);
}

/* Bounded by the file's size: HP_CONFIG_SIZE_MAX. */
static void nodes_add(void *ctx, const struct config_toml_node *from)
{
	struct nodes *nodes = ctx;
	struct node *to;

	if (nodes->len == nodes->cap) {
		nodes->cap = nodes->cap ? nodes->cap * 2 : 32;
		nodes->v = hp_realloc(nodes->v, nodes->cap * sizeof *nodes->v);
	}
	to = &nodes->v[nodes->len++];
	*to = (struct node){
	        .section = from->section ? hp_strdup(from->section) : NULL,
	        .section_index = from->section_index,
	        .key = hp_strdup(from->key),
	        .text = from->string ? hp_strdup(from->string) : NULL,
	        .text_has_nul = from->string && strlen(from->string) != from->string_len,
	        .type = from->type,
	        .number = from->integer,
	        .flag = from->boolean,
	        .key_place = from->key_place,
	        .value_place = from->value_place,
	};
}

static int compare_places(const void *a, const void *b)
{
	const struct node *x = a;
	const struct node *y = b;

	if (x->key_place.line != y->key_place.line)
		return x->key_place.line < y->key_place.line ? -1 : 1;
	if (x->key_place.column != y->key_place.column)
		return x->key_place.column < y->key_place.column ? -1 : 1;
	return (x->section != NULL) - (y->section != NULL);
}

void config_printable(const char *text, char *ret_text, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		ret_text[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
	ret_text[n] = '\0';
}

struct parser {
	const char *name;
	struct config *config;
	struct hp_err *err;
};

/* "file:line:column: message". */
static int complain(const struct parser *p, const struct config_toml_place *place, enum hp_code code, const char *what)
{
	if (place->line == 0)
		return hp_err_set(p->err, code, "%s: %s", p->name, what);
	return hp_err_set(p->err, code, "%s:%u:%u: %s", p->name, place->line, place->column, what);
}

static int unknown(const struct parser *p, const struct node *node)
{
	char key[48];
	char hint[160];
	char message[256];
	bool table = node->type == CONFIG_TOML_TABLE || node->type == CONFIG_TOML_TABLES;

	config_printable(node->key, key, sizeof key);
	config_key_hint(node->section ? node->section : "", node->key, hint, sizeof hint);
	(void)snprintf(message, sizeof message, "unknown %s \"%s\"%s", table ? "section" : "key", key, hint);
	return complain(p, &node->key_place, HP_INVALID, message);
}

static int set_key(const struct parser *p, const struct node *node, const struct config_key *key, void *base)
{
	struct config_value value = {.kind = CONFIG_VALUE_NONE};
	struct hp_err why = {0};
	char printed[128];
	char message[256];
	int r;

	if (node->type == CONFIG_TOML_STRING && !node->text_has_nul) {
		value.kind = CONFIG_VALUE_TEXT;
		value.text = node->text;
	} else if (node->type == CONFIG_TOML_INTEGER) {
		value.kind = CONFIG_VALUE_NUMBER;
		value.number = node->number;
	} else if (node->type == CONFIG_TOML_BOOLEAN) {
		value.kind = CONFIG_VALUE_FLAG;
		value.flag = node->flag;
	}
	r = config_value_set(key, &value, (char *)base + key->offset, &why);
	if (r == 0)
		return 0;
	config_printable(why.msg, printed, sizeof printed);
	(void)snprintf(message, sizeof message, "%s: %s", key->name, printed);
	return complain(p, &node->value_place, (enum hp_code) - r, message);
}

/* A table's own node: is there such a section, and is it written as it must be? */
static int check_section(const struct parser *p, const struct node *node, const struct config_section *section)
{
	char message[160];
	bool good = node->type == (section->repeated ? CONFIG_TOML_TABLES : CONFIG_TOML_TABLE);

	if (!good) {
		(void)snprintf(message, sizeof message, "%s is a section: write it as %s", section->name,
		               section->repeated ? "[[cache]]" : "[section]");
		return complain(p, &node->key_place, HP_INVALID, message);
	}
	if (!section->repeated)
		return 0;
	if (node->number > 1)
		return complain(p, &node->key_place, HP_UNIMPLEMENTED,
		                "more than one [[cache]] is not there yet: keep one");
	config_add_caches(p->config, (size_t)node->number);
	return 0;
}

static int take_node(const struct parser *p, const struct node *node)
{
	const struct config_section *section = config_section_find(node->section ? node->section : node->key);
	const struct config_key *key = config_key_find(node->section ? node->section : "", node->key);
	void *base = p->config;

	if (!node->section && section && node->key[0] != '\0')
		return check_section(p, node, section);
	if (node->section && (!section || node->section[0] == '\0'))
		return 0; /* the section's own node is the one to complain about */
	if (!key)
		return unknown(p, node);
	if (section && node->section && section->repeated) {
		if (node->section_index >= p->config->caches_len)
			return 0; /* as above */
		base = &p->config->caches[node->section_index];
	}
	return set_key(p, node, key, base);
}

int config_check_text(const char *name, const char *text, size_t len, size_t len_max, struct hp_err *err)
{
	size_t dots = 0;

	if (len > len_max)
		return hp_err_set(err, HP_EXHAUSTED, "%s: larger than the limit of %zu bytes", name, len_max);
	for (size_t i = 0; i < len; i++)
		dots += text[i] == '.';
	if (dots > HP_CONFIG_DOTS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "%s: more than %u dots", name, HP_CONFIG_DOTS_MAX);
	return 0;
}

int config_parse_into(const char *name, const char *text, size_t len, struct config *config, struct hp_err *err)
{
	const struct parser p = {.name = name, .config = config, .err = err};
	__attribute__((cleanup(nodes_done))) struct nodes nodes = {0};
	struct config_toml_place place;
	char message[128];
	char printed[128];
	int r = config_check_text(name, text, len, HP_CONFIG_SIZE_MAX, err);

	if (r < 0)
		return r;
	if (config_toml_walk(text, len, nodes_add, &nodes, &place, message, sizeof message) < 0) {
		config_printable(message, printed, sizeof printed);
		return complain(&p, &place, HP_INVALID, printed);
	}
	if (nodes.len)
		qsort(nodes.v, nodes.len, sizeof *nodes.v, compare_places);
	for (size_t i = 0; i < nodes.len && r == 0; i++)
		r = take_node(&p, &nodes.v[i]);
	return r;
}
