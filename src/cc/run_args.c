/* The command line to run on a miss. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

/* -Wp,-MMD,FILE with -MD and the private file. The list is split at commas, so a name that has one goes another way. */
static void add_wp_deps(const struct cc_invocation *inv, const char *private_deps, struct hp_strv *out)
{
	if (!strchr(private_deps, ',')) {
		hp_strv_take(out, hp_asprintf("-Wp,-MD,%s", private_deps));
	} else if (inv->family == CC_FAMILY_CLANG) {
		hp_strv_add(out, "-MD");
		hp_strv_add(out, "-MF");
		hp_strv_add(out, private_deps);
	} else {
		hp_strv_add(out, "-Xpreprocessor");
		hp_strv_add(out, "-MD");
		hp_strv_add(out, "-Xpreprocessor");
		hp_strv_add(out, private_deps);
	}
}

/* Rewrites one item; false when it stays as it is. */
static bool rewrite(const struct cc_invocation *inv, const struct cc_arg *arg, const char *private_deps,
                    struct hp_strv *out)
{
	const char *file;

	if (!arg->row)
		return false;
	if (arg->row->act == CC_ACT_MMD) {
		hp_strv_add(out, "-MD");
		return true;
	}
	if (arg->row->act == CC_ACT_PREPROCESSOR && cc_wp_deps(arg->text, &file) != CC_DEPS_NONE) {
		add_wp_deps(inv, private_deps, out);
		return true;
	}
	return arg->row->act == CC_ACT_MF;
}

static bool has_wp_deps(const struct cc_invocation *inv)
{
	struct cc_arg arg;
	const char *file;

	for (size_t i = 0; i < inv->args.len; i += arg.count) {
		cc_arg_read(inv->family, inv->args.len, inv->args.v, i, &arg);
		if (arg.row && arg.row->act == CC_ACT_PREPROCESSOR && cc_wp_deps(arg.text, &file) != CC_DEPS_NONE)
			return true;
	}
	return false;
}

static bool has_own_deps(enum cc_lang lang)
{
	return lang != CC_LANG_ASM && lang != CC_LANG_C_CPP_OUTPUT && lang != CC_LANG_CXX_CPP_OUTPUT;
}

void cc_invocation_run_args(const struct cc_invocation *inv, const char *private_deps, bool force_color,
                            struct hp_strv *out)
{
	if (cc_family_is_msvc(inv->family)) {
		cc_msvc_run_args(inv, private_deps, force_color, out);
		return;
	}

	bool user = inv->deps == CC_DEPS_USER;
	bool as_given = inv->user_args.len > 0 && !(user && inv->rewrite_opened);
	const struct hp_strv *src = as_given ? &inv->user_args : &inv->args;
	struct cc_arg arg;

	if (force_color)
		hp_strv_add(out, inv->family == CC_FAMILY_CLANG ? "-fcolor-diagnostics" : "-fdiagnostics-color=always");
	/* In front of the user's arguments, so that a "-x" or a last option without its value cannot touch them. */
	if (inv->deps == CC_DEPS_NONE && has_own_deps(inv->lang)) {
		hp_strv_add(out, "-MD");
		hp_strv_add(out, "-MF");
		hp_strv_add(out, private_deps);
	} else if (user && !has_wp_deps(inv)) {
		hp_strv_add(out, "-MF");
		hp_strv_add(out, private_deps);
	}
	for (size_t i = 0; i < src->len; i += arg.count) {
		cc_arg_read(inv->family, src->len, src->v, i, &arg);
		if (user && rewrite(inv, &arg, private_deps, out))
			continue;
		for (size_t k = 0; k < arg.count; k++)
			hp_strv_add(out, src->v[i + k]);
	}
}

void cc_invocation_job_args(const struct cc_invocation *inv, size_t i, struct hp_strv *out)
{
	struct cc_arg arg;
	size_t inputs = 0;

	for (size_t at = 0; at < inv->args.len; at += arg.count) {
		cc_arg_read(inv->family, inv->args.len, inv->args.v, at, &arg);
		if (!arg.option && inputs++ != i)
			continue;
		for (size_t k = 0; k < arg.count; k++)
			hp_strv_add(out, inv->args.v[at + k]);
	}
}
