/* Where images come from: a registry, a layout folder, a layout in a tar archive. Everything read from one is checked
 * against the digest and the size that named it, while it streams. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Bytes that come. */
struct oci_stream {
	/* Up to `size` bytes, at least one; 0 at the end; -code. */
	int64_t (*read)(struct oci_stream *s, void *buf, size_t size, struct hp_err *err);
	void (*close)(struct oci_stream *take_s);
};

void oci_stream_close(struct oci_stream *take_s); /* NULL is allowed */

#define OCI_DIGEST_SIZE 72 /* "sha256:", 64 digits, NUL */
#define OCI_MEDIA_SIZE 128

/* What names a blob (OCI image specification, "Content Descriptors"). */
struct oci_desc {
	char digest[OCI_DIGEST_SIZE];
	char media[OCI_MEDIA_SIZE]; /* "" when it is not told */
	int64_t size;
};

struct oci_source;

struct oci_source_ops {
	/* The manifest or index that the reference names. -HP_NOT_FOUND. */
	int (*root)(struct oci_source *s, struct oci_desc *ret_desc, struct hp_err *err);
	/* The blob's (or manifest's) bytes, not yet checked: oci_blob_open does. May be called again for the same blob, and
	 * while other streams are open. -HP_NOT_FOUND. */
	int (*open)(struct oci_source *s, const struct oci_desc *desc, struct oci_stream **ret_stream,
	            struct hp_err *err);
	void (*close)(struct oci_source *take_s);
};

struct oci_source {
	const struct oci_source_ops *ops;
};

struct oci_registry_options;

/* "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]" (without a tag the layout has to hold one image only), or a registry's image
 * (oci/ref.h), for which the options are. -HP_INVALID for what is none of them. */
int oci_source_open(const char *reference, const struct oci_registry_options *registry, struct oci_source **ret_source,
                    struct hp_err *err);
void oci_source_close(struct oci_source *take_source); /* NULL is allowed */

/* A stream that ends with -HP_DATA_LOSS when the bytes are not those that the descriptor names: another digest, or more or
 * fewer of them. What comes before that must not be believed. */
int oci_blob_open(struct oci_source *source, const struct oci_desc *desc, struct oci_stream **ret_stream,
                  struct hp_err *err);

/* The whole blob, at most size_max bytes, checked; appended. */
int oci_blob_read(struct oci_source *source, const struct oci_desc *desc, size_t size_max, struct hp_buf *out,
                  struct hp_err *err);

#define OCI_SHA256_SIZE 32
/* "sha256:" and its digits. */
void oci_digest_text(const unsigned char sum[OCI_SHA256_SIZE], char ret_digest[OCI_DIGEST_SIZE]);

/* True for "sha256:" and 64 lower-case digits. */
bool oci_digest_valid(const char *digest);

/* private to the area: the implementations */
int oci_layout_dir_open(const char *dir, const char *tag, struct oci_source **ret_source, struct hp_err *err);
int oci_layout_archive_open(const char *file, const char *tag, struct oci_source **ret_source, struct hp_err *err);
