#include "daemon/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/entropy.h"
#include "sys/fs.h"

bool daemon_output_plain(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	return S_ISREG(st.st_mode) && st.st_size > 0 && (st.st_mode & S_IWUSR);
}

bool daemon_deps_plain(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	return S_ISREG(st.st_mode);
}

/* The daemon's umask is 0 (server.c), so the mode given is the mode got. */
static int create(const char *path, int flags, mode_t mode, const void *data, size_t len)
{
	HP_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = sys_write_all(fd, data, len);
	if (r < 0 && (flags & O_EXCL))
		(void)unlink(path);
	return r;
}

int daemon_output_write_object(const char *path, mode_t mask, mode_t extra, const void *data, size_t len,
                               struct hp_err *err)
{
	mode_t mode = (0666 | extra) & ~mask;
	HP_AUTO_FREE char *tmp = NULL;
	int r = create(path, O_EXCL, mode, data, len);

	if (r == -EEXIST) {
		tmp = hp_asprintf("%s.%08x.hpcc", path, (unsigned)sys_random_u64());
		r = create(tmp, O_EXCL, mode, data, len);
		if (r == 0 && rename(tmp, path) < 0) {
			r = -errno;
			(void)unlink(tmp);
		}
	}
	return r < 0 ? hp_err_sys(err, -r, "%s", path) : 0;
}

int daemon_output_write_deps(const char *path, mode_t mask, const void *data, size_t len, struct hp_err *err)
{
	int r = create(path, O_TRUNC, 0666 & ~mask, data, len);

	return r < 0 ? hp_err_sys(err, -r, "%s", path) : 0;
}
