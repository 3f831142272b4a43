/* Keys on preprocessed text (source_mode = "preprocessed"): when the preprocessor's output and the places of all code in the
 * files are the same, so is the object, whatever changed in comments and in macros that nobody uses.
 *
 * Preprocessed text alone does not say in which columns the code stands, which debug information and warnings depend on,
 * nor what comments said that warnings heed. A file's skeleton does: docs/decisions/0017-preprocessed-keys.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/strv.h"
#include "cc/invocation.h"
#include "cc/place.h"

/* Whether this command line's result depends on nothing of its sources but the preprocessed text and the skeletons. */
bool cc_preprocess_usable(const struct cc_invocation *inv);

/* The arguments (argv[1…]) that write the preprocessed text and a dependency file instead of compiling; appended. */
void cc_preprocess_args(const struct cc_invocation *inv, const char *deps_file, const char *text_file,
                        struct hp_strv *out);

/* Appends a source's skeleton: its text with comments blanked, without white space at the ends of lines, and with
 * nothing but the newline left of preprocessing directives other than #pragma (directives = true: as they are). A comment
 * that can silence a warning stays. */
void cc_skeleton(const char *text, size_t len, bool directives, struct hp_buf *out);

/* Appends preprocessed text with names for the paths in its line markers. */
void cc_preprocessed_named(const struct cc_place *place, const char *text, size_t len, struct hp_buf *out);
