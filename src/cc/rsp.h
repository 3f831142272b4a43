/* Response files: the words of "@file" arguments. Each family splits the text in its own way, and the difference is
 * one of arguments, so both ways are here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "cc/invocation.h"

/* Appends the words of `len` bytes to `words`.
 * GCC: white space is that of isspace(); both quotes group; a backslash takes the next byte as it is, also inside
 * either quote, and is dropped at the end of the text; "" is an empty word.
 * Clang: white space is space, tab, CR, LF; a backslash at the end of the text stays; "" is no word at all; a leading
 * UTF-8 byte order mark is skipped, and text in UTF-16 (with its mark) is read.
 * clang-cl and cl: as cc_rsp_split_windows, with the same encodings.
 * Returns 0, or -HP_INVALID for a NUL byte, malformed UTF-16, or UTF-16 for GCC, or -HP_EXHAUSTED past
 * HP_ARGS_MAX words. */
int cc_rsp_split(enum cc_family family, const char *data, size_t len, struct hp_strv *words, struct hp_err *err);

/* The same as Windows' command lines are split, which is how clang-cl and cl do it: white space is space, tab, CR, LF; double
 * quotes group, and inside them two stand for one; backslashes mean themselves unless a double quote follows; a quote that
 * is never closed takes its word away. */
int cc_rsp_split_windows(const char *data, size_t len, struct hp_strv *words, struct hp_err *err);

/* Appends as UTF-8 what follows the byte order mark of a file in UTF-16, of either order. -HP_INVALID for an odd length,
 * a NUL or half a surrogate pair. */
int cc_rsp_decode_utf16(const char *data, size_t len, struct hp_buf *out, struct hp_err *err);

/* Appends `word` so that cc_rsp_split gives it back, in either family. An empty word becomes "", which only GCC reads
 * back. */
void cc_rsp_quote(const char *word, struct hp_buf *out);

/* Replaces each "@file" of argv by the words in the file, and again in what came out of it; appends the result to
 * `args`. *ret_opened: whether there was any. *ret_from_file, when not NULL: one byte an argument of `args` (from
 * index 0), 1 where it came out of a file; the caller frees; NULL when nothing was opened.
 * Returns 0, or -code: the read function's own; -HP_INVALID for a malformed file; -HP_EXHAUSTED for more than
 * HP_RSP_DEPTH_MAX levels, HP_RSP_SIZE_MAX bytes or HP_ARGS_MAX arguments. */
int cc_rsp_expand(enum cc_family family, size_t argc, char *const *argv, cc_read_file_fn read_file, void *read_ctx,
                  struct hp_strv *args, bool *ret_opened, unsigned char **ret_from_file, struct hp_err *err);
