/* From an image to the file system that a guest boots: layers stream through the merge into a squashfs image. */
#pragma once

#include "codec/packer.h"
#include "oci/image.h"
#include "oci/merge.h"

struct oci_rootfs_options {
	const char *agent; /* file that becomes /.hpcc/agent; NULL: none */
	enum codec_packer_kind compression;
	int level;        /* 0: the kind's own */
	unsigned threads; /* that compress; 0: as many as there are processors */
	/* Called now and then. May be NULL. */
	void (*progress)(void *ctx, size_t layers_done, size_t layers, int64_t bytes_done, int64_t bytes);
	void *ctx;
};

struct oci_rootfs_report {
	uint64_t size;  /* of the file */
	uint64_t bytes; /* of all files of all layers */
	struct oci_merge_counts counts;
};

/* Writes `path` in one piece: it is there, complete and on the disk, or not at all. Security events are logged (topic
 * "security"), at most HP_IMAGE_EVENTS_MAX of each kind. */
int oci_rootfs_build(struct oci_source *source, const struct oci_image *image, const char *path,
                     const struct oci_rootfs_options *options, struct oci_rootfs_report *ret_report,
                     struct hp_err *err);
