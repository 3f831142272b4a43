#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/mem.h"
#include "sys/entropy.h"

void sys_stamp_from_stat(const struct stat *st, struct sys_stamp *ret_stamp)
{
	ret_stamp->dev = st->st_dev;
	ret_stamp->ino = st->st_ino;
	ret_stamp->size = (uint64_t)st->st_size;
	ret_stamp->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	ret_stamp->ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
	ret_stamp->mode = st->st_mode;
}

int sys_stamp_path(const char *path, struct sys_stamp *ret_stamp)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	sys_stamp_from_stat(&st, ret_stamp);
	return 0;
}

int sys_stamp_at(int dir_fd, const char *name, struct sys_stamp *ret_stamp)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, 0) < 0)
		return -errno;
	sys_stamp_from_stat(&st, ret_stamp);
	return 0;
}

int sys_stamp_fd(int fd, struct sys_stamp *ret_stamp)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	sys_stamp_from_stat(&st, ret_stamp);
	return 0;
}

/* Reads to the end, at most size_max. Returns 0 or -errno; EFBIG for more. */
static int read_all(int fd, size_t size_hint, size_t size_max, struct hp_buf *out)
{
	size_t start = out->len;

	for (;;) {
		size_t room = size_hint > out->len - start ? size_hint - (out->len - start) + 1 : 65536;
		char *dst = hp_buf_reserve(out, room);
		ssize_t n = read(fd, dst, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		hp_buf_added(out, (size_t)n);
		if (out->len - start > size_max)
			return -EFBIG;
	}
}

int sys_read_file(const char *path, size_t size_max, struct hp_buf *out, struct sys_stamp *ret_stamp,
                  struct hp_err *err)
{
	HP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return hp_err_sys(err, errno, "%s", path);
	return sys_read_fd(fd, path, size_max, out, ret_stamp, err);
}

int sys_read_fd(int fd, const char *path, size_t size_max, struct hp_buf *out, struct sys_stamp *ret_stamp,
                struct hp_err *err)
{
	struct sys_stamp before = {0};
	struct sys_stamp after = {0};
	int r;

	r = sys_stamp_fd(fd, &before);
	if (r < 0)
		return hp_err_sys(err, -r, "%s", path);
	if (!S_ISREG(before.mode))
		return hp_err_set(err, HP_INVALID, "%s: not a regular file", path);
	if (before.size > size_max)
		return hp_err_set(err, HP_EXHAUSTED, "%s: larger than the limit of %zu bytes", path, size_max);
	r = read_all(fd, before.size, size_max, out);
	if (r == -EFBIG)
		return hp_err_set(err, HP_EXHAUSTED, "%s: larger than the limit of %zu bytes", path, size_max);
	if (r < 0)
		return hp_err_sys(err, -r, "%s", path);
	if (!ret_stamp)
		return 0;
	r = sys_stamp_fd(fd, &after);
	if (r < 0)
		return hp_err_sys(err, -r, "%s", path);
	if (!sys_stamp_eq(&before, &after))
		return hp_err_set(err, HP_ABORTED, "%s: changed while it was read", path);
	*ret_stamp = after;
	return 0;
}

int sys_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int sys_write_file_atomic(const char *path, mode_t mode, const void *data, size_t len, struct hp_err *err)
{
	HP_AUTO_FREE char *tmp = hp_asprintf("%s.%016llx.tmp", path, (unsigned long long)sys_random_u64());
	HP_AUTO_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return hp_err_sys(err, errno, "%s", tmp);
	r = sys_write_all(fd, data, len);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(tmp);
		return hp_err_sys(err, -r, "%s", path);
	}
	return 0;
}

int sys_mkdirs(const char *path, mode_t mode, struct hp_err *err)
{
	HP_AUTO_FREE char *copy = NULL;
	struct stat st;

	if (mkdir(path, mode) == 0) /* mostly only the last part is missing */
		return 0;
	copy = hp_strdup(path);
	for (char *p = copy + 1; *copy; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && (errno != EEXIST || stat(copy, &st) < 0 || !S_ISDIR(st.st_mode)))
			return hp_err_sys(err, errno == EEXIST ? ENOTDIR : errno, "%s", copy);
		if (c == '\0')
			break;
		*p = c;
	}
	return 0;
}

void sys_path_join(struct hp_buf *out, const char *dir, const char *path)
{
	if (path[0] != '/') {
		hp_buf_str(out, dir);
		hp_buf_char(out, '/');
	}
	hp_buf_str(out, path);
}

static int64_t step_of(const struct statfs *fs)
{
	/* Magic numbers of <linux/magic.h>; f_type is signed long on glibc and unsigned on musl. */
	static const unsigned long local[] = {
	        0xEF53u,     /* ext2, ext3, ext4 */
	        0x58465342u, /* xfs */
	        0x9123683Eu, /* btrfs */
	        0x01021994u, /* tmpfs */
	        0x794C7630u, /* overlayfs: stamps are the upper file system's */
	        0xF2F52010u, /* f2fs */
	        0x2FC12FC1u, /* zfs */
	        0xCA451A4Eu, /* bcachefs */
	};

	for (size_t i = 0; i < HP_ARRAY_SIZE(local); i++) {
		if ((unsigned long)fs->f_type == local[i])
			return 0;
	}
	return 2000000000;
}

int64_t sys_fs_step_ns(int fd)
{
	struct statfs fs = {0};

	(void)fstatfs(fd, &fs);
	return step_of(&fs);
}

int64_t sys_fs_step_path(const char *path)
{
	struct statfs fs = {0};

	(void)statfs(path, &fs);
	return step_of(&fs);
}

/* statx(2) by its numbers, since musl 1.2.3 has no wrapper; the layout is the kernel's ABI (linux/stat.h). One call on
 * "/" is several times cheaper than a stat of /proc/self/ns/mnt, which kernels before 5.8 need. */
void sys_surroundings_get(struct sys_surroundings *ret_surroundings)
{
	enum {
		MASK_INO = 0x100,
		MASK_MNT_ID = 0x1000,
		AT_INO = 32 / 8,
		AT_DEV = 136 / 8,
		AT_MNT_ID = 144 / 8,
	};
	uint64_t stx[32] = {0};
	struct stat st = {0};

	*ret_surroundings = (struct sys_surroundings){0};
	if (syscall(SYS_statx, AT_FDCWD, "/", 0, MASK_INO | MASK_MNT_ID, stx) == 0 && (stx[0] & MASK_MNT_ID)) {
		ret_surroundings->mount = stx[AT_MNT_ID];
		ret_surroundings->root_dev = stx[AT_DEV];
		ret_surroundings->root_ino = stx[AT_INO];
		return;
	}
	if (stat("/proc/self/ns/mnt", &st) == 0)
		ret_surroundings->mount = st.st_ino;
	if (stat("/", &st) == 0) {
		ret_surroundings->root_dev = st.st_dev;
		ret_surroundings->root_ino = st.st_ino;
	}
}
