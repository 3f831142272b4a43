#include "store/temp_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/entropy.h"
#include "sys/fs.h"

static int create(struct store_temp *temp, const char *dir, struct hp_err *err)
{
	temp->path = hp_asprintf("%s/tmp/%ld.%016" PRIx64, dir, (long)getpid(), sys_random_u64());
	temp->fd = open(temp->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (temp->fd < 0 && errno == ENOENT) {
		HP_AUTO_BUF struct hp_buf folder = {0};
		int rc;

		hp_buf_printf(&folder, "%s/tmp", dir);
		rc = sys_mkdirs(folder.data, 0700, err);
		if (rc < 0)
			return rc;
		temp->fd = open(temp->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (temp->fd < 0) {
		int saved = errno;

		(void)hp_err_sys(err, saved, "create %s", temp->path);
		free(hp_steal(temp->path));
		return -(int)hp_code_from_errno(saved);
	}
	/* A cleaner may take the file for a dead one's until this line; then the rename fails and put begins again.
	 * Where the file system has no locks, cleaners cannot lock either, and let it be. */
	(void)flock(temp->fd, LOCK_EX | LOCK_NB);
	return 0;
}

int store_temp_write(struct store_temp *temp, const char *dir, const void *data, size_t len, struct hp_err *err)
{
	int rc = create(temp, dir, err);

	if (rc < 0)
		return rc;
	rc = sys_write_all(temp->fd, data, len);
	if (rc < 0)
		return hp_err_sys(err, -rc, "write %s", temp->path);
	return 0;
}

int store_temp_rename(struct store_temp *temp, const char *path)
{
	if (rename(temp->path, path) < 0)
		return -errno;
	free(hp_steal(temp->path));
	return 0;
}

void store_temp_done(struct store_temp *temp)
{
	if (temp->path)
		(void)unlink(temp->path);
	free(temp->path);
	if (temp->fd >= 0)
		(void)close(temp->fd);
	*temp = (struct store_temp){.fd = -1};
}

void store_temp_clean(const char *dir)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct dirent *entry;
	size_t base_len;
	DIR *d;

	hp_buf_printf(&path, "%s/tmp", dir);
	d = opendir(path.data);
	hp_buf_char(&path, '/');
	base_len = path.len;
	while (d && (entry = readdir(d))) {
		HP_AUTO_CLOSE int fd = -1;

		if (entry->d_name[0] == '.')
			continue;
		path.len = base_len;
		hp_buf_str(&path, entry->d_name);
		fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)unlink(path.data);
	}
	if (d)
		(void)closedir(d);
}
