/* A closure in words, before it is bound to a directory and the daemon's memory (daemon/closure.h): made from a compile
 * (daemon/discover.h) or read back from an entry. A zeroed struct is an empty draft. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/strv.h"
#include "cc/place.h"
#include "codec/digest.h"

#define DAEMON_FILE_SYSTEM 1u /* left out of -MMD */
#define DAEMON_FILE_PROBE 2u  /* read or asked for, but not in the dependency file */
#define DAEMON_FILE_TWIN 8u   /* another file of the closure has the same content (daemon/twins.h) */
#define DAEMON_FILE_TIMED 4u  /* its modification time matters as well: Clang checks the headers of a precompiled one */

/* A name looked for in vain in some directories, in search order: probe_dirs[from, from + len). */
struct daemon_draft_probe {
	const char *name;
	size_t from;
	size_t len;
};

struct daemon_draft {
	struct hp_strv files; /* as spelled; the source first, in the dependency file's order; probes last */
	uint8_t *flags;       /* DAEMON_FILE_*, one per file */

	struct daemon_draft_probe *probes;
	size_t probes_len;
	uint32_t *probe_dirs; /* numbers of directories */
	size_t absent_len;    /* of probe_dirs: so many paths are absent */
	const char **dirs;    /* distinct, as spelled */
	size_t dirs_len;
	struct hp_map numbers; /* directory → its number + 1 */
	struct hp_arena *names;
};
void daemon_draft_done(struct daemon_draft *draft);
#define DAEMON_AUTO_DRAFT __attribute__((cleanup(daemon_draft_done)))

/* The number of a directory, given now when it is new. */
uint32_t daemon_draft_dir(struct daemon_draft *draft, const char *path, size_t len);

/* Adds an absent path, a name in a directory; consecutive ones of one name become one probe. */
void daemon_draft_add_absent(struct daemon_draft *draft, const char *name, uint32_t dir);

/* All absent paths in the form in which entries keep them, "DIR//NAME": the doubled slash, which the file system
 * ignores, keeps what was searched apart from what was searched for. List and strings are the arena's. */
const char **daemon_draft_absent_paths(const struct daemon_draft *draft, struct hp_arena *arena);

/* Two compiles can read the same files and yet differ in what they depend on: another order, a header only asked for
 * by __has_include, a name searched for in other places. So all of that goes into the manifest, not only the contents;
 * an entry is then found only by way of the closure that its own compile had. This is the digest of all that. Absent
 * paths count as daemon_draft_absent_paths has them, so that a closure read back from an entry has the same shape. */
void daemon_draft_shape(const struct daemon_draft *draft, struct codec_digest *ret_shape);

/* The same closure with the names that its paths have in a place, and back. False: some name has no path here. *ret_draft
 * is to be released always. */
void daemon_draft_to_names(const struct daemon_draft *draft, const struct cc_place *place,
                           struct daemon_draft *ret_draft);
bool daemon_draft_to_paths(const struct daemon_draft *draft, const struct cc_place *place,
                           struct daemon_draft *ret_draft);

/* Names looked for in vain, as a discovery meets them, in any order and many times over. */
struct daemon_probes {
	struct hp_map by_name;
	struct daemon_probe *first; /* in order of first mention */
	struct daemon_probe **end;
	size_t count; /* distinct paths */
	struct hp_arena *arena;
};
void daemon_probes_done(struct daemon_probes *probes);

/* Notes NAME in these directories of the draft, each once; what is more than one past HP_CLOSURE_ABSENT_MAX is dropped. */
void daemon_probes_add(struct daemon_probes *probes, const char *name, const uint32_t *dirs, size_t dirs_len);

/* Adds all to the draft whose directories they name. */
void daemon_probes_into(const struct daemon_probes *probes, struct daemon_draft *draft);
