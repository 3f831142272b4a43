/* Files of one closure that have the same content. #pragma once and #import leave a file out when it is one that was read
 * before: for Clang when both names lead to the same inode, for GCC when content and modification time, in seconds, are
 * the same. So which of a closure's twins are one file counts like a content: a copy of the tree, or a link replaced by
 * what it led to, compiles to something else although every file reads the same. */
#pragma once

#include "base/map.h"
#include "codec/digest.h"
#include "sys/fs.h"

struct daemon_twins {
	struct hp_map first; /* (content, inode) and (content, time) → number of the first such file + 1 */
	struct codec_hasher hasher;
	size_t len;
};

/* Adds the next file, in the closure's order. A zeroed struct has none. */
void daemon_twins_add(struct daemon_twins *t, const struct codec_digest *content, uint64_t dev, uint64_t ino,
                      int64_t mtime_ns);

/* The digest of who is whose twin; releases *t. False, and *ret_digest untouched, when nothing was added. */
bool daemon_twins_end(struct daemon_twins *t, struct codec_digest *ret_digest);
