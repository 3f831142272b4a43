#include "daemon/discover.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/search.h"
#include "daemon/system_headers.h"
#include "sys/clock.h"

void daemon_discovery_done(struct daemon_discovery *d)
{
	daemon_draft_done(&d->draft);
	free(d->digests);
	*d = (struct daemon_discovery){0};
}

enum cc_reason daemon_discover_scan(const struct cc_scan *scan, bool date_time_ok)
{
	static const struct {
		uint32_t flag;
		enum cc_reason reason;
	} rules[] = {
	        {CC_SCAN_TIMESTAMP, CC_REASON_TIMESTAMP},
	        {CC_SCAN_HAS_INCLUDE_MACRO, CC_REASON_HAS_INCLUDE_MACRO},
	        {CC_SCAN_INCBIN, CC_REASON_INCBIN},
	        {CC_SCAN_EMBED, CC_REASON_EMBED},
	        {CC_SCAN_PRAGMA_DEPENDENCY, CC_REASON_PRAGMA_DEPENDENCY},
	        {CC_SCAN_PCH_PREPROCESS, CC_REASON_PCH},
	        {CC_SCAN_MODULE, CC_REASON_MODULES},
	};

	if (scan->flags == 0)
		return CC_REASON_NONE;
	if ((scan->flags & (CC_SCAN_DATE | CC_SCAN_TIME)) && !date_time_ok)
		return CC_REASON_DATE_TIME;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rules); i++) {
		if (scan->flags & rules[i].flag)
			return rules[i].reason;
	}
	return CC_REASON_NONE;
}

/* What is known of a file of the closure while it is being discovered. */
struct member {
	struct daemon_content *content;
	bool explained; /* some directive was seen to lead to it */
};

struct discovery {
	const struct daemon_discover_input *in;
	struct daemon_discovery *out;
	struct daemon_search search;
	struct hp_strv owned;    /* strings that directives borrow */
	struct member *members;  /* as long as the draft's files */
	struct hp_map by_inode;  /* (dev, ino) → member index + 1 */
	struct hp_map by_look;   /* (size, mtime in s) of members */
	struct hp_map looked_up; /* path → LOOKED_* or member index + LOOKED_MEMBER */
	struct hp_map parents;   /* directory of a path looked up → struct daemon_dir_view */
	int64_t now_ns;          /* the file clock, before anything was looked at */
	struct hp_map done;      /* directives already followed */
	struct hp_buf *detail;
	struct daemon_system_headers *headers; /* only for -MMD */
	struct hp_strv computed;               /* directories of the files that have #include MACRO */
	struct daemon_probes probes;           /* by the draft's numbers of directories */
	struct daemon_dir_fds fds;
	const char **places;    /* scratch for walk: as many as a search has */
	struct hp_buf joined;   /* scratch for walk */
	struct hp_buf absolute; /* scratch for look-ups */
	struct hp_buf key;      /* scratch for follow */
	bool newcomer;          /* a file came where the compiler may have looked before */
	enum cc_reason trouble; /* met while looking up */
};

#define LOOKED_ABSENT 1u
#define LOOKED_OTHER 2u /* a file that the compile did not read */
#define LOOKED_MEMBER 3u

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

static enum cc_reason add_member(struct discovery *d, const char *spelled, uint8_t flags)
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
	d->members[i] = (struct member){.content = content};
	d->out->digests[i] = content->digest;
	d->out->line_files = d->out->line_files || (content->scan.flags & CC_SCAN_LINE_FILE);
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
	if (hp_endswith(spelled, ".gch") || hp_endswith(spelled, ".pch")) {
		hp_buf_str(d->detail, file->path);
		return CC_REASON_PCH;
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

static const char *without_dot(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return path;
}

/* A file that is there under this path but not in the compiler's list under it. It can be why: #pragma once leaves out
 * a second name of a file and, with GCC, a second file that looks the same and has the same content. What lies there
 * then decides, so the path joins the closure. */
static void join_left_out(struct discovery *d, const char *path, uintptr_t looked)
{
	enum cc_reason reason = add_member(d, path, DAEMON_FILE_PROBE);

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

/* Whether DIR/NAME is absent, a member, or another file. */
static uintptr_t look_up(struct discovery *d, const char *path)
{
	struct daemon_dir_file file;
	struct hp_map_slot *slot;
	struct inode key;
	struct look look;
	uintptr_t member;
	uintptr_t looked;
	const char *slash;

	path = without_dot(path);
	slot = hp_map_put(&d->looked_up, path, strlen(path));
	if (slot->value)
		return (uintptr_t)slot->value;
	slash = strrchr(path, '/');
	if (daemon_dir_find(parent_view(d, path, slash ? (size_t)(slash - path) : 0), slash ? slash + 1 : path,
	                    &file) != DAEMON_DIR_FILE) {
		slot->value = (void *)(uintptr_t)LOOKED_ABSENT;
		return LOOKED_ABSENT;
	}
	key = (struct inode){file.stamp.dev, file.stamp.ino};
	member = (uintptr_t)hp_map_find(&d->by_inode, &key, sizeof key);
	if (!member)
		note_newcomer(d, path, &file);
	looked = member ? member - 1 + LOOKED_MEMBER : LOOKED_OTHER;
	slot->value = (void *)looked;
	look = look_of(&file.stamp);
	if (member ? !same_spelling(path, d->out->draft.files.v[member - 1])
	           : d->in->inv->family == CC_FAMILY_GCC && hp_map_find(&d->by_look, &look, sizeof look))
		join_left_out(d, path, looked);
	return looked;
}

static void add_probe(struct discovery *d, const char *name, const char *const *dirs, size_t dirs_len)
{
	for (size_t i = 0; i < dirs_len; i++)
		daemon_probes_add(&d->probes, name, daemon_draft_dir(&d->out->draft, dirs[i], strlen(dirs[i])));
}

/* One thing that a file asks for. */
struct directive {
	const char *name;
	size_t from;         /* the member that asks */
	const char *own_dir; /* searched first, "" for the working directory; NULL: not for <...> */
	bool quote;
	bool alone; /* an absolute name: own_dir is all there is */
	bool next;  /* include_next: any later place can be the one meant */
	bool probe; /* __has_include: any file will do, none is an answer too */
};

/* Where a directive may lead, as remembered in discovery->done: 1 = nowhere. */
#define TARGET(member, system) (((uintptr_t)(member) + 1) << 2 | (system ? 2u : 0u) | 1u)
#define TARGET_MEMBER(t) (((t) >> 2) - 1)
#define TARGET_SYSTEM(t) (((t)&2u) != 0)

static void join_spelled(struct hp_buf *out, const char *dir, const char *name)
{
	hp_buf_reset(out);
	if (dir[0]) {
		hp_buf_str(out, dir);
		hp_buf_char(out, '/');
	}
	hp_buf_str(out, name);
}

/* A file that __has_include found and nobody read: whether it is there decides, so it joins the closure. */
static enum cc_reason join_probed(struct discovery *d, const struct hp_buf *path, uintptr_t *ret_looked)
{
	enum cc_reason reason = add_member(d, without_dot(path->data), DAEMON_FILE_PROBE);

	if (reason != CC_REASON_NONE)
		return reason;
	*ret_looked = d->out->draft.files.len - 1 + LOOKED_MEMBER;
	return CC_REASON_NONE;
}

/* Walks the search as the compiler does, up to the first place that holds a file of the closure, and records the
 * places before it that hold nothing. A file that is there but was not read means that the directive was not active or
 * starts further down: the walk goes on, which can only make the closure stricter. */
static enum cc_reason walk(struct discovery *d, const struct directive *t, uintptr_t *ret_target)
{
	size_t own = t->own_dir ? 1 : 0;
	size_t from = t->quote ? 0 : d->search.angle_from;
	size_t count = own + (t->alone ? 0 : d->search.len - from);
	const char **dirs = d->places;
	size_t absent = 0;
	size_t sure = 0;

	*ret_target = 1;
	for (size_t k = 0; k < count; k++) {
		const char *dir = k < own ? t->own_dir : d->search.dirs[from + k - own].path;
		uintptr_t looked;

		join_spelled(&d->joined, dir, t->name);
		looked = look_up(d, d->joined.data);
		if (looked == LOOKED_OTHER && t->probe) {
			enum cc_reason reason = join_probed(d, &d->joined, &looked);

			if (reason != CC_REASON_NONE)
				return reason;
		}
		if (looked == LOOKED_ABSENT)
			dirs[absent++] = dir[0] ? dir : ".";
		if (looked < LOOKED_MEMBER)
			continue;
		sure = absent;
		if (*ret_target == 1)
			*ret_target = TARGET(looked - LOOKED_MEMBER, k >= own && d->search.dirs[from + k - own].system);
		d->members[looked - LOOKED_MEMBER].explained = true;
		if (!t->next)
			break;
		if (d->headers)
			daemon_system_headers_edge(d->headers, t->from, looked - LOOKED_MEMBER,
			                           k >= own && d->search.dirs[from + k - own].system);
	}
	add_probe(d, t->name, dirs, *ret_target == 1 && t->probe ? absent : sure);
	return CC_REASON_NONE;
}

/* Follows a directive once, however many files have it; but each #include_next by itself, since it may lead each file
 * somewhere else. */
static enum cc_reason follow(struct discovery *d, const struct directive *t, uintptr_t *ret_target)
{
	struct hp_map_slot *slot;
	enum cc_reason reason;

	hp_buf_reset(&d->key);
	hp_buf_char(&d->key,
	            (char)('0' + (t->quote ? 1 : 0) + (t->next ? 2 : 0) + (t->probe ? 4 : 0) + (t->alone ? 8 : 0)));
	hp_buf_str(&d->key, t->own_dir ? t->own_dir : "\n");
	hp_buf_char(&d->key, '\n');
	hp_buf_str(&d->key, t->name);
	slot = hp_map_put(&d->done, d->key.data, d->key.len);
	*ret_target = (uintptr_t)slot->value;
	if (*ret_target && !t->next)
		return CC_REASON_NONE;
	reason = walk(d, t, ret_target); /* which follows nothing itself, so the slot stays */
	if (reason == CC_REASON_NONE)
		slot->value = (void *)*ret_target;
	return reason;
}

/* An absolute name is looked for in one place. */
static void make_alone(struct discovery *d, struct directive *t)
{
	const char *slash = strrchr(t->name, '/');

	hp_strv_addn(&d->owned, t->name, slash == t->name ? 1 : (size_t)(slash - t->name));
	t->own_dir = d->owned.v[d->owned.len - 1];
	t->name = slash + 1;
	t->quote = false;
	t->alone = true;
}

/* A precompiled header beside HEADER is taken in its place when there is one: HEADER.gch by GCC for any include, and
 * HEADER.pch or HEADER.gch by Clang for -include. */
static void expect_no_pch(struct discovery *d, uintptr_t target, bool forced)
{
	bool gcc = d->in->inv->family == CC_FAMILY_GCC;
	HP_AUTO_BUF struct hp_buf name = {0};
	struct hp_map_slot *slot;
	const char *spelled;
	const char *slash;
	char *dir;

	if (target == 1 || TARGET_SYSTEM(target) || !(gcc || forced))
		return;
	spelled = d->out->draft.files.v[TARGET_MEMBER(target)];
	slot = hp_map_put(&d->done, spelled, strlen(spelled));
	if (slot->value)
		return;
	slot->value = d;
	slash = strrchr(spelled, '/');
	dir = slash ? hp_strndup(spelled, (size_t)(slash - spelled)) : hp_strdup(".");
	hp_strv_take(&d->owned, dir);
	hp_buf_printf(&name, "%s.gch", slash ? slash + 1 : spelled);
	add_probe(d, name.data, (const char *const[]){dir}, 1);
	if (gcc)
		return;
	memcpy(name.data + name.len - 3, "pch", 3);
	add_probe(d, name.data, (const char *const[]){dir}, 1);
}

static enum cc_reason follow_file(struct discovery *d, size_t i)
{
	const char *spelled = d->out->draft.files.v[i];
	const char *slash = strrchr(spelled, '/');
	HP_AUTO_FREE char *own_dir = slash ? hp_strndup(spelled, (size_t)(slash - spelled)) : hp_strdup("");
	DAEMON_AUTO_CONTENT struct daemon_content *content = daemon_content_ref(d->members[i].content);
	const struct cc_scan *scan = &content->scan;

	for (size_t k = 0; k < scan->includes_len; k++) {
		const struct cc_include *inc = &scan->includes[k];
		const char *name = scan->names + inc->offset;
		bool quote = inc->kind == CC_INCLUDE_QUOTE;
		struct directive t = {
		        .name = name,
		        .own_dir = quote ? own_dir : NULL,
		        .quote = quote,
		        .next = inc->next,
		        .probe = inc->probe,
		};
		enum cc_reason reason;
		uintptr_t target;

		if (name[0] == '/')
			make_alone(d, &t);
		reason = follow(d, &t, &target);
		if (reason != CC_REASON_NONE)
			return reason;
		if (!inc->probe)
			expect_no_pch(d, target, false);
		if (d->headers && target != 1 && !inc->probe)
			daemon_system_headers_edge(d->headers, i, TARGET_MEMBER(target), TARGET_SYSTEM(target));
	}
	return CC_REASON_NONE;
}

/* -include and -imacros: the working directory, then as "...". stdc-predef.h, which GCC includes by itself when it
 * finds one: as <...>. */
static enum cc_reason follow_implicit(struct discovery *d)
{
	const struct hp_strv *forced = &d->in->inv->forced_includes;
	enum cc_reason reason;
	uintptr_t target;

	for (size_t i = 0; i < forced->len; i++) {
		struct directive t = {.name = forced->v[i], .own_dir = "", .quote = true};

		if (forced->v[i][0] == '/')
			make_alone(d, &t);
		reason = follow(d, &t, &target);
		if (reason != CC_REASON_NONE)
			return reason;
		expect_no_pch(d, target, true);
		if (d->headers && target != 1)
			daemon_system_headers_edge(d->headers, d->in->source, TARGET_MEMBER(target),
			                           TARGET_SYSTEM(target));
	}
	if (d->in->inv->family == CC_FAMILY_GCC) {
		struct directive t = {.name = "stdc-predef.h"};

		reason = follow(d, &t, &target);
		if (reason != CC_REASON_NONE)
			return reason;
		if (d->headers && target != 1)
			daemon_system_headers_edge(d->headers, d->in->source, TARGET_MEMBER(target),
			                           TARGET_SYSTEM(target));
		/* -ffreestanding leaves it out though it is there. */
		for (size_t k = d->search.angle_from; target == 1 && k < d->search.len; k++) {
			join_spelled(&d->joined, d->search.dirs[k].path, t.name);
			if (look_up(d, d->joined.data) == LOOKED_ABSENT)
				add_probe(d, t.name, &d->search.dirs[k].path, 1);
		}
	}
	return CC_REASON_NONE;
}

/* The rest of `path` below `dir`, or NULL. Dependency files leave out a leading "./". */
static const char *below(const char *path, const char *dir)
{
	size_t len;

	while (dir[0] == '.' && dir[1] == '/')
		dir += 2;
	len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (len == 0 || (len == 1 && dir[0] == '.'))
		return path[0] == '/' ? NULL : path;
	return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] ? path + len + 1 : NULL;
}

/* The places before search directory `k` where a computed #include of `name` looks: beside the files that have one,
 * then in order. */
static void probe_before(struct discovery *d, const char *name, size_t k)
{
	HP_AUTO_FREE const char **dirs = hp_alloc((d->computed.len + k) * sizeof *dirs);
	size_t absent = 0;

	for (size_t j = 0; j < d->computed.len + k; j++) {
		const char *dir = j < d->computed.len ? d->computed.v[j] : d->search.dirs[j - d->computed.len].path;

		join_spelled(&d->joined, dir, name);
		if (look_up(d, d->joined.data) == LOOKED_ABSENT)
			dirs[absent++] = dir;
	}
	add_probe(d, name, dirs, absent);
}

/* A file that #include MACRO can have led to, or that no directive was seen to lead to, as with a name spelled another
 * way. Every reading of its path as DIR/NAME counts. */
static void explain_by_path(struct discovery *d, size_t i)
{
	HP_AUTO_FREE char *spelled = hp_strdup(d->out->draft.files.v[i]);

	for (size_t k = 0; k < d->search.len; k++) {
		const char *name = below(spelled, d->search.dirs[k].path);

		if (!name)
			continue;
		probe_before(d, name, k);
		for (size_t f = 0; d->headers && !d->members[i].explained && f < d->in->deps->len; f++) {
			if (f == d->in->source || (d->members[f].content->scan.flags & CC_SCAN_INCLUDE_MACRO))
				daemon_system_headers_edge(d->headers, f, i, d->search.dirs[k].system);
		}
	}
}

/* The directories of the files that have a computed #include. */
static void list_computed(struct discovery *d)
{
	for (size_t i = 0; i < d->in->deps->len; i++) {
		const char *spelled = d->in->deps->v[i];
		const char *slash = strrchr(spelled, '/');
		HP_AUTO_FREE char *dir = slash ? hp_strndup(spelled, (size_t)(slash - spelled)) : hp_strdup(".");

		if ((d->members[i].content->scan.flags & CC_SCAN_INCLUDE_MACRO) && !hp_strv_has(&d->computed, dir))
			hp_strv_add(&d->computed, dir);
	}
}

static enum cc_reason discover(struct discovery *d)
{
	const struct daemon_discover_input *in = d->in;
	enum cc_reason reason;

	for (size_t i = 0; i < in->deps->len; i++) {
		reason = add_member(d, in->deps->v[i], 0);
		if (reason == CC_REASON_NONE) {
			reason = daemon_discover_scan(&d->members[i].content->scan, in->date_time_ok);
			if (reason != CC_REASON_NONE)
				hp_buf_str(d->detail, in->deps->v[i]);
		}
		if (reason != CC_REASON_NONE)
			return reason;
		d->out->date_time =
		        d->out->date_time || (d->members[i].content->scan.flags & (CC_SCAN_DATE | CC_SCAN_TIME));
	}
	reason = follow_implicit(d);
	/* Files that only __has_include found are appended meanwhile; what they include was not read. */
	for (size_t i = 0; i < in->deps->len && reason == CC_REASON_NONE; i++)
		reason = follow_file(d, i);
	list_computed(d);
	for (size_t i = in->source + 1; i < in->deps->len && reason == CC_REASON_NONE; i++) {
		if (!d->members[i].explained || d->computed.len)
			explain_by_path(d, i);
	}
	if (reason == CC_REASON_NONE)
		reason = d->trouble;
	if (reason == CC_REASON_NONE && d->newcomer)
		reason = CC_REASON_INPUT_CHANGED;
	if (reason == CC_REASON_NONE && d->probes.count > HP_CLOSURE_ABSENT_MAX)
		reason = CC_REASON_TOO_LARGE;
	return reason;
}

/* Which files -MMD leaves out. */
static enum cc_reason mark_system(struct discovery *d)
{
	struct daemon_draft *draft = &d->out->draft;
	size_t doubtful;

	for (size_t i = 0; i < draft->files.len; i++) {
		if (d->members[i].content->scan.flags & CC_SCAN_SYSTEM_HEADER)
			daemon_system_headers_pragma(d->headers, i);
	}
	if (!daemon_system_headers_solve(d->headers, d->in->source, d->in->deps->len, draft->flags, &doubtful)) {
		hp_buf_str(d->detail, draft->files.v[doubtful]);
		return CC_REASON_MMD_AMBIGUOUS;
	}
	return CC_REASON_NONE;
}

enum cc_reason daemon_discover(const struct daemon_discover_input *in, struct daemon_discovery *ret_discovery,
                               struct hp_buf *detail)
{
	struct discovery d = {.in = in, .out = ret_discovery, .detail = detail, .now_ns = sys_file_clock_ns()};
	enum cc_reason reason;

	*ret_discovery = (struct daemon_discovery){0};
	daemon_search_init(&d.search, in);
	d.places = hp_alloc((d.search.len + 1) * sizeof *d.places);
	if (in->inv->deps == CC_DEPS_USER)
		d.headers = daemon_system_headers_new();
	reason = discover(&d);
	daemon_probes_into(&d.probes, &ret_discovery->draft);
	if (reason == CC_REASON_NONE && d.headers)
		reason = mark_system(&d);
	for (size_t i = 0; d.members && i < ret_discovery->draft.files.len; i++)
		daemon_content_unref(d.members[i].content);
	free(d.members);
	daemon_search_done(&d.search);
	daemon_probes_done(&d.probes);
	free(d.places);
	hp_buf_done(&d.joined);
	hp_buf_done(&d.absolute);
	hp_buf_done(&d.key);
	hp_strv_done(&d.owned);
	hp_strv_done(&d.computed);
	for (size_t i = 0; i < d.parents.cap; i++)
		free(d.parents.slots[i].value);
	hp_map_done(&d.parents);
	hp_map_done(&d.by_inode);
	hp_map_done(&d.by_look);
	hp_map_done(&d.looked_up);
	hp_map_done(&d.done);
	daemon_system_headers_free(d.headers);
	return reason;
}
