/* Dependency files in make syntax, as GCC and Clang write them: read back into data, and printed again byte for byte.
 * Property, fuzzed: for what a compiler wrote, print(parse(x)) == x. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "cc/invocation.h"

struct cc_depfile {
	char *target; /* the text left of the first colon, still quoted, as written; several targets stay one text */
	struct hp_strv deps; /* unquoted paths in order; the first is the main source file */
	bool phony;          /* a rule without prerequisites follows for each dependency but the first (-MP) */
};

void cc_depfile_done(struct cc_depfile *df);

/* Parses `len` bytes. Unquotes spaces, tabs, `$$`, `\#`, backslashes as the family quotes them; joins continued lines.
 * More than HP_CLOSURE_FILES_MAX dependencies or no colon: -HP_INVALID or -HP_EXHAUSTED, *ret_df untouched. */
int cc_depfile_parse(enum cc_family family, const char *data, size_t len, struct cc_depfile *ret_df,
                     struct hp_err *err);

/* Appends the file as the family prints it: `target` verbatim, `deps` quoted and wrapped at the family's column. */
void cc_depfile_print(enum cc_family family, const char *target, char *const *deps, size_t deps_len, bool phony,
                      struct hp_buf *out);

/* Appends `path` quoted as the family quotes a target given by -MQ (or the default target). */
void cc_depfile_quote_target(enum cc_family family, const char *path, struct hp_buf *out);

/* One -MT (quote = false) or -MQ (quote = true) of a command line. */
struct cc_depfile_target {
	const char *text;
	bool quote;
};

/* Appends what the family prints left of the colon for these options, given in command-line order: GCC drops a leading
 * "./" of every target, -MT included, and prints all -MT before all -MQ, these rotated; both wrap long lists. */
void cc_depfile_join_targets(enum cc_family family, const struct cc_depfile_target *targets, size_t targets_len,
                             struct hp_buf *out);
