/* source_mode = "preprocessed": a miss runs the preprocessor first, and its text may lead to a result that is known
 * (docs/decisions/0017-preprocessed-keys.md). Such a hit is stored under the closure as well, so that the next one needs no
 * preprocessor. */
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cc/depfile.h"
#include "cc/preprocessed.h"
#include "daemon/service_priv.h"
#include "daemon/sides.h"
#include "sys/entropy.h"

bool daemon_preprocess_begin(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer)
{
	const char *dir = s->opt.preprocessed && cc_preprocess_usable(&t->inv) ? daemon_tmp_dir(s) : NULL;
	unsigned long long name = sys_random_u64();

	if (!dir)
		return false;
	/* Both end like a private dependency file, so that what a killed compiler leaves is removed like one. */
	t->text_file = hp_asprintf("%s/%016llx.d", dir, name);
	t->text_deps = hp_asprintf("%s/%016llx.d", dir, name ^ 1);
	answer->decision = DAEMON_PREPROCESS;
	answer->reason = t->miss;
	hp_strv_copy(&answer->args, &t->place_flags);
	cc_preprocess_args(&t->inv, t->text_deps, t->text_file, &answer->args);
	return true;
}

/* What was preprocessed: text with names for places. */
static int digest_text(const struct daemon_ticket *t, struct codec_digest *ret_digest)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	HP_AUTO_BUF struct hp_buf named = {0};
	int r = sys_read_file(t->text_file, HP_SOURCE_SIZE_MAX, &text, NULL, NULL);

	if (r < 0)
		return r;
	if (t->place)
		cc_preprocessed_named(t->place, hp_buf_cstr(&text), text.len, &named);
	codec_blake3(t->place ? named.data : text.data, t->place ? named.len : text.len, ret_digest);
	return 0;
}

/* Adds file i of the closure: by its skeleton when the preprocessor read it, else by its content. */
static bool add_file(const struct daemon_ticket *t, size_t i, size_t read, struct codec_hasher *h)
{
	HP_AUTO_BUF struct hp_buf name = {0};
	HP_AUTO_BUF struct hp_buf path = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	HP_AUTO_BUF struct hp_buf skeleton = {0};
	const char *spelled = t->discovery.draft.files.v[i];
	struct codec_digest digest = t->discovery.digests[i];
	struct codec_digest now;

	if (i >= t->source_index && i < read) {
		sys_path_join(&path, t->kept.cwd, spelled);
		if (sys_read_file(path.data, HP_SOURCE_SIZE_MAX, &text, NULL, NULL) < 0)
			return false;
		codec_blake3(text.data, text.len, &now);
		if (!codec_digest_eq(&now, &digest))
			return false;
		cc_skeleton(hp_buf_cstr(&text), text.len, t->inv.family != CC_FAMILY_GCC, &skeleton);
		codec_blake3(skeleton.data, skeleton.len, &digest);
	}
	if (t->place)
		(void)cc_place_name(t->place, spelled, &name);
	codec_hasher_add_str(h, t->place ? hp_buf_cstr(&name) : spelled);
	codec_hasher_add_u64(h, t->discovery.draft.flags[i]);
	codec_hasher_add(h, digest.b, sizeof digest.b);
	return true;
}

static bool make_manifest(struct daemon_ticket *t, size_t read, struct codec_digest *ret_manifest)
{
	struct codec_digest text;
	struct codec_hasher h;

	if (digest_text(t, &text) < 0)
		return false;
	codec_hasher_init(&h);
	codec_hasher_add_str(&h, "hpcc preprocessed 1");
	codec_hasher_add(&h, text.b, sizeof text.b);
	for (size_t i = 0; i < t->discovery.draft.files.len; i++) {
		if (!add_file(t, i, read, &h))
			return false;
	}
	codec_hasher_end(&h, ret_manifest);
	return true;
}

/* From the preprocessor's end to the manifest of what it wrote. False: this text is no key. */
static bool take_text(struct daemon_ticket *t, const struct daemon_result *result)
{
	struct cc_depfile deps = {0};
	enum cc_reason reason = CC_REASON_NONE;
	bool good;

	/* Warnings of the preprocessor quote the source; and what it fails on is the compiler's to tell. */
	if (!WIFEXITED(result->status) || WEXITSTATUS(result->status) != 0 || result->err_len || result->out_len)
		return false;
	reason = daemon_read_deps(t, t->text_deps, true, &deps);
	if (reason == CC_REASON_NONE)
		reason = daemon_discover_closure(t, &deps);
	good = reason == CC_REASON_NONE && !t->discovery.uses_pch && make_manifest(t, deps.deps.len, &t->text_manifest);
	cc_depfile_done(&deps);
	return good;
}

static bool serve_text(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer)
{
	struct daemon_closure *c = daemon_closure_new(t->memory, &t->discovery.draft, t->kept.cwd, t->place);
	enum cc_reason reason;
	bool served;

	served = daemon_serve_manifest(s, t, c, &t->text_manifest, answer, &reason);
	daemon_closure_free(c);
	return served;
}

void daemon_service_preprocessed(struct daemon_service *s, struct daemon_ticket *t, const struct daemon_result *result,
                                 struct daemon_answer *ret_answer)
{
	struct codec_digest key = t->action_key;
	struct hp_buf why = t->detail; /* why it missed; what is said about the text is of no interest */

	t->detail = (struct hp_buf){0};
	*ret_answer = (struct daemon_answer){0};
	t->ran_text = true;
	t->has_text = take_text(t, result);
	if (t->has_text && serve_text(s, t, ret_answer)) {
		ret_answer->decision = DAEMON_HIT;
		daemon_note(s, t, "hit", CC_REASON_NONE);
		daemon_service_count(s, "hit.preprocessed", 1);
		t->place_shows = t->place && !t->place_bound && daemon_place_shows(t);
		t->has_text = false; /* its entry is there */
		hp_buf_done(&why);
		return;
	}
	t->action_key = key;
	hp_buf_done(&t->detail);
	t->detail = why;
	if (t->has_text)
		daemon_inputs_digest(t, &t->text_inputs);
	daemon_discovery_done(&t->discovery);
	daemon_outputs_done(t);
	daemon_answer_run(s, t, ret_answer);
}

bool daemon_ticket_preprocesses(const struct daemon_ticket *t)
{
	return t->text_file != NULL && !t->ran_text;
}

void daemon_inputs_digest(const struct daemon_ticket *t, struct codec_digest *ret_digest)
{
	struct codec_hasher h;

	codec_hasher_init(&h);
	for (size_t i = 0; i < t->discovery.draft.files.len; i++) {
		codec_hasher_add_str(&h, t->discovery.draft.files.v[i]);
		codec_hasher_add(&h, t->discovery.digests[i].b, sizeof t->discovery.digests[i].b);
	}
	codec_hasher_end(&h, ret_digest);
}
