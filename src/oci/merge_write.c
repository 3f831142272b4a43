/* The finished tree, given to the writer in the order in which its names were first seen. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/merge_priv.h"

/* What a guest mounts over or writes to. */
static const struct {
	const char *name;
	uint32_t mode;
} folders[] = {{"proc", 0755}, {"sys", 0755}, {"dev", 0755}, {"run", 0755}, {"tmp", 01777}};

static uint32_t add_dir(struct oci_merge *m, uint32_t parent, const char *name, uint32_t mode)
{
	uint32_t node = oci_node_add(m, parent, name, strlen(name));
	uint32_t file = oci_file_add(m);

	m->files[file].kind = OCI_DIR;
	m->files[file].mode = mode;
	m->nodes[node].file = file;
	return node;
}

static void inject(struct oci_merge *m, uint32_t agent_content)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(folders); i++) {
		uint32_t node = oci_node_find(m, OCI_ROOT, folders[i].name, strlen(folders[i].name));

		if (node != OCI_NONE && m->nodes[node].file == OCI_NONE) {
			uint32_t file = oci_file_add(m); /* a whiteout, or a device in its place */

			m->files[file].kind = OCI_DIR;
			m->files[file].mode = folders[i].mode;
			m->nodes[node].file = file;
		} else if (node == OCI_NONE) {
			(void)add_dir(m, OCI_ROOT, folders[i].name, folders[i].mode);
		}
		/* Otherwise it is the image's, an implied one included. */
		if (node != OCI_NONE)
			m->nodes[node].implied = false;
	}
	if (agent_content != OCI_NO_AGENT) {
		uint32_t dir = add_dir(m, OCI_ROOT, ".hpcc", 0755);
		uint32_t node = oci_node_add(m, dir, "agent", strlen("agent"));
		uint32_t file = oci_file_add(m);

		m->files[file].kind = OCI_FILE;
		m->files[file].mode = 0755;
		m->files[file].content = agent_content;
		m->nodes[node].file = file;
	}
}

static int write_file(struct oci_merge *m, uint32_t file, struct sqfs_writer *w, struct hp_err *err)
{
	static const enum sqfs_type types[] = {
	        [OCI_FILE] = SQFS_REG, [OCI_DIR] = SQFS_DIR, [OCI_SYMLINK] = SQFS_SYMLINK, [OCI_FIFO] = SQFS_FIFO};
	struct oci_file *f = &m->files[file];
	struct sqfs_attr attr = {
	        .mode = (uint16_t)f->mode,
	        .uid = f->uid,
	        .gid = f->gid,
	        .mtime_s = f->mtime_s,
	        .target = f->target,
	        .content = f->content,
	        .xattrs = f->xattrs,
	        .xattrs_len = f->xattrs_len,
	};

	if (f->inode != OCI_NONE)
		return 0;
	attr.type = types[f->kind];
	return sqfs_inode(w, &attr, &f->inode, err);
}

/* A directory that only paths have named, and of which nothing is left, never was. */
static void forget_empty_implied(struct oci_merge *m)
{
	HP_AUTO_FREE uint8_t *used = hp_zalloc(m->nodes_len);

	for (uint32_t i = m->nodes_len; i-- > 1;) {
		struct oci_node *n = &m->nodes[i];

		if (n->implied && !used[i])
			n->file = OCI_NONE;
		if (n->file != OCI_NONE)
			used[n->parent] = 1;
	}
}

int oci_merge_write(struct oci_merge *m, uint32_t agent_content, struct sqfs_writer *w, struct hp_err *err)
{
	int r = 0;

	inject(m, agent_content);
	forget_empty_implied(m);
	for (uint32_t i = 0; r == 0 && i < m->nodes_len; i++) {
		struct oci_node *n = &m->nodes[i];
		uint32_t file;

		if (n->file == OCI_NONE)
			continue;
		file = oci_file_resolve(m, n->file);
		if (m->files[file].kind == 0 || (m->files[file].kind == OCI_FILE && m->files[file].content == OCI_NONE))
			return hp_err_set(err, HP_DENIED, "'%.128s' is a hard link to a file that no layer has",
			                  n->name);
		r = write_file(m, file, w, err);
		n->inode = m->files[file].inode;
		if (r == 0 && i != OCI_ROOT)
			r = sqfs_link(w, m->nodes[n->parent].inode, n->name, n->inode, err);
		m->counts.names++;
	}
	return r;
}
