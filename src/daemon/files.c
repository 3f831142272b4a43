#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/clock.h"

struct daemon_content *daemon_content_ref(struct daemon_content *content)
{
	(void)__atomic_add_fetch(&content->refs, 1, __ATOMIC_RELAXED);
	return content;
}

void daemon_content_unref(struct daemon_content *content)
{
	if (!content || __atomic_sub_fetch(&content->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	cc_scan_done(&content->scan);
	free(content);
}

void *daemon_file_new(const char *path, size_t path_len)
{
	struct daemon_file *file = hp_zalloc(sizeof *file);

	(void)path_len;
	file->path = path;
	file->name = hp_basename(path);
	(void)pthread_mutex_init(&file->lock, NULL);
	return file;
}

void daemon_file_free(void *p)
{
	struct daemon_file *file = p;

	daemon_content_unref(file->content);
	(void)pthread_mutex_destroy(&file->lock);
	free(file);
}

static enum cc_scan_syntax syntax_of(const char *path)
{
	return hp_endswith(path, ".S") || hp_endswith(path, ".s") || hp_endswith(path, ".sx") ? CC_SCAN_ASM : CC_SCAN_C;
}

/* What is no source for certain, and can be large: precompiled headers, profiles, plugins. No compiler would accept
 * such a text. */
static bool is_binary(const char *path, const struct hp_buf *text)
{
	static const char *const magics[] = {"\177ELF", "CPCH\001", "\377lprof", "gpch"};

	for (size_t i = 0; i < HP_ARRAY_SIZE(magics); i++) {
		size_t len = strlen(magics[i]);

		if (text->len >= 64 && memcmp(text->data, magics[i], len) == 0)
			return magics[i][0] != 'g' || (hp_endswith(path, ".gch") && memchr(text->data, '\0', 64));
	}
	return false;
}

bool daemon_is_null_device(const char *path)
{
	struct stat st;

	return hp_streq(path, "/dev/null") && stat(path, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

/* The null device holds nothing, whatever was written to it and when. Called with the lock held. */
static void read_nothing(struct daemon_file *file)
{
	daemon_content_unref(file->content);
	file->content = hp_zalloc(sizeof *file->content);
	file->content->refs = 1;
	codec_blake3("", 0, &file->content->digest);
	cc_scan_source(CC_SCAN_C, "", 0, &file->content->scan);
	file->stamp = (struct sys_stamp){0};
	file->trusted = false;
}

/* Reads and scans the file as it is now. The clock is taken before the file is opened: a later write cannot carry a
 * stamp below it. Returns 0 or -errno. Called with the lock held. */
static int read_content(struct daemon_file *file)
{
	int64_t now_ns = sys_file_clock_ns();
	HP_AUTO_CLOSE int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	HP_AUTO_BUF struct hp_buf text = {0};
	struct daemon_content *content;
	struct sys_stamp stamp;
	struct hp_err err = {0};
	int r;

	if (fd < 0)
		return -errno;
	r = sys_read_fd(fd, file->path, HP_SOURCE_SIZE_MAX, &text, &stamp, &err);
	if (r < 0)
		return err.sys_errno ? -err.sys_errno : err.code == HP_EXHAUSTED ? -EFBIG : -EINVAL;
	content = hp_zalloc(sizeof *content);
	content->refs = 1;
	codec_blake3(text.data, text.len, &content->digest);
	if (!is_binary(file->path, &text))
		cc_scan_source(syntax_of(file->path), hp_buf_cstr(&text), text.len, &content->scan);
	daemon_content_unref(file->content);
	file->content = content;
	file->stamp = stamp;
	file->trusted = sys_stamp_time_ns(&stamp) + sys_fs_step_ns(fd) < now_ns;
	return 0;
}

/* Brings the memo up to date. Called with the lock held. */
static int refresh(struct daemon_file *file, int dir_fd)
{
	struct sys_stamp now;
	int r = dir_fd >= 0 ? sys_stamp_at(dir_fd, file->name, &now) : sys_stamp_path(file->path, &now);

	if (r < 0)
		return r;
	if (S_ISCHR(now.mode) && daemon_is_null_device(file->path)) {
		read_nothing(file);
		return 0;
	}
	if (file->content && file->trusted && sys_stamp_eq(&now, &file->stamp))
		return 0;
	return read_content(file);
}

int daemon_file_digest(struct daemon_file *file, struct codec_digest *ret_digest, struct sys_stamp *ret_stamp)
{
	int r;

	(void)pthread_mutex_lock(&file->lock);
	r = refresh(file, -1);
	if (r == 0) {
		*ret_digest = file->content->digest;
		if (ret_stamp)
			*ret_stamp = file->stamp;
	}
	(void)pthread_mutex_unlock(&file->lock);
	return r;
}

int daemon_file_digest_at(struct daemon_file *file, int dir_fd, struct codec_digest *ret_digest)
{
	int r;

	(void)pthread_mutex_lock(&file->lock);
	r = refresh(file, dir_fd);
	if (r == 0)
		*ret_digest = file->content->digest;
	(void)pthread_mutex_unlock(&file->lock);
	return r;
}

int daemon_file_content(struct daemon_file *file, struct daemon_content **ret_content, struct sys_stamp *ret_stamp)
{
	return daemon_file_content_at(file, -1, ret_content, ret_stamp);
}

int daemon_file_content_at(struct daemon_file *file, int dir_fd, struct daemon_content **ret_content,
                           struct sys_stamp *ret_stamp)
{
	int r;

	(void)pthread_mutex_lock(&file->lock);
	r = refresh(file, dir_fd);
	if (r == 0) {
		*ret_content = daemon_content_ref(file->content);
		if (ret_stamp)
			*ret_stamp = file->stamp;
	}
	(void)pthread_mutex_unlock(&file->lock);
	return r;
}
