/* hpcc inspect -- COMPILER ARGS…: the keys of a command line, part by part. */
#include "base/mem.h"
#include "daemon/service_priv.h"

static void digest_line(struct hp_buf *out, const char *what, const struct codec_digest *d)
{
	char hex[CODEC_DIGEST_HEX_SIZE];

	codec_digest_hex(d, hex);
	hp_buf_printf(out, "%-14s %s\n", what, hex);
}

static void list_lines(struct hp_buf *out, const char *what, const struct hp_strv *list)
{
	for (size_t i = 0; i < list->len; i++)
		hp_buf_printf(out, "%-14s %s\n", i ? "" : what, list->v[i]);
}

static bool stored(struct daemon_service *s, const struct codec_digest *key)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;

	return s->opt.disk && store_get(s->opt.disk, key, &blob, NULL) == 1;
}

/* Whether an entry of any place or of this one is there. */
static bool find_stored(struct daemon_service *s, const struct daemon_ticket *t, const struct codec_digest *manifest,
                        struct codec_digest *ret_key)
{
	if (t->place && !t->place_bound) {
		cache_key_action(&t->prefix, manifest, false, hp_buf_cstr(&t->place_id), ret_key);
		if (stored(s, ret_key))
			return true;
	}
	cache_key_action(&t->prefix, manifest, false, NULL, ret_key);
	return stored(s, ret_key);
}

/* One closure known for this command line: does it match now, and is its entry there. */
static void describe_closure(struct daemon_service *s, struct daemon_ticket *t, struct daemon_closure *c,
                             struct hp_buf *out)
{
	HP_AUTO_BUF struct hp_buf detail = {0};
	struct codec_digest manifest;
	struct codec_digest key;
	enum cc_reason reason = daemon_closure_match(t->memory, c, &manifest, &detail);
	size_t probes = 0;
	bool found;

	for (size_t i = 0; i < c->probes_len; i++)
		probes += ((const struct daemon_dirset *)daemon_pool_at(&t->memory->dirsets, c->probe_dirsets[i]))->len;
	hp_buf_printf(out, "closure        %zu files, %zu paths searched in vain\n", c->files_len, probes);
	if (reason != CC_REASON_NONE) {
		hp_buf_printf(out, "  matches      no: %s: %s\n", cc_reason_name(reason), hp_buf_cstr(&detail));
		return;
	}
	found = find_stored(s, t, &manifest, &key);
	digest_line(out, "  manifest", &manifest);
	digest_line(out, "  action key", &key);
	hp_buf_printf(out, "  entry        %s\n", found ? "stored: this would be a hit" : "none");
}

static void describe_place(const struct daemon_ticket *t, struct hp_buf *out)
{
	HP_AUTO_BUF struct hp_buf marker = {0};
	HP_AUTO_BUF struct hp_buf why = {0};

	if (!daemon_marker_of(t->inv.input, t->req->cwd, &marker)) {
		hp_buf_printf(out, "project        %s\n",
		              t->place ? "no marker: the working directory ([determinism])" : "none");
	} else if (!daemon_marker_check(marker.data, &why)) {
		hp_buf_printf(out, "project        none: %s\n", why.data);
	} else {
		hp_buf_printf(out, "project        %s\n", marker.data);
	}
	for (size_t i = 0; t->place && i < t->place->len; i++)
		hp_buf_printf(out, "  root         <%s> = %s\n", t->place->roots[i].name, t->place->roots[i].path);
	if (t->place)
		hp_buf_printf(out, "  results      %s\n",
		              t->place_bound ? "for this place alone: something on the command line holds its path"
		                             : "for every place, unless they turn out to hold this one's path");
	list_lines(out, "  added", &t->place_flags);
}

static void describe_keys(struct daemon_service *s, struct daemon_ticket *t, struct hp_buf *out)
{
	hp_buf_printf(out, "compiler       %s\n", t->req->compiler);
	hp_buf_printf(out, "version        %s\n", t->identity->version);
	digest_line(out, "identity", &t->identity->digest);
	list_lines(out, "  made of", &t->identity->files);
	hp_buf_printf(out, "language       %s\n", t->inv.lang_name);
	describe_place(t, out);
	hp_buf_printf(out, "source         %s\n", t->key_source);
	hp_buf_printf(out, "object         %s\n", t->inv.output);
	if (t->inv.deps_file)
		hp_buf_printf(out, "dependencies   %s\n", t->inv.deps_file);
	hp_buf_printf(out, "directory      %s\n", t->key_cwd ? t->key_cwd : "not in the key: no output can hold it");
	list_lines(out, "arguments", t->key_args);
	list_lines(out, "environment", &t->key_env);
	digest_line(out, "closure key", &t->closure_key);
	(void)pthread_mutex_lock(&t->slot->lock);
	(void)daemon_load_closures(s, t);
	for (size_t i = 0; i < t->slot->closures_len; i++)
		describe_closure(s, t, t->slot->closures[i], out);
	if (t->slot->closures_len == 0)
		hp_buf_str(out, "closure        none known: the compiler would run\n");
	(void)pthread_mutex_unlock(&t->slot->lock);
}

void daemon_service_describe(struct daemon_service *s, const struct daemon_request *req, struct hp_buf *out)
{
	struct daemon_ticket *t = hp_zalloc(sizeof *t);
	enum cc_reason reason;

	t->req = req;
	(void)pthread_mutex_lock(&s->lock);
	t->memory = daemon_memory_ref(s->memory);
	(void)pthread_mutex_unlock(&s->lock);
	reason = daemon_prepare(s, t);
	if (t->inv.args.len)
		cc_invocation_describe(&t->inv, out);
	if (reason != CC_REASON_NONE)
		hp_buf_printf(out, "bypass         %s: %s%s%s\n", cc_reason_name(reason), cc_reason_text(reason),
		              t->detail.len ? ": " : "", hp_buf_cstr(&t->detail));
	else
		describe_keys(s, t, out);
	daemon_ticket_free(t);
}
