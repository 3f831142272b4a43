/* The layers of an image as one tree. Layers come from the top down, each as the entries of its archive in their order;
 * for each entry the merge says whether its content is wanted, so that contents stream straight into the image and nothing that
 * an upper layer hides is ever stored. Memory is bounded by names.
 *
 * The rules are those of the OCI image specification, "Representing Changes": whiteouts and opaque directories hide what
 * lower layers have; the entry of an upper layer replaces that of a lower one, except that directories merge.
 *
 * Everything that comes in is hostile. What cannot be honest is refused (-HP_DENIED, after `event` was called); what is only
 * unwelcome (device nodes, set-id bits, our own folder) is left out or taken off, and `event` is called. docs/threat-model.md
 * lists both. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sqfs/sqfs.h"

struct oci_merge;

enum oci_kind {
	OCI_FILE = 1,
	OCI_DIR,
	OCI_SYMLINK,
	OCI_HARDLINK,
	OCI_FIFO,
	OCI_CHAR,
	OCI_BLOCK,
	OCI_OTHER, /* sockets and what tar does not define */
};

struct oci_entry {
	const char *path; /* as the archive has it */
	enum oci_kind kind;
	uint32_t mode;
	int64_t uid;
	int64_t gid;
	int64_t mtime_s;
	const char *target;              /* of links */
	const struct sqfs_xattr *xattrs; /* those to keep; borrowed for the call */
	size_t xattrs_len;
};

struct oci_merge_options {
	/* Something that a security team wants to see: a stable name ("image-device-node") and the path. May be NULL. */
	void (*event)(void *ctx, const char *name, const char *path);
	void *ctx;
	uint64_t seed; /* random */
};

struct oci_merge *oci_merge_new(const struct oci_merge_options *options);
void oci_merge_free(struct oci_merge *take_merge);

/* The next lower layer begins. */
void oci_merge_layer_begin(struct oci_merge *m);

/* One entry. 1: its content is wanted, *ret_file names it for oci_merge_content; 0: it is not. -HP_DENIED, -HP_EXHAUSTED. */
int oci_merge_entry(struct oci_merge *m, const struct oci_entry *entry, uint32_t *ret_file, struct hp_err *err);

/* The content that was wanted is stored under this number. */
void oci_merge_content(struct oci_merge *m, uint32_t file, uint32_t content);

/* The layer's archive has ended. 1: a shown hard link names a file of this layer whose content was not wanted, since an
 * upper layer replaces the file itself: the same archive has to come once more from its start, between
 * oci_merge_layer_again and another oci_merge_layer_end. 0: done with this layer. */
int oci_merge_layer_end(struct oci_merge *m, struct hp_err *err);
void oci_merge_layer_again(struct oci_merge *m);

/* All layers are there: what the guest needs is added (/.hpcc/agent with this content, unless SQFS agents are none: NO_AGENT;
 * /proc, /sys, /dev, /run, /tmp when missing), and the tree goes to the writer. */
#define OCI_NO_AGENT UINT32_MAX
int oci_merge_write(struct oci_merge *m, uint32_t agent_content, struct sqfs_writer *w, struct hp_err *err);

/* For reports. */
struct oci_merge_counts {
	uint64_t entries; /* of all layers */
	uint64_t names;   /* in the tree */
	uint64_t hidden;  /* entries that upper layers hide */
	uint64_t events;
};
void oci_merge_counts(const struct oci_merge *m, struct oci_merge_counts *ret_counts);
