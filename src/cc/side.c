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
        [CC_ROLE_TEMP] = "temporary file",
        [CC_ROLE_DUMP] = "dump",
        [CC_ROLE_AUX_INFO] = "aux info",
        [CC_ROLE_OPT_INFO] = "optimisation info",
        [CC_ROLE_LISTING] = "listing",
        [CC_ROLE_SERIALIZED] = "serialized diagnostics",
        [CC_ROLE_COMMAND] = "compilation database",
        [CC_ROLE_GO_SPEC] = "go spec",
        [CC_ROLE_FINAL_INSNS] = "final instructions",
};

const char *cc_role_name(unsigned role)
{
	return role < CC_ROLE_COUNT && role_names[role] ? role_names[role] : "other";
}

/* ".252t.optimized", ".001l.class", ".253t.optimized.dot": the pass's number and kind, and its name. */
static bool is_dump(const char *suffix)
{
	const char *name = suffix + 6;

	if (strlen(suffix) < 7 || suffix[0] != '.' || strspn(suffix + 1, "0123456789") != 3 ||
	    !strchr("tril", suffix[4]) || suffix[5] != '.')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+") == strlen(name);
}

static bool is_temp(const char *suffix)
{
	static const char *const temps[] = {".i", ".ii", ".mi", ".mii", ".bc", ".s"};

	for (size_t i = 0; i < HP_ARRAY_SIZE(temps); i++) {
		if (hp_streq(suffix, temps[i]))
			return true;
	}
	return false;
}

bool cc_side_fits(const struct cc_side *side, const char *suffix)
{
	if (!side->family)
		return !*suffix;
	return side->role == CC_ROLE_DUMP ? is_dump(suffix) : side->role == CC_ROLE_TEMP && is_temp(suffix);
}

#define ROLE(name) (1u << CC_ROLE_##name)

/* Options of CC_ACT_SIDE. */
static const struct side_option {
	const char *spelling;
	uint32_t roles;
	enum {
		SIDE_ASKS,
		SIDE_FILE, /* the value names the file */
		SIDE_ARCS, /* instruments as well */
		SIDE_OFF,  /* takes back what another form asked for */
	} kind;
} side_options[] = {
        {"--coverage", ROLE(GCNO), SIDE_ARCS},
        {"--serialize-diagnostics", ROLE(SERIALIZED), SIDE_FILE},
        {"-MJ", ROLE(COMMAND), SIDE_FILE},
        {"-aux-info", ROLE(AUX_INFO), SIDE_FILE},
        {"-aux-info=", ROLE(AUX_INFO), SIDE_FILE},
        {"-coverage", ROLE(GCNO), SIDE_ARCS},
        {"-da", ROLE(DUMP), SIDE_ASKS},
        {"-fcallgraph-info", ROLE(CALLGRAPH), SIDE_ASKS},
        {"-fcallgraph-info=", ROLE(CALLGRAPH), SIDE_ASKS},
        {"-fdump-final-insns=", ROLE(FINAL_INSNS), SIDE_FILE},
        {"-fdump-go-spec=", ROLE(GO_SPEC), SIDE_FILE},
        {"-foptimization-record-file=", ROLE(OPT_RECORD), SIDE_FILE},
        {"-foptimization-record-passes=", ROLE(OPT_RECORD), SIDE_ASKS},
        {"-fprofile-arcs", 0, SIDE_ARCS},
        {"-fsave-optimization-record", ROLE(OPT_RECORD), SIDE_ASKS},
        {"-fstack-usage", ROLE(STACK_USAGE), SIDE_ASKS},
        {"-ftest-coverage", ROLE(GCNO), SIDE_ASKS},
        {"-ftime-trace", ROLE(TIME_TRACE), SIDE_ASKS},
        {"-gsplit-dwarf", ROLE(DWO), SIDE_ASKS},
        {"-gsplit-dwarf=single", ROLE(DWO), SIDE_OFF},
        {"-gsplit-dwarf=split", ROLE(DWO), SIDE_ASKS},
        {"-serialize-diagnostics", ROLE(SERIALIZED), SIDE_FILE},
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

void cc_parser_side_file(struct cc_parser *p, enum cc_role role, const char *path)
{
	const char *old = p->side_files[role];

	/* GCC writes to the streams of these names. */
	if (!*path || cc_path_is_special(path) || hp_streq(path, "stdout") || hp_streq(path, "stderr") ||
	    (old && !hp_streq(old, path)))
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, path);
	p->side_files[role] = path;
	p->sides |= 1u << role;
	p->sides_required |= 1u << role;
}

static enum cc_role role_of(uint32_t bit)
{
	return (enum cc_role)__builtin_ctz(bit);
}

/* Options whose value says more than a name. False: another. */
static bool take_odd(struct cc_parser *p, const struct cc_arg *arg)
{
	const char *spelling = arg->row->spelling;
	const char *equals = strchr(arg->text, '=');

	if (hp_startswith(spelling, "-save-temps") || hp_startswith(spelling, "--save-temps")) {
		p->temps = !equals                    ? CC_TEMPS_PLAIN
		           : hp_streq(equals, "=cwd") ? CC_TEMPS_CWD
		           : hp_streq(equals, "=obj") ? CC_TEMPS_OBJ
		                                      : CC_TEMPS_NONE;
		if (p->temps == CC_TEMPS_NONE)
			cc_parser_bypass(p, CC_REASON_SIDE_FILES, arg->text);
		p->sides |= ROLE(TEMP);
		p->sides_required |= ROLE(TEMP);
		return true;
	}
	if (hp_streq(spelling, "-fopt-info")) {
		if (equals)
			cc_parser_side_file(p, CC_ROLE_OPT_INFO, equals + 1);
		return true;
	}
	if (hp_streq(spelling, "-fdump-")) {
		/* -fdump-PASS=FILE; and these make files of yet other names. */
		if (equals || hp_streq(arg->value, "final-insns"))
			cc_parser_bypass(p, CC_REASON_SIDE_FILES, arg->text);
		p->sides |= ROLE(DUMP);
		p->sides_required |= ROLE(DUMP);
		return true;
	}
	return false;
}

void cc_parser_take_side(struct cc_parser *p, const struct cc_arg *arg)
{
	const struct side_option *o = find_side_option(arg);

	if (take_odd(p, arg))
		return;
	if (!o) {
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, arg->text);
		return;
	}
	if (o->kind == SIDE_FILE) {
		cc_parser_side_file(p, role_of(o->roles), arg->value);
		return;
	}
	/* What was asked for and taken back is still collected if it appears, only not insisted on: which of two options
	 * wins is not the same for all of them. */
	p->sides |= o->roles;
	if (arg->negative || o->kind == SIDE_OFF)
		p->sides_required &= ~o->roles;
	else
		p->sides_required |= o->roles;
	p->profile_arcs |= o->kind == SIDE_ARCS;
}

/* What side files are named after: the output without its suffix, or the source's base name. */
static char *stem(const struct cc_parser *p, const char *suffix)
{
	const struct cc_invocation *inv = p->inv;
	bool gcc = inv->family == CC_FAMILY_GCC;
	const char *base = p->output ? hp_basename(p->output) : NULL;
	bool keep_dir = !(gcc && p->temps == CC_TEMPS_CWD);

	/* To GCC a leading dot begins no suffix. */
	if (base && gcc && base[0] == '.' && !strchr(base + 1, '.'))
		return hp_asprintf("%s%s", keep_dir ? p->output : base, suffix);
	return base ? cc_with_suffix(p->output, suffix, keep_dir) : cc_with_suffix(inv->input, suffix, false);
}

/* The source's suffix with its dot, which GCC keeps in some names; then `rest`. */
static char *long_stem(const struct cc_parser *p, const char *rest)
{
	const char *dot = strrchr(hp_basename(p->inv->input), '.');
	char *suffix HP_AUTO_FREE = hp_asprintf("%s%s", dot ? dot : "", rest);

	return stem(p, suffix);
}

/* Clang names temporary files after the source, GCC like its other files. */
static char *temp_stem(const struct cc_parser *p)
{
	const char *slash = p->output ? strrchr(p->output, '/') : NULL;
	char *base HP_AUTO_FREE = NULL;

	if (p->inv->family == CC_FAMILY_GCC)
		return stem(p, "");
	base = cc_with_suffix(p->inv->input, "", false);
	if (p->temps != CC_TEMPS_OBJ || !slash)
		return hp_steal(base);
	return hp_asprintf("%.*s%s", (int)(slash + 1 - p->output), p->output, base);
}

static void add_side(struct cc_parser *p, enum cc_role role, char *take_path)
{
	struct cc_invocation *inv = p->inv;

	inv->sides = hp_realloc(inv->sides, (inv->sides_len + 1) * sizeof *inv->sides);
	inv->sides[inv->sides_len++] = (struct cc_side){
	        .role = role,
	        .path = take_path,
	        .family = role == CC_ROLE_DUMP || role == CC_ROLE_TEMP,
	        .required = (p->sides_required & 1u << role) != 0,
	};
}

static char *path_of(const struct cc_parser *p, enum cc_role role)
{
	if (p->side_files[role])
		return hp_strdup(p->side_files[role]);
	switch (role) {
	case CC_ROLE_DWO:
		return stem(p, ".dwo");
	case CC_ROLE_GCNO:
		return stem(p, ".gcno");
	case CC_ROLE_STACK_USAGE:
		return stem(p, ".su");
	case CC_ROLE_CALLGRAPH:
		return stem(p, ".ci");
	case CC_ROLE_TIME_TRACE:
		return stem(p, ".json");
	case CC_ROLE_OPT_RECORD:
		return p->inv->family == CC_FAMILY_CLANG ? stem(p, ".opt.yaml") : long_stem(p, ".opt-record.json.gz");
	case CC_ROLE_DUMP:
		return long_stem(p, "");
	case CC_ROLE_TEMP:
		return temp_stem(p);
	default:
		return NULL;
	}
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

/* Combinations in which files go elsewhere than each option alone says. */
static void check_sides(struct cc_parser *p)
{
	const struct cc_invocation *inv = p->inv;
	bool compiled = inv->lang == CC_LANG_C || inv->lang == CC_LANG_CXX || inv->lang == CC_LANG_OBJC ||
	                inv->lang == CC_LANG_OBJCXX;

	/* Where no object comes out, the names follow other rules. */
	if (p->sides && (!*inv->output || inv->mode == CC_MODE_PREPROCESS))
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, "a side file of a compile without output");
	if ((p->sides & ROLE(DWO)) && inv->mode != CC_MODE_OBJECT)
		cc_parser_bypass(p, CC_REASON_SPLIT_DWARF, "-gsplit-dwarf without -c");
	if ((p->sides & ROLE(TEMP)) && (inv->mode != CC_MODE_OBJECT || !compiled || (p->sides & ROLE(TIME_TRACE))))
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, "-save-temps of another kind");
	/* A miss replaces these in the command line. */
	if ((p->sides & ROLE(COMMAND)) && p->wp_kind != CC_DEPS_NONE)
		cc_parser_bypass(p, CC_REASON_SIDE_FILES, "-MJ with -Wp,-MD");
	for (unsigned role = 1; role < CC_ROLE_COUNT; role++) {
		if (p->side_files[role] && hp_streq(p->side_files[role], inv->output))
			cc_parser_bypass(p, CC_REASON_SIDE_FILES, p->side_files[role]);
	}
}

static void settle_required(struct cc_parser *p)
{
	const struct cc_invocation *inv = p->inv;
	bool is_asm = inv->lang == CC_LANG_ASM || inv->lang == CC_LANG_ASM_CPP;

	/* The assembler has nothing to tell of the rest. */
	if (is_asm)
		p->sides_required &= ROLE(DWO) | ROLE(LISTING);
	if (inv->mode == CC_MODE_ASSEMBLY)
		p->sides_required &= ~ROLE(LISTING);
	/* GCC extracts the second object whatever is in the first; Clang makes one only where debug information is
	 * split. */
	if (inv->family == CC_FAMILY_CLANG && (!p->debug || has_lto(inv)))
		p->sides_required &= ~ROLE(DWO);
}

void cc_parser_finish_sides(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;

	if (!p->sides && !p->profile_arcs)
		return;
	check_sides(p);
	settle_required(p);
	for (unsigned role = 1; role < CC_ROLE_COUNT; role++) {
		if (p->sides & 1u << role)
			add_side(p, (enum cc_role)role, path_of(p, (enum cc_role)role));
	}
	/* Its arguments are in it, as they stand here. */
	if (p->sides & ROLE(COMMAND)) {
		inv->records_args = true;
		for (size_t i = 0; i < inv->args.len; i++)
			hp_strv_add(&inv->key_args, inv->args.v[i]);
	}
	if (p->sides & ROLE(DUMP))
		inv->embeds_cwd = true;
	/* The object names its second object, its data file or (Clang's) its record by the working directory and the
	 * output. */
	if ((p->sides & (ROLE(DWO) | ROLE(GCNO) | ROLE(OPT_RECORD) | ROLE(COMMAND))) || p->profile_arcs) {
		inv->embeds_cwd = true;
		hp_strv_add(&inv->key_args, "-o");
		hp_strv_add(&inv->key_args, inv->output);
	}
}
