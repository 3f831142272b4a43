/* A miss, from the compiler's end to the entry in the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cc/depfile.h"
#include "cc/includes.h"
#include "daemon/outputs.h"
#include "daemon/service_priv.h"
#include "daemon/sides.h"

/* The place of the source in the list, nearly always the first: Clang puts files that options bring in, such as
 * sanitizers' ignore-lists, before it. False: it is not there. */
static bool find_source(struct daemon_ticket *t, const struct hp_strv *deps)
{
	const char *input = t->inv.input;

	/* Dependency files leave a leading "./" out. */
	while (input[0] == '.' && input[1] == '/') {
		for (input += 2; *input == '/'; input++)
			;
	}
	for (size_t i = 0; i < deps->len; i++) {
		if (strcmp(input, deps->v[i]) == 0) {
			t->source_index = i;
			return true;
		}
	}
	return false;
}

/* The list that the user asked for on stdout; the source is not in it. */
static enum cc_reason read_includes(struct daemon_ticket *t, struct cc_depfile *ret_deps)
{
	struct hp_err err = {0};

	hp_strv_add(&ret_deps->deps, t->inv.input);
	if (cc_includes_parse(CC_INCLUDES_PREFIX, hp_buf_cstr(&t->out), t->out.len, &ret_deps->deps, &err) < 0) {
		hp_buf_str(&t->detail, err.msg);
		return CC_REASON_DEPFILE_MISMATCH;
	}
	return CC_REASON_NONE;
}

enum cc_reason daemon_read_deps(struct daemon_ticket *t, const char *path, bool ours, struct cc_depfile *ret_deps)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	HP_AUTO_BUF struct hp_buf again = {0};
	struct hp_err err = {0};

	*ret_deps = (struct cc_depfile){0};
	if (t->inv.closure == CC_CLOSURE_SHOW_INCLUDES)
		return read_includes(t, ret_deps);
	if (t->inv.lang == CC_LANG_ASM || t->inv.lang == CC_LANG_C_CPP_OUTPUT ||
	    t->inv.lang == CC_LANG_CXX_CPP_OUTPUT) {
		hp_strv_add(&ret_deps->deps, t->inv.input);
		return CC_REASON_NONE;
	}
	if (sys_read_file(path, HP_DEPFILE_SIZE_MAX, &text, NULL, &err) < 0 ||
	    cc_depfile_parse(t->inv.family, hp_buf_cstr(&text), text.len, ret_deps, &err) < 0) {
		hp_buf_str(&t->detail, err.msg);
		return CC_REASON_DEPFILE_MISMATCH;
	}
	/* A hit will print a file like this anew: only what we print byte for byte as the compiler did may become one.
	 * Nobody asked for the private file's target and phony rules; they are as they are. */
	if (ours)
		cc_depfile_print(t->inv.family, ret_deps->target, ret_deps->deps.v, ret_deps->deps.len, ret_deps->phony,
		                 &again);
	else
		cc_depfile_print(t->inv.family, t->inv.deps_target, ret_deps->deps.v, ret_deps->deps.len,
		                 t->inv.deps_phony, &again);
	if (!find_source(t, &ret_deps->deps) || again.len != text.len || memcmp(again.data, text.data, text.len) != 0) {
		hp_buf_printf(&t->detail, "%s: not as we would print it", path);
		return CC_REASON_DEPFILE_MISMATCH;
	}
	return CC_REASON_NONE;
}

enum cc_reason daemon_discover_closure(struct daemon_ticket *t, const struct cc_depfile *deps)
{
	struct daemon_discover_input in = {
	        .memory = t->memory,
	        .inv = &t->inv,
	        .identity = t->identity,
	        .cwd = t->kept.cwd,
	        .deps = &deps->deps,
	        .source = t->source_index,
	        .env = &t->kept.env,
	        .start_ns = t->start_ns,
	        .date_time_ok = t->date_time_ok,
	        .embed_ok = t->embed_ok,
	};
	enum cc_reason reason = daemon_discover(&in, &t->discovery, &t->detail);

	if (reason == CC_REASON_NONE && t->discovery.line_files && t->err.len)
		return CC_REASON_LINE_DIAGNOSTICS;
	if (reason == CC_REASON_NONE && t->err.len &&
	    (t->inv.lang == CC_LANG_C_CPP_OUTPUT || t->inv.lang == CC_LANG_CXX_CPP_OUTPUT))
		return CC_REASON_LINE_DIAGNOSTICS;
	if (reason == CC_REASON_NONE && !daemon_identity_holds(t->identity))
		return CC_REASON_COMPILER_CHANGED;
	return reason;
}

static void write_user_deps(struct daemon_ticket *t, const struct cc_depfile *deps, struct daemon_verdict *verdict)
{
	const struct daemon_draft *draft = &t->discovery.draft;
	HP_AUTO_FREE char **user = hp_alloc(deps->deps.len * sizeof *user);
	HP_AUTO_BUF struct hp_buf text = {0};
	size_t n = 0;

	for (size_t i = 0; i < deps->deps.len; i++) {
		if (!(draft->flags[i] & (DAEMON_FILE_SYSTEM | DAEMON_FILE_PROBE)))
			user[n++] = deps->deps.v[i];
	}
	cc_depfile_print(t->inv.family, t->inv.deps_target, user, n, t->inv.deps_phony, &text);
	if (daemon_output_write_deps(t->deps_file, t->kept.mask, text.data, text.len, NULL) < 0)
		verdict->rerun = true;
}

void daemon_service_report(struct daemon_service *s, struct daemon_ticket *t, const struct daemon_result *result,
                           struct daemon_verdict *ret_verdict)
{
	struct cc_depfile deps = {0};
	enum cc_reason reason = CC_REASON_NONE;

	(void)s;
	*ret_verdict = (struct daemon_verdict){0};
	hp_buf_done(&t->miss_detail);
	t->miss_detail = t->detail;
	t->detail = (struct hp_buf){0};
	hp_buf_append(&t->out, result->out, result->out_len);
	hp_buf_append(&t->err, result->err, result->err_len);
	t->duration_ms = result->duration_ms;
	if (!WIFEXITED(result->status) || WEXITSTATUS(result->status) != 0)
		reason = CC_REASON_COMPILE_FAILED;
	else if (result->truncated)
		reason = CC_REASON_TOO_LARGE;
	if (reason == CC_REASON_NONE)
		reason = daemon_outputs_collect(t);
	if (reason == CC_REASON_NONE && t->inv.makes_pch && t->inv.pch_without_times)
		daemon_memory_note_timeless(t->memory, t->outputs[0].data.data, t->outputs[0].data.len);
	if (reason == CC_REASON_NONE)
		reason = daemon_read_deps(t, t->private_deps ? t->private_deps : t->deps_file,
		                          t->inv.deps == CC_DEPS_NONE, &deps);
	if (reason == CC_REASON_NONE)
		reason = daemon_discover_closure(t, &deps);
	if (t->inv.deps == CC_DEPS_USER) {
		if (reason == CC_REASON_NONE)
			write_user_deps(t, &deps, ret_verdict);
		else
			ret_verdict->rerun = true;
	}
	cc_depfile_done(&deps);
	t->place_shows = reason == CC_REASON_NONE && t->place && !t->place_bound && daemon_place_shows(t);
	t->unstored = reason;
	ret_verdict->reason = reason;
}

/* The closure joins the slot, in place of an equal one or of the least recently used. */
static void remember(struct daemon_ticket *t, struct daemon_closure *take_closure)
{
	struct daemon_slot *slot = t->slot;
	size_t at = slot->closures_len;

	(void)pthread_mutex_lock(&slot->lock);
	for (size_t i = 0; i < slot->closures_len; i++) {
		if (daemon_closure_same(slot->closures[i], take_closure))
			at = i;
	}
	if (at == HP_ARRAY_SIZE(slot->closures))
		at--;
	if (at < slot->closures_len)
		daemon_closure_free(slot->closures[at]);
	else
		slot->closures_len++;
	memmove(slot->closures + 1, slot->closures, at * sizeof *slot->closures);
	slot->closures[0] = take_closure;
	daemon_slot_saw(slot, &take_closure->last_key);
	slot->news++;
	(void)pthread_mutex_unlock(&slot->lock);
}

/* The draft in the entry's terms. */
struct entry_lists {
	struct daemon_draft named; /* below a project marker: with names for paths */
	struct cache_file *files;
	const char **absent;
	struct hp_arena *arena;
};

static void list_closure(const struct daemon_ticket *t, struct entry_lists *ret_lists)
{
	const struct daemon_draft *draft = t->place ? &ret_lists->named : &t->discovery.draft;

	*ret_lists = (struct entry_lists){.files = NULL};
	if (t->place)
		daemon_draft_to_names(&t->discovery.draft, t->place, &ret_lists->named);
	ret_lists->arena = hp_arena_new((draft->files.len + draft->absent_len) * 64);
	ret_lists->files = hp_arena_alloc(ret_lists->arena, draft->files.len * sizeof *ret_lists->files);
	for (size_t i = 0; i < draft->files.len; i++) {
		ret_lists->files[i] = (struct cache_file){
		        .path = draft->files.v[i],
		        .system = (draft->flags[i] & DAEMON_FILE_SYSTEM) != 0,
		        .probe = (draft->flags[i] & DAEMON_FILE_PROBE) != 0,
		        .timed = (draft->flags[i] & DAEMON_FILE_TIMED) != 0,
		        .twin = (draft->flags[i] & DAEMON_FILE_TWIN) != 0,
		};
		memcpy(&ret_lists->files[i].digest8, t->discovery.digests[i].b, 8);
	}
	ret_lists->absent = daemon_draft_absent_paths(draft, ret_lists->arena);
}

static int encode(struct daemon_service *s, const struct daemon_ticket *t, struct hp_buf *out, struct hp_err *err)
{
	struct cache_output *outputs = hp_zalloc((t->outputs_len + 1) * sizeof *outputs);
	struct entry_lists lists;
	struct cache_entry e;
	int r;

	list_closure(t, &lists);
	for (size_t i = 0; i < t->outputs_len; i++) {
		outputs[i] = (struct cache_output){
		        .role = (uint8_t)t->outputs[i].role,
		        .name = t->outputs[i].name,
		        .mode_extra = t->outputs[i].mode & ~0666u & 0777u,
		        .data = hp_buf_cstr(&t->outputs[i].data),
		        .len = t->outputs[i].data.len,
		};
	}
	e = (struct cache_entry){
	        .action_key = t->action_key,
	        .closure_key = t->closure_key,
	        .flags = (t->color ? CACHE_ENTRY_COLOR : 0) | (t->stamped ? CACHE_ENTRY_STAMPED : 0),
	        .created_s = (uint64_t)time(NULL),
	        .compile_ms = t->duration_ms,
	        .compiler = t->kept.compiler,
	        .compiler_version = t->identity->version,
	        .identity = t->identity->digest,
	        .cwd = t->key_cwd ? t->key_cwd : "",
	        .source = t->key_source,
	        .output = t->inv.output,
	        .args = (const char *const *)t->key_args->v,
	        .args_len = t->key_args->len,
	        .env = (const char *const *)t->key_env.v,
	        .env_len = t->key_env.len,
	        .files = lists.files,
	        .files_len = t->discovery.draft.files.len,
	        .absent = lists.absent,
	        .absent_len = t->discovery.draft.absent_len,
	        .out = hp_buf_cstr(&t->out),
	        .out_len = t->out.len,
	        .err = hp_buf_cstr(&t->err),
	        .err_len = t->err.len,
	        .outputs = outputs,
	        .outputs_len = t->outputs_len,
	};
	r = cache_entry_encode(&e, s->opt.pack_level, out, err);
	hp_arena_free(lists.arena);
	free(outputs);
	daemon_draft_done(&lists.named);
	return r;
}

/* The same result once more, under the text that was compiled. Not with diagnostics, which quote more than the text
 * holds. */
static void store_text(struct daemon_service *s, struct daemon_ticket *t)
{
	struct codec_digest key = t->action_key;
	struct codec_digest closure_key = t->closure_key;
	HP_AUTO_BUF struct hp_buf bytes = {0};
	struct codec_digest inputs;

	daemon_inputs_digest(t, &inputs);
	if (!t->has_text || t->out.len || t->err.len || !codec_digest_eq(&inputs, &t->text_inputs))
		return;
	cache_key_action(&t->prefix, &t->text_manifest, false, t->place_shows ? hp_buf_cstr(&t->place_id) : NULL,
	                 &t->action_key);
	/* It is found by its own key alone: its closure is known from the other entry. */
	t->closure_key = t->action_key;
	if (encode(s, t, &bytes, NULL) == 0 &&
	    store_put(s->opt.disk, &t->action_key, &t->closure_key, bytes.data, bytes.len, NULL) == 0)
		daemon_service_count(s, "bytes_in", bytes.len);
	t->action_key = key;
	t->closure_key = closure_key;
}

static enum cc_reason store(struct daemon_service *s, struct daemon_ticket *t)
{
	struct daemon_closure *c = daemon_closure_new(t->memory, &t->discovery.draft, t->kept.cwd, t->place);
	HP_AUTO_BUF struct hp_buf bytes = {0};
	struct codec_digest manifest;
	struct hp_err err = {0};

	daemon_closure_manifest(c, t->discovery.digests, t->discovery.has_twins ? &t->discovery.twins : NULL,
	                        &manifest);
	cache_key_action(&t->prefix, &manifest, t->color && t->err.len + t->out.len > 0,
	                 t->place_shows ? hp_buf_cstr(&t->place_id) : NULL, &t->action_key);
	c->last_key = t->action_key;
	c->compile_ms = t->duration_ms;
	if (s->opt.read_only || !s->opt.disk) {
		daemon_closure_free(c);
		return CC_REASON_READ_ONLY;
	}
	if (encode(s, t, &bytes, &err) < 0 ||
	    store_put(s->opt.disk, &t->action_key, &t->closure_key, bytes.data, bytes.len, &err) < 0) {
		daemon_closure_free(c);
		hp_buf_str(&t->detail, err.msg);
		return err.code == HP_DENIED ? CC_REASON_READ_ONLY : CC_REASON_STORE_FAILED;
	}
	daemon_service_count(s, "bytes_in", bytes.len);
	remember(t, c);
	store_text(s, t);
	return CC_REASON_NONE;
}

void daemon_service_settle(struct daemon_service *s, struct daemon_ticket *take_ticket)
{
	struct daemon_ticket *t = take_ticket;
	enum daemon_landing landing = DAEMON_LANDING_ALONE;

	if (t->unstored == CC_REASON_NONE)
		t->unstored = store(s, t);
	if (t->unstored == CC_REASON_NONE) {
		landing = DAEMON_LANDING_SHARED;
		daemon_note_stored(s, t);
	} else {
		char name[96];

		(void)snprintf(name, sizeof name, "unstored.%s", cc_reason_name(t->unstored));
		daemon_service_count(s, name, 1);
		daemon_note_unstored(s, t);
	}
	if (t->flight)
		daemon_flight_end(s->flights, t->flight, landing);
	daemon_ticket_free(t);
}
