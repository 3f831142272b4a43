/* Inodes and directories: collected while they come, then sorted, numbered and packed.
 *
 * Directories are taken breadth first, which numbers the children of each one after the other; and packed in reverse, so
 * that every listing is there before the inode of its directory. The children of one directory lie together in the inode
 * table. Nothing here recurses. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sqfs/sqfs_priv.h"

#define EXTENDED 7u          /* added to a type */
#define LISTING_ENTRIES 256u /* behind one header */
#define LISTING_EXTRA 3u     /* a listing's size as inodes tell it: with "." and ".." that nothing stores */

static int id_index(struct sqfs_writer *w, uint32_t id, uint16_t *ret_index, struct hp_err *err)
{
	struct hp_map_slot *slot = hp_map_put(&w->ids_known, &id, sizeof id);

	if (!slot->value) {
		if (w->ids_len >= HP_SQFS_IDS_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "more than %u users and groups", HP_SQFS_IDS_MAX);
		SQFS_GROW(w->ids, w->ids_len);
		w->ids[w->ids_len++] = id;
		slot->value = (void *)(uintptr_t)w->ids_len;
	}
	*ret_index = (uint16_t)((uintptr_t)slot->value - 1);
	return 0;
}

static int add_name(struct sqfs_writer *w, const char *name, size_t len, uint32_t *ret_offset, struct hp_err *err)
{
	if (w->names.len + len + 1 > HP_SQFS_NAMES_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u bytes of names", HP_SQFS_NAMES_SIZE_MAX);
	*ret_offset = (uint32_t)w->names.len;
	hp_buf_append(&w->names, name, len);
	hp_buf_char(&w->names, '\0');
	return 0;
}

/* What the type has beside the common attributes. */
static int add_what(struct sqfs_writer *w, const struct sqfs_attr *attr, uint32_t *ret_what, struct hp_err *err)
{
	size_t len;

	*ret_what = 0;
	switch (attr->type) {
	case SQFS_REG:
		if (attr->content >= w->contents_len)
			return hp_err_set(err, HP_INVALID, "a file without a content");
		*ret_what = attr->content;
		return 0;
	case SQFS_SYMLINK:
		len = attr->target ? strlen(attr->target) : 0;
		if (len == 0 || len > HP_SQFS_TARGET_MAX)
			return hp_err_set(err, HP_INVALID, "a symbolic link's target has %zu bytes (1 to %u)", len,
			                  HP_SQFS_TARGET_MAX);
		return add_name(w, attr->target, len, ret_what, err);
	case SQFS_BLOCK:
	case SQFS_CHAR:
		if (attr->major > 0xfff || attr->minor > 0xfffff)
			return hp_err_set(err, HP_INVALID, "no device %u:%u", attr->major, attr->minor);
		*ret_what = (attr->minor & 0xff) | attr->major << 8 | (attr->minor & ~0xffu) << 12;
		return 0;
	case SQFS_DIR:
	case SQFS_FIFO:
	case SQFS_SOCKET:
		return 0;
	}
	return hp_err_set(err, HP_INVALID, "no such type of inode: %d", (int)attr->type);
}

static int add_inode(struct sqfs_writer *w, const struct sqfs_attr *attr, uint32_t *ret_inode, struct hp_err *err)
{
	struct sqfs_node n = {
	        .type = (uint8_t)attr->type,
	        .mode = attr->mode & 07777,
	        .mtime_s = attr->mtime_s,
	        .entries = SQFS_NONE,
	        .parent = SQFS_NONE,
	};
	int r;

	if (w->nodes_len == 0 && attr->type != SQFS_DIR)
		return hp_err_set(err, HP_INVALID, "the first inode is the root directory");
	if (w->nodes_len >= HP_SQFS_INODES_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u inodes", HP_SQFS_INODES_MAX);
	r = add_what(w, attr, &n.what, err);
	if (r == 0)
		r = id_index(w, attr->uid, &n.uid, err);
	if (r == 0)
		r = id_index(w, attr->gid, &n.gid, err);
	if (r == 0)
		r = sqfs_xattr_add(w, attr->xattrs, attr->xattrs_len, &n.xattrs, err);
	if (r < 0)
		return r;
	SQFS_GROW(w->nodes, w->nodes_len);
	w->nodes[w->nodes_len] = n;
	*ret_inode = w->nodes_len++;
	return 0;
}

int sqfs_inode(struct sqfs_writer *w, const struct sqfs_attr *attr, uint32_t *ret_inode, struct hp_err *err)
{
	struct hp_err local;
	int r = sqfs_failed(w, err);

	if (r < 0)
		return r;
	if (!err)
		err = &local;
	return add_inode(w, attr, ret_inode, err) < 0 ? sqfs_fail(w, err) : 0;
}

static int link_inode(struct sqfs_writer *w, uint32_t dir, const char *name, uint32_t inode, struct hp_err *err)
{
	size_t len = strlen(name);
	struct sqfs_node *d;
	uint32_t offset = 0;
	int r;

	if (dir >= w->nodes_len || inode >= w->nodes_len || w->nodes[dir].type != SQFS_DIR)
		return hp_err_set(err, HP_INVALID, "no such directory or inode");
	if (len == 0 || len > HP_SQFS_NAME_MAX || memchr(name, '/', len) || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return hp_err_set(err, HP_INVALID, "'%.64s' cannot be a name", name);
	if (w->nodes[inode].type == SQFS_DIR && (inode == SQFS_ROOT || w->nodes[inode].parent != SQFS_NONE))
		return hp_err_set(err, HP_INVALID, "'%.64s': a directory has one name", name);
	if (w->entries_len >= HP_SQFS_INODES_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u names", HP_SQFS_INODES_MAX);
	r = add_name(w, name, len, &offset, err);
	if (r < 0)
		return r;
	d = &w->nodes[dir];
	SQFS_GROW(w->entries, w->entries_len);
	w->entries[w->entries_len] = (struct sqfs_entry){.next = d->entries, .inode = inode, .name = offset};
	d->entries = w->entries_len++;
	d->entries_len++;
	if (w->nodes[inode].type == SQFS_DIR)
		w->nodes[inode].parent = dir;
	return 0;
}

int sqfs_link(struct sqfs_writer *w, uint32_t dir, const char *name, uint32_t inode, struct hp_err *err)
{
	struct hp_err local;
	int r = sqfs_failed(w, err);

	if (r < 0)
		return r;
	if (!err)
		err = &local;
	return link_inode(w, dir, name, inode, err) < 0 ? sqfs_fail(w, err) : 0;
}

/* The tree while it is packed. */
struct packing {
	struct sqfs_writer *w;
	struct sqfs_meta *inodes;
	struct sqfs_meta *listings;
	uint32_t *dirs; /* breadth first */
	uint32_t dirs_len;
	uint32_t *first;  /* of each of these, its first entry in `sorted` */
	uint32_t *sorted; /* entries, directory by directory */
	uint32_t sorted_len;
	uint32_t numbered;
};

static const char *entry_name(const struct sqfs_writer *w, uint32_t entry)
{
	return w->names.data + w->entries[entry].name;
}

static int compare_entries(const void *a, const void *b, void *ctx)
{
	return strcmp(entry_name(ctx, *(const uint32_t *)a), entry_name(ctx, *(const uint32_t *)b));
}

/* Sorts one directory's entries and numbers its children; its subdirectories join the queue. */
static int take_directory(struct packing *p, uint32_t dir, struct hp_err *err)
{
	struct sqfs_writer *w = p->w;
	uint32_t *from = p->sorted + p->sorted_len;
	uint32_t len = 0;

	for (uint32_t e = w->nodes[dir].entries; e != SQFS_NONE; e = w->entries[e].next)
		from[len++] = e;
	if (len > 1)
		qsort_r(from, len, sizeof *from, compare_entries, w);
	for (uint32_t i = 0; i < len; i++) {
		struct sqfs_node *child = &w->nodes[w->entries[from[i]].inode];

		if (i > 0 && strcmp(entry_name(w, from[i - 1]), entry_name(w, from[i])) == 0)
			return hp_err_set(err, HP_EXISTS, "'%.128s' twice in a directory", entry_name(w, from[i]));
		if (child->number == 0)
			child->number = ++p->numbered;
		if (child->type == SQFS_DIR) {
			p->dirs[p->dirs_len++] = w->entries[from[i]].inode;
			w->nodes[dir].nlink++;
		} else {
			child->nlink++;
		}
	}
	p->sorted_len += len;
	return 0;
}

static int collect(struct packing *p, struct hp_err *err)
{
	struct sqfs_writer *w = p->w;
	int r = 0;

	p->dirs = hp_alloc((w->nodes_len + 1) * sizeof *p->dirs);
	p->first = hp_alloc((w->nodes_len + 1) * sizeof *p->first);
	p->sorted = hp_alloc((w->entries_len + 1) * sizeof *p->sorted);
	for (uint32_t i = 0; i < w->nodes_len; i++)
		w->nodes[i].nlink = w->nodes[i].type == SQFS_DIR ? 2 : 0;
	p->dirs[p->dirs_len++] = SQFS_ROOT;
	for (uint32_t i = 0; r == 0 && i < p->dirs_len; i++) {
		p->first[i] = p->sorted_len;
		r = take_directory(p, p->dirs[i], err);
	}
	w->nodes[SQFS_ROOT].number = ++p->numbered;
	p->first[p->dirs_len] = p->sorted_len;
	return r;
}

/* How many entries from `at` can stand behind one header: children in one inode block, numbers within 15 bits of the
 * first, and not much beyond the end of the current block of listings, so that the directory index is dense. */
static uint32_t group_len(const struct packing *p, uint32_t at, uint32_t end)
{
	const struct sqfs_writer *w = p->w;
	const struct sqfs_node *base = &w->nodes[w->entries[p->sorted[at]].inode];
	size_t fill = p->listings->fill + 12;
	uint32_t n = 0;

	while (at + n < end && n < LISTING_ENTRIES && fill < SQFS_META_SIZE) {
		const struct sqfs_node *child = &w->nodes[w->entries[p->sorted[at + n]].inode];
		int64_t distance = (int64_t)child->number - base->number;

		if (child->ref >> 16 != base->ref >> 16 || distance > INT16_MAX || distance < INT16_MIN)
			break;
		fill += 8 + strlen(entry_name(w, p->sorted[at + n]));
		n++;
	}
	return n ? n : 1;
}

static void add_index(struct sqfs_writer *w, struct sqfs_node *dir, uint32_t at, uint32_t block, const char *name)
{
	sqfs_le32(&w->index, at);
	sqfs_le32(&w->index, block);
	sqfs_le32(&w->index, (uint32_t)strlen(name) - 1);
	hp_buf_str(&w->index, name);
	dir->index_len++;
}

static void pack_listing(struct packing *p, uint32_t nth)
{
	struct sqfs_writer *w = p->w;
	struct sqfs_node *dir = &w->nodes[p->dirs[nth]];
	uint32_t end = p->first[nth + 1];
	size_t block = p->listings->out.len;
	uint32_t size = 0;
	uint32_t n;

	dir->listing_ref = sqfs_meta_ref(p->listings);
	dir->index_at = (uint32_t)w->index.len;
	for (uint32_t at = p->first[nth]; at < end; at += n) {
		const struct sqfs_node *base = &w->nodes[w->entries[p->sorted[at]].inode];
		HP_AUTO_BUF struct hp_buf b = {0};

		if (p->listings->out.len != block && dir->index_len < UINT16_MAX) {
			block = p->listings->out.len;
			add_index(w, dir, size, (uint32_t)block, entry_name(w, p->sorted[at]));
		}
		n = group_len(p, at, end);
		sqfs_le32(&b, n - 1);
		sqfs_le32(&b, (uint32_t)(base->ref >> 16));
		sqfs_le32(&b, base->number);
		for (uint32_t i = 0; i < n; i++) {
			const struct sqfs_node *child = &w->nodes[w->entries[p->sorted[at + i]].inode];
			const char *name = entry_name(w, p->sorted[at + i]);

			sqfs_le16(&b, (uint32_t)(child->ref & 0xffff));
			sqfs_le16(&b, (uint32_t)(child->number - base->number));
			sqfs_le16(&b, child->type);
			sqfs_le16(&b, (uint32_t)strlen(name) - 1);
			hp_buf_str(&b, name);
		}
		sqfs_meta_put(p->listings, w->packers[0], b.data, b.len);
		size += (uint32_t)b.len;
	}
	dir->listing_size = size;
	dir->index_size = (uint32_t)w->index.len - dir->index_at;
}

static void put_head(const struct sqfs_node *n, bool extended, struct hp_buf *b)
{
	sqfs_le16(b, n->type + (extended ? EXTENDED : 0));
	sqfs_le16(b, n->mode);
	sqfs_le16(b, n->uid);
	sqfs_le16(b, n->gid);
	sqfs_le32(b, n->mtime_s);
	sqfs_le32(b, n->number);
}

static void put_directory(const struct packing *p, const struct sqfs_node *n, struct hp_buf *b)
{
	const struct sqfs_writer *w = p->w;
	uint32_t size = n->listing_size + LISTING_EXTRA;
	bool extended = size > UINT16_MAX || n->index_len || n->xattrs != SQFS_NONE;
	/* The root's parent is a number that no inode has. */
	uint32_t parent = n->parent == SQFS_NONE ? p->numbered + 1 : w->nodes[n->parent].number;

	put_head(n, extended, b);
	if (!extended) {
		sqfs_le32(b, (uint32_t)(n->listing_ref >> 16));
		sqfs_le32(b, n->nlink);
		sqfs_le16(b, size);
		sqfs_le16(b, (uint32_t)(n->listing_ref & 0xffff));
		sqfs_le32(b, parent);
		return;
	}
	sqfs_le32(b, n->nlink);
	sqfs_le32(b, size);
	sqfs_le32(b, (uint32_t)(n->listing_ref >> 16));
	sqfs_le32(b, parent);
	sqfs_le16(b, n->index_len);
	sqfs_le16(b, (uint32_t)(n->listing_ref & 0xffff));
	sqfs_le32(b, n->xattrs);
	if (n->index_size)
		hp_buf_append(b, w->index.data + n->index_at, n->index_size);
}

static void put_file(const struct sqfs_writer *w, const struct sqfs_node *n, struct hp_buf *b)
{
	const struct sqfs_content *c = &w->contents[n->what];
	bool extended =
	        n->nlink > 1 || n->xattrs != SQFS_NONE || c->sparse || c->size > UINT32_MAX || c->start > UINT32_MAX;
	/* Readers count what is stored as size minus holes, and take 0 for "holes unknown". */
	uint64_t sparse = c->sparse && c->sparse == c->size ? c->size - 1 : c->sparse;

	put_head(n, extended, b);
	if (extended) {
		sqfs_le64(b, c->start);
		sqfs_le64(b, c->size);
		sqfs_le64(b, sparse);
		sqfs_le32(b, n->nlink);
		sqfs_le32(b, c->fragment);
		sqfs_le32(b, c->fragment_offset);
		sqfs_le32(b, n->xattrs);
	} else {
		sqfs_le32(b, (uint32_t)c->start);
		sqfs_le32(b, c->fragment);
		sqfs_le32(b, c->fragment_offset);
		sqfs_le32(b, (uint32_t)c->size);
	}
	for (uint32_t i = 0; i < c->blocks_len; i++)
		sqfs_le32(b, w->blocks[c->first_block + i]);
}

static void put_other(const struct sqfs_writer *w, const struct sqfs_node *n, struct hp_buf *b)
{
	bool extended = n->xattrs != SQFS_NONE;

	put_head(n, extended, b);
	sqfs_le32(b, n->nlink);
	if (n->type == SQFS_SYMLINK) {
		sqfs_le32(b, (uint32_t)strlen(w->names.data + n->what));
		hp_buf_str(b, w->names.data + n->what);
	} else if (n->type == SQFS_BLOCK || n->type == SQFS_CHAR) {
		sqfs_le32(b, n->what);
	}
	if (extended)
		sqfs_le32(b, n->xattrs);
}

static void pack_inode(struct packing *p, struct sqfs_node *n)
{
	HP_AUTO_BUF struct hp_buf b = {0};

	if (n->type == SQFS_DIR)
		put_directory(p, n, &b);
	else if (n->type == SQFS_REG)
		put_file(p->w, n, &b);
	else
		put_other(p->w, n, &b);
	n->packed = true;
	n->ref = sqfs_meta_ref(p->inodes);
	sqfs_meta_put(p->inodes, p->w->packers[0], b.data, b.len);
}

static void pack(struct packing *p)
{
	struct sqfs_writer *w = p->w;

	for (uint32_t nth = p->dirs_len; nth-- > 0;) {
		for (uint32_t at = p->first[nth]; at < p->first[nth + 1]; at++) {
			struct sqfs_node *child = &w->nodes[w->entries[p->sorted[at]].inode];

			if (!child->packed) /* not yet, by another name */
				pack_inode(p, child);
		}
		pack_listing(p, nth);
	}
	pack_inode(p, &w->nodes[SQFS_ROOT]);
	sqfs_meta_flush(p->inodes, w->packers[0]);
	sqfs_meta_flush(p->listings, w->packers[0]);
}

int sqfs_tree_pack(struct sqfs_writer *w, struct sqfs_meta *inodes, struct sqfs_meta *listings, uint32_t *ret_count,
                   struct hp_err *err)
{
	struct packing p = {.w = w, .inodes = inodes, .listings = listings};
	int r;

	if (w->nodes_len == 0)
		return hp_err_set(err, HP_INVALID, "an image without a root directory");
	r = collect(&p, err);
	if (r == 0)
		pack(&p);
	*ret_count = p.numbered;
	free(p.dirs);
	free(p.first);
	free(p.sorted);
	return r;
}
