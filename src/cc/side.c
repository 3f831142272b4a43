/* Which side files a command line can make, and where. */
#include "cc/side.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

static const char *const role_names[CC_ROLE_COUNT] = {
        [CC_ROLE_MAIN] = "object",
        [CC_ROLE_DWO] = "dwo",
        [CC_ROLE_GCNO] = "gcno",
        [CC_ROLE_STACK_USAGE] = "stack usage",
        [CC_ROLE_CALLGRAPH] = "call graph",
        [CC_ROLE_OPT_RECORD] = "optimisation record",
        [CC_ROLE_TIME_TRACE] = "time trace",
};

const char *cc_role_name(unsigned role)
{
	return role < CC_ROLE_COUNT && role_names[role] ? role_names[role] : "other";
}

bool cc_side_fits(const struct cc_side *side, const char *suffix)
{
	return !side->family && !*suffix;
}

#define ROLE(name) (1u << CC_ROLE_##name)

/* Options of CC_ACT_SIDE. */
static const struct side_option {
	const char *spelling;
	uint32_t roles;
	bool arcs;
	bool off; /* takes back what another form asked for */
} side_options[] = {
        {"--coverage", ROLE(GCNO), true, false},
        {"-coverage", ROLE(GCNO), true, false},
        {"-fcallgraph-info", ROLE(CALLGRAPH), false, false},
        {"-fcallgraph-info=", ROLE(CALLGRAPH), false, false},
        {"-foptimization-record-passes=", ROLE(OPT_RECORD), false, false},
        {"-fprofile-arcs", 0, true, false},
        {"-fsave-optimization-record", ROLE(OPT_RECORD), false, false},
        {"-fstack-usage", ROLE(STACK_USAGE), false, false},
        {"-ftest-coverage", ROLE(GCNO), false, false},
        {"-ftime-trace", ROLE(TIME_TRACE), false, false},
        {"-gsplit-dwarf", ROLE(DWO), false, false},
        {"-gsplit-dwarf=single", ROLE(DWO), false, true},
        {"-gsplit-dwarf=split", ROLE(DWO), false, false},
};

static const struct side_option *find_side_option(const struct cc_arg *arg)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(side_options); i++) {
		const char *spelling = side_options[i].spelling;

		if (hp_streq(spelling, arg->row->spelling) || hp_streq(spelling, arg->text))
			return &side_options[i];
	}
	return NULL;
}

void cc_parser_take_side(struct cc_parser *p, const struct cc_arg *arg)
{
	const struct side_option *o = find_side_option(arg);

	if (!o) {
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, arg->text);
		return;
	}
	/* What was asked for and taken back is still collected if it appears, only not insisted on: which of two options
	 * wins is not the same for all of them. */
	p->sides |= o->roles;
	if (arg->negative || o->off)
		p->sides_required &= ~o->roles;
	else
		p->sides_required |= o->roles;
	p->profile_arcs |= o->arcs;
}

static void add_side(struct cc_parser *p, enum cc_role role, char *take_path)
{
	struct cc_invocation *inv = p->inv;
	bool required = p->sides_required & 1u << role;

	inv->sides = hp_realloc(inv->sides, (inv->sides_len + 1) * sizeof *inv->sides);
	inv->sides[inv->sides_len++] = (struct cc_side){.role = role, .path = take_path, .required = required};
}

/* What side files are named after: the output without its suffix, or the source's base name. */
static char *stem(const struct cc_parser *p, const char *suffix)
{
	const struct cc_invocation *inv = p->inv;
	const char *base = p->output ? hp_basename(p->output) : NULL;

	/* To GCC a leading dot begins no suffix. */
	if (base && inv->family == CC_FAMILY_GCC && base[0] == '.' && !strchr(base + 1, '.'))
		return hp_asprintf("%s%s", p->output, suffix);
	return base ? cc_with_suffix(p->output, suffix, true) : cc_with_suffix(inv->input, suffix, false);
}

static bool has_lto(const struct cc_invocation *inv)
{
	for (size_t i = 0; i < inv->key_args.len; i++) {
		const char *arg = inv->key_args.v[i];

		if (hp_startswith(arg, "-flto") && (!arg[5] || arg[5] == '='))
			return true;
	}
	return false;
}

/* The suffix of the source with its dot, which GCC keeps in some names. */
static const char *source_suffix(const struct cc_invocation *inv)
{
	const char *dot = strrchr(hp_basename(inv->input), '.');

	return dot ? dot : "";
}

static char *opt_record(const struct cc_parser *p)
{
	char *suffix HP_AUTO_FREE = NULL;

	if (p->inv->family == CC_FAMILY_CLANG)
		return stem(p, ".opt.yaml");
	suffix = hp_asprintf("%s.opt-record.json.gz", source_suffix(p->inv));
	return stem(p, suffix);
}

static void add_role(struct cc_parser *p, enum cc_role role, const char *suffix)
{
	if (p->sides & 1u << role)
		add_side(p, role, stem(p, suffix));
}

void cc_parser_finish_sides(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;

	if (!p->sides && !p->profile_arcs)
		return;
	/* Where no object comes out, the names follow other rules. */
	if (p->sides && !*inv->output)
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, "a side file of a compile without output");
	if ((p->sides & ROLE(DWO)) && inv->mode != CC_MODE_OBJECT)
		cc_parser_bypass(p, CC_REASON_SPLIT_DWARF, "-gsplit-dwarf without -c");
	/* The assembler has nothing to tell of the rest. */
	if (inv->lang == CC_LANG_ASM || inv->lang == CC_LANG_ASM_CPP)
		p->sides_required &= ROLE(DWO);
	/* GCC extracts the second object whatever is in the first; Clang makes one only where debug information is
	 * split. */
	if (inv->family == CC_FAMILY_CLANG && (!p->debug || has_lto(inv)))
		p->sides_required &= ~ROLE(DWO);
	add_role(p, CC_ROLE_DWO, ".dwo");
	add_role(p, CC_ROLE_GCNO, ".gcno");
	add_role(p, CC_ROLE_STACK_USAGE, ".su");
	add_role(p, CC_ROLE_CALLGRAPH, ".ci");
	add_role(p, CC_ROLE_TIME_TRACE, ".json");
	if (p->sides & ROLE(OPT_RECORD))
		add_side(p, CC_ROLE_OPT_RECORD, opt_record(p));
	/* The object names its second object, its data file or (Clang's) its record by the working directory and the
	 * output. */
	if ((p->sides & (ROLE(DWO) | ROLE(GCNO) | ROLE(OPT_RECORD))) || p->profile_arcs) {
		inv->embeds_cwd = true;
		hp_strv_add(&inv->key_args, "-o");
		hp_strv_add(&inv->key_args, inv->output);
	}
}
