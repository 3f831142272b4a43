#include "client/resolve.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/fs.h"

/* A link named gcc that ends at some hpcc: this one by inode, another installation's by the name of what it ends at. */
static bool is_hpcc(const char *path, const struct stat *st, const struct stat *self)
{
	char real[PATH_MAX];
	struct stat link;

	if (self->st_ino == st->st_ino && self->st_dev == st->st_dev)
		return true;
	if (lstat(path, &link) < 0 || !S_ISLNK(link.st_mode))
		return false;
	return realpath(path, real) && hp_streq(hp_basename(real), "hpcc");
}

bool client_resolve(const char *name, const char *cwd, struct hp_buf *out, bool *ret_skipped)
{
	const char *path = getenv("PATH");
	size_t start = out->len;
	struct stat self = {0};
	struct stat st;

	*ret_skipped = false;
	(void)stat("/proc/self/exe", &self);
	if (strchr(name, '/')) {
		sys_path_join(out, cwd, name);
		if (stat(out->data + start, &st) < 0 || !is_hpcc(out->data + start, &st, &self))
			return true;
		name = hp_basename(name);
		*ret_skipped = true;
	}
	for (const char *dir = path ? path : "/usr/bin:/bin"; dir;) {
		const char *colon = strchr(dir, ':');
		size_t len = colon ? (size_t)(colon - dir) : strlen(dir);

		out->len = start;
		if (len == 0 || dir[0] != '/') {
			hp_buf_str(out, cwd);
			hp_buf_char(out, '/');
		}
		hp_buf_append(out, dir, len);
		hp_buf_char(out, '/');
		hp_buf_str(out, name);
		dir = colon ? colon + 1 : NULL;
		if (stat(out->data + start, &st) < 0 || !S_ISREG(st.st_mode) || access(out->data + start, X_OK) < 0)
			continue;
		if (!is_hpcc(out->data + start, &st, &self))
			return true;
		*ret_skipped = true;
	}
	out->len = start;
	if (out->data)
		out->data[start] = '\0';
	return false;
}
