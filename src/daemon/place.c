#define HP_LOG_TOPIC "place"
#include "daemon/place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/place.h"
#include "config/marker.h"
#include "daemon/service_priv.h"
#include "daemon/sides.h"
#include "sys/clock.h"

/* What debug information shows in place of the root: the working directory of whoever reads it, so that a debugger that
 * is started in the root finds the sources by itself. */
#define DEBUG_ROOT "/proc/self/cwd"
#define MACRO_ROOT "."
/* What stands for a root that the marker names by an absolute path. */
#define FAR_ROOT "/hpcc/"

struct daemon_marker_facts {
	int refs;
	char *wrong;     /* why it does not count; NULL: it does */
	char *real_path; /* of its folder */
	struct config_marker marker;
	struct real_root {
		char *path; /* seen from the real folder; NULL: it was not there */
		uint64_t dev;
		uint64_t ino;
	} real_roots[HP_MARKER_ROOTS_MAX];
};

static struct daemon_marker_facts *facts_ref(struct daemon_marker_facts *facts)
{
	(void)__atomic_add_fetch(&facts->refs, 1, __ATOMIC_RELAXED);
	return facts;
}

static void facts_unref(struct daemon_marker_facts *facts)
{
	if (!facts || __atomic_sub_fetch(&facts->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < facts->marker.roots_len; i++)
		free(facts->real_roots[i].path);
	config_marker_done(&facts->marker);
	free(facts->wrong);
	free(facts->real_path);
	free(facts);
}

void *daemon_marker_new(const char *path, size_t path_len)
{
	struct daemon_marker *marker = hp_zalloc(sizeof *marker);

	(void)path_len;
	marker->path = path;
	(void)pthread_mutex_init(&marker->lock, NULL);
	return marker;
}

void daemon_marker_free(void *p)
{
	struct daemon_marker *marker = p;

	facts_unref(marker->facts);
	(void)pthread_mutex_destroy(&marker->lock);
	free(marker);
}

/* Without ".", ".." and repeated slashes, as text: a link in it may lead elsewhere, but then the place only has another
 * name. The caller frees. */
static char *fold(const char *dir, const char *path)
{
	HP_AUTO_BUF struct hp_buf whole = {0};
	struct hp_buf out = {0};

	sys_path_join(&whole, dir, path);
	for (const char *p = whole.data; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len == 2 && memcmp(p, "..", 2) == 0) {
			while (out.len && out.data[--out.len] != '/')
				;
			if (out.data)
				out.data[out.len] = '\0';
		} else if (len > 1 || (len == 1 && *p != '.')) {
			hp_buf_char(&out, '/');
			hp_buf_append(&out, p, len);
		}
		p += len;
	}
	if (out.len == 0)
		hp_buf_char(&out, '/');
	return hp_buf_steal(&out);
}

bool daemon_marker_find(const char *dir, struct hp_buf *ret_path)
{
	char path[HP_PATH_SIZE_MAX + sizeof CONFIG_MARKER_NAME + 1];
	size_t len = strlen(dir);
	struct stat st;

	if (len >= HP_PATH_SIZE_MAX)
		return false;
	memcpy(path, dir, len);
	while (len > 1) {
		memcpy(path + len, "/" CONFIG_MARKER_NAME, sizeof CONFIG_MARKER_NAME + 1);
		if (access(path, F_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			hp_buf_str(ret_path, path);
			return true;
		}
		do
			len--;
		while (path[len] != '/');
	}
	return false;
}

/* Whether `dir` is `path` or above it. */
static bool is_above(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	return strncmp(dir, path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool daemon_marker_of(const char *source, const char *cwd, struct hp_buf *ret_path)
{
	HP_AUTO_FREE char *folded = fold(cwd, source);
	char *slash = strrchr(folded, '/');

	*slash = '\0';
	return daemon_marker_find(folded, ret_path) || (!is_above(cwd, folded) && daemon_marker_find(cwd, ret_path));
}

/* Whoever can write in /tmp must not have a say in others' builds below it. */
static bool is_trustworthy(const char *path, const char *dir)
{
	struct stat marker;
	struct stat folder;

	return stat(path, &marker) == 0 && stat(dir, &folder) == 0 &&
	       (marker.st_uid == geteuid() || marker.st_uid == folder.st_uid);
}

/* Where the roots really are: asking costs a call for each part of a path. */
static void find_real_roots(struct daemon_marker_facts *facts)
{
	for (size_t i = 0; facts->real_path && i < facts->marker.roots_len; i++) {
		struct real_root *root = &facts->real_roots[i];
		HP_AUTO_FREE char *folded = fold(facts->real_path, facts->marker.roots[i].path);
		struct stat st;

		root->path = realpath(folded, NULL);
		if (root->path && stat(root->path, &st) == 0) {
			root->dev = st.st_dev;
			root->ino = st.st_ino;
		}
	}
}

static struct daemon_marker_facts *read_facts(const char *path)
{
	struct daemon_marker_facts *facts = hp_zalloc(sizeof *facts);
	HP_AUTO_FREE char *dir = hp_strndup(path, strlen(path) - sizeof CONFIG_MARKER_NAME);
	HP_AUTO_BUF struct hp_buf text = {0};
	struct hp_err err = {0};

	facts->refs = 1;
	facts->real_path = realpath(dir, NULL);
	if (!is_trustworthy(path, dir))
		facts->wrong = hp_asprintf("%s: belongs to another user", path);
	else if (sys_read_file(path, HP_MARKER_SIZE_MAX, &text, NULL, &err) < 0 ||
	         config_marker_parse(path, hp_buf_cstr(&text), text.len, &facts->marker, &err) < 0)
		facts->wrong = hp_strdup(err.msg);
	else
		find_real_roots(facts);
	return facts;
}

bool daemon_marker_check(const char *path, struct hp_buf *why)
{
	struct daemon_marker_facts *facts = read_facts(path);
	bool good = !facts->wrong;

	if (!good)
		hp_buf_str(why, facts->wrong);
	facts_unref(facts);
	return good;
}

/* What the marker says now; the clock is taken before it is looked at. NULL: it has gone. */
static struct daemon_marker_facts *facts_of(struct daemon_memory *m, const char *path)
{
	struct daemon_marker *marker =
	        daemon_pool_at(&m->markers, daemon_pool_intern(&m->markers, path, strlen(path), daemon_marker_new));
	struct daemon_marker_facts *facts = NULL;
	int64_t now_ns = sys_file_clock_ns();
	struct sys_stamp stamp;

	(void)pthread_mutex_lock(&marker->lock);
	if (sys_stamp_path(path, &stamp) == 0) {
		if (!marker->facts || !marker->trusted || !sys_stamp_eq(&stamp, &marker->stamp)) {
			struct daemon_marker_facts *old = marker->facts;

			marker->facts = read_facts(path);
			marker->stamp = stamp;
			marker->trusted = sys_stamp_time_ns(&stamp) + sys_fs_step_path(path) < now_ns;
			if (marker->facts->wrong && !(old && old->wrong && hp_streq(old->wrong, marker->facts->wrong)))
				hp_warn("%s: compiles go on as if there were no marker", marker->facts->wrong);
			facts_unref(old);
		}
		facts = facts_ref(marker->facts);
	}
	(void)pthread_mutex_unlock(&marker->lock);
	return facts;
}

/* ---- the roots of a request */

/* The directory as $PWD names it, where compilers believe that, minus what it has below `real`: the spelling of the root
 * that was used to get there. */
static void add_logical(struct daemon_ticket *t, const char *real)
{
	const char *logical = daemon_cwd_logical(t);
	const char *cwd = t->req->cwd;
	size_t real_len = strlen(real);
	size_t len = strlen(logical);
	size_t rest;
	struct stat a;
	struct stat b;

	if (logical == cwd || !is_above(real, cwd))
		return;
	rest = strlen(cwd) - real_len;
	if (len > rest && hp_streq(logical + len - rest, cwd + real_len)) {
		HP_AUTO_FREE char *root = hp_strndup(logical, len - rest);

		if (stat(root, &a) == 0 && stat(real, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			(void)cc_place_add(t->place, "root", root, MACRO_ROOT, DEBUG_ROOT);
	}
}

/* The root's real path, remembered for as long as it is the same folder. The caller frees; NULL: it is not there. */
static char *real_path_of(const char *folded, const struct real_root *known)
{
	struct stat st;

	if (known->path && stat(folded, &st) == 0 && st.st_ino == known->ino && st.st_dev == known->dev)
		return hp_strdup(known->path);
	return realpath(folded, NULL);
}

static void add_named(struct cc_place *place, const char *dir, const struct config_marker_root *root,
                      const struct real_root *known)
{
	bool far = root->path[0] == '/';
	HP_AUTO_FREE char *folded = fold(dir, root->path);
	HP_AUTO_FREE char *real = real_path_of(folded, known);
	HP_AUTO_FREE char *macro =
	        far ? hp_asprintf("%s%s", FAR_ROOT, root->name) : hp_asprintf("%s/%s", MACRO_ROOT, root->path);
	HP_AUTO_FREE char *debug = far ? hp_strdup(macro) : hp_asprintf("%s/%s", DEBUG_ROOT, root->path);

	(void)cc_place_add(place, root->name, folded, macro, debug);
	if (real && !hp_streq(real, folded))
		(void)cc_place_add(place, root->name, real, macro, debug);
}

static void add_roots(struct daemon_ticket *t, const char *dir, const char *real,
                      const struct daemon_marker_facts *facts)
{
	t->place = hp_zalloc(sizeof *t->place);
	if (!cc_place_add(t->place, "root", dir, MACRO_ROOT, DEBUG_ROOT)) {
		cc_place_free(t->place);
		t->place = NULL;
		return;
	}
	if (real) {
		(void)cc_place_add(t->place, "root", real, MACRO_ROOT, DEBUG_ROOT);
		add_logical(t, real);
	}
	for (size_t i = 0; facts && i < facts->marker.roots_len; i++) {
		add_named(t->place, dir, &facts->marker.roots[i], &facts->real_roots[i]);
		if (real && !hp_streq(real, dir))
			add_named(t->place, real, &facts->marker.roots[i], &facts->real_roots[i]);
	}
}

/* The spelling that the command line uses first has no number. */
static void settle_names(struct daemon_ticket *t)
{
	cc_place_prefer(t->place, t->inv.input);
	for (size_t i = 0; i < t->inv.dirs_len; i++)
		cc_place_prefer(t->place, t->inv.dirs[i].path);
}

void daemon_place_find(struct daemon_service *s, struct daemon_ticket *t)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct daemon_marker_facts *facts = NULL;

	if (!cc_place_supported(t->inv.family, t->identity->version))
		return;
	if (daemon_marker_of(t->inv.input, t->req->cwd, &path)) {
		facts = facts_of(t->memory, path.data);
		if (facts && facts->wrong)
			daemon_service_count(s, "marker.malformed", 1);
		if (facts && !facts->wrong) {
			path.data[path.len - sizeof CONFIG_MARKER_NAME] = '\0';
			add_roots(t, path.data, facts->real_path, facts);
		}
	}
	if (!t->place && s->opt.auto_inject)
		add_roots(t, t->req->cwd, t->req->cwd, NULL);
	facts_unref(facts);
	if (!t->place)
		return;
	settle_names(t);
	for (size_t i = 0; i < t->place->len; i++)
		hp_buf_printf(&t->place_id, "%s=%s\n", t->place->roots[i].name, t->place->roots[i].path);
}

/* ---- keys */

static bool list_occurs(const struct cc_place *place, const struct hp_strv *list)
{
	for (size_t i = 0; i < list->len; i++) {
		if (cc_place_occurs(place, list->v[i], strlen(list->v[i])))
			return true;
	}
	return false;
}

static void name_into(const struct cc_place *place, const char *path, char **ret_name, bool *clean)
{
	struct hp_buf name = {0};

	*clean = cc_place_name(place, path, &name) && *clean;
	*ret_name = hp_buf_steal(&name);
}

void daemon_place_name_keys(struct daemon_ticket *t, const char *cwd, struct cache_key_input *in)
{
	struct hp_buf shown = {0};
	bool clean = cc_place_args(t->place, &t->inv.key_args, &t->place_args);

	name_into(t->place, t->inv.input, &t->key_source, &clean);
	if (cwd) {
		HP_AUTO_FREE char *ignored = NULL;

		name_into(t->place, cwd, &ignored, &clean);
		cc_place_shown(t->place, cwd, &shown);
		t->key_cwd = hp_buf_steal(&shown);
	}
	cc_place_flags(t->place, &t->inv, "", true, &t->place_args);
	/* A path that stays as it is leads to one place only, whatever the names of the files found through it. */
	t->place_bound = !clean || cc_place_bound(&t->inv) || list_occurs(t->place, &t->key_env) ||
	                 list_occurs(t->place, &t->identity->quote_dirs) ||
	                 list_occurs(t->place, &t->identity->angle_dirs);
	t->key_args = &t->place_args;
	in->args = t->key_args;
	in->source = t->key_source;
	in->cwd = t->key_cwd;
	in->place = t->place_bound ? hp_buf_cstr(&t->place_id) : NULL;
}

void daemon_place_make_flags(struct daemon_ticket *t)
{
	char seed[CODEC_DIGEST_HEX_SIZE];

	codec_digest_hex(&t->closure_key, seed);
	seed[16] = '\0';
	cc_place_flags(t->place, &t->inv, seed, false, &t->place_flags);
}

/* ---- results */

static bool text_occurs(const struct daemon_ticket *t, const char *path)
{
	HP_AUTO_BUF struct hp_buf absolute = {0};
	HP_AUTO_BUF struct hp_buf text = {0};

	sys_path_join(&absolute, t->req->cwd, path);
	return sys_read_file(absolute.data, HP_SOURCE_SIZE_MAX, &text, NULL, NULL) < 0 ||
	       cc_place_occurs(t->place, text.data, text.len);
}

/* Whether the closure's names mean the same files at another place. Not when a name began like a root, and not when a
 * root's path stands in a file: what was included by it would be looked for there from every other place, too. */
static bool names_hold(const struct daemon_ticket *t)
{
	const struct daemon_draft *draft = &t->discovery.draft;
	HP_AUTO_BUF struct hp_buf name = {0};

	for (size_t i = 0; i < draft->files.len; i++) {
		hp_buf_reset(&name);
		if (!cc_place_name(t->place, draft->files.v[i], &name) ||
		    (t->discovery.literal_paths && text_occurs(t, draft->files.v[i])))
			return false;
	}
	for (size_t i = 0; i < draft->dirs_len; i++) {
		hp_buf_reset(&name);
		if (!cc_place_name(t->place, draft->dirs[i], &name))
			return false;
	}
	return true;
}

bool daemon_place_shows(const struct daemon_ticket *t)
{
	for (size_t i = 0; i < t->outputs_len; i++) {
		if (cc_place_occurs(t->place, t->outputs[i].data.data, t->outputs[i].data.len))
			return true;
	}
	return t->discovery.line_absolute || cc_place_occurs(t->place, t->out.data, t->out.len) ||
	       cc_place_occurs(t->place, t->err.data, t->err.len) || !names_hold(t);
}
