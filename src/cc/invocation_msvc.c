/* The command lines of cl and clang-cl: https://learn.microsoft.com/cpp/build/reference/compiler-options is the grammar,
 * and what clang-cl makes of it was found by asking it (tests/unit/cc/check_msvc.py asks again). */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"
#include "cc/rsp.h"

/* What only this grammar has to remember on its way through the arguments. */
struct cl_parser {
	struct cc_parser *p;
	const char *lang_all; /* from /TC or /TP, wherever they stand */
	struct hp_strv clang; /* the arguments behind /clang:, which the driver appends to all others */
	bool codeview;        /* debug information of this kind is in the object */
	bool dwarf;
	bool sanitizer;
	const char *pdb; /* the option that asks for a database of debug information */
};

/* True when the option is one of the inputs' language. */
static bool take_language(struct cl_parser *c, const struct cc_arg *arg)
{
	struct cc_parser *p = c->p;

	switch (arg->row->act) {
	case CC_ACT_TC_ALL:
		c->lang_all = "c";
		return true;
	case CC_ACT_TP_ALL:
		c->lang_all = "c++";
		return true;
	case CC_ACT_TC_FILE:
	case CC_ACT_TP_FILE:
		if (p->inputs == 0)
			p->lang_option = arg->row->act == CC_ACT_TC_FILE ? "c" : "c++";
		cc_parser_take_input(p, arg->value);
		return true;
	default:
		return false;
	}
}

static void take_other(struct cl_parser *c, const struct cc_arg *arg)
{
	struct cc_parser *p = c->p;

	switch (arg->row->act) {
	case CC_ACT_CLANG:
		hp_strv_ref(&c->clang, arg->value);
		break;
	case CC_ACT_LINK:
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, arg->text);
		break;
	case CC_ACT_SHOW_INCLUDES:
		p->inv->show_includes = true;
		break;
	case CC_ACT_SOURCE_DEPS:
		p->inv->source_deps = arg->value;
		break;
	case CC_ACT_CODEVIEW:
		c->codeview = true;
		break;
	case CC_ACT_PDB:
		c->pdb = arg->text;
		break;
	default:
		break;
	}
}

/* A GNU-style option among the others. */
static void note_gnu_option(struct cl_parser *c, const struct cc_arg *arg)
{
	if (arg->row->act == CC_ACT_DEBUG_ON && !arg->negative) {
		bool dwarf = hp_startswith(arg->text, "-gdwarf");

		c->dwarf = c->dwarf || dwarf;
		c->codeview = c->codeview || !dwarf;
	}
	c->sanitizer = c->sanitizer || hp_startswith(arg->text, "-fsanitize");
}

static void take_option(struct cl_parser *c, const struct cc_arg *arg)
{
	struct cc_parser *p = c->p;

	if (arg->row && (arg->row->families & CC_FAMILY_BIT_CL) && p->cc1_option) {
		/* "-Xclang -option /x …": where the value is taken from is for Clang to know. */
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cc1_option);
		p->cc1_option = NULL;
	}
	if (arg->row && !(arg->row->families & CC_FAMILY_BIT_CL))
		note_gnu_option(c, arg);
	if (arg->row && !arg->value_missing && take_language(c, arg))
		return;
	cc_parser_take_option(p, arg);
	if (arg->row && !arg->value_missing)
		take_other(c, arg);
}

static void take_arguments(struct cl_parser *c)
{
	struct cc_invocation *inv = c->p->inv;
	bool only_files = false;
	struct cc_arg arg;

	for (size_t i = 0; i < inv->args.len; i += arg.count) {
		cc_arg_read(inv->family, inv->args.len, inv->args.v, i, &arg);
		if (only_files || !arg.option) {
			arg.count = 1;
			cc_parser_take_input(c->p, arg.text);
		} else if (hp_streq(arg.text, "--") && inv->family == CC_FAMILY_CLANG_CL) {
			only_files = true;
		} else {
			take_option(c, &arg);
		}
	}
}

/* What stands behind /clang: is a GNU-style command line of its own that follows all the rest. Modes, outputs and inputs
 * have no business there. */
static void take_clang_arguments(struct cl_parser *c)
{
	struct cc_parser *p = c->p;
	struct cc_arg arg;

	for (size_t i = 0; i < c->clang.len; i += arg.count) {
		size_t ident_from = p->inv->ident_args.len;

		cc_arg_read(CC_FAMILY_CLANG, c->clang.len, c->clang.v, i, &arg);
		if (!arg.option ||
		    (arg.row && (arg.row->cls == CC_CLASS_MODE || arg.row->cls == CC_CLASS_OUTPUT ||
		                 arg.row->cls == CC_CLASS_INPUT || arg.row->act == CC_ACT_PREPROCESSOR))) {
			cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, arg.text);
			continue;
		}
		if (arg.row)
			note_gnu_option(c, &arg);
		cc_parser_take_option(p, &arg);
		/* The driver is asked about these in its own words. */
		for (size_t k = ident_from; k < p->inv->ident_args.len; k++)
			p->inv->ident_args.v[k] = hp_arena_join(p->inv->arena, "/clang:", p->inv->ident_args.v[k]);
	}
	if (p->cc1_option)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cc1_option);
}

/* What follows the last separator; for cl that can be a backslash, too. */
static const char *file_part(enum cc_family family, const char *path)
{
	const char *name = hp_basename(path);
	const char *backslash = family == CC_FAMILY_MSVC ? strrchr(name, '\\') : NULL;

	return backslash ? backslash + 1 : name;
}

/* The object's name for the value of /Fo or /o: a directory (it ends with a separator) gets the source's name, a name
 * without a suffix gets one. */
static char *object_name(enum cc_family family, const char *value, const char *input)
{
	HP_AUTO_FREE char *own = cc_with_suffix(file_part(family, input), ".obj", false);

	if (!value || !*value)
		return hp_steal(own);
	if (!*file_part(family, value))
		return hp_asprintf("%s%s", value, own);
	if (strchr(file_part(family, value), '.'))
		return hp_strdup(value);
	return hp_asprintf("%s.obj", value);
}

static void finish_output(struct cl_parser *c)
{
	struct cc_parser *p = c->p;
	struct cc_invocation *inv = p->inv;
	const char *value = p->output;

	/* Whether a colon belongs to the name differs from one clang-cl to the next. */
	if (inv->family == CC_FAMILY_CLANG_CL && value &&
	    (value[0] == ':' || hp_streq(hp_basename(value), "..") || hp_streq(hp_basename(value), ".")))
		cc_parser_bypass(p, CC_REASON_SPECIAL_OUTPUT, value);
	if (inv->family == CC_FAMILY_MSVC && value && value[0] == ':')
		value++;
	/* Dependency files are named after the source, whatever the object is called. */
	p->output = NULL;
	inv->output = cc_with_suffix(inv->input, ".o", false);
	cc_parser_finish_deps(p);
	free(inv->output);
	inv->output = object_name(inv->family, value, inv->input);
	if (cc_path_is_special(inv->output))
		cc_parser_bypass(p, CC_REASON_SPECIAL_OUTPUT, inv->output);
}

/* CodeView records hold the whole command line that the driver makes: nothing can be added to it, and all of it is in
 * the key. */
static void key_everything(struct cl_parser *c)
{
	struct cc_invocation *inv = c->p->inv;
	struct hp_strv all = hp_strv_in(inv->arena, inv->args.len + 2);

	for (size_t i = 0; i < inv->args.len; i++)
		hp_strv_ref(&all, inv->args.v[i]);
	hp_strv_add(&all, "/Fo");
	hp_strv_add(&all, inv->output);
	inv->key_args = all;
	inv->embeds_cwd = true;
	inv->holds_command = true;
}

/* What was read must then come from what the user asked for. */
static void finish_codeview(struct cl_parser *c)
{
	struct cc_invocation *inv = c->p->inv;

	key_everything(c);
	if (inv->deps == CC_DEPS_ALL)
		return;
	if (inv->deps == CC_DEPS_USER || !inv->show_includes || c->sanitizer)
		cc_parser_bypass(c->p, CC_REASON_HOLDS_COMMAND, "");
	inv->closure = CC_CLOSURE_SHOW_INCLUDES;
}

/* cl itself. Nothing runs it here, so this says what would have to be done and no more. */
static void finish_cl(struct cl_parser *c)
{
	struct cc_invocation *inv = c->p->inv;

	inv->closure = CC_CLOSURE_SOURCE_DEPS;
	if (c->pdb && !inv->zi_as_z7)
		cc_parser_bypass(c->p, CC_REASON_SHARED_PDB, c->pdb);
	if (!c->pdb && !c->codeview)
		return;
	key_everything(c);
	if (inv->source_deps)
		return;
	if (!inv->show_includes)
		cc_parser_bypass(c->p, CC_REASON_HOLDS_COMMAND, "");
	inv->closure = CC_CLOSURE_SHOW_INCLUDES;
}

static void finish(struct cl_parser *c)
{
	struct cc_parser *p = c->p;
	struct cc_invocation *inv = p->inv;

	if (c->dwarf)
		inv->embeds_cwd = true;
	if (c->lang_all && !p->input_lang)
		p->input_lang = c->lang_all;
	if (!cc_parser_finish_mode(p))
		return;
	if (inv->mode != CC_MODE_OBJECT)
		cc_parser_override(p, inv->mode == CC_MODE_SYNTAX ? CC_REASON_SYNTAX_ONLY : CC_REASON_PREPROCESS_ONLY,
		                   "");
	if (p->cpp_option)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cpp_option);
	if (cc_path_is_special(p->input))
		cc_parser_bypass(p, CC_REASON_SPECIAL_INPUT, p->input);
	cc_parser_language(p);
	if (inv->lang >= CC_LANG_C_HEADER || inv->pch_files.len)
		cc_parser_bypass(p, CC_REASON_PCH, inv->input);
	if (inv->lang != CC_LANG_UNKNOWN && inv->lang != CC_LANG_C && inv->lang != CC_LANG_CXX)
		cc_parser_bypass(p, CC_REASON_UNKNOWN_LANGUAGE, inv->input);
	/* Where they appear is known for the GNU-style drivers alone. */
	if (p->sides || p->profile_arcs)
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, "");
	/* Both kinds of list show system headers as soon as one does. */
	if (inv->show_includes && p->mmd && !p->md) {
		p->md = true;
		p->mmd = false;
	}
	finish_output(c);
	/* What a response file or the environment holds cannot be rewritten in place. */
	if (inv->deps == CC_DEPS_USER && inv->user_args.len)
		cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, "-MMD");
	if (inv->family == CC_FAMILY_MSVC)
		finish_cl(c);
	else if (c->codeview)
		finish_codeview(c);
}

void cc_msvc_take(struct cc_parser *p)
{
	struct cl_parser c = {.p = p, .clang = {.arena = p->inv->arena}};

	take_arguments(&c);
	if (p->cc1_option)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cc1_option);
	p->cc1_option = NULL;
	take_clang_arguments(&c);
	if (p->input)
		p->inv->input = hp_strdup(p->input);
	finish(&c);
	if (p->inv->lang_name)
		hp_strv_add(&p->inv->key_args, hp_streq(p->inv->lang_name, "c") ? "/TC" : "/TP");
}

/* The dependency options behind /clang: as they are to run, for a user's -MMD: the list is complete and goes to our own
 * file. True when the argument is dealt with; *skip: the next one behind /clang: is the name of the user's file. */
static bool rewrite(const char *arg, bool *skip, struct hp_strv *out)
{
	const char *text;

	if (!*arg || !hp_startswith(arg + 1, "clang:"))
		return false;
	text = arg + strlen("/clang:");
	if (*skip) {
		*skip = false;
		return true;
	}
	if (hp_streq(text, "-MMD") || hp_streq(text, "--write-user-dependencies")) {
		hp_strv_add(out, "/clang:-MD");
		return true;
	}
	*skip = hp_streq(text, "-MF");
	return hp_startswith(text, "-MF");
}

void cc_msvc_run_args(const struct cc_invocation *inv, const char *private_deps, bool force_color, struct hp_strv *out)
{
	const struct hp_strv *src = inv->user_args.len ? &inv->user_args : &inv->args;
	bool user = inv->deps == CC_DEPS_USER;
	bool skip = false;

	if (force_color)
		hp_strv_add(out, "-fcolor-diagnostics");
	if (inv->closure == CC_CLOSURE_DEPFILE && inv->deps != CC_DEPS_ALL) {
		if (!user)
			hp_strv_add(out, "/clang:-MD");
		hp_strv_take(out, hp_asprintf("/clang:-MF%s", private_deps));
	}
	if (inv->closure == CC_CLOSURE_SOURCE_DEPS && !inv->source_deps) {
		hp_strv_add(out, "/sourceDependencies");
		hp_strv_add(out, private_deps);
	}
	for (size_t i = 0; i < src->len; i++) {
		const char *arg = src->v[i];

		if (user && rewrite(arg, &skip, out))
			continue;
		if (inv->zi_as_z7 && *arg && (hp_streq(arg + 1, "Zi") || hp_streq(arg + 1, "ZI")))
			arg = "/Z7";
		hp_strv_add(out, arg);
	}
}
