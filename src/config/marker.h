/* The project marker `.hpcc`: an empty file, or TOML that names further roots:
 *
 *   [roots]
 *   build = "../build"      # relative to the marker's folder, or absolute
 *
 * docs/config.md describes it for people. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"

#define CONFIG_MARKER_NAME ".hpcc"

struct config_marker_root {
	char *name; /* letters, digits, '-' and '_' */
	char *path; /* as written */
};

struct config_marker {
	struct config_marker_root roots[HP_MARKER_ROOTS_MAX]; /* sorted by name */
	size_t roots_len;
};

/* Parses `len` bytes; white space alone is an empty marker. -HP_INVALID or -HP_EXHAUSTED with `name:line:column: what`
 * otherwise, *ret_marker untouched. Release with config_marker_done. */
int config_marker_parse(const char *name, const char *text, size_t len, struct config_marker *ret_marker,
                        struct hp_err *err);
void config_marker_done(struct config_marker *marker);
