#include "daemon/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/twins.h"
#include "sys/clock.h"

static void bind_files(struct daemon_memory *m, const struct daemon_draft *draft, const char *cwd,
                       struct daemon_closure *c)
{
	HP_AUTO_BUF struct hp_buf absolute = {0};
	size_t n = draft->files.len;

	c->files_len = n;
	c->files = hp_alloc(n * sizeof *c->files);
	c->spelled = hp_alloc(n * sizeof *c->spelled);
	c->flags = hp_memdup(draft->flags, n);
	for (size_t i = 0; i < n; i++) {
		const char *path = draft->files.v[i];

		hp_buf_reset(&absolute);
		sys_path_join(&absolute, cwd, path);
		c->files[i] = daemon_memory_file(m, absolute.data);
		c->spelled[i] = (uint32_t)(absolute.len - strlen(path));
	}
}

static void bind_probes(struct daemon_memory *m, const struct daemon_draft *draft, const char *cwd,
                        struct daemon_closure *c)
{
	HP_AUTO_FREE uint32_t *dirs = hp_alloc(draft->dirs_len * sizeof *dirs);
	HP_AUTO_FREE uint32_t *set = hp_alloc(draft->absent_len * sizeof *set);
	HP_AUTO_BUF struct hp_buf absolute = {0};

	for (size_t i = 0; i < draft->dirs_len; i++) {
		hp_buf_reset(&absolute);
		sys_path_join(&absolute, cwd, draft->dirs[i]);
		dirs[i] = daemon_memory_dir(m, hp_buf_cstr(&absolute));
	}
	c->probes_len = draft->probes_len;
	c->probe_names = hp_alloc(c->probes_len * sizeof *c->probe_names);
	c->probe_dirsets = hp_alloc(c->probes_len * sizeof *c->probe_dirsets);
	for (size_t i = 0; i < c->probes_len; i++) {
		const struct daemon_draft_probe *p = &draft->probes[i];

		for (size_t k = 0; k < p->len; k++)
			set[k] = dirs[draft->probe_dirs[p->from + k]];
		c->probe_names[i] = daemon_memory_name(m, p->name);
		c->probe_dirsets[i] = daemon_memory_dirset(m, set, p->len);
	}
}

struct daemon_closure *daemon_closure_new(struct daemon_memory *m, const struct daemon_draft *draft, const char *cwd,
                                          const struct cc_place *place)
{
	DAEMON_AUTO_DRAFT struct daemon_draft named = {0};
	struct daemon_closure *c = hp_zalloc(sizeof *c);

	bind_files(m, draft, cwd, c);
	bind_probes(m, draft, cwd, c);
	if (place)
		daemon_draft_to_names(draft, place, &named);
	daemon_draft_shape(place ? &named : draft, &c->shape);
	c->bytes = sizeof *c + c->files_len * 9 + c->probes_len * 8;
	c->counter = &m->closure_bytes;
	(void)__atomic_add_fetch(&m->closure_bytes, c->bytes, __ATOMIC_RELAXED);
	return c;
}

void daemon_closure_free(struct daemon_closure *c)
{
	(void)__atomic_sub_fetch(c->counter, c->bytes, __ATOMIC_RELAXED);
	free(c->files);
	free(c->spelled);
	free(c->flags);
	free(c->probe_names);
	free(c->probe_dirsets);
	free(c->gates);
	free(c);
}

bool daemon_closure_same(const struct daemon_closure *a, const struct daemon_closure *b)
{
	return a->files_len == b->files_len && a->probes_len == b->probes_len &&
	       memcmp(a->files, b->files, a->files_len * sizeof *a->files) == 0 &&
	       memcmp(a->flags, b->flags, a->files_len) == 0 &&
	       memcmp(a->probe_names, b->probe_names, a->probes_len * sizeof *a->probe_names) == 0 &&
	       memcmp(a->probe_dirsets, b->probe_dirsets, a->probes_len * sizeof *a->probe_dirsets) == 0;
}

/* The absent paths.
 *
 * A name cannot appear in a directory without changing the directory's stamp; so each absent path hangs on a gate, the
 * deepest directory on its way that exists, and while no gate's stamp changes nothing below need be looked at. A link
 * that leads nowhere is a gate without a stamp: what it names can come into being anywhere, so it is always looked at. */

struct absent_check {
	struct daemon_memory *m;
	struct daemon_closure *c;
	int64_t now_ns;                /* before anything was looked at */
	bool all;                      /* no gates yet: everything is looked at */
	struct daemon_dir_view *gates; /* as they are now, one per gate of the closure */
	uint32_t *changed;             /* directory ids of gates whose stamp differs */
	size_t changed_len;
	struct hp_map views;       /* directory id → struct daemon_dir_view, those looked at in this check */
	struct daemon_gate *added; /* gates that the closure gets if the check passes */
	size_t added_len;
};

static void add_gate(struct absent_check *k, uint32_t dir, const struct daemon_dir_view *view)
{
	for (size_t i = 0; i < k->c->gates_len; i++) {
		if (k->c->gates[i].dir == dir)
			return;
	}
	for (size_t i = 0; i < k->added_len; i++) {
		if (k->added[i].dir == dir)
			return;
	}
	if ((k->added_len & (k->added_len - 1)) == 0)
		k->added = hp_realloc(k->added, (k->added_len ? k->added_len * 2 : 1) * sizeof *k->added);
	k->added[k->added_len++] =
	        (struct daemon_gate){.dir = dir, .stamp = view->trusted ? view->stamp : (struct sys_stamp){0}};
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void add_gate_dangling(struct absent_check *k, const char *path)
{
	add_gate(k, daemon_memory_dir(k->m, path), &(struct daemon_dir_view){0});
}

/* A directory that does not exist is watched through the nearest one above it that does. */
static void add_gate_above(struct absent_check *k, const char *path)
{
	HP_AUTO_FREE char *copy = hp_strdup(path);
	size_t len = strlen(copy);

	while (len) {
		struct daemon_dir_view view;
		uint32_t dir;

		if (is_link(copy)) {
			add_gate_dangling(k, copy);
			return;
		}
		while (len && copy[len - 1] != '/')
			len--;
		while (len && copy[len - 1] == '/')
			len--;
		copy[len] = '\0';
		dir = daemon_memory_dir(k->m, len ? copy : "/");
		daemon_dir_look(daemon_dir_at(k->m, dir), k->now_ns, &k->m->closure_bytes, &view);
		if (view.stamp.ino == 0 && len)
			continue;
		add_gate(k, dir, &view);
		return;
	}
}

/* The directory as this check sees it; what it hangs on becomes a gate. */
static const struct daemon_dir_view *view_of(struct absent_check *k, uint32_t dir)
{
	struct hp_map_slot *slot = hp_map_put(&k->views, &dir, sizeof dir);
	struct daemon_dir_view *view = slot->value;

	if (view)
		return view;
	view = hp_alloc(sizeof *view);
	slot->value = view;
	daemon_dir_look(daemon_dir_at(k->m, dir), k->now_ns, &k->m->closure_bytes, view);
	if (view->stamp.ino)
		add_gate(k, dir, view);
	else
		add_gate_above(k, daemon_dir_at(k->m, dir)->path);
	return view;
}

/* Whether a changed gate lies at or below `dir`, or, for a `dir` that does not exist, above it. */
static bool dir_concerned(const struct absent_check *k, uint32_t dir)
{
	const char *path = daemon_dir_at(k->m, dir)->path;
	size_t len = strlen(path);

	if (k->all)
		return true;
	for (size_t i = 0; i < k->changed_len; i++) {
		const char *gate = daemon_dir_at(k->m, k->changed[i])->path;
		size_t gate_len = strlen(gate);

		if (gate_len == 1) /* the root lies above everything */
			return true;
		if (gate_len >= len ? memcmp(gate, path, len) == 0 && (gate[len] == '\0' || gate[len] == '/')
		                    : memcmp(gate, path, gate_len) == 0 && path[gate_len] == '/')
			return true;
	}
	return false;
}

/* Looks at DIR/NAME. */
static bool appeared(struct absent_check *k, uint32_t dir, const char *name)
{
	const char *slash = strrchr(name, '/');
	const struct daemon_dir_view *view;
	enum daemon_dir_entry found;
	struct daemon_dir_file file;

	if (slash) {
		HP_AUTO_BUF struct hp_buf parent = {0};

		hp_buf_str(&parent, daemon_dir_at(k->m, dir)->path);
		hp_buf_char(&parent, '/');
		hp_buf_append(&parent, name, (size_t)(slash - name));
		dir = daemon_memory_dir(k->m, parent.data);
		name = slash + 1;
	}
	view = view_of(k, dir);
	found = daemon_dir_find(view, name, &file);
	if (found == DAEMON_DIR_DANGLING) {
		HP_AUTO_BUF struct hp_buf path = {0};

		sys_path_join(&path, view->dir->path, name);
		add_gate_dangling(k, path.data);
	}
	return found == DAEMON_DIR_FILE;
}

static enum cc_reason look_at_absent(struct absent_check *k, struct hp_buf *detail)
{
	for (size_t i = 0; i < k->c->probes_len; i++) {
		const char *name = daemon_pool_at(&k->m->names, k->c->probe_names[i]);
		const struct daemon_dirset *set = daemon_pool_at(&k->m->dirsets, k->c->probe_dirsets[i]);

		for (uint32_t d = 0; d < set->len; d++) {
			if (!dir_concerned(k, set->dirs[d]) || !appeared(k, set->dirs[d], name))
				continue;
			hp_buf_printf(detail, "%s/%s", daemon_dir_at(k->m, set->dirs[d])->path, name);
			return CC_REASON_HEADER_APPEARED;
		}
	}
	return CC_REASON_NONE;
}

/* Only a check that passed may move the gates: after a failed one everything must be looked at again. */
static void keep_gates(struct absent_check *k)
{
	struct daemon_closure *c = k->c;

	for (size_t i = 0; i < c->gates_len; i++)
		c->gates[i].stamp = k->gates[i].trusted ? k->gates[i].stamp : (struct sys_stamp){0};
	if (k->added_len == 0)
		return;
	c->gates = hp_realloc(c->gates, (c->gates_len + k->added_len) * sizeof *c->gates);
	memcpy(c->gates + c->gates_len, k->added, k->added_len * sizeof *c->gates);
	c->gates_len += k->added_len;
	c->bytes += k->added_len * sizeof *c->gates;
	(void)__atomic_add_fetch(&k->m->closure_bytes, k->added_len * sizeof *c->gates, __ATOMIC_RELAXED);
}

static enum cc_reason match_absent(struct daemon_memory *m, struct daemon_closure *c, struct hp_buf *detail)
{
	struct absent_check k = {.m = m, .c = c, .all = c->gates_len == 0, .now_ns = sys_file_clock_ns()};
	HP_AUTO_FREE struct daemon_dir_view *gates = hp_alloc(c->gates_len * sizeof *gates);
	HP_AUTO_FREE uint32_t *changed = hp_alloc(c->gates_len * sizeof *changed);
	enum cc_reason reason;

	k.gates = gates;
	k.changed = changed;
	for (size_t i = 0; i < c->gates_len; i++) {
		daemon_dir_look(daemon_dir_at(m, c->gates[i].dir), k.now_ns, &m->closure_bytes, &gates[i]);
		if (!sys_stamp_eq(&gates[i].stamp, &c->gates[i].stamp) || gates[i].stamp.ino == 0)
			changed[k.changed_len++] = c->gates[i].dir;
	}
	if (!k.all && k.changed_len == 0)
		return CC_REASON_NONE;
	reason = look_at_absent(&k, detail);
	if (reason == CC_REASON_NONE)
		keep_gates(&k);
	for (size_t i = 0; i < k.views.cap; i++)
		free(k.views.slots[i].value);
	hp_map_done(&k.views);
	free(k.added);
	return reason;
}

void daemon_digest_with_time(struct codec_digest *digest, int64_t mtime_ns)
{
	struct codec_hasher h;

	codec_hasher_init(&h);
	codec_hasher_add(&h, digest->b, sizeof digest->b);
	codec_hasher_add_u64(&h, (uint64_t)mtime_ns);
	codec_hasher_end(&h, digest);
}

void daemon_closure_manifest(const struct daemon_closure *c, const struct codec_digest *digests,
                             const struct codec_digest *twins, struct codec_digest *ret_manifest)
{
	struct codec_hasher h;

	codec_hasher_init(&h);
	codec_hasher_add(&h, c->shape.b, sizeof c->shape.b);
	codec_hasher_add(&h, digests, c->files_len * sizeof *digests);
	if (twins)
		codec_hasher_add(&h, twins->b, sizeof twins->b);
	codec_hasher_end(&h, ret_manifest);
}

enum cc_reason daemon_closure_match(struct daemon_memory *m, struct daemon_closure *c,
                                    struct codec_digest *ret_manifest, struct hp_buf *detail)
{
	enum cc_reason reason = match_absent(m, c, detail);
	HP_AUTO_FREE struct codec_digest *digests = NULL;
	struct daemon_twins twins = {0};
	struct daemon_dir_fds fds;
	struct codec_digest who;
	bool has_twins;

	if (reason != CC_REASON_NONE)
		return reason;
	fds.len = 0;
	digests = hp_alloc(c->files_len * sizeof *digests);
	for (size_t i = 0; i < c->files_len; i++) {
		struct daemon_file *file = daemon_file_at(m, c->files[i]);
		struct sys_stamp stamp;
		int r;

		if (c->flags[i] & (DAEMON_FILE_TIMED | DAEMON_FILE_TWIN)) {
			r = daemon_file_digest(file, &digests[i], &stamp);
			if (r == 0 && (c->flags[i] & DAEMON_FILE_TWIN))
				daemon_twins_add(&twins, &digests[i], stamp.dev, stamp.ino, stamp.mtime_ns);
			if (r == 0 && (c->flags[i] & DAEMON_FILE_TIMED))
				daemon_digest_with_time(&digests[i], stamp.mtime_ns);
		} else {
			r = daemon_file_digest_at(file, daemon_dir_fds_get(&fds, file->dir), &digests[i]);
		}
		if (r < 0) {
			hp_buf_printf(detail, "%s: %s", file->path, strerror(-r));
			(void)daemon_twins_end(&twins, &who);
			return CC_REASON_INPUT_DIFFERS;
		}
	}
	has_twins = daemon_twins_end(&twins, &who);
	daemon_closure_manifest(c, digests, has_twins ? &who : NULL, ret_manifest);
	return CC_REASON_NONE;
}
