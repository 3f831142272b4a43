/* Precompiled headers in use, which no dependency file names.
 *
 * GCC takes NAME.gch for NAME in each place of the search, also where no NAME is, for the first file only: the one that
 * the first -include or -imacros names, or the source's first #include. __has_include finds it as well. Where NAME.gch
 * is a directory GCC tries what is in it, in no certain order. One that does not fit is passed over; whether it fits
 * hangs on its content and on the command line.
 *
 * Clang takes NAME.pch or NAME.gch for -include NAME when they are there, seen from the working directory, and what
 * -include-pch names. It checks the size and the time of each header in it. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/discover_priv.h"

/* One place of a precompiled header. */
static enum cc_reason place(struct discovery *d, const char *path, bool *ret_there)
{
	HP_AUTO_BUF struct hp_buf absolute = {0};
	enum cc_reason reason;
	struct sys_stamp stamp;

	sys_path_join(&absolute, d->in->cwd, path);
	if (sys_stamp_path(absolute.data, &stamp) == 0 && S_ISDIR(stamp.mode)) {
		hp_buf_str(d->detail, absolute.data);
		return CC_REASON_PCH;
	}
	reason = daemon_discovery_place(d, path, ret_there);
	if (reason == CC_REASON_NONE && *ret_there) {
		uintptr_t member = daemon_discovery_look_up(d, path) - LOOKED_MEMBER;

		d->pch = true;
		d->pch_with_times = d->pch_with_times || member >= d->out->draft.files.len ||
		                    !daemon_memory_is_timeless(d->in->memory, &d->out->digests[member]);
	}
	return reason;
}

/* The directories of a search that hold nothing under a name, so far and up to the last place that counted. */
struct absent_dirs {
	const char **dirs;
	size_t len;
	size_t sure;
};

static void absent_add(struct absent_dirs *a, const char *dir)
{
	a->dirs[a->len++] = dir[0] ? dir : ".";
}

/* Goes through the search of a directive up to the header itself; *ret_member is that one, or 0. Unless a precompiled
 * header is found on the way, the header's own absences are left to whoever follows the directive. */
static enum cc_reason look_for_gch(struct discovery *d, const struct directive *t, size_t *ret_member)
{
	HP_AUTO_FREE const char **gch_dirs = hp_alloc((d->search.len + 1) * sizeof *gch_dirs);
	HP_AUTO_FREE const char **header_dirs = hp_alloc((d->search.len + 1) * sizeof *header_dirs);
	HP_AUTO_FREE char *gch_name = hp_asprintf("%s.gch", t->name);
	struct absent_dirs gch = {.dirs = gch_dirs};
	struct absent_dirs header = {.dirs = header_dirs};
	HP_AUTO_BUF struct hp_buf path = {0};
	const char *dir;

	*ret_member = 0;
	for (size_t k = 0; (dir = daemon_discovery_dir(d, t, k)); k++) {
		uintptr_t looked;

		daemon_spell(&path, dir, gch_name);
		if (daemon_discovery_look_up(d, path.data) == LOOKED_ABSENT) {
			absent_add(&gch, dir);
		} else {
			bool there;
			enum cc_reason reason = place(d, path.data, &there);

			if (reason != CC_REASON_NONE)
				return reason;
			gch.sure = gch.len;
			header.sure = header.len;
		}
		daemon_spell(&path, dir, t->name);
		looked = daemon_discovery_look_up(d, path.data);
		if (looked == LOOKED_ABSENT) {
			absent_add(&header, dir);
			continue;
		}
		gch.sure = gch.len;
		*ret_member = looked >= LOOKED_MEMBER ? looked - LOOKED_MEMBER : 0;
		if (!t->next)
			break;
	}
	daemon_discovery_absent(d, gch_name, gch.dirs, t->probe ? gch.len : gch.sure);
	daemon_discovery_absent(d, t->name, header.dirs, header.sure);
	return CC_REASON_NONE;
}

/* The file that the source included first, which comes behind it and stdc-predef.h in GCC's list; 0: none. */
static size_t first_included(const struct discovery *d)
{
	const struct hp_strv *deps = d->in->deps;

	for (size_t i = d->in->source + 1; i < deps->len; i++) {
		if (!hp_streq(hp_basename(deps->v[i]), "stdc-predef.h"))
			return i;
	}
	return 0;
}

/* A precompiled header that a computed #include led to cannot be found without its name. What was read first tells
 * whether the computed #include can have been first: it was not when an earlier literal one led there, and when no
 * literal one did, then the computed one was, and it found a header. */
static enum cc_reason look_for_computed_gch(struct discovery *d, const struct cc_scan *scan, const char *own_dir,
                                            bool before, bool behind)
{
	size_t first = first_included(d);
	const char *spelled = first ? d->in->deps->v[first] : NULL;

	if (!(scan->flags & CC_SCAN_INCLUDE_MACRO) || before)
		return CC_REASON_NONE;
	if (behind || !first) {
		hp_buf_printf(d->detail, "%s: its first #include has no literal name", d->in->deps->v[d->in->source]);
		return CC_REASON_PCH;
	}
	/* Wherever it was looked for, the name ends like this. */
	for (const char *name = spelled; name; name = strchr(name, '/') ? strchr(name, '/') + 1 : NULL) {
		struct directive t = {.name = name, .own_dir = own_dir, .quote = true};
		enum cc_reason reason;
		size_t member;

		if (name[0] == '/' || name[0] == '\0')
			continue;
		reason = look_for_gch(d, &t, &member);
		if (reason != CC_REASON_NONE)
			return reason;
	}
	return CC_REASON_NONE;
}

static enum cc_reason look_in_source(struct discovery *d)
{
	DAEMON_AUTO_CONTENT struct daemon_content *content = daemon_content_ref(d->members[d->in->source].content);
	HP_AUTO_FREE char *own_dir = daemon_dir_part(d->in->deps->v[d->in->source]);
	const struct cc_scan *scan = &content->scan;
	bool found[2] = {false, false}; /* a literal #include led to the first file, before and behind a computed one */
	size_t first = first_included(d);

	for (size_t i = 0; i < scan->includes_len; i++) {
		const struct cc_include *inc = &scan->includes[i];
		struct directive t = daemon_directive(d, inc, scan->names + inc->offset, own_dir);
		bool behind = (scan->flags & CC_SCAN_INCLUDE_MACRO) && inc->offset >= scan->computed_at;
		enum cc_reason reason;
		size_t member;

		/* Behind the first file that was included no other one comes first; but what __has_include asked for
		 * in front of it may stand anywhere, as far as a scan can tell. */
		if (found[0] && !inc->probe)
			continue;
		reason = look_for_gch(d, &t, &member);
		if (reason != CC_REASON_NONE)
			return reason;
		if (!inc->probe && first && member == first)
			found[behind ? 1 : 0] = true;
	}
	return look_for_computed_gch(d, scan, own_dir, found[0], found[1]);
}

static enum cc_reason look_for_forced_gch(struct discovery *d)
{
	const struct hp_strv *forced = &d->in->inv->forced_includes;

	for (size_t i = 0; i < forced->len; i++) {
		struct directive t = {.name = forced->v[i], .own_dir = "", .quote = true};
		enum cc_reason reason;
		size_t member;

		if (forced->v[i][0] == '/')
			daemon_directive_alone(d, &t);
		reason = look_for_gch(d, &t, &member);
		if (reason != CC_REASON_NONE)
			return reason;
	}
	return CC_REASON_NONE;
}

static enum cc_reason look_for_gcc(struct discovery *d)
{
	HP_AUTO_FREE char *source = hp_asprintf("%s.gch", d->in->deps->v[d->in->source]);
	struct directive predef = {.name = "stdc-predef.h"};
	bool there;
	size_t member;
	enum cc_reason reason = place(d, source, &there);

	if (reason == CC_REASON_NONE)
		reason = look_for_gch(d, &predef, &member);
	if (reason == CC_REASON_NONE && d->in->inv->forced_includes.len)
		return look_for_forced_gch(d);
	return reason == CC_REASON_NONE ? look_in_source(d) : reason;
}

static enum cc_reason look_for_clang(struct discovery *d)
{
	const struct cc_invocation *inv = d->in->inv;
	enum cc_reason reason = CC_REASON_NONE;
	bool there;

	for (size_t i = 0; i < inv->forced_includes.len && reason == CC_REASON_NONE; i++) {
		HP_AUTO_FREE char *pch = hp_asprintf("%s.pch", inv->forced_includes.v[i]);
		HP_AUTO_FREE char *gch = hp_asprintf("%s.gch", inv->forced_includes.v[i]);

		reason = place(d, pch, &there);
		if (reason == CC_REASON_NONE)
			reason = place(d, gch, &there);
	}
	for (size_t i = 0; i < inv->pch_files.len && reason == CC_REASON_NONE; i++)
		reason = place(d, inv->pch_files.v[i], &there);
	/* -MMD leaves out what is a system header in there, and only Clang knows what is. */
	if (reason == CC_REASON_NONE && d->pch && d->headers)
		reason = CC_REASON_MMD_AMBIGUOUS;
	return reason;
}

enum cc_reason daemon_discovery_pch(struct discovery *d)
{
	enum cc_lang lang = d->in->inv->lang;

	/* GCC uses none while it makes one. */
	if (d->in->inv->family == CC_FAMILY_GCC && d->in->inv->makes_pch)
		return CC_REASON_NONE;
	if (lang == CC_LANG_ASM || lang == CC_LANG_C_CPP_OUTPUT || lang == CC_LANG_CXX_CPP_OUTPUT)
		return CC_REASON_NONE;
	return d->in->inv->family == CC_FAMILY_GCC ? look_for_gcc(d) : look_for_clang(d);
}
