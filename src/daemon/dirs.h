/* Names known to be absent from a directory, remembered for as long as the directory's stamp stays: most places where a
 * compiler looks in vain are the same few system directories, for every unit again. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "sys/fs.h"

struct daemon_dir {
	const char *path; /* absolute; owned by the pool; need not exist */
	pthread_mutex_t lock;
	struct sys_stamp stamp; /* of `absent` */
	struct hp_map absent;
	uint64_t step_dev; /* file system that step_ns is of */
	int64_t step_ns;   /* its clock's step */
	int fd;            /* O_PATH, atomic; DAEMON_DIR_FD_NONE: not opened; …_OFF: not to be used */
	uint64_t fd_dev;   /* of what fd is open on; fixed once fd is set */
	uint64_t fd_ino;
};

#define DAEMON_DIR_FD_NONE (-1)
#define DAEMON_DIR_FD_OFF (-2)

/* Directories kept open at most: headers lie in few, and descriptors are for connections first. */
#define DAEMON_DIR_FDS_MAX 512

void *daemon_dir_new(const char *path, size_t path_len); /* for daemon_pool_intern */
void daemon_dir_free(void *dir);

/* A directory as one request found it. Zero stamp: it does not exist. */
struct daemon_dir_view {
	struct daemon_dir *dir;
	struct sys_stamp stamp;
	bool trusted;    /* the stamp is older than the clock's step: no change can hide behind it */
	uint64_t *bytes; /* atomic: what the memory that the directory belongs to holds */
};

/* Looks at the directory now; now_ns is the file clock, read before. */
void daemon_dir_look(struct daemon_dir *dir, int64_t now_ns, uint64_t *bytes, struct daemon_dir_view *ret_view);

/* What is under a name. */
enum daemon_dir_entry {
	DAEMON_DIR_ABSENT,   /* nothing, or a directory, which compilers pass over as well */
	DAEMON_DIR_DANGLING, /* a link that leads to no file: one can appear behind it without the directory changing */
	DAEMON_DIR_FILE,
};

/* A file that was found: what a path leads to, and the later time of its own if it is a link. */
struct daemon_dir_file {
	struct sys_stamp stamp;
	int64_t link_ns; /* 0: no link */
};

/* What `name` (without a slash) is in the directory. Asks the file system only when the name was not known to be absent
 * for the view's stamp. *ret_file is set for DAEMON_DIR_FILE. */
enum daemon_dir_entry daemon_dir_find(const struct daemon_dir_view *view, const char *name,
                                      struct daemon_dir_file *ret_file);

/* A descriptor to look up names in the directory with, which saves the kernel the walk along its path; -1: use the path.
 * `stamp` is what the path leads to now: a descriptor is good only as long as that is the directory it is open on. Valid
 * as long as the memory is. */
int daemon_dir_fd(struct daemon_dir *dir, const struct sys_stamp *stamp);

/* The descriptors of the directories met in one piece of work. Headers of one directory mostly come close together, so
 * the search starts at the last one; when there are too many the paths will do. */
struct daemon_dir_fds {
	struct daemon_dir *dirs[64];
	int fds[64];
	size_t len;
};

/* daemon_dir_fd, by what the path leads to when it is first asked for. */
int daemon_dir_fds_get(struct daemon_dir_fds *d, struct daemon_dir *dir);
