/* Packs a folder as a squashfs image, for judges that are not ours and for bench/image:
 *   sqfs_tool FOLDER IMAGE gzip|zstd[:LEVEL] THREADS     0 threads: the serial writer
 * Names are taken in sorted order, hard links by inode number; device nodes, owners and extended attributes as they are. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "sqfs/sqfs.h"
#include "sys/workers.h"

struct tool {
	int image;
	struct sqfs_writer *w;
	struct hp_map inodes; /* of files with several names: (device, inode) to ours + 1 */
	uint64_t written;
};

static void die(const char *what, const struct hp_err *err)
{
	(void)fprintf(stderr, "sqfs_tool: %s: %s\n", what, err ? err->msg : "failed");
	exit(1);
}

static int sink_write(void *ctx, uint64_t offset, const void *data, size_t len, struct hp_err *err)
{
	const struct tool *t = ctx;
	const char *from = data;

	while (len > 0) {
		ssize_t n = pwrite(t->image, from, len, (off_t)offset);

		if (n <= 0)
			return hp_err_set(err, HP_INTERNAL, "cannot write");
		from += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int sink_cut(void *ctx, uint64_t size, struct hp_err *err)
{
	const struct tool *t = ctx;

	return ftruncate(t->image, (off_t)size) == 0 ? 0 : hp_err_set(err, HP_INTERNAL, "cannot truncate");
}

static uint32_t add_content(struct tool *t, const char *path)
{
	static char bytes[1 << 20];
	struct hp_err err = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t content = 0;
	ssize_t n;

	if (fd < 0)
		die(path, NULL);
	while ((n = read(fd, bytes, sizeof bytes)) > 0) {
		if (sqfs_content_append(t->w, bytes, (size_t)n, &err) < 0)
			die(path, &err);
	}
	(void)close(fd);
	if (n < 0 || sqfs_content_end(t->w, &content, &err) < 0)
		die(path, &err);
	return content;
}

static size_t read_xattrs(const char *path, struct sqfs_xattr ret[16], struct hp_buf *names, struct hp_buf *values)
{
	ssize_t len = llistxattr(path, hp_buf_reserve(names, 65536), 65536);
	size_t n = 0;

	(void)hp_buf_reserve(values, 1 << 20);
	for (const char *name = names->data; len > 0 && name < names->data + len && n < 16; name += strlen(name) + 1) {
		ssize_t size = lgetxattr(path, name, values->data + values->len, 65536);

		if (size < 0)
			die(path, NULL);
		ret[n++] = (struct sqfs_xattr){.name = name, .value = values->data + values->len, .len = (size_t)size};
		hp_buf_added(values, (size_t)size);
	}
	return n;
}

static uint32_t add_inode(struct tool *t, const char *path, const struct stat *st)
{
	struct sqfs_xattr xattrs[16];
	HP_AUTO_BUF struct hp_buf names = {0};
	HP_AUTO_BUF struct hp_buf values = {0};
	char target[4096] = "";
	struct sqfs_attr attr = {
	        .mode = (uint16_t)(st->st_mode & 07777),
	        .uid = st->st_uid,
	        .gid = st->st_gid,
	        .mtime_s = (uint32_t)st->st_mtime,
	        .target = target,
	        .major = major(st->st_rdev),
	        .minor = minor(st->st_rdev),
	        .xattrs = xattrs,
	        .xattrs_len = read_xattrs(path, xattrs, &names, &values),
	};
	struct hp_err err = {0};
	uint32_t inode;

	attr.type = S_ISDIR(st->st_mode)    ? SQFS_DIR
	            : S_ISREG(st->st_mode)  ? SQFS_REG
	            : S_ISLNK(st->st_mode)  ? SQFS_SYMLINK
	            : S_ISBLK(st->st_mode)  ? SQFS_BLOCK
	            : S_ISCHR(st->st_mode)  ? SQFS_CHAR
	            : S_ISFIFO(st->st_mode) ? SQFS_FIFO
	                                    : SQFS_SOCKET;
	if (attr.type == SQFS_REG)
		attr.content = add_content(t, path);
	if (attr.type == SQFS_SYMLINK && readlink(path, target, sizeof target - 1) < 0)
		die(path, NULL);
	if (sqfs_inode(t->w, &attr, &inode, &err) < 0)
		die(path, &err);
	return inode;
}

static uint32_t add_known(struct tool *t, const char *path, const struct stat *st)
{
	uint64_t key[2] = {st->st_dev, st->st_ino};
	struct hp_map_slot *slot;
	uint32_t inode;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return add_inode(t, path, st);
	slot = hp_map_put(&t->inodes, key, sizeof key);
	if (slot->value)
		return (uint32_t)((uintptr_t)slot->value - 1);
	inode = add_inode(t, path, st);
	hp_map_put(&t->inodes, key, sizeof key)->value = (void *)((uintptr_t)inode + 1);
	return inode;
}

static void add_folder(struct tool *t, const char *path, uint32_t dir)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);

	if (n < 0)
		die(path, NULL);
	for (int i = 0; i < n; i++) {
		HP_AUTO_FREE char *child = hp_asprintf("%s/%s", path, list[i]->d_name);
		struct hp_err err = {0};
		struct stat st;

		if (!hp_streq(list[i]->d_name, ".") && !hp_streq(list[i]->d_name, "..")) {
			uint32_t inode;

			if (lstat(child, &st) < 0)
				die(child, NULL);
			inode = add_known(t, child, &st);
			if (sqfs_link(t->w, dir, list[i]->d_name, inode, &err) < 0)
				die(child, &err);
			if (S_ISDIR(st.st_mode))
				add_folder(t, child, inode);
		}
		free(list[i]);
	}
	free((void *)list);
}

static uint64_t pool_start(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg)
{
	return sys_workers_start(ctx, fn, arg);
}

static void pool_wait(void *ctx, uint64_t ticket)
{
	sys_workers_wait(ctx, ticket);
}

int main(int argc, char **argv)
{
	struct tool t = {0};
	struct sqfs_sink sink = {.write = sink_write, .cut = sink_cut, .ctx = &t};
	struct sqfs_options options = {.compression = CODEC_PACKER_GZIP};
	struct sqfs_pool pool = sqfs_pool_serial;
	struct sys_workers *workers = NULL;
	struct hp_err err = {0};
	uint64_t size;
	struct stat st;

	if (argc != 5)
		return 2;
	if (hp_startswith(argv[3], "zstd"))
		options.compression = CODEC_PACKER_ZSTD;
	if (strchr(argv[3], ':'))
		options.level = (int)strtol(strchr(argv[3], ':') + 1, NULL, 10);
	pool.workers = (unsigned)strtoul(argv[4], NULL, 10);
	if (pool.workers == 0) {
		pool = sqfs_pool_serial;
	} else {
		if (sys_workers_new(pool.workers, 4096, &workers, &err) < 0)
			die("threads", &err);
		pool = (struct sqfs_pool){
		        .workers = pool.workers, .start = pool_start, .wait = pool_wait, .ctx = workers};
	}
	t.image = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (t.image < 0 || lstat(argv[1], &st) < 0)
		die(argv[1], NULL);
	if (sqfs_writer_new(&options, &sink, &pool, &t.w, &err) < 0)
		die("writer", &err);
	add_folder(&t, argv[1], add_inode(&t, argv[1], &st));
	if (sqfs_finish(t.w, &size, &err) < 0)
		die(argv[2], &err);
	sqfs_writer_free(t.w);
	sys_workers_free(workers);
	hp_map_done(&t.inodes);
	return close(t.image) == 0 ? 0 : 1;
}
