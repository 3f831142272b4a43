/* Why a compile missed, in words: what differs from the last entry known for this unit. Runs on misses only. */
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/service_priv.h"

#define LINES_MAX 12 /* further differences are counted, not named */

struct diff {
	struct hp_buf *out;
	unsigned lines;
};

static void line(struct diff *d, const char *what, const char *name)
{
	if (d->lines++ < LINES_MAX)
		hp_buf_printf(d->out, "%s%s: %s", d->out->len ? "\n" : "", what, name);
}

static bool in_list(const char *const *list, size_t len, const char *s)
{
	for (size_t i = 0; i < len; i++) {
		if (hp_streq(list[i], s))
			return true;
	}
	return false;
}

static void diff_lists(struct diff *d, const char *added, const char *removed, const char *const *old, size_t old_len,
                       const struct hp_strv *new)
{
	for (size_t i = 0; i < new->len; i++) {
		if (!in_list(old, old_len, new->v[i]))
			line(d, added, new->v[i]);
	}
	for (size_t i = 0; i < old_len; i++) {
		if (!hp_strv_has(new, old[i]))
			line(d, removed, old[i]);
	}
}

static void diff_command(struct diff *d, const struct daemon_ticket *t, const struct cache_entry *old)
{
	if (!codec_digest_eq(&old->identity, &t->identity->digest))
		line(d, "compiler changed",
		     hp_streq(old->compiler_version, t->identity->version) ? t->req->compiler : t->identity->version);
	diff_lists(d, "argument added", "argument removed", old->args, old->args_len, t->key_args);
	diff_lists(d, "environment added", "environment removed", old->env, old->env_len, &t->key_env);
	if (!hp_streq(old->source, t->key_source))
		line(d, "source named differently", t->key_source);
	if (t->key_cwd && !hp_streq(old->cwd, t->key_cwd))
		line(d, "another working directory", t->key_cwd);
}

static void diff_files(struct diff *d, const struct daemon_ticket *t, const struct cache_entry *old)
{
	for (size_t i = 0; i < old->files_len; i++) {
		HP_AUTO_BUF struct hp_buf spelled = {0};
		HP_AUTO_BUF struct hp_buf path = {0};
		struct codec_digest digest;
		struct sys_stamp stamp;
		uint64_t digest8;
		int r;

		if (t->place && !cc_place_path(t->place, old->files[i].path, &spelled))
			continue;
		sys_path_join(&path, t->req->cwd, t->place ? hp_buf_cstr(&spelled) : old->files[i].path);
		r = daemon_file_digest(daemon_file_at(t->memory, daemon_memory_file(t->memory, path.data)), &digest,
		                       &stamp);
		if (r == 0 && old->files[i].timed)
			daemon_digest_with_time(&digest, stamp.mtime_ns);
		memcpy(&digest8, digest.b, sizeof digest8);
		if (r < 0)
			line(d, "file gone", old->files[i].path);
		else if (digest8 != old->files[i].digest8)
			line(d, "file changed", old->files[i].path);
	}
}

/* The entry of the last compile of this object, if its unit was another one: a flag, a variable, the compiler. */
static bool last_of_object(struct daemon_service *s, const struct daemon_ticket *t, struct codec_digest *ret_key)
{
	HP_AUTO_BUF struct hp_buf memory = {0};
	struct store_outcome last;

	if (store_ledger_find(s->opt.ledger, *t->object ? t->object : t->source, &last, &memory, NULL) != 1 ||
	    daemon_is_zero(&last.action_key))
		return false;
	*ret_key = last.action_key;
	return true;
}

/* How long a unit that turned out uncacheable is believed to be so; then it is tried once more. */
#define HOPELESS_S 3600

enum cc_reason daemon_known_hopeless(struct daemon_service *s, const struct daemon_ticket *t)
{
	HP_AUTO_BUF struct hp_buf memory = {0};
	struct store_outcome last;
	struct sys_stamp source;

	if (t->inv.deps != CC_DEPS_USER ||
	    store_ledger_find(s->opt.ledger, *t->object ? t->object : t->source, &last, &memory, NULL) != 1 ||
	    !codec_digest_eq(&last.closure_key, &t->closure_key) || last.time_s + HOPELESS_S < time(NULL) ||
	    sys_stamp_path(t->source, &source) < 0 || sys_stamp_time_ns(&source) / 1000000000 >= last.time_s)
		return CC_REASON_NONE;
	for (int r = CC_REASON_NONE + 1; r < CC_REASON_COUNT; r++) {
		if (hp_streq(cc_reason_name((enum cc_reason)r), last.reason) &&
		    cc_reason_kind((enum cc_reason)r) == CC_REASON_KIND_BYPASS)
			return (enum cc_reason)r;
	}
	return CC_REASON_NONE;
}

void daemon_explain_miss(struct daemon_service *s, struct daemon_ticket *t, const struct codec_digest *last_key)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct diff d = {.out = &t->detail};
	struct codec_digest key = *last_key;
	struct cache_entry old;

	if (t->detail.len || !s->opt.disk)
		return;
	if (daemon_is_zero(&key) && !last_of_object(s, t, &key))
		return;
	if (store_get(s->opt.disk, &key, &blob, NULL) != 1 ||
	    cache_entry_decode(blob->data, blob->len, CACHE_WANT_META, &old, NULL) < 0)
		return;
	diff_command(&d, t, &old);
	diff_files(&d, t, &old);
	if (d.lines > LINES_MAX)
		hp_buf_printf(&t->detail, "\nand %u more differences", d.lines - LINES_MAX);
	cache_entry_done(&old);
}
