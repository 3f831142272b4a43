/* Shared by the files that discover a closure. */
#pragma once

#include "base/map.h"
#include "daemon/dirs.h"
#include "daemon/discover.h"
#include "daemon/search.h"
#include "daemon/system_headers.h"

/* What is known of a file of the closure while it is being discovered. */
struct member {
	struct daemon_content *content;
	int64_t mtime_ns;
	uint64_t dev;
	uint64_t ino;
	bool explained; /* some directive was seen to lead to it */
};

struct discovery {
	const struct daemon_discover_input *in;
	struct daemon_discovery *out;
	struct daemon_search search;
	struct hp_strv owned;    /* strings that directives borrow */
	struct member *members;  /* as long as the draft's files */
	struct hp_map by_inode;  /* (dev, ino) → member index + 1 */
	struct hp_map by_look;   /* (size, mtime in s) of members */
	struct hp_map looked_up; /* path → LOOKED_* or member index + LOOKED_MEMBER */
	struct hp_map parents;   /* directory of a path looked up → struct daemon_dir_view */
	int64_t now_ns;          /* the file clock, before anything was looked at */
	struct hp_map done;      /* directives already followed */
	struct hp_buf *detail;
	struct daemon_system_headers *headers; /* only for -MMD */
	struct hp_strv computed;               /* directories of the files that have #include MACRO */
	struct daemon_probes probes;           /* by the draft's numbers of directories */
	struct daemon_dir_fds fds;
	uint32_t *numbers;      /* of the search's directories in the draft, + 1; 0: not given yet */
	const char **places;    /* scratch for walk: as many as a search has */
	struct hp_buf joined;   /* scratch for walk */
	struct hp_buf absolute; /* scratch for look-ups */
	struct hp_buf key;      /* scratch for follow */
	bool pch;               /* a precompiled header is there and may have been used ... */
	bool pch_with_times;    /* ... and may hold the times of its headers */
	bool newcomer;          /* a file came where the compiler may have looked before */
	enum cc_reason trouble; /* met while looking up */
};

#define LOOKED_ABSENT 1u
#define LOOKED_OTHER 2u /* a file that the compile did not read */
#define LOOKED_MEMBER 3u

/* One thing that a file asks for. */
struct directive {
	const char *name;
	size_t from;         /* the member that asks */
	const char *own_dir; /* searched first, "" for the working directory; NULL: not for <...> */
	bool quote;
	bool alone; /* an absolute name: own_dir is all there is */
	bool next;  /* include_next: any later place can be the one meant */
	bool probe; /* __has_include: any file will do, none is an answer too */
};

/* discover_look.c ---------------------------------------------------------------------------------------------------- */

/* Adds a file to the closure. CC_REASON_NONE, or why the unit cannot be stored with the path in d->detail. */
enum cc_reason daemon_discovery_add(struct discovery *d, const char *spelled, uint8_t flags);

/* The text of a member, read once more; not as it was when it joined: CC_REASON_INPUT_CHANGED. */
enum cc_reason daemon_discovery_text(struct discovery *d, size_t member, struct hp_buf *out);

/* Whether the path, relative to the compile's directory, is absent, a member, or another file. */
uintptr_t daemon_discovery_look_up(struct discovery *d, const char *path);

/* A file is there, or can be, at a path with a backslash: Clang writes that as a slash into its list, which of two files
 * it read is then not said, and the unit is not stored. */
void daemon_discovery_backslash(struct discovery *d, const char *path);

/* A file that the compile's list does not name, but whose being there or content decides: it joins the closure, and
 * *ret_looked becomes its member. */
enum cc_reason daemon_discovery_join(struct discovery *d, const char *path, uintptr_t *ret_looked);

/* NAME was looked for in these directories in vain. */
void daemon_discovery_absent(struct discovery *d, const char *name, const char *const *dirs, size_t dirs_len);

/* One place where a file is read if there is one: joins as content or as an absence. *ret_there may be NULL. */
enum cc_reason daemon_discovery_place(struct discovery *d, const char *path, bool *ret_there);

/* The k-th directory that the search of a directive goes through, "" for the working directory; NULL past the last. */
const char *daemon_discovery_dir(const struct discovery *d, const struct directive *t, size_t k);

/* Makes a directive of a name as a file spells it. `own_dir` is the directory of the file that asks. */
struct directive daemon_directive(struct discovery *d, const struct cc_include *inc, const char *name,
                                  const char *own_dir);

/* An absolute name is looked for in one place. */
void daemon_directive_alone(struct discovery *d, struct directive *t);

/* DIR/NAME in *out, DIR "" being the working directory. */
void daemon_spell(struct hp_buf *out, const char *dir, const char *name);

/* Without a leading "./", which dependency files leave out. */
const char *daemon_without_dot(const char *path);

/* The directory part, "" for none. The caller frees. */
char *daemon_dir_part(const char *path);

/* discover.c --------------------------------------------------------------------------------------------------------- */

/* Follows a directive to where it leads. *ret_target is for discover.c alone. */
enum cc_reason daemon_discovery_follow(struct discovery *d, const struct directive *t, uintptr_t *ret_target);

/* discover_wrapped.c ------------------------------------------------------------------------------------------------- */

/* What macros ask for that wrap __has_include. */
enum cc_reason daemon_discovery_wrapped(struct discovery *d);

/* discover_asm.c ----------------------------------------------------------------------------------------------------- */

/* Files that the assembler reads. */
enum cc_reason daemon_discovery_asm(struct discovery *d);

/* discover_inputs.c -------------------------------------------------------------------------------------------------- */

/* Files that options name: lists, profiles, plugins. */
enum cc_reason daemon_discovery_inputs(struct discovery *d);

/* discover_pch.c ----------------------------------------------------------------------------------------------------- */

/* Precompiled headers that the compile used or would have used, had they been there. */
enum cc_reason daemon_discovery_pch(struct discovery *d);
