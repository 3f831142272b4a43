/* The digest memo: what a file holds, remembered by its stamp and read again when in doubt. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cc/scan.h"
#include "codec/digest.h"
#include "daemon/dirs.h"
#include "sys/fs.h"

/* What was found in one state of a file. Immutable, shared. */
struct daemon_content {
	int refs;
	struct codec_digest digest;
	struct cc_scan scan;
};
struct daemon_content *daemon_content_ref(struct daemon_content *content);
void daemon_content_unref(struct daemon_content *content);
static inline void daemon_content_auto(struct daemon_content **content)
{
	daemon_content_unref(*content);
}
#define DAEMON_AUTO_CONTENT __attribute__((cleanup(daemon_content_auto)))

/* One path. Locked by its own mutex: two compiles that need the same fresh header hash it once. */
struct daemon_file {
	const char *path;       /* absolute; owned by the pool */
	const char *name;       /* the part of it below `dir` */
	struct daemon_dir *dir; /* set by daemon_memory_file */
	pthread_mutex_t lock;
	struct sys_stamp stamp; /* of `content` */
	bool trusted; /* the stamp was older than the clock's step when the content was read (the racy rule) */
	struct daemon_content *content; /* NULL: never read */
};

void *daemon_file_new(const char *path, size_t path_len); /* for daemon_pool_intern */
void daemon_file_free(void *file);

/* Whether this is /dev/null, and really the null device. As a source it is empty: configure scripts and the Linux kernel's
 * Makefiles probe compilers with it. */
bool daemon_is_null_device(const char *path);

/* The digest of what the file holds now, and its stamp. Returns 0, or -errno (also -EFBIG for more than
 * HP_SOURCE_SIZE_MAX bytes, -EINVAL for what is not a regular file). ret_stamp may be NULL. */
int daemon_file_digest(struct daemon_file *file, struct codec_digest *ret_digest, struct sys_stamp *ret_stamp);

/* daemon_file_digest for a file whose directory is open as dir_fd (daemon_dir_fd); -1: goes by the path. */
int daemon_file_digest_at(struct daemon_file *file, int dir_fd, struct codec_digest *ret_digest);

/* The same with the scan: a reference in *ret_content. */
int daemon_file_content(struct daemon_file *file, struct daemon_content **ret_content, struct sys_stamp *ret_stamp);
int daemon_file_content_at(struct daemon_file *file, int dir_fd, struct daemon_content **ret_content,
                           struct sys_stamp *ret_stamp);
