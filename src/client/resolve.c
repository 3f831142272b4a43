#include "client/resolve.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/fs.h"

/* A link named gcc that ends at some hpcc: this one by inode, another installation's by the name of what it ends at. */
static bool is_hpcc(const char *path, const struct stat *st, const struct stat *self)
{
	char real[PATH_MAX];
	char target[PATH_MAX];

	if (self->st_ino == st->st_ino && self->st_dev == st->st_dev)
		return true;
	/* Most compilers are links within their own folder, whose last name is not hpcc: that is seen without realpath. */
	for (int i = 0; i < 8; i++) {
		ssize_t n = readlink(i ? real : path, target, sizeof target - 1);
		const char *slash = strrchr(path, '/');

		if (n <= 0)
			return i && hp_streq(hp_basename(real), "hpcc");
		target[n] = '\0';
		if (strchr(target, '/') || (size_t)(slash + 1 - path) + (size_t)n >= sizeof real)
			break;
		memcpy(real, path, (size_t)(slash + 1 - path));
		memcpy(real + (slash + 1 - path), target, (size_t)n + 1);
	}
	return realpath(path, real) && hp_streq(hp_basename(real), "hpcc");
}

bool client_resolve(const char *name, const char *cwd, struct hp_buf *out, bool *ret_skipped)
{
	const char *path = getenv("PATH");
	size_t start = out->len;
	struct stat self = {0};
	struct stat st;

	*ret_skipped = false;
	/* How we were started leads to us, by whatever link; /proc/self/exe would, too, at several times the price. */
	(void)stat((const char *)getauxval(AT_EXECFN), &self);
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
