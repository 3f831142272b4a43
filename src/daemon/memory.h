/* What the daemon remembers between compiles: files by path, and the closures of each command line. Everything in it
 * can be forgotten at any time; that is how it is bounded: past its limit a new, empty memory takes its place, and the
 * old one goes when the last request that uses it is done. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "codec/digest.h"
#include "daemon/dirs.h"
#include "daemon/files.h"
#include "daemon/place.h"
#include "daemon/pool.h"

/* Closures remembered for one command line in one directory: the sets of files that it was seen to read. One is the
 * rule; conditional includes that depend on other headers make a few. */
#define DAEMON_CLOSURES_PER_SLOT 8

struct daemon_dirset {
	uint32_t len;
	uint32_t dirs[]; /* ids in memory->dirs */
};

struct daemon_memory {
	int refs;
	struct daemon_pool files;    /* absolute path → struct daemon_file */
	struct daemon_pool dirs;     /* absolute path of a directory → struct daemon_dir */
	struct daemon_pool names;    /* a header's name as included */
	struct daemon_pool dirsets;  /* list of directory ids → struct daemon_dirset */
	struct daemon_pool slots;    /* closure key, working directory, roots → struct daemon_slot */
	struct daemon_pool timeless; /* digests of precompiled headers that are known to hold no times */
	struct daemon_pool markers;  /* path → struct daemon_marker */
	uint64_t closure_bytes;      /* atomic */
};

/* The closures of one command line in one directory. */
struct daemon_closure;
struct daemon_slot {
	pthread_mutex_t lock;
	/* Entries of the store whose closures were read already, the last ones. */
	struct codec_digest seen[2 * DAEMON_CLOSURES_PER_SLOT];
	size_t seen_next;
	uint64_t news; /* counts the closures remembered: whether a look-up is out of date */
	struct daemon_closure *closures[DAEMON_CLOSURES_PER_SLOT]; /* most recently used first */
	size_t closures_len;
};

struct daemon_memory *daemon_memory_new(void);
struct daemon_memory *daemon_memory_ref(struct daemon_memory *m);
void daemon_memory_unref(struct daemon_memory *m);
static inline void daemon_memory_auto(struct daemon_memory **m)
{
	daemon_memory_unref(*m);
}
#define DAEMON_AUTO_MEMORY __attribute__((cleanup(daemon_memory_auto)))

/* About how many bytes it holds. */
uint64_t daemon_memory_size(const struct daemon_memory *m);

uint32_t daemon_memory_file(struct daemon_memory *m, const char *path);
uint32_t daemon_memory_dir(struct daemon_memory *m, const char *path);
uint32_t daemon_memory_name(struct daemon_memory *m, const char *name);
uint32_t daemon_memory_dirset(struct daemon_memory *m, const uint32_t *dirs, size_t len);
/* `place` lists the roots, "" without a project: names in a closure mean other files elsewhere. */
struct daemon_slot *daemon_memory_slot(struct daemon_memory *m, const struct codec_digest *closure_key, const char *cwd,
                                       const char *place);

/* Clang compares the times of headers only with those in a precompiled header; one made with -fno-pch-timestamp has none,
 * which its making tells and nothing else. */
void daemon_memory_note_timeless(struct daemon_memory *m, const void *pch, size_t len);
bool daemon_memory_is_timeless(struct daemon_memory *m, const struct codec_digest *pch);

static inline struct daemon_file *daemon_file_at(const struct daemon_memory *m, uint32_t id)
{
	return daemon_pool_at(&m->files, id);
}

static inline struct daemon_dir *daemon_dir_at(const struct daemon_memory *m, uint32_t id)
{
	return daemon_pool_at(&m->dirs, id);
}
