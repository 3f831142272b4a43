/* What cl and clang-cl print for /showIncludes: one line a file that is read, `PREFIX`, spaces that show the depth, and the
 * path. The prefix is in the compiler's own language: clang-cl's is fixed, cl's is learned from a compile whose header is
 * known. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#define CC_INCLUDES_PREFIX "Note: including file:"

/* The paths in order, each once; lines without the prefix are passed over. CR before LF is no part of a path.
 * -HP_EXHAUSTED for more than HP_CLOSURE_FILES_MAX; -HP_INVALID for a NUL byte or a line without a path. */
int cc_includes_parse(const char *prefix, const char *data, size_t len, struct hp_strv *ret_files, struct hp_err *err);

/* Appends the text without the lines that have the prefix. */
void cc_includes_strip(const char *prefix, const char *data, size_t len, struct hp_buf *out);

/* The prefix in the output of a compile that included `path` and printed it as spelled: what stands before its first
 * mention at the end of a line, less the blanks between. False when there is none, or nothing before it. */
bool cc_includes_learn(const char *data, size_t len, const char *path, struct hp_buf *ret_prefix);
