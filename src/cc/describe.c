/* A parsed command line for people: each argument, its class, whether it is in the key, and why. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

/* Arguments are padded to this, so that what is said of them stands in columns. */
#define ARGUMENT_WIDTH 36u

/* What an action says of its options, before their class is asked. */
static const char *why_action(enum cc_opt_act act)
{
	switch (act) {
	case CC_ACT_LANG:
		return "the language joins, however it is named";
	case CC_ACT_DEFINE:
	case CC_ACT_UNDEFINE:
		return "macros join, in order";
	case CC_ACT_DIR_ANGLE:
	case CC_ACT_DIR_QUOTE:
	case CC_ACT_DIR_SYSTEM:
	case CC_ACT_DIR_AFTER:
		return "value joins as path, in order";
	case CC_ACT_INCLUDE:
	case CC_ACT_IMACROS:
	case CC_ACT_INPUT_FILE:
	case CC_ACT_PCH_FILE:
	case CC_ACT_PLUGIN:
		return "value joins as path; its content through the closure";
	case CC_ACT_MODE:
		return "the mode joins where it is not plain -c";
	case CC_ACT_CPP:
		return "changes what -E prints";
	case CC_ACT_DEBUG_ON:
		return "changes the object, which holds the directory";
	case CC_ACT_PREFIX_MAP:
		return "changes the paths in the object";
	case CC_ACT_PREPROCESSOR:
	case CC_ACT_ASSEMBLER:
	case CC_ACT_XCLANG:
	case CC_ACT_MLLVM:
	case CC_ACT_CLANG:
		return "opened: what it carries is known";
	default:
		return NULL;
	}
}

static const char *why_class(enum cc_family family, const struct cc_option *row)
{
	switch ((enum cc_opt_class)row->cls) {
	case CC_CLASS_MODE:
		return "the mode";
	case CC_CLASS_OUTPUT:
		return "names the output";
	case CC_CLASS_INPUT:
		return "says what the input is";
	case CC_CLASS_INCLUDE:
		return "changes where headers are found";
	case CC_CLASS_DEFINE:
		return "macros join, in order";
	case CC_CLASS_CODEGEN:
		return "changes the object";
	case CC_CLASS_DIAGNOSTICS:
		return "diagnostics are part of the entry";
	case CC_CLASS_DEPENDENCY:
		return "the dependency file is printed anew each time";
	case CC_CLASS_LINKER:
		if (row->effect == CC_EFFECT_NO && family == CC_FAMILY_GCC)
			return "without linking it has no effect";
		return "for the linker; the compiler may warn of it";
	case CC_CLASS_SIDE_FILE:
		return "writes a further file, part of the entry";
	case CC_CLASS_PASSTHROUGH:
		return "changes how the compiler runs its programs";
	}
	return "";
}

/* The reason of a mode's row is for sources that it is not handled for. */
static bool is_bypass(const struct cc_invocation *inv, const struct cc_arg *arg)
{
	if (!arg->row || arg->row->bypass == CC_REASON_NONE || arg->negative)
		return false;
	return arg->row->act != CC_ACT_MODE || arg->row->bypass == inv->bypass;
}

static bool is_keyed(const struct cc_invocation *inv, const struct cc_arg *arg)
{
	if (!arg->option || !arg->row)
		return false;
	return cc_key_wants(inv->family, arg) || (arg->row->act == CC_ACT_MODE && !is_bypass(inv, arg));
}

static const char *why(enum cc_family family, const struct cc_arg *arg)
{
	const char *action;

	if (!arg->option)
		return "a source: name and content join through the closure";
	if (!arg->row)
		return "bypass unknown-option: not in the option tables";
	if (arg->value_missing)
		return "bypass unsupported-option: its value is missing";
	action = why_action((enum cc_opt_act)arg->row->act);
	if (action)
		return action;
	if (arg->row->flags & CC_OPT_IDENT)
		return arg->row->effect == CC_EFFECT_PATH ? "value joins as path; also part of the compiler's identity"
		                                          : "changes the object; also part of the compiler's identity";
	if ((arg->row->flags & CC_OPT_CWD) && !arg->negative)
		return "changes the object, which may hold the directory";
	if (arg->row->effect == CC_EFFECT_PATH)
		return "value joins as path";
	return why_class(family, arg->row);
}

static const char *class_name(const struct cc_arg *arg)
{
	if (!arg->option)
		return cc_opt_class_name(CC_CLASS_INPUT);
	return arg->row ? cc_opt_class_name((enum cc_opt_class)arg->row->cls) : "unknown";
}

static void describe_argument(const struct cc_invocation *inv, const struct cc_arg *arg, struct hp_buf *out)
{
	size_t start = out->len;

	hp_buf_str(out, arg->text);
	if (arg->count == 2)
		hp_buf_printf(out, " %s", arg->value);
	while (out->len - start < ARGUMENT_WIDTH)
		hp_buf_char(out, ' ');
	hp_buf_printf(out, "  %-11s  %-3s  ", class_name(arg), is_keyed(inv, arg) ? "key" : "-");
	if (is_bypass(inv, arg))
		hp_buf_printf(out, "bypass %s: %s\n", cc_reason_name((enum cc_reason)arg->row->bypass),
		              cc_reason_text((enum cc_reason)arg->row->bypass));
	else
		hp_buf_printf(out, "%s\n", why(inv->family, arg));
}

void cc_invocation_describe(const struct cc_invocation *inv, struct hp_buf *out)
{
	struct cc_arg arg;

	for (size_t i = 0; i < inv->args.len; i += arg.count) {
		cc_arg_read(inv->family, inv->args.len, inv->args.v, i, &arg);
		describe_argument(inv, &arg, out);
	}
}
