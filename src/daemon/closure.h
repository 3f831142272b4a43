/* A remembered closure: the files that a compile read and the paths where it looked for them in vain, bound to a
 * directory. Matching it against the file system gives the manifest digest without running anything.
 *
 * Why a match is safe: an entry exists under a manifest only if a compile read exactly those contents at those paths
 * and found exactly those paths absent (docs/architecture.md). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strv.h"
#include "cc/place.h"
#include "cc/reason.h"
#include "codec/digest.h"
#include "daemon/draft.h"
#include "daemon/memory.h"

struct daemon_gate {
	uint32_t dir;           /* id of an existing directory, or of the nearest existing one above */
	struct sys_stamp stamp; /* zero: unknown, look again */
};

struct daemon_closure {
	size_t files_len;
	uint32_t *files;   /* ids */
	uint32_t *spelled; /* where the spelled path starts in the absolute one */
	uint8_t *flags;
	size_t probes_len;
	uint32_t *probe_names;   /* ids */
	uint32_t *probe_dirsets; /* ids */
	size_t gates_len;
	struct daemon_gate *gates;
	struct codec_digest shape;    /* of the files' names, order and flags and of the absent paths */
	struct codec_digest last_key; /* of the entry last stored or served: what `hpcc explain` compares with */
	uint32_t compile_ms;          /* what the compile took that made it */
	uint64_t bytes;               /* as counted in memory->closure_bytes */
	uint64_t *counter;            /* that: atomic, the memory's */
};

/* Binds a draft to `cwd`; `place` (NULL: none) gives the names under which its paths count in the shape. The gates are
 * taken by the first match. */
struct daemon_closure *daemon_closure_new(struct daemon_memory *m, const struct daemon_draft *draft, const char *cwd,
                                          const struct cc_place *place);
void daemon_closure_free(struct daemon_closure *c);

/* Same files and flags in the same order, same probes. */
bool daemon_closure_same(const struct daemon_closure *a, const struct daemon_closure *b);

/* The manifest digest of this closure with these contents, one a file, and that of its twins (NULL: it has none). */
void daemon_closure_manifest(const struct daemon_closure *c, const struct codec_digest *digests,
                             const struct codec_digest *twins, struct codec_digest *ret_manifest);

/* Makes the digest of a DAEMON_FILE_TIMED file out of its content's. */
void daemon_digest_with_time(struct codec_digest *digest, int64_t mtime_ns);

/* Matches against the file system. CC_REASON_NONE and the manifest digest, or CC_REASON_INPUT_DIFFERS (a file is
 * missing or unreadable) or CC_REASON_HEADER_APPEARED, with the path appended to `detail`. Not thread-safe for one
 * closure: the caller holds its slot's lock. */
enum cc_reason daemon_closure_match(struct daemon_memory *m, struct daemon_closure *c,
                                    struct codec_digest *ret_manifest, struct hp_buf *detail);

/* The path of file i as the compiler spells it. */
static inline const char *daemon_closure_path(const struct daemon_memory *m, const struct daemon_closure *c, size_t i)
{
	return daemon_file_at(m, c->files[i])->path + c->spelled[i];
}
