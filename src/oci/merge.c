/* Placing the entries of one layer after the other, top first.
 *
 * A node that is there was decided by this layer or one above, and stays, with four exceptions: a directory that only paths
 * implied takes its attributes from the first layer that has them; a directory is closed by what a lower layer has in its
 * place (a file, a whiteout, an opaque mark): still lower layers add nothing to it; within one layer later entries
 * replace earlier ones of the same kind; and a name that the same layer whites out can come back in it.
 *
 * `here` maps each path of the current layer to what hard links of this layer would find there: a file + 1, or NO_FILE. */
#include "oci/merge.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/merge_priv.h"

#define NO_FILE ((void *)UINTPTR_MAX)
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
#define MARKS ".wh..wh."
#define RESERVED ".hpcc"

/* A path as the merge uses it: components joined by single slashes, without "." and without a leading slash; "" is the root. */
struct path {
	char text[HP_PATH_SIZE_MAX];
	size_t len;
	const char *name; /* the last component, in text */
	size_t name_len;
};

static void tell(struct oci_merge *m, const char *name, const char *path)
{
	m->counts.events++;
	if (m->opt.event)
		m->opt.event(m->opt.ctx, name, path);
}

static int refuse(struct oci_merge *m, const char *name, const char *path, const char *what, struct hp_err *err)
{
	tell(m, name, path);
	return hp_err_set(err, HP_DENIED, "layer %u from the top: '%.128s' %s", m->layer, path, what);
}

struct oci_merge *oci_merge_new(const struct oci_merge_options *options)
{
	struct oci_merge *m = hp_zalloc(sizeof *m);
	uint32_t root;

	m->opt = *options;
	m->arena = hp_arena_new(1 << 20);
	m->children.seed = m->here.seed = m->pending.seed = m->hides.seed = options->seed;
	root = oci_node_add(m, OCI_NONE, "", 0);
	m->nodes[root].file = oci_file_add(m);
	m->files[m->nodes[root].file].kind = OCI_DIR;
	m->files[m->nodes[root].file].mode = 0755;
	m->nodes[root].implied = true;
	return m;
}

void oci_merge_free(struct oci_merge *take_merge)
{
	struct oci_merge *m = take_merge;

	if (!m)
		return;
	free(m->nodes);
	free(m->files);
	hp_map_done(&m->children);
	hp_map_done(&m->here);
	hp_map_done(&m->pending);
	hp_map_done(&m->hides);
	hp_arena_free(m->arena);
	free(m);
}

void oci_merge_counts(const struct oci_merge *m, struct oci_merge_counts *ret_counts)
{
	*ret_counts = m->counts;
}

/* The key of a child: its parent's number and its name. */
static size_t child_key(char key[4 + HP_SQFS_NAME_MAX], uint32_t parent, const char *name, size_t len)
{
	memcpy(key, &parent, 4);
	memcpy(key + 4, name, len);
	return 4 + len;
}

uint32_t oci_node_find(const struct oci_merge *m, uint32_t parent, const char *name, size_t len)
{
	char key[4 + HP_SQFS_NAME_MAX];

	return (uint32_t)(uintptr_t)hp_map_find(&m->children, key, child_key(key, parent, name, len)) - 1;
}

uint32_t oci_node_add(struct oci_merge *m, uint32_t parent, const char *name, size_t len)
{
	char key[4 + HP_SQFS_NAME_MAX];

	if ((m->nodes_len & (m->nodes_len - 1)) == 0)
		m->nodes = hp_realloc(m->nodes, (m->nodes_len ? (size_t)m->nodes_len * 2 : 1) * sizeof *m->nodes);
	m->nodes[m->nodes_len] = (struct oci_node){
	        .parent = parent, .file = OCI_NONE, .layer = m->layer, .name = hp_arena_strndup(m->arena, name, len)};
	hp_map_put(&m->children, key, child_key(key, parent, name, len))->value = (void *)(uintptr_t)(m->nodes_len + 1);
	return m->nodes_len++;
}

uint32_t oci_file_add(struct oci_merge *m)
{
	if ((m->files_len & (m->files_len - 1)) == 0)
		m->files = hp_realloc(m->files, (m->files_len ? (size_t)m->files_len * 2 : 1) * sizeof *m->files);
	m->files[m->files_len] =
	        (struct oci_file){.same_as = OCI_NONE, .content = OCI_NONE, .inode = OCI_NONE, .entry = m->entry};
	return m->files_len++;
}

/* Takes a path apart. What no honest archive has is refused. */
static int read_path(struct oci_merge *m, const char *text, struct path *ret_path, struct hp_err *err)
{
	struct path *p = ret_path;
	size_t depth = 0;

	p->len = p->name_len = 0;
	p->name = p->text;
	p->text[0] = '\0';
	if (text[0] == '\0')
		return refuse(m, "image-empty-name", text, "is an empty name", err);
	/* umoci calls the root "/". */
	if (text[0] == '/' && text[1])
		return refuse(m, "image-absolute-name", text, "is an absolute name", err);
	if (strlen(text) >= HP_PATH_SIZE_MAX)
		return refuse(m, "image-long-name", text, "is too long", err);
	while (*text) {
		size_t len = strcspn(text, "/");

		if (len == 2 && text[0] == '.' && text[1] == '.')
			return refuse(m, "image-parent-name", text, "leads out of the image", err);
		if (len > HP_SQFS_NAME_MAX || ++depth > HP_IMAGE_DEPTH_MAX)
			return refuse(m, "image-long-name", text, "is too long or too deep", err);
		if (len > 1 || (len == 1 && text[0] != '.')) {
			if (p->len)
				p->text[p->len++] = '/';
			p->name = p->text + p->len;
			p->name_len = len;
			memcpy(p->text + p->len, text, len);
			p->len += len;
		}
		text += len + (text[len] == '/');
	}
	p->text[p->len] = '\0';
	return 0;
}

static bool is_dir(const struct oci_merge *m, const struct oci_node *n)
{
	return n->file != OCI_NONE && m->files[n->file].kind == OCI_DIR;
}

/* What layers above left to this one in a directory. */
static bool closed(const struct oci_merge *m, const struct oci_node *n)
{
	return n->closed && m->layer > n->closed;
}

/* Lower layers than this one add nothing any more. */
static void close_dir(const struct oci_merge *m, struct oci_node *n)
{
	if (!n->closed)
		n->closed = m->layer;
}

static void become_dir(struct oci_merge *m, uint32_t node)
{
	uint32_t file = oci_file_add(m);

	m->files[file].kind = OCI_DIR;
	m->files[file].mode = 0755;
	m->nodes[node].file = file;
	m->nodes[node].implied = true;
}

/* Where an entry would stand. */
struct place {
	uint32_t parent;
	uint32_t node; /* what stands there; OCI_NONE */
	bool hidden;   /* an upper layer hides what this one has there, unless a node stands there */
};

/* One step down, into the directory that a path goes through. 1: hidden by a layer above. */
static int step(struct oci_merge *m, const char *path, const char *name, size_t len, struct place *p,
                struct hp_err *err)
{
	uint32_t child = oci_node_find(m, p->parent, name, len);
	struct oci_node *n;

	if (closed(m, &m->nodes[p->parent]))
		p->hidden = true;
	if (child == OCI_NONE) {
		if (p->hidden)
			return 1;
		child = oci_node_add(m, p->parent, name, len);
		become_dir(m, child);
	}
	n = &m->nodes[child];
	if (!is_dir(m, n)) {
		if (n->layer < m->layer)
			return 1;
		if (n->file != OCI_NONE)
			return refuse(m, "image-parent-not-directory", path,
			              "goes through something that is no directory", err);
		become_dir(m, child); /* whited out and made again by the same layer */
		close_dir(m, &m->nodes[child]);
	}
	p->parent = child;
	return 0;
}

static int find_place(struct oci_merge *m, const struct path *path, struct place *ret_place, struct hp_err *err)
{
	const char *at = path->text;
	int r;

	*ret_place = (struct place){.parent = OCI_ROOT, .node = OCI_NONE};
	while (at < path->name) {
		size_t len = strcspn(at, "/");

		r = step(m, path->text, at, len, ret_place, err);
		if (r < 0)
			return r;
		if (r > 0) {
			ret_place->hidden = true;
			return 0;
		}
		at += len + 1;
	}
	if (closed(m, &m->nodes[ret_place->parent]))
		ret_place->hidden = true;
	ret_place->node = oci_node_find(m, ret_place->parent, path->name, path->name_len);
	return 0;
}

static void note_hide(struct oci_merge *m, const struct path *path, const char *how)
{
	if (m->pending.len)
		hp_map_put(&m->hides, path->text, path->len)->value = (void *)how;
}

/* Whiteouts, and what is left out of the image but still stands in the way of what is below. */
static int place_whiteout(struct oci_merge *m, const struct path *path, struct hp_err *err)
{
	struct place p;
	int r = find_place(m, path, &p, err);

	if (r < 0)
		return r;
	note_hide(m, path, "gone");
	if (p.node != OCI_NONE) {
		if (is_dir(m, &m->nodes[p.node]))
			close_dir(m, &m->nodes[p.node]);
	} else if (!p.hidden) {
		(void)oci_node_add(m, p.parent, path->name, path->name_len);
	}
	return 0;
}

/* `path` is the directory that lower layers add nothing to. */
static int place_opaque(struct oci_merge *m, const struct path *path, struct hp_err *err)
{
	struct place p = {.parent = OCI_ROOT};
	const char *at = path->text;
	int r = 0;

	note_hide(m, path, "opaque");
	while (r == 0 && *at) {
		size_t len = strcspn(at, "/");

		r = step(m, path->text, at, len, &p, err);
		at += len + (at[len] == '/');
	}
	if (r == 0)
		close_dir(m, &m->nodes[p.parent]);
	return r < 0 ? r : 0;
}

/* A name that the layer format gives a meaning of its own. 1: done with. */
static int place_mark(struct oci_merge *m, struct path *path, struct hp_err *err)
{
	struct path target;
	int r;

	if (path->name_len < strlen(WHITEOUT) || memcmp(path->name, WHITEOUT, strlen(WHITEOUT)) != 0)
		return 0;
	if (hp_streq(path->name, OPAQUE)) {
		path->len = path->name > path->text ? path->len - path->name_len - 1 : 0;
		path->text[path->len] = '\0';
		r = place_opaque(m, path, err);
		return r < 0 ? r : 1;
	}
	if (hp_startswith(path->name, MARKS))
		return 1; /* notes of a file system that is no more; no one shows them */
	if (hp_streq(path->name + strlen(WHITEOUT), "") || hp_streq(path->name + strlen(WHITEOUT), ".") ||
	    hp_streq(path->name + strlen(WHITEOUT), ".."))
		return refuse(m, "image-bad-whiteout", path->text, "hides nothing that can be there", err);
	target = *path;
	target.name = target.text + (path->name - path->text);
	target.name_len = path->name_len - strlen(WHITEOUT);
	target.len -= strlen(WHITEOUT);
	memmove((char *)target.name, path->name + strlen(WHITEOUT), target.name_len + 1);
	if (hp_streq(target.text, RESERVED))
		return 1;
	r = place_whiteout(m, &target, err);
	return r < 0 ? r : 1;
}

static void copy_attributes(struct oci_merge *m, const struct oci_entry *e, struct oci_file *f)
{
	struct sqfs_xattr *xattrs = NULL;

	if (e->mode & 06000)
		tell(m, "image-set-id", e->path);
	f->kind = e->kind;
	f->mode = e->mode & 01777;
	f->uid = (uint32_t)e->uid;
	f->gid = (uint32_t)e->gid;
	f->mtime_s = e->mtime_s < 0 ? 0 : e->mtime_s > UINT32_MAX ? UINT32_MAX : (uint32_t)e->mtime_s;
	f->target = e->kind == OCI_SYMLINK ? hp_arena_strndup(m->arena, e->target, strlen(e->target)) : NULL;
	if (e->xattrs_len)
		xattrs = hp_arena_alloc(m->arena, e->xattrs_len * sizeof *xattrs);
	for (size_t i = 0; i < e->xattrs_len; i++) {
		void *value = hp_arena_alloc(m->arena, e->xattrs[i].len + 1);

		memcpy(value, e->xattrs[i].value, e->xattrs[i].len);
		xattrs[i] = (struct sqfs_xattr){
		        .name = hp_arena_strndup(m->arena, e->xattrs[i].name, strlen(e->xattrs[i].name)),
		        .value = value,
		        .len = e->xattrs[i].len};
	}
	f->xattrs = xattrs;
	f->xattrs_len = e->xattrs_len;
}

static int place_directory(struct oci_merge *m, const struct oci_entry *e, const struct path *path, struct hp_err *err)
{
	struct place p = {.node = OCI_ROOT};
	struct oci_node *n;
	bool fresh = false;
	int r = path->len ? find_place(m, path, &p, err) : 0;

	if (r < 0)
		return r;
	hp_map_put(&m->here, path->text, path->len)->value = NO_FILE;
	if (p.node == OCI_NONE && !p.hidden) {
		p.node = oci_node_add(m, p.parent, path->name, path->name_len);
		fresh = true;
	}
	n = p.node == OCI_NONE ? NULL : &m->nodes[p.node];
	if (n && !is_dir(m, n) && n->layer == m->layer) {
		if (n->file != OCI_NONE)
			return refuse(m, "image-duplicate-entry", path->text, "comes twice, as two kinds of things",
			              err);
		become_dir(m, p.node);
		if (!fresh)
			close_dir(m, n); /* whited out and made again by the same layer */
	}
	if (!n || !is_dir(m, n) || (n->layer != m->layer && (!n->implied || p.hidden || closed(m, n)))) {
		m->counts.hidden++;
		return 0;
	}
	copy_attributes(m, e, &m->files[n->file]);
	n->implied = false;
	return 0;
}

/* Puts a file (or its like) where it belongs. 1: the name is shown. */
static int place_file(struct oci_merge *m, const struct path *path, uint32_t file, struct hp_err *err)
{
	struct place p;
	struct oci_node *n;
	int r = find_place(m, path, &p, err);

	if (r < 0)
		return r;
	note_hide(m, path, "file");
	if (p.node == OCI_NONE) {
		if (p.hidden)
			return 0;
		p.node = oci_node_add(m, p.parent, path->name, path->name_len);
		m->nodes[p.node].file = file;
		return 1;
	}
	n = &m->nodes[p.node];
	if (is_dir(m, n)) {
		if (n->layer == m->layer)
			return refuse(m, "image-duplicate-entry", path->text, "comes twice, as two kinds of things",
			              err);
		if (n->implied && !p.hidden && !closed(m, n))
			return refuse(m, "image-parent-not-directory", path->text,
			              "is no directory, and an upper layer goes through it", err);
		close_dir(m, n);
		return 0;
	}
	if (n->layer < m->layer)
		return 0;
	if (n->file != OCI_NONE)
		tell(m, "image-duplicate-entry", path->text);
	n->file = file;
	return 1;
}

/* A hard link of an upper layer waits for this path: it is this file. */
static bool settle_pending(struct oci_merge *m, const struct path *path, uint32_t file)
{
	struct hp_map_slot *slot;
	uint32_t waiting;

	if (!m->pending.len || !hp_map_find(&m->pending, path->text, path->len))
		return false;
	slot = hp_map_put(&m->pending, path->text, path->len);
	waiting = (uint32_t)((uintptr_t)slot->value - 1);
	if (m->files[waiting].kind || m->files[waiting].same_as != OCI_NONE || waiting == file)
		return false;
	m->files[waiting].same_as = file;
	m->files[file].shown |= m->files[waiting].shown;
	return m->files[waiting].shown;
}

static int place_regular(struct oci_merge *m, const struct oci_entry *e, const struct path *path, uint32_t *ret_file,
                         struct hp_err *err)
{
	uint32_t file;
	bool wanted;
	int r;

	if (m->again) {
		file = (uint32_t)((uintptr_t)hp_map_find(&m->here, path->text, path->len) - 1);
		if (file >= m->files_len || m->files[file].entry != m->entry || !m->files[file].shown ||
		    m->files[file].content != OCI_NONE)
			return 0;
		*ret_file = file;
		return 1;
	}
	file = oci_file_add(m);
	copy_attributes(m, e, &m->files[file]);
	r = place_file(m, path, file, err);
	if (r < 0)
		return r;
	m->files[file].shown = r > 0;
	m->counts.hidden += r == 0;
	wanted = settle_pending(m, path, file) || r > 0;
	hp_map_put(&m->here, path->text, path->len)->value = (void *)(uintptr_t)(file + 1);
	*ret_file = file;
	return wanted;
}

/* Symbolic links and pipes. */
static int place_other(struct oci_merge *m, const struct oci_entry *e, const struct path *path, struct hp_err *err)
{
	uint32_t file;
	int r;

	if (e->kind == OCI_SYMLINK && (!e->target || !e->target[0] || strlen(e->target) > HP_SQFS_TARGET_MAX))
		return refuse(m, "image-bad-link", path->text, "is a symbolic link with an empty or too long target",
		              err);
	file = oci_file_add(m);
	copy_attributes(m, e, &m->files[file]);
	r = place_file(m, path, file, err);
	if (r < 0)
		return r;
	m->files[file].shown = r > 0;
	m->counts.hidden += r == 0;
	hp_map_put(&m->here, path->text, path->len)->value = NO_FILE;
	return 0;
}

/* The file that a hard link's target names: of this layer, or one that lower layers have to bring. */
static int link_target(struct oci_merge *m, const struct path *path, const struct path *target, uint32_t *ret_file,
                       struct hp_err *err)
{
	void *found = hp_map_find(&m->here, target->text, target->len);
	struct hp_map_slot *slot;

	if (found == NO_FILE)
		return refuse(m, "image-bad-link", path->text, "is a hard link to something that is no file", err);
	if (found) {
		*ret_file = oci_file_resolve(m, (uint32_t)((uintptr_t)found - 1));
		return 0;
	}
	slot = hp_map_put(&m->pending, target->text, target->len);
	if (slot->value) {
		*ret_file = oci_file_resolve(m, (uint32_t)((uintptr_t)slot->value - 1));
		if (m->files[*ret_file].kind == 0)
			return 0;
	}
	/* A path that was settled by a layer above means another file from here on. */
	*ret_file = oci_file_add(m);
	m->files[*ret_file].entry = m->layer;
	slot->value = (void *)(uintptr_t)(*ret_file + 1);
	return 0;
}

static int place_hardlink(struct oci_merge *m, const struct oci_entry *e, const struct path *path, struct hp_err *err)
{
	struct path target;
	struct oci_file *f;
	uint32_t file = OCI_NONE;
	bool was_shown;
	int r = read_path(m, e->target ? e->target : "", &target, err);

	if (r == 0)
		r = link_target(m, path, &target, &file, err);
	if (r == 0)
		r = place_file(m, path, file, err);
	if (r < 0)
		return r;
	m->counts.hidden += r == 0;
	f = &m->files[file];
	was_shown = f->shown;
	f->shown |= r > 0;
	(void)settle_pending(m, path, file);
	if (f->shown && !was_shown && f->kind == OCI_FILE && f->content == OCI_NONE)
		m->wanted++;
	hp_map_put(&m->here, path->text, path->len)->value = (void *)(uintptr_t)(file + 1);
	return 0;
}

static int place_entry(struct oci_merge *m, const struct oci_entry *e, struct path *path, uint32_t *ret_file,
                       struct hp_err *err)
{
	switch (e->kind) {
	case OCI_DIR:
		return place_directory(m, e, path, err);
	case OCI_FILE:
		return place_regular(m, e, path, ret_file, err);
	case OCI_SYMLINK:
	case OCI_FIFO:
		return place_other(m, e, path, err);
	case OCI_HARDLINK:
		return place_hardlink(m, e, path, err);
	case OCI_CHAR:
	case OCI_BLOCK:
		tell(m, "image-device-node", path->text);
		break;
	case OCI_OTHER:
		tell(m, "image-odd-entry", path->text);
		break;
	}
	hp_map_put(&m->here, path->text, path->len)->value = NO_FILE;
	return place_whiteout(m, path, err);
}

static bool reserved(const struct path *path)
{
	return hp_startswith(path->text, RESERVED) &&
	       (path->text[strlen(RESERVED)] == '\0' || path->text[strlen(RESERVED)] == '/');
}

/* Counts an entry of the first reading. What it makes us remember is bounded before it is remembered. */
static int count_entry(struct oci_merge *m, const struct oci_entry *e, struct hp_err *err)
{
	m->names_size += strlen(e->path) + (e->target ? strlen(e->target) : 0);
	for (size_t i = 0; i < e->xattrs_len; i++)
		m->names_size += strlen(e->xattrs[i].name) + e->xattrs[i].len;
	if (++m->counts.entries <= HP_IMAGE_ENTRIES_MAX && m->nodes_len + HP_IMAGE_DEPTH_MAX <= HP_IMAGE_NODES_MAX &&
	    m->names_size <= HP_IMAGE_NAMES_SIZE_MAX)
		return 0;
	tell(m, "image-too-large", e->path);
	return hp_err_set(err, HP_EXHAUSTED, "the image has more than %u entries, %u names or %u MiB of them",
	                  HP_IMAGE_ENTRIES_MAX, HP_IMAGE_NODES_MAX, HP_IMAGE_NAMES_SIZE_MAX >> 20);
}

int oci_merge_entry(struct oci_merge *m, const struct oci_entry *entry, uint32_t *ret_file, struct hp_err *err)
{
	struct path path;
	int r;

	m->entry++;
	r = m->again ? 0 : count_entry(m, entry, err);
	if (r < 0)
		return r;
	r = read_path(m, entry->path, &path, err);
	if (r < 0)
		return r;
	if (m->again && entry->kind != OCI_FILE)
		return 0;
	if (entry->uid < 0 || entry->uid > UINT32_MAX || entry->gid < 0 || entry->gid > UINT32_MAX)
		return refuse(m, "image-bad-owner", path.text, "belongs to a user or group that cannot be", err);
	if (path.len == 0 && entry->kind != OCI_DIR)
		return refuse(m, "image-empty-name", entry->path, "stands in the place of the root directory", err);
	if (reserved(&path)) {
		tell(m, "image-reserved-name", path.text);
		return 0;
	}
	r = path.len ? place_mark(m, &path, err) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	return place_entry(m, entry, &path, ret_file, err);
}

void oci_merge_content(struct oci_merge *m, uint32_t file, uint32_t content)
{
	m->files[file].content = content;
	if (m->again && m->wanted)
		m->wanted--;
}

/* Whether this layer hides what lower ones have at a path. */
static bool hides(const struct oci_merge *m, const char *path, size_t len)
{
	const char *how = hp_map_find(&m->hides, path, len);

	if (how && hp_streq(how, "gone"))
		return true;
	while (len > 0) {
		while (len > 0 && path[len - 1] != '/')
			len--;
		len -= len > 0;
		if (hp_map_find(&m->hides, path, len))
			return true;
	}
	return false;
}

/* Links of upper layers that this layer should have brought, or made impossible. */
static int check_pending(struct oci_merge *m, struct hp_err *err)
{
	for (size_t i = 0; i < m->pending.cap; i++) {
		const struct hp_map_slot *slot = &m->pending.slots[i];
		const struct oci_file *f;

		if (!slot->key)
			continue;
		f = &m->files[(uintptr_t)slot->value - 1];
		if (f->kind || f->same_as != OCI_NONE || !f->shown || f->entry == m->layer)
			continue;
		if (hp_map_find(&m->here, slot->key, slot->key_len) == NO_FILE || hides(m, slot->key, slot->key_len))
			return refuse(m, "image-bad-link", slot->key, "is the target of a hard link, and no file", err);
	}
	return 0;
}

void oci_merge_layer_begin(struct oci_merge *m)
{
	m->layer++;
	m->entry = 0;
	m->wanted = 0;
	m->again = false;
}

void oci_merge_layer_again(struct oci_merge *m)
{
	m->entry = 0;
	m->again = true;
}

int oci_merge_layer_end(struct oci_merge *m, struct hp_err *err)
{
	uint64_t seed = m->opt.seed;
	int r;

	if (!m->again && m->wanted)
		return 1;
	if (m->wanted) /* an earlier entry of a path that came twice; or the archive is not the same any more */
		return refuse(m, "image-bad-link", "", "a hard link's target cannot be found again", err);
	r = check_pending(m, err);
	hp_map_done(&m->here);
	hp_map_done(&m->hides);
	m->here.seed = m->hides.seed = seed;
	return r;
}
