#include "config/marker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config_priv.h"
#include "config/toml_priv.h"

void config_marker_done(struct config_marker *marker)
{
	for (size_t i = 0; i < marker->roots_len; i++) {
		free(marker->roots[i].name);
		free(marker->roots[i].path);
	}
	*marker = (struct config_marker){0};
}

/* The first mistake of the file, in its order; toml++ has another. */
struct reader {
	struct config_marker marker;
	const char *wrong;
	struct config_toml_place place;
};

static void complain(struct reader *r, const struct config_toml_place *place, const char *what)
{
	if (r->wrong &&
	    (r->place.line < place->line || (r->place.line == place->line && r->place.column <= place->column)))
		return;
	r->wrong = what;
	r->place = *place;
}

/* A name becomes part of paths in entries and keys. */
static bool good_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t len = strlen(name);

	return len > 0 && len <= HP_MARKER_NAME_MAX && strspn(name, allowed) == len && !hp_streq(name, "root");
}

static bool good_path(const struct config_toml_node *node)
{
	if (node->string_len == 0 || node->string_len >= HP_PATH_SIZE_MAX)
		return false;
	for (size_t i = 0; i < node->string_len; i++) {
		unsigned char c = (unsigned char)node->string[i];

		if (c < 0x20 || c == 0x7f || c == '=')
			return false;
	}
	return true;
}

static void take_node(void *ctx, const struct config_toml_node *node)
{
	struct reader *r = ctx;
	struct config_marker_root *root;

	if (!node->section && hp_streq(node->key, "roots")) {
		if (node->type != CONFIG_TOML_TABLE)
			complain(r, &node->key_place, "roots is a section: write it as [roots]");
		return;
	}
	if (!node->section) {
		complain(r, &node->key_place, "unknown key: only [roots] is known");
	} else if (!hp_streq(node->section, "roots")) {
		return; /* said at the section's own node */
	} else if (!good_name(node->key)) {
		complain(r, &node->key_place,
		         "a root's name has 1 to 32 letters, digits, - and _, and is not \"root\"");
	} else if (node->type != CONFIG_TOML_STRING || !good_path(node)) {
		complain(r, &node->value_place, "expected the path of a folder, without '=' and control characters");
	} else if (r->marker.roots_len == HP_MARKER_ROOTS_MAX) {
		complain(r, &node->key_place, "too many roots");
	} else {
		root = &r->marker.roots[r->marker.roots_len++];
		root->name = hp_strdup(node->key);
		root->path = hp_strndup(node->string, node->string_len);
	}
}

static int compare_roots(const void *a, const void *b)
{
	const struct config_marker_root *x = a;
	const struct config_marker_root *y = b;

	return strcmp(x->name, y->name);
}

/* The usual marker, for which no TOML code runs. */
static bool is_blank(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1] != '\0')
		len--;
	return len == 0;
}

int config_marker_parse(const char *name, const char *text, size_t len, struct config_marker *ret_marker,
                        struct hp_err *err)
{
	struct reader r = {.wrong = NULL};
	char message[128];
	int rc = config_check_text(name, text, len, HP_MARKER_SIZE_MAX, err);

	if (rc < 0)
		return rc;
	if (is_blank(text, len)) {
		*ret_marker = r.marker;
		return 0;
	}
	if (config_toml_walk(text, len, take_node, &r, &r.place, message, sizeof message) < 0) {
		config_printable(message, message, sizeof message);
		r.wrong = message;
	}
	if (r.wrong) {
		config_marker_done(&r.marker);
		return r.place.line ? hp_err_set(err, HP_INVALID, "%s:%u:%u: %s", name, r.place.line, r.place.column,
		                                 r.wrong)
		                    : hp_err_set(err, HP_INVALID, "%s: %s", name, r.wrong);
	}
	if (r.marker.roots_len)
		qsort(r.marker.roots, r.marker.roots_len, sizeof r.marker.roots[0], compare_roots);
	*ret_marker = r.marker;
	return 0;
}
