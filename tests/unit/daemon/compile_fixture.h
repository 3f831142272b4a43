/* Small source trees, real compiles of them, and the closures discovered: what test_discover and test_system_headers
 * share. The tree lies in the scratch folder's "t"; "@" in arguments, variables and contents stands for its path. */
#pragma once

#include <fcntl.h>
#include <sys/wait.h>

#include "base/strv.h"
#include "cc/depfile.h"
#include "daemon/discover.h"
#include "lib/scratch.h"
#include "sys/process.h"

/* One step that makes or changes a tree. */
struct step {
	enum {
		STEP_END = 0,
		STEP_WRITE, /* path, text */
		STEP_LINK,  /* path, target */
		STEP_REMOVE,
	} kind;
	const char *path;
	const char *text;
};

#define WRITE(path, text)              \
	{                              \
		STEP_WRITE, path, text \
	}
#define LINK(path, target)              \
	{                               \
		STEP_LINK, path, target \
	}
#define REMOVE(path)                    \
	{                               \
		STEP_REMOVE, path, NULL \
	}

struct compile {
	const char *compiler; /* absolute path */
	char *cwd;
	struct hp_strv args;
	struct hp_strv env;
	struct cc_invocation inv;
	struct daemon_identities *identities;
	struct daemon_identity *identity;
	struct daemon_memory *memory;
	struct cc_depfile deps;
	struct daemon_discovery discovery;
	struct hp_buf detail;
};

static inline char *compile_expand(void **state, const char *text)
{
	struct hp_buf out HP_AUTO_BUF = {0};

	for (; *text; text++) {
		if (*text == '@')
			hp_buf_str(&out, scratch_path(state, "t"));
		else
			hp_buf_char(&out, *text);
	}
	return hp_buf_steal(&out);
}

static inline void compile_words(void **state, const char *text, struct hp_strv *out)
{
	HP_AUTO_FREE char *expanded = compile_expand(state, text);

	for (const char *p = expanded; *p;) {
		size_t n = strcspn(p, " ");

		if (n)
			hp_strv_addn(out, p, n);
		p += n + (p[n] ? 1 : 0);
	}
}

static inline void compile_step(void **state, const struct step *s)
{
	HP_AUTO_FREE char *name = hp_asprintf("t/%s", s->path);
	HP_AUTO_FREE char *text = s->text ? compile_expand(state, s->text) : NULL;
	HP_AUTO_FREE char *parent = hp_strndup(name, (size_t)(strrchr(name, '/') - name));

	(void)remove(scratch_path(state, name));
	(void)scratch_mkdir(state, parent);
	if (s->kind == STEP_WRITE)
		(void)scratch_write(state, name, text);
	else if (s->kind == STEP_LINK)
		assert_int_equal(symlink(text, scratch_path(state, name)), 0);
}

/* The tree anew, and time passes. */
static inline void compile_build_tree(void **state, const struct step *steps)
{
	(void)nftw(scratch_path(state, "t"), scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
	(void)scratch_mkdir(state, "t");
	for (const struct step *s = steps; s->kind; s++)
		compile_step(state, s);
	scratch_settle();
}

/* Runs the compiler with more arguments; its exit status, and what it said in *out. */
static inline int compile_run(const struct compile *c, const char *const *more, struct hp_buf *out)
{
	struct hp_strv argv HP_AUTO_STRV = {0};
	struct hp_err err = {0};
	int status = -1;

	hp_strv_add(&argv, c->compiler);
	hp_strv_copy(&argv, &c->args);
	for (size_t i = 0; more[i]; i++)
		hp_strv_add(&argv, more[i]);
	if (sys_process_capture(argv.v, c->env.v, c->cwd, 60000, 16u << 20, out, &status, &err) < 0)
		fail_msg("%s", err.msg);
	return status;
}

static inline void compile_identify(struct compile *c, const char *lang)
{
	struct daemon_identity_query q = {
	        .compiler = c->compiler, .lang = lang, .ident_args = &c->inv.ident_args, .env = &c->env};
	struct hp_err err = {0};

	daemon_identity_unref(c->identity);
	c->identity = NULL;
	if (daemon_identity_get(c->identities, &q, &c->identity, &err) < 0)
		fail_msg("%s", err.msg);
}

/* Takes the command line `args` apart (with -c, an input and an output). */
static inline void compile_init(void **state, struct compile *c, const char *compiler, const char *args,
                                const char *env)
{
	*c = (struct compile){.compiler = compiler, .cwd = hp_strdup(scratch_path(state, "t"))};
	compile_words(state, args, &c->args);
	compile_words(state, "PATH=/usr/bin:/bin", &c->env);
	compile_words(state, env ? env : "", &c->env);
	c->identities = daemon_identities_new(NULL);
	c->memory = daemon_memory_new();
	compile_identify(c, NULL);
	assert_int_equal(
	        cc_invocation_parse(&c->inv, c->identity->family, compiler, c->args.len, c->args.v, NULL, NULL, NULL),
	        0);
	if (c->inv.bypass)
		fail_msg("%s: %s", cc_reason_name(c->inv.bypass), c->inv.bypass_detail);
	compile_identify(c, c->inv.lang_name);
}

static inline void compile_done(struct compile *c)
{
	free(c->cwd);
	hp_strv_done(&c->args);
	hp_strv_done(&c->env);
	cc_invocation_done(&c->inv);
	daemon_identity_unref(c->identity);
	daemon_identities_free(c->identities);
	cc_depfile_done(&c->deps);
	daemon_discovery_done(&c->discovery);
	daemon_memory_unref(c->memory);
	hp_buf_done(&c->detail);
}
#define AUTO_COMPILE __attribute__((cleanup(compile_done)))

/* Compiles for real and discovers, as service.c does on a miss. */
static inline enum cc_reason compile_discover(void **state, struct compile *c)
{
	const char *deps_path = scratch_path(state, "private.d");
	struct hp_strv run_args HP_AUTO_STRV = {0};
	struct hp_strv kept HP_AUTO_STRV = {0};
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_buf said HP_AUTO_BUF = {0};
	struct daemon_discover_input in = {
	        .memory = c->memory,
	        .inv = &c->inv,
	        .identity = c->identity,
	        .cwd = c->cwd,
	        .deps = &c->deps.deps,
	        .env = &c->env,
	        .start_ns = sys_file_clock_ns(),
	};

	cc_invocation_run_args(&c->inv, deps_path, false, &run_args);
	kept = c->args;
	c->args = run_args;
	if (compile_run(c, (const char *const[]){NULL}, &said) != 0)
		fail_msg("%s", hp_buf_cstr(&said));
	c->args = kept;
	kept = (struct hp_strv){0};
	assert_true(scratch_read(deps_path, &text));
	assert_int_equal(cc_depfile_parse(c->inv.family, text.data, text.len, &c->deps, NULL), 0);
	while (in.source + 1 < c->deps.deps.len && strcmp(c->deps.deps.v[in.source], c->inv.input) != 0)
		in.source++;
	return daemon_discover(&in, &c->discovery, &c->detail);
}
