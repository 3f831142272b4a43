/* From a request to its keys. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/probe.h"
#include "daemon/files.h"
#include "daemon/service_priv.h"

static int read_response_file(void *ctx, const char *path, struct hp_buf *out)
{
	const struct daemon_ticket *t = ctx;
	HP_AUTO_BUF struct hp_buf absolute = {0};

	sys_path_join(&absolute, t->req->cwd, path);
	return sys_read_file(absolute.data, HP_RSP_SIZE_MAX, out, NULL, NULL);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct hp_strv *sv)
{
	if (sv->len > 1)
		qsort(sv->v, sv->len, sizeof *sv->v, compare_strings);
}

/* Search variables name directories; relative ones (and empty parts, which mean the working directory) are where the
 * compile is, and the compiler is asked for its search somewhere else. */
static bool has_relative_part(const char *var)
{
	const char *p = strchr(var, '=') + 1;
	bool cl = hp_startswith(var, "INCLUDE=") || hp_startswith(var, "EXTERNAL_INCLUDE=");
	char sep = cl ? ';' : ':';

	if (!cl && !strstr(var, "_INCLUDE_PATH=") && !hp_startswith(var, "CPATH=") &&
	    !hp_startswith(var, "COMPILER_PATH=") && !hp_startswith(var, "GCC_EXEC_PREFIX="))
		return false;
	for (; p; p = strchr(p, sep) ? strchr(p, sep) + 1 : NULL) {
		/* clang-cl passes over empty parts. */
		if (*p != '/' && !(cl && (*p == sep || !*p)))
			return true;
	}
	return false;
}

/* A list of directories as it is for a process in the compile's directory, wherever the question about the compiler is
 * asked. */
static char *absolute_path_var(const struct daemon_ticket *t, const char *var)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	const char *list = strchr(var, '=') + 1;

	hp_buf_append(&out, var, (size_t)(list - var));
	for (const char *p = list; p;) {
		const char *colon = strchr(p, ':');
		size_t len = colon ? (size_t)(colon - p) : strlen(p);

		if (len == 0 || p[0] != '/') {
			hp_buf_str(&out, t->req->cwd);
			hp_buf_char(&out, '/');
		}
		hp_buf_append(&out, p, len);
		if (colon)
			hp_buf_char(&out, ':');
		p = colon ? colon + 1 : NULL;
	}
	return hp_buf_steal(&out);
}

static enum cc_reason sort_out_env(struct daemon_ticket *t)
{
	bool cl = cc_probe_name_is_cl(t->req->compiler);

	for (size_t i = 0; i < t->req->env.len; i++) {
		const char *var = t->req->env.v[i];
		enum cc_env_kind kind = cc_env_class(var);

		if (kind == CC_ENV_CL_IDENT)
			kind = cl ? CC_ENV_IDENT : CC_ENV_NONE;
		switch (kind) {
		case CC_ENV_NONE:
		case CC_ENV_CWD:
		case CC_ENV_CL_ARGS: /* they are arguments, and stand in the key as such */
		case CC_ENV_CL_IDENT:
			break;
		case CC_ENV_BYPASS:
			hp_buf_append(&t->detail, var, strcspn(var, "="));
			return CC_REASON_ENVIRONMENT;
		case CC_ENV_IDENT:
			if (has_relative_part(var)) {
				hp_buf_append(&t->detail, var, strcspn(var, "="));
				return CC_REASON_ENVIRONMENT;
			}
			/* Where programs and specs are found shows in the identity; what else these change need not. */
			if (hp_startswith(var, "PATH=") || hp_startswith(var, "LIBRARY_PATH=")) {
				hp_strv_take(&t->ident_env, absolute_path_var(t, var));
				break;
			}
			hp_strv_add(&t->ident_env, var);
			hp_strv_add(&t->key_env, var);
			break;
		case CC_ENV_KEY:
			hp_strv_add(&t->key_env, var);
			break;
		}
	}
	sort(&t->ident_env);
	sort(&t->key_env);
	return CC_REASON_NONE;
}

static const char *env_value(const struct hp_strv *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->len; i++) {
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return env->v[i] + len + 1;
	}
	return NULL;
}

const char *daemon_cwd_logical(const struct daemon_ticket *t)
{
	const char *pwd = env_value(&t->req->env, "PWD");
	struct sys_stamp logical;
	struct sys_stamp physical;

	if (!pwd || pwd[0] != '/' || hp_streq(pwd, t->req->cwd) || sys_stamp_path(pwd, &logical) < 0 ||
	    sys_stamp_path(t->req->cwd, &physical) < 0 || logical.ino != physical.ino || logical.dev != physical.dev)
		return t->req->cwd;
	return pwd;
}

static enum cc_reason identify(struct daemon_service *s, struct daemon_ticket *t, const char *lang)
{
	struct daemon_identity_query q = {
	        .compiler = t->req->compiler,
	        .lang = lang,
	        .ident_args = &t->inv.ident_args,
	        .env = &t->ident_env,
	        .no_script = true,
	};
	struct daemon_identity *id = NULL;
	struct hp_err err = {0};

	if (daemon_identity_get(s->identities, &q, &id, &err) < 0) {
		hp_buf_str(&t->detail, err.msg);
		return err.code == HP_NOT_FOUND ? CC_REASON_UNKNOWN_COMPILER : CC_REASON_INTERNAL;
	}
	daemon_identity_unref(t->identity);
	t->identity = id;
	return CC_REASON_NONE;
}

static enum cc_reason parse(const struct daemon_service *s, struct daemon_ticket *t)
{
	const struct cc_cl_env cl = {
	        .before = env_value(&t->req->env, "CL"),
	        .after = env_value(&t->req->env, "_CL_"),
	        .zi_as_z7 = s->opt.zi_as_z7,
	};
	int r;

	if (cc_family_is_msvc(t->identity->family))
		r = cc_invocation_parse_cl(&t->inv, t->identity->family, &cl, t->req->args.len, t->req->args.v,
		                           read_response_file, t, NULL);
	else
		r = cc_invocation_parse(&t->inv, t->identity->family, t->req->argv0, t->req->args.len, t->req->args.v,
		                        read_response_file, t, NULL);
	if (r < 0)
		return CC_REASON_INTERNAL;
	if (t->inv.bypass != CC_REASON_NONE) {
		hp_buf_str(&t->detail, t->inv.bypass_detail);
		return t->inv.bypass;
	}
	/* These are not preprocessed, so the compiler writes no list of what it read. */
	if (t->inv.deps != CC_DEPS_NONE && (t->inv.lang == CC_LANG_ASM || t->inv.lang == CC_LANG_C_CPP_OUTPUT ||
	                                    t->inv.lang == CC_LANG_CXX_CPP_OUTPUT)) {
		hp_buf_str(&t->detail, "a dependency file for a source that is not preprocessed");
		return CC_REASON_DEPFILE_OPTION;
	}
	return CC_REASON_NONE;
}

static char *absolute(const struct daemon_ticket *t, const char *path)
{
	HP_AUTO_BUF struct hp_buf out = {0};

	sys_path_join(&out, t->req->cwd, path);
	return hp_buf_steal(&out);
}

static void make_keys(struct daemon_ticket *t)
{
	const char *cwd = t->inv.embeds_cwd ? daemon_cwd_logical(t) : NULL;
	struct cache_key_input in = {
	        .identity = &t->identity->digest,
	        .lang = t->inv.lang_name,
	        .args = &t->inv.key_args,
	        .env = &t->key_env,
	        .cwd = cwd,
	        .source = t->inv.input,
	        .user_deps = t->inv.deps == CC_DEPS_USER,
	};

	t->key_args = &t->inv.key_args;
	if (t->place) {
		daemon_place_name_keys(t, cwd, &in);
	} else {
		t->key_source = hp_strdup(t->inv.input);
		t->key_cwd = cwd ? hp_strdup(cwd) : NULL;
	}
	cache_key_prefix(&in, &t->prefix);
	cache_key_closure(&t->prefix, &t->closure_key);
	if (t->place)
		daemon_place_make_flags(t);
}

/* Whether the compiler itself would colour its diagnostics on this terminal. */
static bool wants_color(const struct daemon_ticket *t)
{
	const char *gcc_colors = env_value(&t->req->env, "GCC_COLORS");

	return t->req->stderr_tty && t->inv.color == CC_COLOR_AUTO &&
	       !(t->inv.family == CC_FAMILY_GCC && gcc_colors && !*gcc_colors);
}

enum cc_reason daemon_prepare(struct daemon_service *s, struct daemon_ticket *t)
{
	enum cc_reason reason;

	if (!cc_probe_name(t->req->compiler)) {
		hp_buf_str(&t->detail, hp_basename(t->req->compiler));
		return CC_REASON_UNKNOWN_COMPILER;
	}
	reason = sort_out_env(t);
	if (reason == CC_REASON_NONE)
		reason = identify(s, t, NULL);
	if (reason == CC_REASON_NONE)
		reason = parse(s, t);
	if (reason != CC_REASON_NONE)
		return reason;
	/* GCC takes __DATE__ and __TIME__ from it; Clang before 16 looks at the clock all the same. */
	t->embed_ok = !cc_probe_knows_embed(t->inv.family, t->identity->version);
	t->date_time_ok = t->inv.family == CC_FAMILY_GCC && env_value(&t->key_env, "SOURCE_DATE_EPOCH");
	if (t->inv.null_output && !daemon_is_null_device("/dev/null")) {
		hp_buf_str(&t->detail, "/dev/null");
		return CC_REASON_SPECIAL_OUTPUT;
	}
	t->source = absolute(t, t->inv.input);
	t->object = *t->inv.output ? absolute(t, t->inv.output) : hp_strdup("");
	t->deps_file = t->inv.deps_file ? absolute(t, t->inv.deps_file) : NULL;
	t->color = wants_color(t);
	/* What the driver adds on a terminal depends on more than is known here, and the object holds it. */
	if (t->inv.holds_command && t->color) {
		hp_buf_str(&t->detail, "standard error is a terminal");
		return CC_REASON_HOLDS_COMMAND;
	}
	/* The option that makes it so would show. */
	if (t->color && t->inv.records_args) {
		hp_buf_str(&t->detail, "the command line is recorded, and the terminal would need another one");
		return CC_REASON_SIDE_FILES;
	}
	reason = identify(s, t, t->inv.lang_name);
	if (reason != CC_REASON_NONE)
		return reason;
	/* MSVC's objects name paths in other ways than those that a place maps. */
	if (!cc_family_is_msvc(t->inv.family) && !t->inv.records_args)
		daemon_place_find(s, t);
	make_keys(t);
	t->slot = daemon_memory_slot(t->memory, &t->closure_key, t->req->cwd, hp_buf_cstr(&t->place_id));
	return CC_REASON_NONE;
}
