/* One layer's archive: tar, as it is or packed by gzip or zstd, given entry by entry to the merge and content by content to
 * the writer. private to the area */
#pragma once

#include <stdint.h>

#include "oci/merge.h"
#include "oci/source.h"

struct oci_layer_sink {
	struct oci_merge *merge;
	struct sqfs_writer *writer;
	uint64_t bytes; /* of all files so far, hidden ones included */
	void (*progress)(void *ctx, int64_t packed_bytes);
	void *ctx;
};

/* Reads the stream to its end. -HP_DENIED with the merge's refusals and bombs, -HP_INVALID for what is no archive, the
 * stream's own errors. */
int oci_layer_read(struct oci_stream *stream, struct oci_layer_sink *sink, struct hp_err *err);
