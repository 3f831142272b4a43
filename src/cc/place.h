/* Names for paths that do not depend on where a project lies. Under a project marker, paths below its root are named
 * "<root>/src/a.c" in keys, closures and entries, so that two checkouts share results; and the compiler is told to write
 * the same into its outputs.
 *
 * A place is what one request knows of roots. Invariants: root paths are absolute, without "." and ".." and a trailing
 * slash; none lies below another; a name is used once. Only text is compared, as compilers do: the file system is not
 * asked, and a relative path is its own name (docs/decisions/0016-project-marker.md says why that is enough). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/strv.h"
#include "cc/invocation.h"

struct cc_place_root {
	char *name; /* "root", "build"; "root:2" for another spelling of the same folder, through a link */
	char *path;
	size_t path_len;
	char *macro; /* what __FILE__ shows in its place */
	char *debug; /* what debug information shows */
};

struct cc_place {
	struct cc_place_root *roots;
	size_t len;
};

void cc_place_free(struct cc_place *take_place);

/* Adds a root. One that lies below another is left out, as the outer one names it already; those below the new one go.
 * A further path of one name gets the next number. False: a path that no map can name (not absolute, "/" itself, with
 * '=' or control characters). */
bool cc_place_add(struct cc_place *place, const char *name, const char *path, const char *macro, const char *debug);

/* Makes the spelling that `path` lies below the one without a number: the first that a command line uses. */
void cc_place_prefer(struct cc_place *place, const char *path);

/* Appends the name of a path: absolute and below a root, "<NAME>" and the rest; else the path itself, a leading '<'
 * doubled. False when the path begins like a root and is not below it ("/a/proj2" with the root "/a/proj"): compilers'
 * maps would change it. cc_place_path is the inverse. */
bool cc_place_name(const struct cc_place *place, const char *path, struct hp_buf *out);

/* Appends the path of a name. False, and nothing appended, when it names a root that this place has not, or is no name
 * that cc_place_name would give. */
bool cc_place_path(const struct cc_place *place, const char *name, struct hp_buf *out);

/* Appends what debug information shows in place of a path. */
void cc_place_shown(const struct cc_place *place, const char *path, struct hp_buf *out);

/* Whether the bytes hold the path of a root anywhere. */
bool cc_place_occurs(const struct cc_place *place, const char *data, size_t len);

/* The key's arguments with the paths of the include search named. False: one of them holds a root's path all the same. */
bool cc_place_args(const struct cc_place *place, const struct hp_strv *args, struct hp_strv *out);

/* Whether this command line's outputs hold paths in a way that no map reaches, or maps of the user's own are in force:
 * results are then for this place alone. */
bool cc_place_bound(const struct cc_invocation *inv);

/* Whether a compiler that says this of its version has the options: GCC 8, Clang 10. False where it cannot be told,
 * and in MSVC's grammar. */
bool cc_place_supported(enum cc_family family, const char *version);

/* The arguments that make outputs independent of the place, for in front of the user's, who has the last word.
 * named: as they stand in the key, with names for paths and without the seed. */
void cc_place_flags(const struct cc_place *place, const struct cc_invocation *inv, const char *seed, bool named,
                    struct hp_strv *out);
