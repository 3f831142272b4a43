/* What the two halves of the merge share: merge.c places entries, merge_write.c gives the tree to the writer. */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "oci/merge.h"

#define OCI_NONE UINT32_MAX
#define OCI_ROOT 0u

/* What a name stands for; several names may share one (hard links). */
struct oci_file {
	enum oci_kind kind; /* 0: a hard link named it before any layer had it */
	uint32_t same_as;   /* another file that this one turned out to be; OCI_NONE */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime_s;
	uint32_t content;   /* OCI_FILE: once stored; OCI_NONE */
	uint64_t entry;     /* ordinal of its entry in the layer being read: for the second reading */
	bool shown;         /* some name in the tree stands for it */
	const char *target; /* OCI_SYMLINK */
	const struct sqfs_xattr *xattrs;
	size_t xattrs_len;
	uint32_t inode; /* the writer's, once there; OCI_NONE */
};

struct oci_node {
	uint32_t parent;
	uint32_t file;   /* OCI_NONE: gone, by a whiteout */
	uint32_t layer;  /* that decided; 1 is the top */
	uint32_t closed; /* directories: what layers below this one (greater numbers) have in it is hidden; 0: open */
	bool implied;    /* a directory that only paths have named so far */
	const char *name;
	uint32_t inode; /* the writer's */
};

struct oci_merge {
	struct oci_merge_options opt;
	struct hp_arena *arena;
	struct oci_node *nodes;
	uint32_t nodes_len;
	struct hp_map children; /* (parent, name) to node + 1 */
	struct oci_file *files;
	uint32_t files_len;
	uint64_t entry; /* ordinal in the current layer */
	uint32_t layer;
	bool again;            /* the current layer is read a second time */
	uint64_t names_size;   /* bytes of paths, targets and attributes so far */
	uint32_t wanted;       /* files of this layer that a second reading has to bring */
	struct hp_map here;    /* of the current layer: path to what stands there, see merge.c */
	struct hp_map pending; /* path to file + 1: hard links to what lower layers have to bring */
	struct hp_map hides;   /* of the current layer: path to how it hides what is below */
	struct oci_merge_counts counts;
};

static inline uint32_t oci_file_resolve(const struct oci_merge *m, uint32_t file)
{
	while (m->files[file].same_as != OCI_NONE)
		file = m->files[file].same_as;
	return file;
}

/* Child of a directory by name, or OCI_NONE. */
uint32_t oci_node_find(const struct oci_merge *m, uint32_t parent, const char *name, size_t len);
uint32_t oci_node_add(struct oci_merge *m, uint32_t parent, const char *name, size_t len);
uint32_t oci_file_add(struct oci_merge *m);
