/* A hit: from remembered closures to outputs in place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/depfile.h"
#include "daemon/outputs.h"
#include "daemon/service_priv.h"
#include "daemon/sides.h"

/* An entry's absent paths are as daemon_draft_absent_paths makes them. */
static void draft_probes(const struct cache_entry *e, struct daemon_draft *draft)
{
	for (size_t i = 0; i < e->absent_len; i++) {
		const char *path = e->absent[i];
		const char *sep = strstr(path, "//");
		bool root = sep == path && sep[2] == '/'; /* "/" itself as the directory gives three slashes */

		if (sep)
			daemon_draft_add_absent(draft, sep + (root ? 3 : 2),
			                        daemon_draft_dir(draft, path, root ? 1 : (size_t)(sep - path)));
	}
}

static void draft_from_entry(const struct cache_entry *e, struct daemon_draft *ret_draft)
{
	*ret_draft = (struct daemon_draft){0};
	ret_draft->flags = hp_zalloc(e->files_len);
	for (size_t i = 0; i < e->files_len; i++) {
		hp_strv_add(&ret_draft->files, e->files[i].path);
		ret_draft->flags[i] = (uint8_t)((e->files[i].system ? DAEMON_FILE_SYSTEM : 0) |
		                                (e->files[i].probe ? DAEMON_FILE_PROBE : 0) |
		                                (e->files[i].timed ? DAEMON_FILE_TIMED : 0) |
		                                (e->files[i].twin ? DAEMON_FILE_TWIN : 0));
	}
	draft_probes(e, ret_draft);
}

void daemon_slot_saw(struct daemon_slot *slot, const struct codec_digest *key)
{
	slot->seen[slot->seen_next++ % HP_ARRAY_SIZE(slot->seen)] = *key;
}

static bool slot_has_seen(const struct daemon_slot *slot, const struct codec_digest *key)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(slot->seen); i++) {
		if (codec_digest_eq(&slot->seen[i], key))
			return true;
	}
	return false;
}

/* The closure of an entry, bound to the request's directory and place, or NULL. */
static struct daemon_closure *closure_from_store(struct daemon_service *s, const struct daemon_ticket *t,
                                                 const struct codec_digest *key)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	DAEMON_AUTO_DRAFT struct daemon_draft draft = {0};
	DAEMON_AUTO_DRAFT struct daemon_draft here = {0};
	struct daemon_closure *c = NULL;
	struct cache_entry e;

	if (store_get(s->opt.disk, key, &blob, NULL) != 1 ||
	    cache_entry_decode(blob->data, blob->len, CACHE_WANT_META, &e, NULL) < 0)
		return NULL;
	draft_from_entry(&e, &draft);
	if (!t->place || daemon_draft_to_paths(&draft, t->place, &here)) {
		c = daemon_closure_new(t->memory, t->place ? &here : &draft, t->req->cwd, t->place);
		c->last_key = *key;
		c->compile_ms = e.compile_ms;
	}
	cache_entry_done(&e);
	return c;
}

static bool has_same(struct daemon_closure *const *closures, size_t len, const struct daemon_closure *c)
{
	for (size_t i = 0; i < len; i++) {
		if (daemon_closure_same(closures[i], c))
			return true;
	}
	return false;
}

size_t daemon_load_closures(struct daemon_service *s, struct daemon_ticket *t)
{
	struct codec_digest keys[DAEMON_CLOSURES_PER_SLOT];
	struct daemon_closure *fresh[DAEMON_CLOSURES_PER_SLOT];
	struct daemon_slot *slot = t->slot;
	size_t fresh_len = 0;
	size_t from;
	int n = s->opt.disk ? store_closures(s->opt.disk, &t->closure_key, keys, HP_ARRAY_SIZE(keys), NULL) : 0;

	for (int i = 0; i < n; i++) {
		struct daemon_closure *c;

		if (slot_has_seen(slot, &keys[i]))
			continue;
		daemon_slot_saw(slot, &keys[i]);
		c = closure_from_store(s, t, &keys[i]);
		if (c && (has_same(slot->closures, slot->closures_len, c) || has_same(fresh, fresh_len, c)))
			daemon_closure_free(c);
		else if (c)
			fresh[fresh_len++] = c;
	}
	while (slot->closures_len + fresh_len > HP_ARRAY_SIZE(slot->closures))
		daemon_closure_free(slot->closures[--slot->closures_len]);
	from = slot->closures_len;
	for (size_t i = 0; i < fresh_len; i++)
		slot->closures[slot->closures_len++] = fresh[i];
	return from;
}

/* True when this entry was asked for lately: worth keeping unpacked. */
static bool seen_before(struct daemon_service *s, const struct codec_digest *key)
{
	uint64_t word;
	uint64_t *place;

	memcpy(&word, key->b, sizeof word);
	place = &s->recent[word % DAEMON_RECENT];
	return __atomic_exchange_n(place, word, __ATOMIC_RELAXED) == word;
}

static void keep_hot(struct daemon_service *s, const struct cache_entry *e)
{
	struct cache_entry lean = *e;
	HP_AUTO_BUF struct hp_buf raw = {0};

	lean.args_len = lean.env_len = lean.files_len = lean.absent_len = 0;
	lean.compiler = lean.compiler_version = lean.cwd = lean.source = lean.output = "";
	if (cache_entry_encode(&lean, CACHE_PACK_RAW, &raw, NULL) == 0)
		(void)store_put(s->hot, &e->action_key, &e->closure_key, raw.data, raw.len, NULL);
}

/* The entry's payload: 1, 0 when there is none, or -HP_DATA_LOSS after a damaged one was removed. */
static int fetch(struct daemon_service *s, const struct codec_digest *key, struct store_blob **ret_blob,
                 struct cache_entry *ret_entry)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;

	if (store_get(s->hot, key, &blob, NULL) == 1 &&
	    cache_entry_decode(blob->data, blob->len, CACHE_WANT_PAYLOAD | CACHE_TRUSTED, ret_entry, NULL) == 0) {
		*ret_blob = hp_steal(blob);
		return 1;
	}
	store_blob_unref(blob);
	blob = NULL;
	if (!s->opt.disk || store_get(s->opt.disk, key, &blob, NULL) != 1)
		return 0;
	/* A whole entry under a wrong name is as bad as a damaged one. */
	if (cache_entry_decode(blob->data, blob->len, CACHE_WANT_PAYLOAD, ret_entry, NULL) < 0) {
		(void)store_remove(s->opt.disk, key, NULL);
		return -HP_DATA_LOSS;
	}
	if (!codec_digest_eq(&ret_entry->action_key, key)) {
		cache_entry_done(ret_entry);
		(void)store_remove(s->opt.disk, key, NULL);
		return -HP_DATA_LOSS;
	}
	if (seen_before(s, key))
		keep_hot(s, ret_entry);
	*ret_blob = hp_steal(blob);
	return 1;
}

static void print_deps(const struct daemon_ticket *t, const struct daemon_closure *c, struct hp_buf *out)
{
	uint8_t leave_out = DAEMON_FILE_PROBE | (t->inv.deps == CC_DEPS_USER ? DAEMON_FILE_SYSTEM : 0);
	HP_AUTO_FREE char **deps = hp_alloc(c->files_len * sizeof *deps);
	size_t n = 0;

	for (size_t i = 0; i < c->files_len; i++) {
		if (!(c->flags[i] & leave_out))
			deps[n++] = (char *)daemon_closure_path(t->memory, c, i);
	}
	cc_depfile_print(t->inv.family, t->inv.deps_target, deps, n, t->inv.deps_phony, out);
}

/* Puts the outputs in place. CC_REASON_NONE, or a bypass: then the compiler does it all again, and says what is wrong. */
static enum cc_reason put_in_place(struct daemon_ticket *t, const struct daemon_closure *c, const struct cache_entry *e)
{
	HP_AUTO_BUF struct hp_buf deps = {0};
	struct hp_err err = {0};

	if (!daemon_outputs_fit(t, e))
		return CC_REASON_SPECIAL_OUTPUT;
	if (t->deps_file && !daemon_deps_plain(t->deps_file)) {
		hp_buf_str(&t->detail, t->deps_file);
		return CC_REASON_SPECIAL_OUTPUT;
	}
	if (t->deps_file) {
		print_deps(t, c, &deps);
		if (daemon_output_write_deps(t->deps_file, t->req->mask, deps.data, deps.len, &err) < 0) {
			hp_buf_str(&t->detail, err.msg);
			return CC_REASON_SPECIAL_OUTPUT;
		}
	}
	if (daemon_outputs_put(t, e, &err) < 0) {
		hp_buf_str(&t->detail, err.msg);
		return CC_REASON_SPECIAL_OUTPUT;
	}
	if (t->inv.makes_pch && t->inv.pch_without_times)
		daemon_memory_note_timeless(t->memory, e->outputs[0].data, e->outputs[0].len);
	return CC_REASON_NONE;
}

/* Looks for the entries that this manifest can have: for any place or for this one, without colour and with. As fetch;
 * *ret_reason is what a miss is to be called. */
static int fetch_variant(struct daemon_service *s, struct daemon_ticket *t, const struct daemon_closure *c,
                         const struct codec_digest *manifest, struct store_blob **ret_blob,
                         struct cache_entry *ret_entry, enum cc_reason *ret_reason)
{
	int places = t->place && !t->place_bound ? 2 : 1;
	int colors = t->color ? 2 : 1;
	bool known = false;

	*ret_reason = CC_REASON_NONE;
	for (int i = 0; i < places * colors; i++) {
		bool color = i % colors != 0;
		int r;

		cache_key_action(&t->prefix, manifest, color, i >= colors ? hp_buf_cstr(&t->place_id) : NULL,
		                 &t->action_key);
		known = known || codec_digest_eq(&t->action_key, &c->last_key);
		r = fetch(s, &t->action_key, ret_blob, ret_entry);
		if (r < 0)
			*ret_reason = CC_REASON_CORRUPT;
		if (r == 1 && !color && t->color && ret_entry->err_len + ret_entry->out_len > 0) {
			/* Diagnostics without colour, and this terminal would have had them with. */
			cache_entry_done(ret_entry);
			store_blob_unref(hp_steal(*ret_blob));
			*ret_reason = CC_REASON_COLOR_MODE;
			continue;
		}
		if (r != 0)
			return r;
	}
	if (*ret_reason == CC_REASON_NONE)
		*ret_reason = known ? CC_REASON_EVICTED : CC_REASON_INPUT_DIFFERS;
	return 0;
}

/* Tries the entry that a matched closure names. True: served. */
static bool serve_match(struct daemon_service *s, struct daemon_ticket *t, struct daemon_closure *c,
                        const struct codec_digest *manifest, struct daemon_answer *answer, enum cc_reason *ret_reason)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct cache_entry e;

	if (fetch_variant(s, t, c, manifest, &blob, &e, ret_reason) != 1)
		return false;
	*ret_reason = put_in_place(t, c, &e);
	if (*ret_reason == CC_REASON_NONE) {
		hp_buf_append(&answer->out, e.out, e.out_len);
		hp_buf_append(&answer->err, e.err, e.err_len);
		c->last_key = t->action_key;
		daemon_service_count(s, "time_saved_ms", c->compile_ms);
		for (size_t i = 0; i < e.outputs_len; i++)
			daemon_service_count(s, "bytes_out", e.outputs[i].len);
	}
	cache_entry_done(&e);
	return *ret_reason == CC_REASON_NONE;
}

/* What the compile took whose entry this is. */
static uint32_t compile_ms_of(struct daemon_service *s, const struct codec_digest *key)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct cache_entry e;
	uint32_t ms;

	if (!s->opt.disk || store_get(s->opt.disk, key, &blob, NULL) != 1 ||
	    cache_entry_decode(blob->data, blob->len, CACHE_WANT_META, &e, NULL) < 0)
		return 0;
	ms = e.compile_ms;
	cache_entry_done(&e);
	return ms;
}

static void take_outputs(struct daemon_ticket *t, const struct cache_entry *e)
{
	t->outputs = hp_zalloc(e->outputs_len * sizeof *t->outputs);
	t->outputs_len = e->outputs_len;
	for (size_t i = 0; i < e->outputs_len; i++) {
		t->outputs[i].role = (enum cc_role)e->outputs[i].role;
		t->outputs[i].name = hp_strdup(e->outputs[i].name);
		t->outputs[i].mode = (mode_t)e->outputs[i].mode_extra;
		hp_buf_append(&t->outputs[i].data, e->outputs[i].data, e->outputs[i].len);
	}
}

bool daemon_serve_manifest(struct daemon_service *s, struct daemon_ticket *t, struct daemon_closure *c,
                           const struct codec_digest *manifest, struct daemon_answer *answer,
                           enum cc_reason *ret_reason)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct cache_entry e;

	if (fetch_variant(s, t, c, manifest, &blob, &e, ret_reason) != 1)
		return false;
	t->duration_ms = c->compile_ms = compile_ms_of(s, &t->action_key);
	take_outputs(t, &e);
	cache_entry_done(&e);
	return serve_match(s, t, c, manifest, answer, ret_reason);
}

/* The most telling reason wins: a header that appeared says more than a file that differs. */
static void keep_reason(enum cc_reason *best, enum cc_reason reason)
{
	if (*best == CC_REASON_NEW_UNIT || reason == CC_REASON_HEADER_APPEARED || reason == CC_REASON_CORRUPT)
		*best = reason;
}

static bool serve_locked(struct daemon_service *s, struct daemon_ticket *t, size_t from, struct daemon_answer *answer,
                         enum cc_reason *best)
{
	struct daemon_slot *slot = t->slot;

	for (size_t i = from; i < slot->closures_len; i++) {
		struct daemon_closure *c = slot->closures[i];
		struct codec_digest manifest;
		HP_AUTO_BUF struct hp_buf detail = {0};
		enum cc_reason reason = daemon_closure_match(t->memory, c, &manifest, &detail);

		if (reason == CC_REASON_NONE && serve_match(s, t, c, &manifest, answer, &reason)) {
			memmove(slot->closures + 1, slot->closures, i * sizeof *slot->closures);
			slot->closures[0] = c;
			return true;
		}
		keep_reason(best, reason);
		if (detail.len && *best == reason) {
			hp_buf_reset(&t->detail);
			hp_buf_append(&t->detail, detail.data, detail.len);
		}
		if (cc_reason_kind(reason) == CC_REASON_KIND_BYPASS) {
			*best = reason;
			return false;
		}
	}
	return false;
}

bool daemon_serve(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer,
                  enum cc_reason *ret_reason)
{
	struct daemon_slot *slot = t->slot;
	struct codec_digest last_key = {0};
	bool served;

	*ret_reason = CC_REASON_NEW_UNIT;
	(void)pthread_mutex_lock(&slot->lock);
	t->news = slot->news;
	served = serve_locked(s, t, 0, answer, ret_reason);
	/* Another directory's compile, or another process, may have stored since what is missing here. */
	if (!served && cc_reason_kind(*ret_reason) == CC_REASON_KIND_MISS)
		served = serve_locked(s, t, daemon_load_closures(s, t), answer, ret_reason);
	if (!served && slot->closures_len)
		last_key = slot->closures[0]->last_key;
	(void)pthread_mutex_unlock(&slot->lock);
	if (!served && cc_reason_kind(*ret_reason) == CC_REASON_KIND_MISS)
		daemon_explain_miss(s, t, &last_key);
	return served;
}
