/* Image layouts: a folder, or the same files in a tar archive that is not compressed as a whole (OCI image specification,
 * "Image Layout"). */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image.h"
#include "oci/source.h"
#include "sys/fs.h"

struct layout {
	struct oci_source base;
	char *path;
	char *tag; /* NULL: the only image */
	/* Opens a file of the layout. */
	int (*file)(const struct layout *l, const char *name, struct oci_stream **ret_stream, struct hp_err *err);
};

struct fd_stream {
	struct oci_stream base;
	int fd;
	char *path;
};

static int64_t fd_read(struct oci_stream *s, void *buf, size_t size, struct hp_err *err)
{
	const struct fd_stream *f = (struct fd_stream *)s;
	ssize_t n;

	do
		n = read(f->fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? hp_err_sys(err, errno, "%s", f->path) : n;
}

static void fd_close(struct oci_stream *take_s)
{
	struct fd_stream *f = (struct fd_stream *)take_s;

	(void)close(f->fd);
	free(f->path);
	free(f);
}

static int open_in_dir(const struct layout *l, const char *name, struct oci_stream **ret_stream, struct hp_err *err)
{
	HP_AUTO_FREE char *path = hp_asprintf("%s/%s", l->path, name);
	struct fd_stream *f;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return hp_err_sys(err, errno, "%s", path);
	f = hp_zalloc(sizeof *f);
	*f = (struct fd_stream){.base = {.read = fd_read, .close = fd_close}, .fd = fd, .path = hp_steal(path)};
	*ret_stream = &f->base;
	return 0;
}

/* A file of an archive: the archive is opened and walked to it. Nothing is compressed around it, so walking is seeking. */
struct archive_stream {
	struct oci_stream base;
	struct archive *archive;
	char *path;
};

static int64_t archive_stream_read(struct oci_stream *s, void *buf, size_t size, struct hp_err *err)
{
	const struct archive_stream *a = (struct archive_stream *)s;
	la_ssize_t n = archive_read_data(a->archive, buf, size);

	return n < 0 ? hp_err_set(err, HP_DATA_LOSS, "%s: %s", a->path, archive_error_string(a->archive)) : n;
}

static void archive_stream_close(struct oci_stream *take_s)
{
	struct archive_stream *a = (struct archive_stream *)take_s;

	(void)archive_read_free(a->archive);
	free(a->path);
	free(a);
}

static bool same_name(const char *entry, const char *name)
{
	while (hp_startswith(entry, "./"))
		entry += 2;
	return hp_streq(entry, name);
}

static int open_in_archive(const struct layout *l, const char *name, struct oci_stream **ret_stream, struct hp_err *err)
{
	struct archive_stream *a = hp_zalloc(sizeof *a);
	struct archive_entry *entry;
	int r;

	*a = (struct archive_stream){.base = {.read = archive_stream_read, .close = archive_stream_close},
	                             .archive = archive_read_new(),
	                             .path = hp_asprintf("%s: %s", l->path, name)};
	(void)archive_read_support_format_tar(a->archive);
	r = archive_read_open_filename(a->archive, l->path, 1 << 18);
	for (uint32_t i = 0; r == ARCHIVE_OK && i < HP_IMAGE_ENTRIES_MAX; i++) {
		r = archive_read_next_header(a->archive, &entry);
		if (r == ARCHIVE_WARN)
			r = ARCHIVE_OK;
		if (r == ARCHIVE_OK && archive_entry_filetype(entry) == AE_IFREG && archive_entry_pathname(entry) &&
		    same_name(archive_entry_pathname(entry), name)) {
			*ret_stream = &a->base;
			return 0;
		}
	}
	r = r == ARCHIVE_OK || r == ARCHIVE_EOF
	            ? hp_err_set(err, HP_NOT_FOUND, "%s: the archive has no such file", a->path)
	            : hp_err_set(err, HP_INVALID, "%s: %s", a->path, archive_error_string(a->archive));
	archive_stream_close(&a->base);
	return r;
}

static int read_all(struct oci_stream *take_s, size_t size_max, struct hp_buf *out, struct hp_err *err)
{
	int64_t n = 1;

	while (n > 0 && out->len <= size_max) {
		n = take_s->read(take_s, hp_buf_reserve(out, 65536), 65536, err);
		if (n > 0)
			hp_buf_added(out, (size_t)n);
	}
	oci_stream_close(take_s);
	if (n > 0)
		return hp_err_set(err, HP_EXHAUSTED, "more than %zu bytes", size_max);
	return (int)n;
}

static int layout_root(struct oci_source *s, struct oci_desc *ret_desc, struct hp_err *err)
{
	const struct layout *l = (struct layout *)s;
	HP_AUTO_BUF struct hp_buf text = {0};
	struct oci_stream *stream;
	int r = l->file(l, "index.json", &stream, err);

	if (r == 0)
		r = read_all(stream, HP_IMAGE_JSON_MAX, &text, err);
	if (r == 0)
		r = oci_layout_index_parse(hp_buf_cstr(&text), text.len, l->tag, ret_desc, err);
	return r < 0 ? hp_err_wrap(err, "%s", l->path) : 0;
}

static int layout_open(struct oci_source *s, const struct oci_desc *desc, struct oci_stream **ret_stream,
                       struct hp_err *err)
{
	const struct layout *l = (struct layout *)s;
	HP_AUTO_FREE char *name = NULL;

	if (!oci_digest_valid(desc->digest))
		return hp_err_set(err, HP_INVALID, "%.80s: not a digest", desc->digest);
	name = hp_asprintf("blobs/sha256/%s", desc->digest + strlen("sha256:"));
	return l->file(l, name, ret_stream, err);
}

static void layout_close(struct oci_source *take_s)
{
	struct layout *l = (struct layout *)take_s;

	free(l->path);
	free(l->tag);
	free(l);
}

static struct oci_source *new_layout(const char *path, const char *tag, __typeof__(((struct layout *)0)->file) file)
{
	static const struct oci_source_ops ops = {.root = layout_root, .open = layout_open, .close = layout_close};
	struct layout *l = hp_zalloc(sizeof *l);

	*l = (struct layout){
	        .base = {.ops = &ops}, .path = hp_strdup(path), .tag = tag ? hp_strdup(tag) : NULL, .file = file};
	return &l->base;
}

int oci_layout_dir_open(const char *dir, const char *tag, struct oci_source **ret_source, struct hp_err *err)
{
	if (access(dir, R_OK | X_OK) < 0)
		return hp_err_sys(err, errno, "%s", dir);
	*ret_source = new_layout(dir, tag, open_in_dir);
	return 0;
}

int oci_layout_archive_open(const char *file, const char *tag, struct oci_source **ret_source, struct hp_err *err)
{
	if (access(file, R_OK) < 0)
		return hp_err_sys(err, errno, "%s", file);
	*ret_source = new_layout(file, tag, open_in_archive);
	return 0;
}
