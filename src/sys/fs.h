/* Files: stamps, whole-file reads and writes, paths. All descriptors are close-on-exec from birth. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

/* What tells one state of a file from another without reading it (the racy rule of spec 1 says when it may be believed). */
struct sys_stamp {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
	uint32_t mode; /* st_mode */
};

static inline bool sys_stamp_eq(const struct sys_stamp *a, const struct sys_stamp *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

void sys_stamp_from_stat(const struct stat *st, struct sys_stamp *ret_stamp);
/* Follows links. Returns 0 or -errno: the callers tell ENOENT from the rest. */
int sys_stamp_path(const char *path, struct sys_stamp *ret_stamp);
/* A name relative to an open directory. */
int sys_stamp_at(int dir_fd, const char *name, struct sys_stamp *ret_stamp);
int sys_stamp_fd(int fd, struct sys_stamp *ret_stamp);

/* The later of modification and change. */
static inline int64_t sys_stamp_time_ns(const struct sys_stamp *s)
{
	return s->mtime_ns > s->ctime_ns ? s->mtime_ns : s->ctime_ns;
}

static inline void sys_auto_close_fn(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define HP_AUTO_CLOSE __attribute__((cleanup(sys_auto_close_fn)))

/* Yields the descriptor and leaves -1 in its place, so that the attribute no longer closes it. */
static inline int sys_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* Appends the whole regular file to `out`; more than size_max bytes: -HP_EXHAUSTED. ret_stamp may be NULL; else the
 * stamp is the same before and after the read (-HP_ABORTED when the file changed under us). */
int sys_read_file(const char *path, size_t size_max, struct hp_buf *out, struct sys_stamp *ret_stamp,
                  struct hp_err *err);

/* The same for a file that is open; `path` is for messages. */
int sys_read_fd(int fd, const char *path, size_t size_max, struct hp_buf *out, struct sys_stamp *ret_stamp,
                struct hp_err *err);

/* Writes all bytes, retrying short writes and EINTR. Returns 0 or -errno. */
int sys_write_all(int fd, const void *data, size_t len);

/* Publishes the bytes under `path` by rename from a temporary name beside it. */
int sys_write_file_atomic(const char *path, mode_t mode, const void *data, size_t len, struct hp_err *err);

/* mkdir -p; existing directories are fine. */
int sys_mkdirs(const char *path, mode_t mode, struct hp_err *err);

/* `dir` + "/" + `path`, or `path` alone when it is absolute; appended. No normalisation: the kernel's is the right one. */
void sys_path_join(struct hp_buf *out, const char *dir, const char *path);

/* The clock step of the file system that a device number belongs to, in ns: two writes nearer than this can carry one
 * stamp. Local file systems stamp with the kernel's tick; network and FAT ones are coarse or use another clock. */
int64_t sys_fs_step_ns(int fd);
int64_t sys_fs_step_path(const char *path);

/* What two processes must have in common for a path to mean the same file: where "/" is and in which mount namespace. */
struct sys_surroundings {
	uint64_t mount; /* of "/": mount ids differ between namespaces, also for copies of one mount */
	uint64_t root_dev;
	uint64_t root_ino;
};
void sys_surroundings_get(struct sys_surroundings *ret_surroundings);
