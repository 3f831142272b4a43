#include "cc/invocation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/depfile.h"
#include "cc/invocation_priv.h"
#include "cc/rsp.h"

void cc_invocation_done(struct cc_invocation *inv)
{
	free(inv->input);
	free(inv->output);
	free(inv->deps_file);
	free(inv->deps_target);
	free(inv->dirs);
	for (size_t i = 0; i < inv->sides_len; i++)
		free(inv->sides[i].path);
	free(inv->sides);
	hp_arena_free(inv->arena);
	*inv = (struct cc_invocation){0};
}

static void set_reason(struct cc_invocation *inv, enum cc_reason reason, const char *detail)
{
	inv->bypass = reason;
	(void)snprintf(inv->bypass_detail, sizeof inv->bypass_detail, "%.*s", (int)sizeof inv->bypass_detail - 1,
	               detail ? detail : "");
}

void cc_parser_bypass(struct cc_parser *p, enum cc_reason reason, const char *detail)
{
	if (p->inv->bypass == CC_REASON_NONE)
		set_reason(p->inv, reason, detail);
}

void cc_parser_override(struct cc_parser *p, enum cc_reason reason, const char *detail)
{
	set_reason(p->inv, reason, detail);
}

static void add_dir(struct cc_parser *p, enum cc_dir_kind kind, const struct cc_arg *arg)
{
	struct cc_invocation *inv = p->inv;

	/* "=dir" and "$SYSROOT/dir" stand below the sysroot. */
	if (arg->value[0] == '=' || hp_startswith(arg->value, "$SYSROOT"))
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, arg->text);
	if ((inv->dirs_len & (inv->dirs_len - 1)) == 0)
		inv->dirs = hp_realloc(inv->dirs, (inv->dirs_len ? inv->dirs_len * 2 : 1) * sizeof *inv->dirs);
	inv->dirs[inv->dirs_len++] = (struct cc_dir){kind, arg->value};
}

static void add_target(struct cc_parser *p, const struct cc_arg *arg)
{
	bool quoted = arg->row->act == CC_ACT_MQ;
	struct hp_buf *out = &p->targets;

	/* GCC prints the targets in the order given only while no -MT follows an -MQ. */
	if (!*arg->value || (!quoted && p->quoted_target && p->inv->family == CC_FAMILY_GCC))
		cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, arg->text);
	if (out->len > 0)
		hp_buf_char(out, ' ');
	if (quoted)
		cc_depfile_quote_target(p->inv->family, arg->value, out);
	else
		hp_buf_str(out, arg->value);
	p->targets_len++;
	p->quoted_target |= quoted;
}

static void set_color(struct cc_parser *p, const struct cc_arg *arg)
{
	if (arg->row->act == CC_ACT_COLOR_NEVER || arg->negative)
		p->inv->color = CC_COLOR_NEVER;
	else if (arg->row->act == CC_ACT_COLOR_ALWAYS || hp_streq(arg->value, "always"))
		p->inv->color = CC_COLOR_ALWAYS;
	else
		p->inv->color = hp_streq(arg->value, "never") ? CC_COLOR_NEVER : CC_COLOR_AUTO;
}

/* Dependency options; false when the option is another. */
static bool take_deps_option(struct cc_parser *p, const struct cc_arg *arg)
{
	switch (arg->row->act) {
	case CC_ACT_MD:
		p->md = true;
		return true;
	case CC_ACT_MMD:
		p->mmd = true;
		return true;
	case CC_ACT_MF:
		p->deps_file = arg->value;
		p->deps_detail = true;
		return true;
	case CC_ACT_MT:
	case CC_ACT_MQ:
		add_target(p, arg);
		p->deps_detail = true;
		return true;
	case CC_ACT_MP:
		p->inv->deps_phony = true;
		p->deps_detail = true;
		return true;
	default:
		return false;
	}
}

/* Options of the include search; false when the option is another. */
static bool take_include_option(struct cc_parser *p, const struct cc_arg *arg)
{
	switch (arg->row->act) {
	case CC_ACT_DIR_ANGLE:
		add_dir(p, CC_DIR_ANGLE, arg);
		return true;
	case CC_ACT_DIR_QUOTE:
		add_dir(p, CC_DIR_QUOTE, arg);
		return true;
	case CC_ACT_DIR_SYSTEM:
		add_dir(p, CC_DIR_SYSTEM, arg);
		return true;
	case CC_ACT_DIR_AFTER:
		add_dir(p, CC_DIR_AFTER, arg);
		return true;
	case CC_ACT_INCLUDE:
	case CC_ACT_IMACROS:
		hp_strv_ref(&p->inv->forced_includes, arg->value);
		return true;
	case CC_ACT_PCH_FILE:
		hp_strv_ref(&p->inv->pch_files, arg->value);
		return true;
	default:
		return false;
	}
}

/* Options that name files to be read; false when the option is another. */
static bool take_file_option(struct cc_parser *p, const struct cc_arg *arg)
{
	switch (arg->row->act) {
	case CC_ACT_INPUT_FILE:
		cc_parser_take_input_file(p, arg);
		return true;
	case CC_ACT_PROFILE:
		cc_parser_take_profile(p, arg);
		return true;
	case CC_ACT_PLUGIN:
	case CC_ACT_PLUGIN_ARG:
		cc_parser_take_plugin(p, arg);
		return true;
	default:
		return false;
	}
}

/* Options that carry others; they add themselves to the key. False when the option is another. */
static bool take_opened_option(struct cc_parser *p, const struct cc_arg *arg)
{
	switch (arg->row->act) {
	case CC_ACT_PREPROCESSOR:
		cc_parser_open_preprocessor(p, arg);
		return true;
	case CC_ACT_ASSEMBLER:
		cc_parser_open_assembler(p, arg);
		return true;
	case CC_ACT_XCLANG:
		cc_parser_open_xclang(p, arg);
		return true;
	case CC_ACT_MLLVM:
		cc_parser_open_mllvm(p, arg);
		return true;
	default:
		return false;
	}
}

/* "incbin" or ".include" in any case. Every macro of a command line comes by here, so both are looked for at once. */
static bool names_assembler_file(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((*p | 0x20) != 'i')
			continue;
		if (strncasecmp(p, "incbin", strlen("incbin")) == 0)
			return true;
		if (p > text && p[-1] == '.' && strncasecmp(p, "include", strlen("include")) == 0)
			return true;
	}
	return false;
}

static void take_other_option(struct cc_parser *p, const struct cc_arg *arg)
{
	switch (arg->row->act) {
	case CC_ACT_COMPILE:
		p->compile = true;
		break;
	case CC_ACT_MODE:
		cc_parser_take_mode(p, arg);
		break;
	case CC_ACT_DEFINE:
		/* A text of inline assembler, perhaps; only files are looked through for those. */
		if (strstr(arg->value, "__has_include"))
			cc_parser_bypass(p, CC_REASON_HAS_INCLUDE_MACRO, arg->text);
		if (names_assembler_file(arg->value))
			cc_parser_bypass(p, CC_REASON_INCBIN, arg->text);
		break;
	case CC_ACT_OUTPUT:
		p->output = arg->value;
		p->outputs++;
		break;
	case CC_ACT_LANG:
		p->lang_option = hp_streq(arg->value, "none") ? NULL : arg->value;
		break;
	case CC_ACT_DEBUG_ON:
		if (!arg->negative) /* "-gno-embed-source" leaves it as it is */
			p->debug = true;
		break;
	case CC_ACT_DEBUG_OFF:
		p->debug = false;
		break;
	case CC_ACT_COLOR_ALWAYS:
	case CC_ACT_COLOR_NEVER:
	case CC_ACT_COLOR_VALUE:
		set_color(p, arg);
		break;
	case CC_ACT_PREFIX_MAP:
		p->inv->debug_prefix_map = true;
		break;
	case CC_ACT_ARCH:
		if (++p->archs > 1)
			cc_parser_bypass(p, CC_REASON_MULTIPLE_ARCH, arg->value);
		break;
	case CC_ACT_CPP:
		p->cpp_option = arg->text;
		break;
	case CC_ACT_SIDE:
		cc_parser_take_side(p, arg);
		break;
	case CC_ACT_DIAG_FORMAT:
		if (hp_endswith(arg->value, "-file"))
			cc_parser_bypass(p, CC_REASON_SIDE_FILES, arg->text);
		break;
	default:
		break;
	}
}

void cc_parser_take_option(struct cc_parser *p, const struct cc_arg *arg)
{
	const struct cc_option *row = arg->row;

	if (!row) {
		cc_parser_bypass(p, CC_REASON_UNKNOWN_OPTION, arg->text);
		return;
	}
	if (arg->value_missing) {
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, arg->text);
		return;
	}
	if (row->bypass != CC_REASON_NONE && row->act != CC_ACT_MODE && !arg->negative)
		cc_parser_bypass(p, (enum cc_reason)row->bypass, arg->text);
	if ((row->flags & CC_OPT_ABS) && arg->value[0] != '/')
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, arg->text);
	if ((row->flags & CC_OPT_CWD) && !arg->negative)
		p->inv->embeds_cwd = true;
	if (p->cc1_option && row->act != CC_ACT_XCLANG) {
		/* "-Xclang -option -x …": where the value is taken from is for Clang to know. */
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cc1_option);
		p->cc1_option = NULL;
	}
	if (take_opened_option(p, arg))
		return;
	if (!take_include_option(p, arg) && !take_deps_option(p, arg) && !take_file_option(p, arg))
		take_other_option(p, arg);
	if (cc_key_wants(p->inv->family, arg))
		cc_key_add(&p->inv->key_args, arg);
	if (row->flags & CC_OPT_IDENT)
		cc_key_add(&p->inv->ident_args, arg);
}

void cc_parser_take_input(struct cc_parser *p, const char *path)
{
	p->odd_inputs = p->odd_inputs || !cc_parser_is_source(p, path, p->lang_option);
	if (p->inputs++ == 0) {
		p->input = path;
		p->input_lang = p->lang_option;
	}
}

static void take_all(struct cc_parser *p, const unsigned char *from_file)
{
	struct cc_invocation *inv = p->inv;
	size_t argc = inv->args.len;
	struct cc_arg arg;

	for (size_t i = 0; i < argc; i += arg.count) {
		cc_arg_read(inv->family, argc, inv->args.v, i, &arg);
		if (from_file && arg.option) {
			bool from = from_file[i];

			/* Also where an option and its value stand on two sides of the file's edge. */
			if ((from && arg.row &&
			     (arg.row->cls == CC_CLASS_DEPENDENCY || arg.row->act == CC_ACT_PREPROCESSOR)) ||
			    from != (bool)from_file[i + arg.count - 1])
				inv->rewrite_opened = true;
		}
		if (arg.option)
			cc_parser_take_option(p, &arg);
		else
			cc_parser_take_input(p, arg.text);
	}
	if (p->cc1_option)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cc1_option);
}

/* A command line is parsed for every hit: its strings are in one piece of memory, which is large enough as a rule. */
#define ARENA_SIZE_BASE 1024u
#define ARENA_SIZE_PER_ARG 64u /* its text, and its place in two lists */

static void make_lists(struct cc_invocation *inv, size_t argc)
{
	inv->arena = hp_arena_new(ARENA_SIZE_BASE + argc * ARENA_SIZE_PER_ARG);
	inv->args = hp_strv_in(inv->arena, argc);
	inv->user_args.arena = inv->arena;
	inv->forced_includes.arena = inv->arena;
	inv->cc1_includes.arena = inv->arena;
	inv->pch_files.arena = inv->arena;
	inv->asm_dirs.arena = inv->arena;
	inv->input_files.arena = inv->arena;
	inv->key_args.arena = inv->arena;
	inv->ident_args.arena = inv->arena;
}

/* Clang keeps the directory of the output in a precompiled header, and that of the headers. */
static void finish_pch(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;

	if (inv->lang >= CC_LANG_C_HEADER)
		inv->makes_pch = true;
	/* What -E and the like do of a header, or with one, is not looked into. */
	if (inv->mode != CC_MODE_OBJECT && (inv->makes_pch || inv->pch_files.len))
		cc_parser_bypass(p, CC_REASON_PCH, p->input);
	if (!inv->makes_pch)
		return;
	if (!p->output || inv->pch_files.len || inv->sides_len)
		cc_parser_bypass(p, CC_REASON_PCH, p->input);
	inv->embeds_cwd = true;
	hp_strv_add(&inv->key_args, "-o");
	hp_strv_add(&inv->key_args, inv->output);
}

/* Debug information for Windows can be CodeView, which holds the whole command line. */
static bool is_for_windows(const struct cc_parser *p)
{
	const struct hp_strv *args = &p->inv->ident_args;

	for (size_t i = 0; i < args->len; i++) {
		if (strstr(args->v[i], "windows") || strstr(args->v[i], "msvc") || strstr(args->v[i], "win32"))
			return true;
	}
	return p->windows_driver;
}

static void finish(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;

	if (p->input)
		inv->input = hp_strdup(p->input);
	if (p->debug)
		inv->embeds_cwd = true;
	if (p->debug && is_for_windows(p))
		cc_parser_bypass(p, CC_REASON_HOLDS_COMMAND, "");
	if (!cc_parser_finish_mode(p))
		return;
	cc_parser_language(p);
	cc_parser_finish_output(p);
	cc_parser_finish_deps(p);
	cc_parser_finish_inputs(p);
	cc_parser_finish_sides(p);
	finish_pch(p);

	/* Two things that are no arguments: the language when the suffix gives it, and the driver's mode, which is not
	 * in the identity where one program has both names. */
	if (inv->lang_name) {
		hp_strv_add(&inv->key_args, "-x");
		hp_strv_add(&inv->key_args, inv->lang_name);
	}
	if (p->cxx_driver)
		hp_strv_add(&inv->key_args, "--driver-mode=g++");
}

/* The arguments that an environment variable of clang-cl and cl holds. A number sign stands for the first equals sign,
 * which such a variable could not hold. */
static int add_env_words(struct cc_invocation *inv, const char *text, struct hp_err *err)
{
	struct hp_strv words HP_AUTO_STRV = {0};
	int r = text ? cc_rsp_split_windows(text, strlen(text), &words, err) : 0;

	for (size_t i = 0; i < words.len && r == 0; i++) {
		char *sign = strchr(words.v[i], '#');

		if (sign)
			*sign = '=';
		hp_strv_add(&inv->args, words.v[i]);
	}
	return r;
}

static int expand(struct cc_invocation *inv, const struct cc_cl_env *env, size_t argc, char *const *argv,
                  cc_read_file_fn read_file, void *read_ctx, unsigned char **ret_from_file, struct hp_err *err)
{
	bool opened = false;
	int r = env ? add_env_words(inv, env->before, err) : 0;

	if (r == 0)
		r = cc_rsp_expand(inv->family, argc, argv, read_file, read_ctx, &inv->args, &opened, ret_from_file,
		                  err);
	if (r == 0 && env)
		r = add_env_words(inv, env->after, err);
	opened = opened || (env && (env->before || env->after));
	for (size_t i = 0; opened && i < argc; i++)
		hp_strv_add(&inv->user_args, argv[i]);
	return r;
}

static int parse(struct cc_invocation *inv, enum cc_family family, const char *argv0, const struct cc_cl_env *env,
                 size_t argc, char *const *argv, cc_read_file_fn read_file, void *read_ctx, struct hp_err *err)
{
	struct cc_parser p = {.inv = inv};
	unsigned char *from_file HP_AUTO_FREE = NULL;
	struct hp_err rsp_err = {0};

	*inv = (struct cc_invocation){.family = family};
	if (!argv && argc > 0)
		return hp_err_set(err, HP_INVALID, "command line: no argument list");
	if (family == CC_FAMILY_UNKNOWN) {
		set_reason(inv, CC_REASON_UNKNOWN_COMPILER, argv0);
		return 0;
	}
	if (argc > HP_ARGS_MAX) {
		set_reason(inv, CC_REASON_TOO_MANY_ARGS, "");
		return 0;
	}
	make_lists(inv, argc);
	if (expand(inv, env, argc, argv, read_file, read_ctx, &from_file, &rsp_err) < 0) {
		set_reason(inv, CC_REASON_RESPONSE_FILE, rsp_err.msg);
		return 0;
	}
	inv->key_args = hp_strv_in(inv->arena, inv->args.len + 6);
	p.cxx_driver = argv0 && cc_driver_is_cxx(argv0);
	p.windows_driver = argv0 && strstr(hp_basename(argv0), "windows");
	if (cc_family_is_msvc(family)) {
		inv->zi_as_z7 = env && env->zi_as_z7 && family == CC_FAMILY_MSVC;
		cc_msvc_take(&p);
	} else {
		take_all(&p, from_file);
		finish(&p);
	}
	free(p.wp_file);
	hp_buf_done(&p.targets);
	return 0;
}

int cc_invocation_parse(struct cc_invocation *inv, enum cc_family family, const char *argv0, size_t argc,
                        char *const *argv, cc_read_file_fn read_file, void *read_ctx, struct hp_err *err)
{
	return parse(inv, family, argv0, NULL, argc, argv, read_file, read_ctx, err);
}

int cc_invocation_parse_cl(struct cc_invocation *inv, enum cc_family family, const struct cc_cl_env *env, size_t argc,
                           char *const *argv, cc_read_file_fn read_file, void *read_ctx, struct hp_err *err)
{
	return parse(inv, family, NULL, env, argc, argv, read_file, read_ctx, err);
}
