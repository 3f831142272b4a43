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

bool daemon_side_plain(const char *path, mode_t mask, mode_t extra)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	return S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_mode & 07777) == ((0666 | extra) & ~mask) &&
	       (st.st_mode & S_IWUSR);
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

/* Overwrites the file that is there when nobody could tell it from a new one: it has no other name, has the mode that a
 * new one would get, and a write lease says that nobody has it open or mapped; whoever opens it meanwhile waits until
 * we close. On ext4 this is several times cheaper than a new inode renamed over the old, which also makes the file
 * system flush the data at once. 0, or -errno: then nothing was changed. */
static int overwrite(const char *path, mode_t mode, const void *data, size_t len)
{
	HP_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & 07777) != mode || st.st_uid != geteuid())
		return -EPERM;
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return -errno;
	/* Past this point a failure leaves what a failing compiler leaves: the client runs it, and it starts over. Writing
	 * nothing over nothing would leave the old time. */
	if (sys_write_all(fd, data, len) < 0 || (len == 0 && futimens(fd, NULL) < 0) ||
	    ((uint64_t)st.st_size > len && ftruncate(fd, (off_t)len) < 0)) {
		(void)unlink(path);
		return -EIO;
	}
	return 0;
}

/* A new file in place of the old one, atomically. */
static int replace(const char *path, mode_t mode, const void *data, size_t len)
{
	HP_AUTO_FREE char *tmp = hp_asprintf("%s.%08x.hpcc", path, (unsigned)sys_random_u64());
	int r = create(tmp, O_EXCL, mode, data, len);

	if (r == 0 && rename(tmp, path) < 0) {
		r = -errno;
		(void)unlink(tmp);
	}
	return r;
}

int daemon_output_write_object(const char *path, mode_t mask, mode_t extra, const void *data, size_t len,
                               struct hp_err *err)
{
	mode_t mode = (0666 | extra) & ~mask;
	int r = overwrite(path, mode, data, len);

	if (r == -ENOENT)
		r = create(path, O_EXCL, mode, data, len);
	if (r < 0)
		r = replace(path, mode, data, len);
	return r < 0 ? hp_err_sys(err, -r, "%s", path) : 0;
}

int daemon_output_write_deps(const char *path, mode_t mask, const void *data, size_t len, struct hp_err *err)
{
	int r = create(path, O_TRUNC, 0666 & ~mask, data, len);

	return r < 0 ? hp_err_sys(err, -r, "%s", path) : 0;
}
