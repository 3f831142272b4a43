#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/reason.h"
#include "cmd/cache.h"
#include "cmd/cmd.h"
#include "cmd/text.h"
#include "daemon/place.h"

/* Removes "." and empty parts and folds "x/..", without asking the file system: the file may be gone. */
static char *fold_path(const char *path)
{
	struct hp_buf out = {0};

	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (out.len && out.data[--out.len] != '/')
				;
		} else if (len > 1 || (len == 1 && *path != '.')) {
			hp_buf_char(&out, '/');
			hp_buf_append(&out, path, len);
		}
		path += len;
	}
	if (out.len == 0)
		hp_buf_char(&out, '/');
	out.data[out.len] = '\0';
	return hp_buf_steal(&out);
}

/* The record is under the path as the compile saw it: the working directory is physical there, links in the rest are
 * kept. So the path as typed is tried first, then without dots, then with its links resolved. */
static int find_record(struct store_ledger *ledger, const char *file, struct store_outcome *ret_outcome,
                       struct hp_buf *ret_memory, struct hp_err *err)
{
	HP_AUTO_FREE char *cwd = file[0] == '/' ? hp_strdup("") : getcwd(NULL, 0);
	HP_AUTO_FREE char *absolute = NULL;
	HP_AUTO_FREE char *folded = NULL;
	HP_AUTO_FREE char *resolved = realpath(file, NULL);
	int r;

	if (!cwd)
		return hp_err_sys(err, errno, "working directory");
	absolute = cwd[0] ? hp_asprintf("%s/%s", cwd, file) : hp_strdup(file);
	folded = fold_path(absolute);
	r = store_ledger_find(ledger, absolute, ret_outcome, ret_memory, err);
	if (r == 0)
		r = store_ledger_find(ledger, folded, ret_outcome, ret_memory, err);
	if (r == 0 && resolved)
		r = store_ledger_find(ledger, resolved, ret_outcome, ret_memory, err);
	return r;
}

static const char *reason_text(const char *name)
{
	for (int i = 1; i < CC_REASON_COUNT; i++) {
		if (hp_streq(cc_reason_name((enum cc_reason)i), name))
			return cc_reason_text((enum cc_reason)i);
	}
	return NULL;
}

static bool is_known(const struct codec_digest *d)
{
	static const struct codec_digest zero;

	return !codec_digest_eq(d, &zero);
}

static uint64_t age_ms(const struct store_outcome *o)
{
	int64_t age = (int64_t)time(NULL) - o->time_s;

	return age > 0 ? (uint64_t)age * 1000 : 0;
}

/* Each line of the detail on a line of its own. */
static void add_detail(struct hp_buf *out, const char *detail)
{
	while (*detail) {
		size_t len = strcspn(detail, "\n");
		HP_AUTO_FREE char *line = hp_strndup(detail, len);

		if (len) {
			hp_buf_str(out, "  ");
			cmd_text_safe(out, line);
			hp_buf_char(out, '\n');
		}
		detail += len + (detail[len] == '\n');
	}
}

static void add_fact(struct hp_buf *out, const char *name, const char *value)
{
	if (!value[0])
		return;
	hp_buf_printf(out, "  %-8s ", name);
	cmd_text_safe(out, value);
	hp_buf_char(out, '\n');
}

/* The project marker above the source now, and what keeps it from counting; both empty without one. */
static void find_marker(const struct store_outcome *o, struct hp_buf *ret_marker, struct hp_buf *ret_wrong)
{
	const char *slash = strrchr(o->object, '/');
	HP_AUTO_FREE char *dir = hp_strndup(o->object, slash ? (size_t)(slash - o->object) : 0);

	if (o->source[0] == '/' && daemon_marker_of(o->source, dir, ret_marker))
		(void)daemon_marker_check(ret_marker->data, ret_wrong);
}

static void print_human(const char *file, const struct store_outcome *o)
{
	HP_AUTO_BUF struct hp_buf marker = {0};
	HP_AUTO_BUF struct hp_buf wrong = {0};
	HP_AUTO_BUF struct hp_buf out = {0};
	const char *why = reason_text(o->reason);
	char hex[CODEC_DIGEST_HEX_SIZE];
	bool has_reason = o->reason[0] && !hp_streq(o->reason, "none");

	cmd_text_safe(&out, file);
	hp_buf_printf(&out, ": %s", o->outcome);
	if (has_reason)
		hp_buf_printf(&out, " (%s)", o->reason);
	hp_buf_str(&out, ", ");
	cmd_text_duration_ms(&out, age_ms(o));
	hp_buf_str(&out, " ago\n");
	if (has_reason && why)
		hp_buf_printf(&out, "  %s\n", why);
	add_detail(&out, o->detail);
	add_fact(&out, "source", o->source);
	add_fact(&out, "object", o->object);
	find_marker(o, &marker, &wrong);
	add_fact(&out, "project", wrong.len ? "none: the marker does not count" : hp_buf_cstr(&marker));
	add_detail(&out, hp_buf_cstr(&wrong));
	if (is_known(&o->action_key)) {
		codec_digest_hex(&o->action_key, hex);
		add_fact(&out, "entry", hex);
	}
	(void)fputs(hp_buf_cstr(&out), stdout);
}

static void add_json(struct hp_buf *out, const char *name, const char *value)
{
	hp_buf_printf(out, ",\"%s\":", name);
	cmd_json_string(out, value);
}

static void print_json(const struct store_outcome *o)
{
	HP_AUTO_BUF struct hp_buf marker = {0};
	HP_AUTO_BUF struct hp_buf wrong = {0};
	HP_AUTO_BUF struct hp_buf out = {0};
	const char *why = reason_text(o->reason);
	char hex[CODEC_DIGEST_HEX_SIZE];

	hp_buf_printf(&out, "{\"time\":%" PRId64, o->time_s);
	add_json(&out, "outcome", o->outcome);
	add_json(&out, "reason", o->reason);
	add_json(&out, "text", why ? why : "");
	add_json(&out, "detail", o->detail);
	add_json(&out, "source", o->source);
	add_json(&out, "object", o->object);
	find_marker(o, &marker, &wrong);
	add_json(&out, "marker", hp_buf_cstr(&marker));
	add_json(&out, "marker_wrong", hp_buf_cstr(&wrong));
	codec_digest_hex(&o->action_key, hex);
	add_json(&out, "action_key", is_known(&o->action_key) ? hex : "");
	codec_digest_hex(&o->closure_key, hex);
	add_json(&out, "closure_key", is_known(&o->closure_key) ? hex : "");
	hp_buf_str(&out, "}\n");
	(void)fputs(hp_buf_cstr(&out), stdout);
}

int cmd_explain(int argc, char **argv)
{
	CMD_AUTO_CACHE struct cmd_cache cache = {0};
	HP_AUTO_BUF struct hp_buf memory = {0};
	struct store_outcome outcome = {.source = "", .object = "", .outcome = "", .reason = "", .detail = ""};
	const char *config_path = NULL;
	const char *value = NULL;
	struct hp_err err = {0};
	bool json = false;
	struct cmd_args a;
	int id;
	int r = 0;

	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		json = json || id == 'j';
		if (id == 'c')
			config_path = value;
	}
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_args_count(&a, 1, 1))
		return CMD_USAGE;
	if (!cmd_cache_open(&cache, "explain", config_path, CMD_CACHE_READ))
		return CMD_FAILED;
	if (cache.exists)
		r = find_record(cache.ledger, a.operands[0], &outcome, &memory, &err);
	if (r < 0)
		return cmd_fail("explain", &err);
	if (r == 0)
		return cmd_complain("explain",
		                    "%s: no compile of this file is on record in %s: compile it through hpcc first",
		                    a.operands[0], cache.dir);
	if (json)
		print_json(&outcome);
	else
		print_human(a.operands[0], &outcome);
	return CMD_OK;
}
