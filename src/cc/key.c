/* Which arguments make the action key, and in which spelling. */
#include <string.h>

#include "base/mem.h"
#include "cc/invocation_priv.h"

/* One spelling for options that have several; NULL: the row's own. */
static const char *unified_spelling(enum cc_opt_act act)
{
	switch (act) {
	case CC_ACT_DEFINE:
		return "-D";
	case CC_ACT_UNDEFINE:
		return "-U";
	case CC_ACT_DIR_ANGLE:
		return "-I";
	case CC_ACT_DIR_QUOTE:
		return "-iquote";
	case CC_ACT_DIR_SYSTEM:
		return "-isystem";
	case CC_ACT_DIR_AFTER:
		return "-idirafter";
	case CC_ACT_INCLUDE:
		return "-include";
	case CC_ACT_IMACROS:
		return "-imacros";
	case CC_ACT_LANG:
		return "-x";
	default:
		return NULL;
	}
}

void cc_key_add(struct hp_strv *key, const struct cc_arg *arg)
{
	const char *unified = unified_spelling((enum cc_opt_act)arg->row->act);

	if (!unified && arg->count == 1) {
		hp_strv_ref(key, arg->text);
		return;
	}
	if (!unified && arg->row->value != CC_VALUE_EITHER) {
		hp_strv_ref(key, arg->text);
		hp_strv_ref(key, arg->value);
		return;
	}
	if (!unified)
		unified = arg->text;
	if (arg->count == 1 && strncmp(arg->text, unified, strlen(unified)) == 0 &&
	    arg->text + strlen(unified) == arg->value) {
		hp_strv_ref(key, arg->text);
		return;
	}
	hp_strv_ref(key, hp_arena_join(key->arena, unified, arg->value));
}

bool cc_key_wants(enum cc_family family, const struct cc_arg *arg)
{
	if (arg->row->effect != CC_EFFECT_NO)
		return true;
	/* Clang names linker options that it does not use in a warning. */
	return arg->row->cls == CC_CLASS_LINKER && cc_family_is_clang(family);
}
