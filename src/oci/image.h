/* What an image consists of, as its manifest tells: OCI image manifests and indices, and Docker's of schema 2. */
#pragma once

#include <stddef.h>

#include "oci/source.h"

struct oci_image {
	struct oci_desc manifest; /* its digest is the toolchain identity */
	struct oci_desc config;
	struct oci_desc *layers; /* the lowest first */
	size_t layers_len;
};

/* Follows the source's reference to one image for the platform ("linux/amd64"). -HP_NOT_FOUND when the image has none
 * for it, -HP_INVALID for a manifest that is none. */
int oci_image_resolve(struct oci_source *source, const char *platform, struct oci_image *ret_image, struct hp_err *err);
void oci_image_done(struct oci_image *image);

/* Parsers, for tests and fuzzers: `text` is JSON. */
int oci_manifest_parse(const char *text, size_t len, struct oci_image *ret_image, struct hp_err *err);
/* The manifest for the platform in an index. 1: `text` is no index but a manifest. */
int oci_index_parse(const char *text, size_t len, const char *platform, struct oci_desc *ret_desc, struct hp_err *err);
/* The manifest that a layout's index.json has under the tag; NULL: the only one. */
int oci_layout_index_parse(const char *text, size_t len, const char *tag, struct oci_desc *ret_desc,
                           struct hp_err *err);
