#include "daemon/search.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

static void search_add(struct daemon_search *s, const char *path, bool system)
{
	if ((s->len & (s->len - 1)) == 0)
		s->dirs = hp_realloc(s->dirs, (s->len ? s->len * 2 : 1) * sizeof *s->dirs);
	s->dirs[s->len++] = (struct daemon_search_dir){.path = path, .system = system};
}

static void search_add_kind(struct daemon_search *s, const struct cc_invocation *inv, enum cc_dir_kind kind,
                            bool system)
{
	for (size_t i = 0; i < inv->dirs_len; i++) {
		if (inv->dirs[i].kind == kind)
			search_add(s, inv->dirs[i].path, system);
	}
}

/* CPATH counts as -I given last. */
static void search_add_cpath(struct daemon_search *s, const struct hp_strv *env)
{
	for (size_t i = 0; i < env->len; i++) {
		const char *p = env->v[i];

		if (!hp_startswith(p, "CPATH="))
			continue;
		for (p += 6; p;) {
			const char *colon = strchr(p, ':');
			size_t len = colon ? (size_t)(colon - p) : strlen(p);

			hp_strv_addn(&s->owned, len ? p : ".", len ? len : 1);
			search_add(s, s->owned.v[s->owned.len - 1], false);
			p = colon ? colon + 1 : NULL;
		}
	}
}

/* A user directory that is a system directory, too, is left out by the preprocessor: what is in it is found at the
 * system directory's place in the order, behind all others. Clang keeps those of -iquote all the same. */
static void search_drop_system(struct daemon_search *s, enum cc_family family, const char *cwd)
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
		bool may = !s->dirs[i].system && stamps[i].ino && (i >= angle_from || family == CC_FAMILY_GCC);
		bool drop = false;

		for (size_t k = i + 1; k < s->len && may; k++)
			drop = drop ||
			       (s->dirs[k].system && stamps[k].ino == stamps[i].ino && stamps[k].dev == stamps[i].dev);
		if (drop && i < angle_from)
			s->angle_from--;
		if (!drop)
			s->dirs[kept++] = s->dirs[i];
	}
	s->len = kept;
}

/* As MSVC does it, a name in quotes is looked for beside the file that asks, then beside the one that included that, and so
 * on. Which files those are at each place is not known: any that was read can be one. */
static void search_add_includers(struct daemon_search *s, const struct daemon_discover_input *in)
{
	struct hp_map seen HP_AUTO_MAP = {0};

	for (size_t i = 0; i < in->deps->len; i++) {
		const char *path = in->deps->v[i];
		const char *slash = strrchr(path, '/');
		size_t len = slash ? (size_t)(slash - path) : 0;
		struct hp_map_slot *slot = hp_map_put(&seen, len ? path : slash ? "/" : ".", len ? len : 1);

		if (slot->value)
			continue;
		slot->value = s;
		hp_strv_add(&s->owned, slot->key);
		search_add(s, s->owned.v[s->owned.len - 1], false);
	}
	s->includers = s->len;
}

void daemon_search_init(struct daemon_search *s, const struct daemon_discover_input *in)
{
	size_t cpath_from;
	size_t cpath_end;

	*s = (struct daemon_search){0};
	if (cc_family_is_msvc(in->inv->family) && in->deps)
		search_add_includers(s, in);
	search_add_kind(s, in->inv, CC_DIR_QUOTE, false);
	for (size_t i = 0; i < in->identity->quote_dirs.len; i++)
		search_add(s, in->identity->quote_dirs.v[i], false);
	s->angle_from = s->len;
	search_add_kind(s, in->inv, CC_DIR_ANGLE, false);
	cpath_from = s->len;
	if (!cc_family_is_msvc(in->inv->family))
		search_add_cpath(s, in->env);
	cpath_end = s->len;
	search_add_kind(s, in->inv, CC_DIR_SYSTEM, true);
	for (size_t i = 0; i < in->identity->angle_dirs.len; i++) {
		/* The compiler's own list begins with CPATH, which is no system directory. */
		while (cpath_from < cpath_end && !hp_streq(s->dirs[cpath_from].path, in->identity->angle_dirs.v[i]))
			cpath_from++;
		if (cpath_from < cpath_end)
			cpath_from++;
		else
			search_add(s, in->identity->angle_dirs.v[i], true);
	}
	search_add_kind(s, in->inv, CC_DIR_AFTER, true);
	search_drop_system(s, in->inv->family, in->cwd);
}

void daemon_search_done(struct daemon_search *s)
{
	free(s->dirs);
	hp_strv_done(&s->owned);
	*s = (struct daemon_search){0};
}
