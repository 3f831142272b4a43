#include "daemon/discover.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
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

/* The include search of this command line, in order. `system` as GCC's and Clang's -MMD see it. */
struct search_dir {
	const char *path; /* as spelled */
	bool system;
};

struct search {
	struct search_dir *dirs;
	size_t len;
	size_t angle_from; /* before it: only for "..." */
};

static void search_add(struct search *s, const char *path, bool system)
{
	if ((s->len & (s->len - 1)) == 0)
		s->dirs = hp_realloc(s->dirs, (s->len ? s->len * 2 : 1) * sizeof *s->dirs);
	s->dirs[s->len++] = (struct search_dir){.path = path, .system = system};
}

static void search_add_kind(struct search *s, const struct cc_invocation *inv, enum cc_dir_kind kind, bool system)
{
	for (size_t i = 0; i < inv->dirs_len; i++) {
		if (inv->dirs[i].kind == kind)
			search_add(s, inv->dirs[i].path, system);
	}
}

/* CPATH counts as -I given last. The identity's list has it too, after -isystem: twice is harmless, since a name
 * looked for twice in one place is absent twice. */
static void search_add_cpath(struct search *s, const struct hp_strv *env, struct hp_strv *owned)
{
	for (size_t i = 0; i < env->len; i++) {
		const char *p = env->v[i];

		if (!hp_startswith(p, "CPATH="))
			continue;
		for (p += 6; p;) {
			const char *colon = strchr(p, ':');
			size_t len = colon ? (size_t)(colon - p) : strlen(p);

			hp_strv_addn(owned, len ? p : ".", len ? len : 1);
			search_add(s, owned->v[owned->len - 1], false);
			p = colon ? colon + 1 : NULL;
		}
	}
}

/* A user directory that is a system directory, too, is left out by the preprocessor: what is in it is found at the
 * system directory's place in the order, behind all others. */
static void search_drop_system(struct search *s, const char *cwd)
{
	HP_AUTO_FREE struct sys_stamp *stamps = hp_zalloc(s->len * sizeof *stamps);
	size_t kept = 0;
	size_t angle_from = s->angle_from;

	for (size_t i = 0; i < s->len; i++) {
		HP_AUTO_BUF struct hp_buf path = {0};

		sys_path_join(&path, cwd, s->dirs[i].path);
		(void)sys_stamp_path(path.data, &stamps[i]);
	}
	for (size_t i = 0; i < s->len; i++) {
		bool drop = false;

		for (size_t k = i + 1; k < s->len && !s->dirs[i].system && stamps[i].ino; k++)
			drop = drop ||
			       (s->dirs[k].system && stamps[k].ino == stamps[i].ino && stamps[k].dev == stamps[i].dev);
		if (drop && i < angle_from)
			s->angle_from--;
		if (!drop)
			s->dirs[kept++] = s->dirs[i];
	}
	s->len = kept;
}

static void search_init(struct search *s, const struct daemon_discover_input *in, struct hp_strv *owned)
{
	search_add_kind(s, in->inv, CC_DIR_QUOTE, false);
	for (size_t i = 0; i < in->identity->quote_dirs.len; i++)
		search_add(s, in->identity->quote_dirs.v[i], false);
	s->angle_from = s->len;
	search_add_kind(s, in->inv, CC_DIR_ANGLE, false);
	search_add_cpath(s, in->env, owned);
	search_add_kind(s, in->inv, CC_DIR_SYSTEM, true);
	for (size_t i = 0; i < in->identity->angle_dirs.len; i++)
		search_add(s, in->identity->angle_dirs.v[i], true);
	search_add_kind(s, in->inv, CC_DIR_AFTER, true);
	search_drop_system(s, in->cwd);
}

/* What is known of a file of the closure while it is being discovered. */
struct member {
	struct daemon_content *content;
	bool explained; /* some directive was seen to lead to it */
};

struct discovery {
	const struct daemon_discover_input *in;
	struct daemon_discovery *out;
	struct search search;
	struct hp_strv owned;    /* strings that search borrows */
	struct member *members;  /* as long as the draft's files */
	struct hp_map by_inode;  /* (dev, ino) → member index + 1 */
	struct hp_map looked_up; /* path → LOOKED_* or member index + LOOKED_MEMBER */
	struct hp_map parents;   /* directory of a path looked up → struct daemon_dir_view */
	int64_t now_ns;          /* the file clock, before anything was looked at */
	struct hp_map done;      /* directives already followed */
	struct hp_buf *detail;
	struct daemon_system_headers *headers; /* only for -MMD */
	size_t absent_count;
};

#define LOOKED_ABSENT 1u
#define LOOKED_OTHER 2u /* a file that the compile did not read */
#define LOOKED_MEMBER 3u

struct inode {
	uint64_t dev;
	uint64_t ino;
};

static enum cc_reason add_member(struct discovery *d, const char *spelled, uint8_t flags)
{
	const struct daemon_discover_input *in = d->in;
	struct daemon_draft *draft = &d->out->draft;
	size_t i = draft->files.len;
	HP_AUTO_BUF struct hp_buf path = {0};
	struct daemon_content *content;
	struct sys_stamp stamp;
	struct hp_map_slot *slot;
	struct inode key;
	int r;

	sys_path_join(&path, in->cwd, spelled);
	r = daemon_file_content(daemon_file_at(in->memory, daemon_memory_file(in->memory, path.data)), &content,
	                        &stamp);
	if (r < 0) {
		hp_buf_printf(d->detail, "%s: %s", path.data, strerror(-r));
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
	/* Most directives lead to a member by its very name: no need to ask the file system. */
	hp_map_put(&d->looked_up, spelled, strlen(spelled))->value = (void *)(i + LOOKED_MEMBER);
	if (sys_stamp_time_ns(&stamp) >= in->start_ns) {
		hp_buf_str(d->detail, path.data);
		return CC_REASON_INPUT_CHANGED;
	}
	if (hp_endswith(spelled, ".gch") || hp_endswith(spelled, ".pch")) {
		hp_buf_str(d->detail, path.data);
		return CC_REASON_PCH;
	}
	return CC_REASON_NONE;
}

/* The directory of `path` as this discovery sees it, looked at once. */
static const struct daemon_dir_view *parent_view(struct discovery *d, const char *path, size_t dir_len)
{
	struct hp_map_slot *slot = hp_map_put(&d->parents, path, dir_len);
	HP_AUTO_BUF struct hp_buf absolute = {0};
	struct daemon_dir_view *view = slot->value;
	struct daemon_memory *m = d->in->memory;

	if (view)
		return view;
	view = hp_alloc(sizeof *view);
	slot->value = view;
	if (path[0] != '/') {
		hp_buf_str(&absolute, d->in->cwd);
		if (dir_len)
			hp_buf_char(&absolute, '/');
	}
	hp_buf_append(&absolute, path, dir_len);
	if (absolute.len == 0)
		hp_buf_char(&absolute, '/');
	daemon_dir_look(daemon_dir_at(m, daemon_memory_dir(m, absolute.data)), d->now_ns, &m->closure_bytes, view);
	return view;
}

/* Whether DIR/NAME is absent, a member, or another file. */
static uintptr_t look_up(struct discovery *d, const char *path)
{
	struct hp_map_slot *slot;
	HP_AUTO_BUF struct hp_buf absolute = {0};
	struct sys_stamp stamp;
	struct inode key;
	uintptr_t member;
	const char *slash;
	bool dangling;

	while (path[0] == '.' && path[1] == '/')
		path += 2;
	slot = hp_map_put(&d->looked_up, path, strlen(path));
	if (slot->value)
		return (uintptr_t)slot->value;
	slash = strrchr(path, '/');
	if (daemon_dir_lacks(parent_view(d, path, slash ? (size_t)(slash - path) : 0), slash ? slash + 1 : path,
	                     &dangling)) {
		slot->value = (void *)(uintptr_t)LOOKED_ABSENT;
		return LOOKED_ABSENT;
	}
	sys_path_join(&absolute, d->in->cwd, path);
	if (sys_stamp_path(absolute.data, &stamp) < 0) {
		slot->value = (void *)(uintptr_t)LOOKED_ABSENT;
		return LOOKED_ABSENT;
	}
	key = (struct inode){stamp.dev, stamp.ino};
	member = (uintptr_t)hp_map_find(&d->by_inode, &key, sizeof key);
	slot->value = (void *)(member ? member - 1 + LOOKED_MEMBER : LOOKED_OTHER);
	return (uintptr_t)slot->value;
}

static void add_probe(struct discovery *d, const char *name, const char *const *dirs, size_t dirs_len)
{
	struct daemon_draft *draft = &d->out->draft;
	struct daemon_draft_probe *p;
	size_t i = draft->probes_len;

	if (dirs_len == 0)
		return;
	if ((i & (i - 1)) == 0)
		draft->probes = hp_realloc(draft->probes, (i ? i * 2 : 1) * sizeof *draft->probes);
	p = &draft->probes[draft->probes_len++];
	*p = (struct daemon_draft_probe){.name = hp_strdup(name)};
	for (size_t k = 0; k < dirs_len; k++)
		hp_strv_add(&p->dirs, dirs[k]);
	d->absent_count += dirs_len;
}

/* One thing that a file asks for. */
struct directive {
	const char *name;
	size_t from;         /* the member that asks */
	const char *own_dir; /* searched first, "" for the working directory; NULL: not for <...> */
	bool quote;
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
	enum cc_reason reason = add_member(d, path->data, DAEMON_FILE_PROBE);

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
	size_t count = own + d->search.len - from;
	HP_AUTO_FREE const char **dirs = hp_alloc(count * sizeof *dirs);
	HP_AUTO_BUF struct hp_buf path = {0};
	size_t absent = 0;
	size_t sure = 0;

	*ret_target = 1;
	for (size_t k = 0; k < count; k++) {
		const char *dir = k < own ? t->own_dir : d->search.dirs[from + k - own].path;
		uintptr_t looked;

		join_spelled(&path, dir, t->name);
		looked = look_up(d, path.data);
		if (looked == LOOKED_OTHER && t->probe) {
			enum cc_reason reason = join_probed(d, &path, &looked);

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
	HP_AUTO_BUF struct hp_buf key = {0};
	enum cc_reason reason;

	hp_buf_char(&key, (char)('0' + (t->quote ? 1 : 0) + (t->next ? 2 : 0) + (t->probe ? 4 : 0)));
	hp_buf_str(&key, t->own_dir ? t->own_dir : "\n");
	hp_buf_char(&key, '\n');
	hp_buf_str(&key, t->name);
	*ret_target = (uintptr_t)hp_map_find(&d->done, key.data, key.len);
	if (*ret_target && !t->next)
		return CC_REASON_NONE;
	reason = walk(d, t, ret_target);
	if (reason == CC_REASON_NONE)
		hp_map_put(&d->done, key.data, key.len)->value = (void *)*ret_target;
	return reason;
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

	hp_strv_add(&d->owned, own_dir);
	for (size_t k = 0; k < scan->includes_len; k++) {
		const struct cc_include *inc = &scan->includes[k];
		const char *name = scan->names + inc->offset;
		bool quote = inc->kind == CC_INCLUDE_QUOTE;
		struct directive t = {
		        .name = name,
		        .own_dir = quote ? d->owned.v[d->owned.len - 1] : NULL,
		        .quote = quote,
		        .next = inc->next,
		        .probe = inc->probe,
		};
		enum cc_reason reason;
		uintptr_t target;

		if (name[0] == '/')
			continue;
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
			continue;
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
			HP_AUTO_BUF struct hp_buf path = {0};

			join_spelled(&path, d->search.dirs[k].path, t.name);
			if (look_up(d, path.data) == LOOKED_ABSENT)
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

/* A file that no directive was seen to lead to: #include MACRO, or a name spelled another way. Every reading of its
 * path as DIR/NAME counts. */
static void explain_by_path(struct discovery *d, size_t i)
{
	HP_AUTO_FREE const char **dirs = hp_alloc(d->search.len * sizeof *dirs);
	HP_AUTO_FREE char *spelled = hp_strdup(d->out->draft.files.v[i]);

	for (size_t k = 0; k < d->search.len; k++) {
		const char *name = below(spelled, d->search.dirs[k].path);
		HP_AUTO_BUF struct hp_buf path = {0};
		size_t absent = 0;

		if (!name)
			continue;
		for (size_t j = 0; j < k; j++) {
			join_spelled(&path, d->search.dirs[j].path, name);
			if (look_up(d, path.data) == LOOKED_ABSENT)
				dirs[absent++] = d->search.dirs[j].path;
		}
		add_probe(d, name, dirs, absent);
		for (size_t f = 0; d->headers && f < d->out->draft.files.len; f++) {
			if (f == d->in->source || (d->members[f].content->scan.flags & CC_SCAN_INCLUDE_MACRO))
				daemon_system_headers_edge(d->headers, f, i, d->search.dirs[k].system);
		}
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
	for (size_t i = in->source + 1; i < in->deps->len && reason == CC_REASON_NONE; i++) {
		if (!d->members[i].explained)
			explain_by_path(d, i);
	}
	if (reason == CC_REASON_NONE && d->absent_count > HP_CLOSURE_ABSENT_MAX)
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
	search_init(&d.search, in, &d.owned);
	if (in->inv->deps == CC_DEPS_USER)
		d.headers = daemon_system_headers_new();
	reason = discover(&d);
	if (reason == CC_REASON_NONE && d.headers)
		reason = mark_system(&d);
	for (size_t i = 0; d.members && i < ret_discovery->draft.files.len; i++)
		daemon_content_unref(d.members[i].content);
	free(d.members);
	free(d.search.dirs);
	hp_strv_done(&d.owned);
	for (size_t i = 0; i < d.parents.cap; i++)
		free(d.parents.slots[i].value);
	hp_map_done(&d.parents);
	hp_map_done(&d.by_inode);
	hp_map_done(&d.looked_up);
	hp_map_done(&d.done);
	daemon_system_headers_free(d.headers);
	return reason;
}
