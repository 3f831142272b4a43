/* The file that cl writes for /sourceDependencies: JSON, {"Version": "1.x", "Data": {"Source": …, "Includes": […], …}}.
 * Pure; a reader for this one shape, which refuses what is no JSON and passes over members that it does not know. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

struct cc_source_deps {
	char *source;
	char *pch;               /* NULL: none was used */
	struct hp_strv includes; /* in order, as written */
	bool modules;            /* a module or header unit was imported or made */
};

void cc_source_deps_done(struct cc_source_deps *deps);

/* Fills *ret_deps (release always). -HP_INVALID for what is not such a file, for a NUL in a path or nesting beyond
 * HP_JSON_DEPTH_MAX; -HP_EXHAUSTED for more than HP_CLOSURE_FILES_MAX includes or HP_DEPFILE_SIZE_MAX bytes. */
int cc_source_deps_parse(const char *data, size_t len, struct cc_source_deps *ret_deps, struct hp_err *err);
