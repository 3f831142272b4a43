#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "config/config.h"
#include "sys/fs.h"

static int make_parent(const char *path, struct hp_err *err)
{
	const char *slash = strrchr(path, '/');
	HP_AUTO_FREE char *parent = NULL;

	if (!slash || slash == path)
		return 0;
	parent = hp_strndup(path, (size_t)(slash - path));
	return sys_mkdirs(parent, 0700, err);
}

/* O_EXCL is what refuses to overwrite; a half-written file is removed again. */
static int write_new(const char *path, const struct hp_buf *text, struct hp_err *err)
{
	HP_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0 && errno == EEXIST)
		return hp_err_set(err, HP_EXISTS, "%s: exists already: edit it, or remove it first", path);
	if (fd < 0)
		return hp_err_sys(err, errno, "%s", path);
	r = sys_write_all(fd, text->data, text->len);
	if (r < 0) {
		(void)unlink(path);
		return hp_err_sys(err, -r, "%s", path);
	}
	return 0;
}

int cmd_init(int argc, char **argv)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	const char *value = NULL;
	struct hp_err err = {0};
	struct cmd_args a;
	int id;

	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		hp_buf_reset(&path);
		hp_buf_str(&path, value);
	}
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_args_count(&a, 0, 0))
		return CMD_USAGE;
	if (path.len == 0 && config_user_path(&path, &err) < 0)
		return cmd_fail("init", &err);
	config_template(&text);
	if (make_parent(hp_buf_cstr(&path), &err) < 0 || write_new(hp_buf_cstr(&path), &text, &err) < 0)
		return cmd_fail("init", &err);
	(void)printf("wrote %s\n", hp_buf_cstr(&path));
	return CMD_OK;
}
