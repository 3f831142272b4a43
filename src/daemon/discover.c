#include "daemon/discover.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/discover_priv.h"
#include "daemon/twins.h"
#include "sys/clock.h"

void daemon_discovery_done(struct daemon_discovery *d)
{
	daemon_draft_done(&d->draft);
	free(d->digests);
	*d = (struct daemon_discovery){0};
}

enum cc_reason daemon_discover_scan(const struct cc_scan *scan, bool date_time_ok, bool embed_ok)
{
	static const struct {
		uint32_t flag;
		enum cc_reason reason;
	} rules[] = {
	        {CC_SCAN_TIMESTAMP, CC_REASON_TIMESTAMP},
	        {CC_SCAN_HAS_INCLUDE_MACRO, CC_REASON_HAS_INCLUDE_MACRO},
	        {CC_SCAN_PRAGMA_DEPENDENCY, CC_REASON_PRAGMA_DEPENDENCY},
	        {CC_SCAN_PCH_PREPROCESS, CC_REASON_PCH},
	        {CC_SCAN_MODULE, CC_REASON_MODULES},
	};

	if (scan->flags == 0)
		return CC_REASON_NONE;
	if ((scan->flags & (CC_SCAN_DATE | CC_SCAN_TIME)) && !date_time_ok)
		return CC_REASON_DATE_TIME;
	if ((scan->flags & CC_SCAN_INCBIN) && (scan->flags & CC_SCAN_INCBIN_UNKNOWN))
		return CC_REASON_INCBIN;
	if ((scan->flags & CC_SCAN_EMBED) && !embed_ok)
		return CC_REASON_EMBED;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rules); i++) {
		if (scan->flags & rules[i].flag)
			return rules[i].reason;
	}
	return CC_REASON_NONE;
}

/* Where a directive may lead, as remembered in discovery->done: 1 = nowhere. */
#define TARGET(member, system) (((uintptr_t)(member) + 1) << 2 | ((system) ? 2u : 0u) | 1u)
#define TARGET_MEMBER(t) (((t) >> 2) - 1)
#define TARGET_SYSTEM(t) (((t)&2u) != 0)

/* Whether the place may be none: the directory of a file that perhaps did not lead to this directive. */
static bool is_includer(const struct discovery *d, const struct directive *t, size_t k, size_t own)
{
	return t->quote && k >= own && k - own < d->search.includers;
}

/* Walks the search as the compiler does, up to the first place that holds a file of the closure, and records the
 * places before it that hold nothing. A file that is there but was not read means that the directive was not active or
 * starts further down: the walk goes on, which can only make the closure stricter. */
static enum cc_reason walk(struct discovery *d, const struct directive *t, uintptr_t *ret_target)
{
	size_t own = t->own_dir ? 1 : 0;
	size_t from = t->quote ? 0 : d->search.angle_from;
	const char **dirs = d->places;
	const char *dir;
	size_t absent = 0;
	size_t sure = 0;

	*ret_target = 1;
	for (size_t k = 0; (dir = daemon_discovery_dir(d, t, k)); k++) {
		uintptr_t looked;

		daemon_spell(&d->joined, dir, t->name);
		looked = daemon_discovery_look_up(d, d->joined.data);
		if (looked == LOOKED_OTHER && t->probe) {
			enum cc_reason reason = daemon_discovery_join(d, d->joined.data, &looked);

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
		if (!t->next && !is_includer(d, t, k, own))
			break;
		/* What is found beside a system header counts as one, and which header was the place is not known. */
		if (!t->next && d->headers)
			d->trouble = CC_REASON_MMD_AMBIGUOUS;
		else if (d->headers)
			daemon_system_headers_edge(d->headers, t->from, looked - LOOKED_MEMBER,
			                           k >= own && d->search.dirs[from + k - own].system);
	}
	/* What __has_include_next asks for lies behind the file that asks: one that was found may be that file itself. */
	daemon_discovery_absent(d, t->name, dirs, t->probe && (*ret_target == 1 || t->next) ? absent : sure);
	return CC_REASON_NONE;
}

/* Follows a directive once, however many files have it; but each #include_next by itself, since it may lead each file
 * somewhere else. */
enum cc_reason daemon_discovery_follow(struct discovery *d, const struct directive *t, uintptr_t *ret_target)
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

static bool lists_probed(const struct discovery *d, uintptr_t target)
{
	return d->in->inv->family == CC_FAMILY_CLANG && TARGET_MEMBER(target) < d->in->deps->len;
}

static enum cc_reason follow_file(struct discovery *d, size_t i)
{
	const char *spelled = d->out->draft.files.v[i];
	HP_AUTO_FREE char *own_dir = daemon_dir_part(spelled);
	DAEMON_AUTO_CONTENT struct daemon_content *content = daemon_content_ref(d->members[i].content);
	const struct cc_scan *scan = &content->scan;

	for (size_t k = 0; k < scan->includes_len; k++) {
		const struct cc_include *inc = &scan->includes[k];
		struct directive t = daemon_directive(d, inc, scan->names + inc->offset, own_dir);
		enum cc_reason reason;
		uintptr_t target;

		reason = daemon_discovery_follow(d, &t, &target);
		if (reason != CC_REASON_NONE)
			return reason;
		/* Clang lists what __has_include finds as if it were included. */
		if (d->headers && target != 1 && (!inc->probe || lists_probed(d, target)))
			daemon_system_headers_edge(d->headers, i, TARGET_MEMBER(target), TARGET_SYSTEM(target));
	}
	return CC_REASON_NONE;
}

static enum cc_reason follow_forced(struct discovery *d, const struct hp_strv *names)
{
	enum cc_reason reason;
	uintptr_t target;

	for (size_t i = 0; i < names->len; i++) {
		struct directive t = {.name = names->v[i], .own_dir = "", .quote = true};

		if (names->v[i][0] == '/')
			daemon_directive_alone(d, &t);
		reason = daemon_discovery_follow(d, &t, &target);
		if (reason != CC_REASON_NONE)
			return reason;
		if (d->headers && target != 1)
			daemon_system_headers_edge(d->headers, d->in->source, TARGET_MEMBER(target),
			                           TARGET_SYSTEM(target));
	}
	return CC_REASON_NONE;
}

/* -include and -imacros: the working directory, then as "...". stdc-predef.h, which GCC includes by itself when it
 * finds one: as <...>. */
static enum cc_reason follow_implicit(struct discovery *d)
{
	enum cc_reason reason = follow_forced(d, &d->in->inv->forced_includes);
	uintptr_t target;

	if (reason == CC_REASON_NONE)
		reason = follow_forced(d, &d->in->inv->cc1_includes);
	if (reason != CC_REASON_NONE)
		return reason;
	if (d->in->inv->family == CC_FAMILY_GCC) {
		struct directive t = {.name = "stdc-predef.h"};

		reason = daemon_discovery_follow(d, &t, &target);
		if (reason != CC_REASON_NONE)
			return reason;
		if (d->headers && target != 1)
			daemon_system_headers_edge(d->headers, d->in->source, TARGET_MEMBER(target),
			                           TARGET_SYSTEM(target));
		/* -ffreestanding leaves it out though it is there. */
		for (size_t k = d->search.angle_from; target == 1 && k < d->search.len; k++) {
			daemon_spell(&d->joined, d->search.dirs[k].path, t.name);
			if (daemon_discovery_look_up(d, d->joined.data) == LOOKED_ABSENT)
				daemon_discovery_absent(d, t.name, &d->search.dirs[k].path, 1);
		}
	}
	return CC_REASON_NONE;
}

/* The rest of `path` below `dir`, or NULL. Dependency files leave out a leading "./". */
static const char *below(const char *path, const char *dir)
{
	size_t len;

	dir = daemon_without_dot(dir);
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

		daemon_spell(&d->joined, dir, name);
		if (daemon_discovery_look_up(d, d->joined.data) == LOOKED_ABSENT)
			dirs[absent++] = dir;
	}
	daemon_discovery_absent(d, name, dirs, absent);
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
		HP_AUTO_FREE char *part = daemon_dir_part(spelled);
		const char *dir = part[0] ? part : ".";

		if ((d->members[i].content->scan.flags & CC_SCAN_INCLUDE_MACRO) && !hp_strv_has(&d->computed, dir))
			hp_strv_add(&d->computed, dir);
	}
	for (size_t k = 0; d->computed.len && k < d->search.len; k++)
		daemon_discovery_backslash(d, d->search.dirs[k].path);
}

/* Clang refuses a precompiled header when one of its headers is younger, and writes their times into one it makes.
 * What a precompiled header was made of stands before the source in the list. */
static void mark_timed(struct discovery *d)
{
	const struct cc_invocation *inv = d->in->inv;
	struct daemon_discovery *out = d->out;
	size_t end = d->pch_with_times ? d->in->source : 0;

	if (!cc_family_is_clang(inv->family))
		return;
	if (inv->makes_pch && !inv->pch_without_times)
		end = d->in->deps->len;
	for (size_t i = 0; i < end; i++) {
		out->draft.flags[i] |= DAEMON_FILE_TIMED;
		daemon_digest_with_time(&out->digests[i], d->members[i].mtime_ns);
	}
}

static void mark_twins(struct discovery *d)
{
	struct daemon_discovery *out = d->out;
	struct daemon_twins twins = {0};
	struct hp_map first = {0};

	hp_map_reserve(&first, out->draft.files.len);
	for (size_t i = 0; i < out->draft.files.len; i++) {
		struct hp_map_slot *slot = hp_map_put(&first, out->digests[i].b, sizeof out->digests[i].b);

		if (slot->value) {
			out->draft.flags[i] |= DAEMON_FILE_TWIN;
			out->draft.flags[(uintptr_t)slot->value - 1] |= DAEMON_FILE_TWIN;
		} else {
			slot->value = (void *)(i + 1);
		}
	}
	hp_map_done(&first);
	for (size_t i = 0; i < out->draft.files.len; i++) {
		const struct member *m = &d->members[i];

		if (out->draft.flags[i] & DAEMON_FILE_TWIN)
			daemon_twins_add(&twins, &out->digests[i], m->dev, m->ino, m->mtime_ns);
	}
	out->has_twins = daemon_twins_end(&twins, &out->twins);
}

static enum cc_reason discover(struct discovery *d)
{
	const struct daemon_discover_input *in = d->in;
	enum cc_reason reason;

	for (size_t i = 0; i < in->deps->len; i++) {
		reason = daemon_discovery_add(d, in->deps->v[i], 0);
		if (reason == CC_REASON_NONE) {
			reason = daemon_discover_scan(&d->members[i].content->scan, in->date_time_ok, in->embed_ok);
			if (reason != CC_REASON_NONE)
				hp_buf_str(d->detail, in->deps->v[i]);
		}
		if (reason != CC_REASON_NONE)
			return reason;
		d->out->date_time =
		        d->out->date_time || (d->members[i].content->scan.flags & (CC_SCAN_DATE | CC_SCAN_TIME));
	}
	reason = daemon_discovery_inputs(d);
	if (reason == CC_REASON_NONE)
		reason = daemon_discovery_pch(d);
	if (reason == CC_REASON_NONE)
		reason = daemon_discovery_asm(d);
	if (reason == CC_REASON_NONE)
		reason = daemon_discovery_wrapped(d);
	if (reason == CC_REASON_NONE)
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
	for (size_t i = 0; i < d->in->deps->len; i++) {
		const char *spelled = draft->files.v[i];
		uintptr_t looked = (uintptr_t)hp_map_find(&d->looked_up, spelled, strlen(spelled));

		if (looked >= LOOKED_MEMBER && looked - LOOKED_MEMBER != i)
			daemon_system_headers_same(d->headers, i, looked - LOOKED_MEMBER);
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
	d.numbers = hp_zalloc(d.search.len * sizeof *d.numbers);
	hp_map_reserve(&d.looked_up, in->deps->len * 3);
	hp_map_reserve(&d.by_inode, in->deps->len);
	hp_map_reserve(&d.by_look, in->deps->len);
	hp_map_reserve(&d.done, in->deps->len * 3);
	if (in->inv->deps == CC_DEPS_USER)
		d.headers = daemon_system_headers_new();
	reason = discover(&d);
	daemon_probes_into(&d.probes, &ret_discovery->draft);
	if (reason == CC_REASON_NONE && d.headers)
		reason = mark_system(&d);
	if (reason == CC_REASON_NONE) {
		mark_twins(&d);
		mark_timed(&d);
	}
	/* Diagnostics quote headers as they are now, whatever they were when they were compiled. */
	ret_discovery->line_files = ret_discovery->line_files || d.pch;
	ret_discovery->line_absolute = ret_discovery->line_absolute || d.pch;
	ret_discovery->uses_pch = d.pch;
	for (size_t i = 0; d.members && i < ret_discovery->draft.files.len; i++)
		daemon_content_unref(d.members[i].content);
	free(d.members);
	daemon_search_done(&d.search);
	daemon_probes_done(&d.probes);
	free(d.places);
	free(d.numbers);
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
