#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cache/entry.h"
#include "cmd/cache.h"
#include "cmd/cmd.h"
#include "cmd/text.h"

/* Fewer digits would be a guess among many entries. */
#define PREFIX_MIN 8

static bool is_hex(const char *s)
{
	return s[strspn(s, "0123456789abcdef")] == '\0';
}

/* Finds the one entry whose name starts with `prefix` in the folder of its first two digits. */
static int find_key(const char *dir, const char *prefix, struct codec_digest *ret_key, struct hp_err *err)
{
	HP_AUTO_FREE char *folder = hp_asprintf("%s/entry/local/%.2s", dir, prefix);
	DIR *d = opendir(folder);
	size_t found = 0;

	while (d) {
		struct dirent *e = readdir(d);

		if (!e)
			break;
		if (hp_startswith(e->d_name, prefix) && codec_digest_parse(e->d_name, ret_key))
			found++;
	}
	if (d)
		(void)closedir(d);
	if (found == 0)
		return hp_err_set(err, HP_NOT_FOUND, "%s: no entry of this name in %s", prefix, dir);
	if (found > 1)
		return hp_err_set(err, HP_INVALID, "%s: %zu entries start like this: give more digits", prefix, found);
	return 0;
}

static void add_line(struct hp_buf *out, const char *name, const char *text)
{
	hp_buf_printf(out, "%-12s ", name);
	cmd_text_safe(out, text);
	hp_buf_char(out, '\n');
}

static void add_words(struct hp_buf *out, const char *name, const char *const *words, size_t len)
{
	hp_buf_printf(out, "%-12s", name);
	for (size_t i = 0; i < len; i++) {
		hp_buf_char(out, ' ');
		cmd_text_shell(out, words[i]);
	}
	hp_buf_char(out, '\n');
}

static void add_payload(struct hp_buf *out, const struct cache_entry *e)
{
	for (size_t i = 0; i < e->outputs_len; i++) {
		hp_buf_printf(out, "%-12s ", cc_role_name(e->outputs[i].role));
		cmd_text_size(out, e->outputs[i].len);
		if (e->outputs[i].name && *e->outputs[i].name) {
			hp_buf_str(out, ", ");
			cmd_text_safe(out, e->outputs[i].name);
		}
		if (e->outputs[i].mode_extra)
			hp_buf_printf(out, ", mode +%04o", e->outputs[i].mode_extra);
		hp_buf_char(out, '\n');
	}
	hp_buf_printf(out, "%-12s ", "stdout");
	cmd_text_size(out, e->out_len);
	hp_buf_printf(out, "\n%-12s ", "stderr");
	cmd_text_size(out, e->err_len);
	hp_buf_str(out, e->flags & CACHE_ENTRY_COLOR ? ", with colour\n" : "\n");
}

static void add_human(struct hp_buf *out, const struct cache_entry *e, size_t packed_len)
{
	char hex[CODEC_DIGEST_HEX_SIZE];

	codec_digest_hex(&e->action_key, hex);
	add_line(out, "entry", hex);
	codec_digest_hex(&e->closure_key, hex);
	add_line(out, "closure", hex);
	hp_buf_printf(out, "%-12s ", "size");
	cmd_text_size(out, packed_len);
	hp_buf_printf(out, " at rest\n%-12s ", "made");
	cmd_text_time(out, (int64_t)e->created_s);
	hp_buf_str(out, ", in ");
	cmd_text_duration_ms(out, e->compile_ms);
	hp_buf_char(out, '\n');
	add_line(out, "compiler", e->compiler);
	add_line(out, "version", e->compiler_version);
	codec_digest_hex(&e->identity, hex);
	add_line(out, "identity", hex);
	add_line(out, "directory", e->cwd);
	add_line(out, "source", e->source);
	add_line(out, "output", e->output);
	add_words(out, "arguments", e->args, e->args_len);
	add_words(out, "environment", e->env, e->env_len);
	add_payload(out, e);
	hp_buf_printf(out, "%-12s %zu, with the start of each content's digest\n", "files read", e->files_len);
	for (size_t i = 0; i < e->files_len; i++) {
		hp_buf_printf(out, "  %016" PRIx64 " ", __builtin_bswap64(e->files[i].digest8));
		cmd_text_safe(out, e->files[i].path);
		hp_buf_str(out, e->files[i].probe ? " (probed only)\n" : e->files[i].system ? " (system)\n" : "\n");
	}
	hp_buf_printf(out, "%-12s %zu paths, listed by --json\n", "not found", e->absent_len);
}

static void add_json_text(struct hp_buf *out, const char *name, const char *text)
{
	hp_buf_printf(out, "\"%s\":", name);
	cmd_json_string(out, text);
	hp_buf_char(out, ',');
}

static void add_json_output(struct hp_buf *out, const char *comma, const struct cache_output *o)
{
	hp_buf_printf(out, "%s{\"role\":\"%s\",", comma, cc_role_name(o->role));
	add_json_text(out, "name", o->name ? o->name : "");
	hp_buf_printf(out, "\"bytes\":%zu,\"mode_extra\":%u}", o->len, o->mode_extra);
}

static void add_json_digest(struct hp_buf *out, const char *name, const struct codec_digest *d)
{
	char hex[CODEC_DIGEST_HEX_SIZE];

	codec_digest_hex(d, hex);
	add_json_text(out, name, hex);
}

static void add_json_words(struct hp_buf *out, const char *name, const char *const *words, size_t len)
{
	hp_buf_printf(out, "\"%s\":[", name);
	for (size_t i = 0; i < len; i++) {
		hp_buf_str(out, i ? "," : "");
		cmd_json_string(out, words[i]);
	}
	hp_buf_str(out, "],");
}

static void add_json_files(struct hp_buf *out, const struct cache_entry *e)
{
	hp_buf_str(out, "\"files\":[");
	for (size_t i = 0; i < e->files_len; i++) {
		const struct cache_file *f = &e->files[i];

		hp_buf_str(out, i ? ",{\"path\":" : "{\"path\":");
		cmd_json_string(out, f->path);
		hp_buf_printf(out, ",\"digest8\":\"%016" PRIx64 "\",\"system\":%s,\"probe\":%s}",
		              __builtin_bswap64(f->digest8), f->system ? "true" : "false", f->probe ? "true" : "false");
	}
	hp_buf_str(out, "],");
}

static void add_json(struct hp_buf *out, const struct cache_entry *e, size_t packed_len)
{
	hp_buf_char(out, '{');
	add_json_digest(out, "action_key", &e->action_key);
	add_json_digest(out, "closure_key", &e->closure_key);
	add_json_digest(out, "identity", &e->identity);
	add_json_text(out, "compiler", e->compiler);
	add_json_text(out, "compiler_version", e->compiler_version);
	add_json_text(out, "directory", e->cwd);
	add_json_text(out, "source", e->source);
	add_json_text(out, "output", e->output);
	add_json_words(out, "arguments", e->args, e->args_len);
	add_json_words(out, "environment", e->env, e->env_len);
	add_json_files(out, e);
	add_json_words(out, "absent", e->absent, e->absent_len);
	hp_buf_str(out, "\"outputs\":[");
	for (size_t i = 0; i < e->outputs_len; i++)
		add_json_output(out, i ? "," : "", &e->outputs[i]);
	hp_buf_printf(out,
	              "],\"stdout_bytes\":%zu,\"stderr_bytes\":%zu,\"color\":%s,\"created\":%" PRIu64
	              ",\"compile_ms\":%" PRIu32 ",\"bytes\":%zu}\n",
	              e->out_len, e->err_len, e->flags & CACHE_ENTRY_COLOR ? "true" : "false", e->created_s,
	              e->compile_ms, packed_len);
}

static int print_entry(struct cmd_cache *cache, const char *prefix, bool json, struct hp_err *err)
{
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	HP_AUTO_BUF struct hp_buf out = {0};
	struct cache_entry entry;
	struct codec_digest key;
	int r = find_key(cache->dir, prefix, &key, err);

	if (r < 0)
		return r;
	r = store_get(cache->store, &key, &blob, err);
	if (r < 0)
		return r;
	if (r == 0)
		return hp_err_set(err, HP_NOT_FOUND, "%s: the entry has just gone", prefix);
	r = cache_entry_decode(blob->data, blob->len, CACHE_WANT_META | CACHE_WANT_PAYLOAD, &entry, err);
	if (r < 0)
		return hp_err_wrap(err, "%s: damaged, the next look-up removes it", prefix);
	if (json)
		add_json(&out, &entry, blob->len);
	else
		add_human(&out, &entry, blob->len);
	(void)fputs(hp_buf_cstr(&out), stdout);
	cache_entry_done(&entry);
	return 0;
}

/* Lower case in *ret_prefix when it can be the start of an entry's name. */
static bool take_prefix(const char *text, char ret_prefix[CODEC_DIGEST_HEX_SIZE])
{
	size_t len = strlen(text);

	if (len < PREFIX_MIN || len >= CODEC_DIGEST_HEX_SIZE)
		return false;
	for (size_t i = 0; i <= len; i++)
		ret_prefix[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
	return is_hex(ret_prefix);
}

int cmd_inspect(int argc, char **argv)
{
	CMD_AUTO_CACHE struct cmd_cache cache = {0};
	char prefix[CODEC_DIGEST_HEX_SIZE];
	const char *config_path = NULL;
	const char *value = NULL;
	struct hp_err err = {0};
	bool json = false;
	struct cmd_args a;
	int id;

	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		json = json || id == 'j';
		if (id == 'c')
			config_path = value;
	}
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (a.dashes && a.operands_len > 0)
		return cmd_inspect_command(a.operands_len, a.operands, json, config_path);
	if (!cmd_args_count(&a, 1, 1))
		return CMD_USAGE;
	if (!take_prefix(a.operands[0], prefix))
		return cmd_usage("inspect", "%s: not an entry's name: 8 to 64 hexadecimal digits", a.operands[0]);
	if (!cmd_cache_open(&cache, "inspect", config_path, CMD_CACHE_READ))
		return CMD_FAILED;
	if (!cache.exists)
		return cmd_complain("inspect", "%s: there is no cache yet", cache.dir);
	if (print_entry(&cache, prefix, json, &err) < 0)
		return cmd_fail("inspect", &err);
	return CMD_OK;
}
