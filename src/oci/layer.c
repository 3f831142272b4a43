#include "oci/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#define READ_SIZE (256u << 10)

struct reader {
	struct oci_stream *stream;
	struct hp_err failed; /* what the stream said */
	int64_t packed;       /* bytes that it gave */
	bool at_end;
	bool cut; /* the archive ends behind the last content, without what pads it: umoci insert makes such */
	char buf[READ_SIZE];
};

/* libarchive pulls. */
static la_ssize_t pull(struct archive *a, void *ctx, const void **ret_buf)
{
	struct reader *r = ctx;
	int64_t n = r->failed.code ? -1 : r->stream->read(r->stream, r->buf, sizeof r->buf, &r->failed);

	*ret_buf = r->buf;
	if (n < 0) {
		archive_set_error(a, EIO, "%s", r->failed.msg);
		return ARCHIVE_FATAL;
	}
	r->at_end = n == 0;
	r->packed += n;
	return (la_ssize_t)n;
}

static int fail(const struct reader *r, struct archive *a, struct hp_err *err)
{
	if (r->failed.code) {
		if (err)
			*err = r->failed;
		return -r->failed.code;
	}
	return hp_err_set(err, HP_INVALID, "not a layer: %s",
	                  archive_error_string(a) ? archive_error_string(a) : "damaged");
}

static enum oci_kind kind_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e))
		return OCI_HARDLINK;
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return OCI_FILE;
	case AE_IFDIR:
		return OCI_DIR;
	case AE_IFLNK:
		return OCI_SYMLINK;
	case AE_IFIFO:
		return OCI_FIFO;
	case AE_IFCHR:
		return OCI_CHAR;
	case AE_IFBLK:
		return OCI_BLOCK;
	default:
		return OCI_OTHER;
	}
}

/* Those that a program in the guest may need. security.capability would make what it is on more than an ordinary program;
 * trusted.overlay and the like are notes of the machine that built the layer. */
static size_t read_xattrs(struct archive_entry *e, struct sqfs_xattr *ret_xattrs, size_t max)
{
	const char *name;
	const void *value;
	size_t size;
	size_t n = 0;

	(void)archive_entry_xattr_reset(e);
	while (n < max && archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK) {
		if (hp_startswith(name, "user.") && name[strlen("user.")])
			ret_xattrs[n++] = (struct sqfs_xattr){.name = name, .value = value, .len = size};
	}
	return n;
}

/* Nothing comes any more, and nothing was wrong with what came. */
static bool ended(const struct reader *r)
{
	return r->at_end && !r->failed.code;
}

static int too_large(struct hp_err *err)
{
	return hp_err_set(err, HP_EXHAUSTED, "the image's files have more than %llu GiB", HP_IMAGE_BYTES_MAX >> 30);
}

/* How far a layer has grown. */
static int check_ratio(const struct reader *r, struct archive *a, struct hp_err *err)
{
	uint64_t raw = (uint64_t)archive_filter_bytes(a, 0);

	if (raw > HP_IMAGE_RATIO_FROM && raw / HP_IMAGE_RATIO_MAX > (uint64_t)r->packed)
		return hp_err_set(err, HP_DENIED, "a layer grows to more than %u times its size", HP_IMAGE_RATIO_MAX);
	return 0;
}

/* A content goes to the writer; what a sparse archive leaves out is zeros. */
static int copy_content(struct reader *r, struct archive *a, struct oci_layer_sink *sink, int64_t size, uint32_t file,
                        struct hp_err *err)
{
	const void *data;
	uint32_t content;
	size_t len;
	la_int64_t at;
	int64_t done = 0;
	int got;
	int e = 0;

	while (e == 0 && (got = archive_read_data_block(a, &data, &len, &at)) != ARCHIVE_EOF) {
		if (got != ARCHIVE_OK && done == size && ended(r)) {
			r->cut = true;
			break;
		}
		if (got != ARCHIVE_OK)
			return fail(r, a, err);
		if (at < done || at > size || (int64_t)len > size - at)
			return hp_err_set(err, HP_INVALID, "not a layer: a file's parts do not fit");
		e = check_ratio(r, a, err);
		if (e == 0)
			e = sqfs_content_zeros(sink->writer, (uint64_t)(at - done), err);
		if (e == 0)
			e = sqfs_content_append(sink->writer, data, len, err);
		done = at + (int64_t)len;
	}
	if (e == 0)
		e = sqfs_content_zeros(sink->writer, (uint64_t)(size - done), err);
	if (e == 0)
		e = sqfs_content_end(sink->writer, &content, err);
	if (e == 0)
		oci_merge_content(sink->merge, file, content);
	return e;
}

static int read_entry(struct reader *r, struct archive *a, struct archive_entry *e, struct oci_layer_sink *sink,
                      struct hp_err *err)
{
	struct sqfs_xattr xattrs[HP_SQFS_XATTRS_MAX];
	struct oci_entry entry = {
	        .path = archive_entry_pathname(e),
	        .kind = kind_of(e),
	        .mode = archive_entry_perm(e),
	        .uid = archive_entry_uid(e),
	        .gid = archive_entry_gid(e),
	        .mtime_s = archive_entry_mtime(e),
	        .target = archive_entry_hardlink(e) ? archive_entry_hardlink(e) : archive_entry_symlink(e),
	        .xattrs = xattrs,
	        .xattrs_len = read_xattrs(e, xattrs, HP_ARRAY_SIZE(xattrs)),
	};
	int64_t size = entry.kind == OCI_FILE ? archive_entry_size(e) : 0;
	uint32_t file;
	int want;

	if (!entry.path)
		return hp_err_set(err, HP_INVALID, "not a layer: an entry without a name");
	if (size < 0 || (uint64_t)size > HP_IMAGE_BYTES_MAX - sink->bytes)
		return too_large(err);
	sink->bytes += (uint64_t)size;
	want = oci_merge_entry(sink->merge, &entry, &file, err);
	if (want > 0)
		return copy_content(r, a, sink, size, file, err);
	if (want == 0 && archive_read_data_skip(a) < ARCHIVE_WARN) {
		if (!ended(r))
			return fail(r, a, err);
		r->cut = true;
	}
	return want < 0 ? want : check_ratio(r, a, err);
}

static int read_entries(struct reader *r, struct archive *a, struct oci_layer_sink *sink, struct hp_err *err)
{
	struct archive_entry *e;
	int got;
	int result;

	while (!r->cut && (got = archive_read_next_header(a, &e)) != ARCHIVE_EOF) {
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return fail(r, a, err);
		result = read_entry(r, a, e, sink, err);
		if (result < 0)
			return result;
		if (sink->progress)
			sink->progress(sink->ctx, r->packed);
	}
	/* What follows the end mark, so that the blob is checked as a whole. */
	while (!r->at_end) {
		const void *rest;

		if (pull(a, r, &rest) < 0)
			return fail(r, a, err);
	}
	return 0;
}

int oci_layer_read(struct oci_stream *stream, struct oci_layer_sink *sink, struct hp_err *err)
{
	struct reader *r = hp_zalloc(sizeof *r);
	struct archive *a = archive_read_new();
	int result;

	r->stream = stream;
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_empty(a);
	result = archive_read_open(a, r, NULL, pull, NULL) == ARCHIVE_OK ? read_entries(r, a, sink, err)
	                                                                 : fail(r, a, err);
	(void)archive_read_free(a);
	free(r);
	return result;
}
