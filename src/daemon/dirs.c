#include "daemon/dirs.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

void *daemon_dir_new(const char *path, size_t path_len)
{
	struct daemon_dir *dir = hp_zalloc(sizeof *dir);

	(void)path_len;
	dir->path = path;
	dir->fd = DAEMON_DIR_FD_NONE;
	(void)pthread_mutex_init(&dir->lock, NULL);
	return dir;
}

/* Of the process, as descriptors are. */
static int open_fds;

void daemon_dir_free(void *p)
{
	struct daemon_dir *dir = p;

	if (dir->fd >= 0) {
		(void)close(dir->fd);
		(void)__atomic_sub_fetch(&open_fds, 1, __ATOMIC_RELAXED);
	}
	hp_map_done(&dir->absent);
	(void)pthread_mutex_destroy(&dir->lock);
	free(dir);
}

static int64_t step_of(struct daemon_dir *dir, const struct sys_stamp *stamp)
{
	int64_t step_ns;

	(void)pthread_mutex_lock(&dir->lock);
	if (dir->step_dev != stamp->dev) {
		dir->step_dev = stamp->dev;
		dir->step_ns = sys_fs_step_path(dir->path);
	}
	step_ns = dir->step_ns;
	(void)pthread_mutex_unlock(&dir->lock);
	return step_ns;
}

void daemon_dir_look(struct daemon_dir *dir, int64_t now_ns, uint64_t *bytes, struct daemon_dir_view *ret_view)
{
	*ret_view = (struct daemon_dir_view){.dir = dir, .bytes = bytes};
	if (sys_stamp_path(dir->path, &ret_view->stamp) < 0 || !S_ISDIR(ret_view->stamp.mode))
		ret_view->stamp = (struct sys_stamp){0};
	else
		ret_view->trusted = sys_stamp_time_ns(&ret_view->stamp) + step_of(dir, &ret_view->stamp) < now_ns;
}

/* A remembered name: its slot and its text. */
#define NAME_COST 80u

/* The memo's answer, after throwing out what is of another stamp. */
static bool known_absent(const struct daemon_dir_view *view, const char *name, size_t len)
{
	struct daemon_dir *dir = view->dir;
	bool known;

	(void)pthread_mutex_lock(&dir->lock);
	if (!sys_stamp_eq(&dir->stamp, &view->stamp)) {
		(void)__atomic_sub_fetch(view->bytes, dir->absent.len * NAME_COST, __ATOMIC_RELAXED);
		hp_map_done(&dir->absent);
		dir->stamp = view->stamp;
	}
	known = hp_map_find(&dir->absent, name, len) != NULL;
	(void)pthread_mutex_unlock(&dir->lock);
	return known;
}

/* Compilers take precompiled headers out of a directory that has the name of one. */
static bool may_be_directory(const char *path)
{
	return hp_endswith(path, ".gch") || hp_endswith(path, ".pch");
}

/* One call where there is nothing, which is nearly always, and where there is no link. */
static enum daemon_dir_entry look(int dir_fd, const char *path, struct daemon_dir_file *ret_file)
{
	struct stat st;
	bool link;

	if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DAEMON_DIR_ABSENT;
	if (S_ISDIR(st.st_mode) && !may_be_directory(path))
		return DAEMON_DIR_ABSENT;
	link = S_ISLNK(st.st_mode);
	sys_stamp_from_stat(&st, &ret_file->stamp);
	ret_file->link_ns = link ? sys_stamp_time_ns(&ret_file->stamp) : 0;
	if (link && (fstatat(dir_fd, path, &st, 0) < 0 || (S_ISDIR(st.st_mode) && !may_be_directory(path))))
		return DAEMON_DIR_DANGLING;
	sys_stamp_from_stat(&st, &ret_file->stamp);
	return DAEMON_DIR_FILE;
}

static void note_absent(const struct daemon_dir_view *view, const char *name, size_t len)
{
	struct daemon_dir *dir = view->dir;

	(void)pthread_mutex_lock(&dir->lock);
	if (sys_stamp_eq(&dir->stamp, &view->stamp)) {
		hp_map_put(&dir->absent, name, len)->value = dir;
		(void)__atomic_add_fetch(view->bytes, NAME_COST, __ATOMIC_RELAXED);
	}
	(void)pthread_mutex_unlock(&dir->lock);
}

enum daemon_dir_entry daemon_dir_find(const struct daemon_dir_view *view, const char *name,
                                      struct daemon_dir_file *ret_file)
{
	struct daemon_dir *dir = view->dir;
	HP_AUTO_BUF struct hp_buf path = {0};
	enum daemon_dir_entry found;
	size_t len = strlen(name);
	int fd;

	if (view->stamp.ino == 0 || (view->trusted && known_absent(view, name, len)))
		return DAEMON_DIR_ABSENT;
	fd = daemon_dir_fd(dir, &view->stamp);
	if (fd >= 0 && len) {
		found = look(fd, name, ret_file);
	} else {
		hp_buf_str(&path, dir->path);
		hp_buf_char(&path, '/');
		hp_buf_append(&path, name, len);
		found = look(AT_FDCWD, path.data, ret_file);
	}
	if (view->trusted && found == DAEMON_DIR_ABSENT)
		note_absent(view, name, len);
	return found;
}

/* Opens the directory once. A descriptor is never closed while others may use it, so one that has become wrong is only
 * put out of use. */
static int open_dir(struct daemon_dir *dir)
{
	struct sys_stamp stamp;
	int fd;

	(void)pthread_mutex_lock(&dir->lock);
	fd = dir->fd;
	if (fd == DAEMON_DIR_FD_NONE) {
		fd = DAEMON_DIR_FD_OFF;
		if (__atomic_add_fetch(&open_fds, 1, __ATOMIC_RELAXED) <= DAEMON_DIR_FDS_MAX)
			fd = open(dir->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || sys_stamp_fd(fd, &stamp) < 0) {
			if (fd >= 0)
				(void)close(fd);
			fd = DAEMON_DIR_FD_OFF;
			(void)__atomic_sub_fetch(&open_fds, 1, __ATOMIC_RELAXED);
		} else {
			dir->fd_dev = stamp.dev;
			dir->fd_ino = stamp.ino;
		}
		__atomic_store_n(&dir->fd, fd, __ATOMIC_RELEASE);
	}
	(void)pthread_mutex_unlock(&dir->lock);
	return fd;
}

int daemon_dir_fd(struct daemon_dir *dir, const struct sys_stamp *stamp)
{
	int fd = __atomic_load_n(&dir->fd, __ATOMIC_ACQUIRE);

	if (fd == DAEMON_DIR_FD_NONE)
		fd = open_dir(dir);
	return fd >= 0 && dir->fd_ino == stamp->ino && dir->fd_dev == stamp->dev ? fd : -1;
}

int daemon_dir_fds_get(struct daemon_dir_fds *d, struct daemon_dir *dir)
{
	struct sys_stamp stamp;
	int fd;

	for (size_t i = d->len; i > 0; i--) {
		if (d->dirs[i - 1] == dir)
			return d->fds[i - 1];
	}
	if (d->len == HP_ARRAY_SIZE(d->dirs))
		return -1;
	fd = sys_stamp_path(dir->path, &stamp) < 0 ? -1 : daemon_dir_fd(dir, &stamp);
	d->dirs[d->len] = dir;
	d->fds[d->len++] = fd;
	return fd;
}
