/* The files of a closure that is being discovered, and what lies in the places where the compiler looked. */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/discover_priv.h"

struct inode {
	uint64_t dev;
	uint64_t ino;
};

/* What GCC compares before the contents when it asks whether two files are the same for #pragma once. */
struct look {
	uint64_t size;
	int64_t mtime_s;
};

static struct look look_of(const struct sys_stamp *stamp)
{
	return (struct look){stamp->size, stamp->mtime_ns / 1000000000};
}

/* What of a file's text is a path by itself, whatever the command line says. */
static void note_literals(struct daemon_discovery *out, const struct cc_scan *scan)
{
	out->line_absolute = out->line_absolute || (scan->flags & CC_SCAN_LINE_ABSOLUTE);
	out->literal_paths =
	        out->literal_paths || (scan->flags & (CC_SCAN_INCLUDE_MACRO | CC_SCAN_HAS_INCLUDE_MACRO |
	                                              CC_SCAN_INCBIN | CC_SCAN_EMBED | CC_SCAN_PRAGMA_DEPENDENCY));
	for (size_t i = 0; i < scan->includes_len; i++)
		out->literal_paths = out->literal_paths || scan->names[scan->includes[i].offset] == '/';
}

enum cc_reason daemon_discovery_add(struct discovery *d, const char *spelled, uint8_t flags)
{
	const struct daemon_discover_input *in = d->in;
	struct daemon_draft *draft = &d->out->draft;
	size_t i = draft->files.len;
	struct daemon_content *content;
	struct daemon_file *file;
	struct sys_stamp stamp;
	struct hp_map_slot *slot;
	struct inode key;
	struct look look;
	int r;

	hp_buf_reset(&d->absolute);
	sys_path_join(&d->absolute, in->cwd, spelled);
	file = daemon_file_at(in->memory, daemon_memory_file(in->memory, d->absolute.data));
	r = daemon_file_content_at(file, daemon_dir_fds_get(&d->fds, file->dir), &content, &stamp);
	if (r < 0) {
		hp_buf_printf(d->detail, "%s: %s", file->path, strerror(-r));
		return r == -EFBIG ? CC_REASON_TOO_LARGE : CC_REASON_INPUT_CHANGED;
	}
	if ((i & (i - 1)) == 0) {
		size_t cap = i ? i * 2 : 1;

		d->members = hp_realloc(d->members, cap * sizeof *d->members);
		draft->flags = hp_realloc(draft->flags, cap);
		d->out->digests = hp_realloc(d->out->digests, cap * sizeof *d->out->digests);
	}
	hp_strv_add(&draft->files, spelled);
	draft->flags[i] = flags;
	d->members[i] =
	        (struct member){.content = content, .mtime_ns = stamp.mtime_ns, .dev = stamp.dev, .ino = stamp.ino};
	d->out->digests[i] = content->digest;
	d->out->line_files =
	        d->out->line_files || (!(flags & DAEMON_FILE_PROBE) && (content->scan.flags & CC_SCAN_LINE_FILE));
	note_literals(d->out, &content->scan);
	key = (struct inode){stamp.dev, stamp.ino};
	slot = hp_map_put(&d->by_inode, &key, sizeof key);
	if (!slot->value)
		slot->value = (void *)(i + 1);
	look = look_of(&stamp);
	hp_map_put(&d->by_look, &look, sizeof look)->value = d;
	/* Most directives lead to a member by its very name: no need to ask the file system. */
	hp_map_put(&d->looked_up, spelled, strlen(spelled))->value = (void *)(i + LOOKED_MEMBER);
	if (sys_stamp_time_ns(&stamp) >= in->start_ns) {
		hp_buf_str(d->detail, file->path);
		return CC_REASON_INPUT_CHANGED;
	}
	return CC_REASON_NONE;
}

/* The directory of `path` as this discovery sees it, looked at once. */
static const struct daemon_dir_view *parent_view(struct discovery *d, const char *path, size_t dir_len)
{
	struct hp_map_slot *slot = hp_map_put(&d->parents, path, dir_len);
	struct daemon_dir_view *view = slot->value;
	struct hp_buf *absolute = &d->absolute;
	struct daemon_memory *m = d->in->memory;

	if (view)
		return view;
	view = hp_alloc(sizeof *view);
	slot->value = view;
	hp_buf_reset(absolute);
	if (path[0] != '/') {
		hp_buf_str(absolute, d->in->cwd);
		if (dir_len)
			hp_buf_char(absolute, '/');
	}
	hp_buf_append(absolute, path, dir_len);
	if (absolute->len == 0)
		hp_buf_char(absolute, '/');
	daemon_dir_look(daemon_dir_at(m, daemon_memory_dir(m, absolute->data)), d->now_ns, &m->closure_bytes, view);
	return view;
}

/* Steps over what does not count in a path: repeated slashes and "." */
static const char *step_over(const char *p, bool at_start)
{
	for (;;) {
		if ((at_start || p[0] == '/') && p[at_start ? 0 : 1] == '.' && p[at_start ? 1 : 2] == '/')
			p += 2;
		else if (p[0] == '/' && p[1] == '/')
			p++;
		else
			return p;
	}
}

/* Whether two paths are one spelling. */
static bool same_spelling(const char *a, const char *b)
{
	a = step_over(a, true);
	b = step_over(b, true);
	while (*a && *a == *b) {
		a = step_over(a + 1, false);
		b = step_over(b + 1, false);
	}
	return *a == *b;
}

const char *daemon_without_dot(const char *path)
{
	while (path[0] == '.' && path[1] == '/') {
		for (path += 2; *path == '/'; path++)
			;
	}
	return path;
}

/* A file that is there under this path but not in the compiler's list under it. It can be why: #pragma once leaves out
 * a second name of a file and, with GCC, a second file that looks the same and has the same content; also one that the
 * precompiled header in use has. What lies there then decides, so the path joins the closure. */
static void join_left_out(struct discovery *d, const char *path, uintptr_t looked)
{
	enum cc_reason reason = daemon_discovery_add(d, path, DAEMON_FILE_PROBE);

	if (reason != CC_REASON_NONE)
		d->trouble = reason;
	hp_map_put(&d->looked_up, path, strlen(path))->value = (void *)looked;
}

/* A file that the compiler did not read, in a place where it may have looked: when it, or the link that leads to it, is
 * as young as the compile, it may have come after the look, and the next compile would read it. */
static void note_newcomer(struct discovery *d, const char *path, const struct daemon_dir_file *file)
{
	if (d->newcomer || (sys_stamp_time_ns(&file->stamp) < d->in->start_ns && file->link_ns < d->in->start_ns))
		return;
	d->newcomer = true;
	sys_path_join(d->detail, d->in->cwd, path);
}

void daemon_discovery_backslash(struct discovery *d, const char *path)
{
	if (d->in->inv->family != CC_FAMILY_CLANG || !strchr(path, '\\'))
		return;
	hp_buf_reset(d->detail);
	hp_buf_str(d->detail, path);
	d->trouble = CC_REASON_DEPFILE_MISMATCH;
}

/* A file that is there, met for the first time under this path. */
static uintptr_t found(struct discovery *d, const char *path, const struct daemon_dir_file *file)
{
	struct inode key = {file->stamp.dev, file->stamp.ino};
	struct look look = look_of(&file->stamp);
	uintptr_t member = (uintptr_t)hp_map_find(&d->by_inode, &key, sizeof key);
	uintptr_t looked = member ? member - 1 + LOOKED_MEMBER : LOOKED_OTHER;

	if (!member)
		note_newcomer(d, path, file);
	daemon_discovery_backslash(d, path);
	hp_map_put(&d->looked_up, path, strlen(path))->value = (void *)looked;
	if (member ? !same_spelling(path, d->out->draft.files.v[member - 1])
	           : d->in->inv->family == CC_FAMILY_GCC && (d->pch || hp_map_find(&d->by_look, &look, sizeof look)))
		join_left_out(d, path, looked);
	return looked;
}

/* Whether DIR/NAME is absent, a member, or another file. Absences that the directory's own memo holds are not noted
 * here as well: there are thousands. */
uintptr_t daemon_discovery_look_up(struct discovery *d, const char *path)
{
	const struct daemon_dir_view *view;
	struct daemon_dir_file file;
	uintptr_t looked;
	const char *slash;
	size_t len;

	path = daemon_without_dot(path);
	len = strlen(path);
	looked = (uintptr_t)hp_map_find(&d->looked_up, path, len);
	if (looked)
		return looked;
	slash = memrchr(path, '/', len);
	view = parent_view(d, path, slash ? (size_t)(slash - path) : 0);
	switch (daemon_dir_find(view, slash ? slash + 1 : path, &file)) {
	case DAEMON_DIR_FILE:
		return found(d, path, &file);
	case DAEMON_DIR_ABSENT:
		if (view->trusted || view->stamp.ino == 0)
			return LOOKED_ABSENT;
		break;
	case DAEMON_DIR_DANGLING:
		break;
	}
	hp_map_put(&d->looked_up, path, len)->value = (void *)(uintptr_t)LOOKED_ABSENT;
	return LOOKED_ABSENT;
}

/* The directory's number in the draft. Nearly always it is one of the search, by its very address. */
static uint32_t number_of(struct discovery *d, const char *dir)
{
	for (size_t k = 0; k < d->search.len; k++) {
		if (d->search.dirs[k].path != dir)
			continue;
		if (!d->numbers[k])
			d->numbers[k] = daemon_draft_dir(&d->out->draft, dir, strlen(dir)) + 1;
		return d->numbers[k] - 1;
	}
	return daemon_draft_dir(&d->out->draft, dir, strlen(dir));
}

void daemon_discovery_absent(struct discovery *d, const char *name, const char *const *dirs, size_t dirs_len)
{
	uint32_t numbers[16];
	size_t n = 0;

	for (size_t i = 0; i < dirs_len; i++) {
		numbers[n++] = number_of(d, dirs[i]);
		if (n == HP_ARRAY_SIZE(numbers) || i + 1 == dirs_len) {
			daemon_probes_add(&d->probes, name, numbers, n);
			n = 0;
		}
	}
}

void daemon_spell(struct hp_buf *out, const char *dir, const char *name)
{
	size_t dir_len = strlen(dir);
	size_t name_len = strlen(name);
	char *at;

	hp_buf_reset(out);
	at = hp_buf_reserve(out, dir_len + 1 + name_len);
	memcpy(at, dir, dir_len);
	if (dir_len)
		at[dir_len++] = '/';
	memcpy(at + dir_len, name, name_len);
	hp_buf_added(out, dir_len + name_len);
}

enum cc_reason daemon_discovery_text(struct discovery *d, size_t member, struct hp_buf *out)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct codec_digest digest;

	sys_path_join(&path, d->in->cwd, d->out->draft.files.v[member]);
	if (sys_read_file(path.data, HP_SOURCE_SIZE_MAX, out, NULL, NULL) < 0)
		return CC_REASON_INPUT_CHANGED;
	codec_blake3(out->data, out->len, &digest);
	return codec_digest_eq(&digest, &d->members[member].content->digest) ? CC_REASON_NONE : CC_REASON_INPUT_CHANGED;
}

enum cc_reason daemon_discovery_join(struct discovery *d, const char *path, uintptr_t *ret_looked)
{
	enum cc_reason reason = daemon_discovery_add(d, daemon_without_dot(path), DAEMON_FILE_PROBE);

	if (reason != CC_REASON_NONE)
		return reason;
	*ret_looked = d->out->draft.files.len - 1 + LOOKED_MEMBER;
	return CC_REASON_NONE;
}

enum cc_reason daemon_discovery_place(struct discovery *d, const char *path, bool *ret_there)
{
	HP_AUTO_FREE char *dir = daemon_dir_part(daemon_without_dot(path));
	uintptr_t looked;

	path = daemon_without_dot(path);
	looked = daemon_discovery_look_up(d, path);
	if (ret_there)
		*ret_there = looked != LOOKED_ABSENT;
	if (looked == LOOKED_OTHER)
		return daemon_discovery_join(d, path, &looked);
	if (looked != LOOKED_ABSENT)
		return CC_REASON_NONE;
	daemon_discovery_absent(d, hp_basename(path), (const char *const[]){dir[0] ? dir : "."}, 1);
	return CC_REASON_NONE;
}

const char *daemon_discovery_dir(const struct discovery *d, const struct directive *t, size_t k)
{
	size_t own = t->own_dir ? 1 : 0;
	size_t from = t->quote ? 0 : d->search.angle_from;

	if (k < own)
		return t->own_dir;
	return t->alone || from + k - own >= d->search.len ? NULL : d->search.dirs[from + k - own].path;
}

void daemon_directive_alone(struct discovery *d, struct directive *t)
{
	const char *slash = strrchr(t->name, '/');

	hp_strv_addn(&d->owned, t->name, slash == t->name ? 1 : (size_t)(slash - t->name));
	t->own_dir = d->owned.v[d->owned.len - 1];
	t->name = slash + 1;
	t->quote = false;
	t->alone = true;
}

/* MSVC's separators are this system's in clang-cl. */
static const char *with_slashes(struct discovery *d, const char *name)
{
	char *copy = hp_strdup(name);

	for (char *p = copy; *p; p++)
		*p = *p == '\\' ? '/' : *p;
	hp_strv_take(&d->owned, copy);
	return copy;
}

struct directive daemon_directive(struct discovery *d, const struct cc_include *inc, const char *name,
                                  const char *own_dir)
{
	bool quote = inc->kind == CC_INCLUDE_QUOTE;
	struct directive t = {
	        .name = name,
	        .own_dir = quote ? own_dir : NULL,
	        .quote = quote,
	        .next = inc->next,
	        .probe = inc->probe,
	};

	if (cc_family_is_msvc(d->in->inv->family) && strchr(name, '\\'))
		t.name = with_slashes(d, name);
	if (t.name[0] == '/')
		daemon_directive_alone(d, &t);
	return t;
}

char *daemon_dir_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? hp_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : hp_strdup("");
}
