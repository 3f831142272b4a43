/* Options that name files to be read: lists, profiles, plugins. */
#include <string.h>

#include "base/str.h"
#include "cc/invocation_priv.h"

void cc_parser_take_input_file(struct cc_parser *p, const struct cc_arg *arg)
{
	if (!arg->negative && *arg->value)
		hp_strv_add(&p->inv->input_files, arg->value);
}

/* Clang reads one file, or one of a fixed name in a directory. */
static void take_profdata(struct cc_parser *p, const struct cc_arg *arg)
{
	if (!arg->value || !*arg->value) {
		hp_strv_add(&p->inv->input_files, "default.profdata");
		return;
	}
	hp_strv_add(&p->inv->input_files, arg->value);
	hp_strv_ref(&p->inv->input_files, hp_arena_join(p->inv->arena, arg->value, "/default.profdata"));
}

void cc_parser_take_profile(struct cc_parser *p, const struct cc_arg *arg)
{
	const char *spelling = arg->row->spelling;
	struct cc_invocation *inv = p->inv;
	bool use = hp_startswith(spelling, "-fprofile-use") || hp_startswith(spelling, "-fprofile-instr-use");

	/* What is instrumented, or finds its profile, goes by its own path. */
	p->profile_arcs = true;
	if (arg->value && !*arg->value)
		cc_parser_bypass(p, CC_REASON_PROFILE, arg->text);
	if (arg->negative)
		return;
	if (cc_family_is_clang(inv->family)) {
		if (use)
			take_profdata(p, arg);
		return;
	}
	if (use || hp_streq(spelling, "-fbranch-probabilities"))
		inv->profile_use = true;
	if (hp_streq(spelling, "-fprofile-use=") || hp_streq(spelling, "-fprofile-dir=") ||
	    hp_streq(spelling, "-fprofile-generate="))
		inv->profile_dir = arg->value;
	if (hp_streq(spelling, "-fprofile-prefix-path="))
		inv->profile_prefix_path = arg->value;
	if (hp_streq(spelling, "-fauto-profile"))
		hp_strv_add(&inv->input_files, "fbdata.afdo");
}

/* A plugin counts by its content and its arguments. One without a slash is looked for in places that only the compiler
 * knows, and an argument that may be a path can be a file that the plugin reads or writes. */
void cc_parser_take_plugin(struct cc_parser *p, const struct cc_arg *arg)
{
	if (arg->row->act == CC_ACT_PLUGIN && strchr(arg->value, '/'))
		hp_strv_add(&p->inv->input_files, arg->value);
	else if (arg->row->act == CC_ACT_PLUGIN || strchr(arg->text, '/') || strchr(arg->text, '.'))
		cc_parser_bypass(p, CC_REASON_PLUGIN, arg->text);
}

void cc_parser_finish_inputs(struct cc_parser *p)
{
	/* Where the note files then go is not worth knowing. */
	if (p->inv->profile_dir && (p->sides & 1u << CC_ROLE_GCNO))
		cc_parser_bypass(p, CC_REASON_PROFILE, p->inv->profile_dir);
}
