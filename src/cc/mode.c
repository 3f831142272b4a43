/* What the driver is to make of the source, and where it goes. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

#define MODE(name) (1u << CC_MODE_##name)

void cc_parser_take_mode(struct cc_parser *p, const struct cc_arg *arg)
{
	const char *spelling = arg->row->spelling;

	if (hp_streq(spelling, "-E") || hp_streq(spelling, "--preprocess")) {
		p->modes |= MODE(PREPROCESS);
	} else if (arg->row->bypass == CC_REASON_ASSEMBLY_OUTPUT) {
		p->modes |= MODE(ASSEMBLY);
	} else if (arg->row->bypass == CC_REASON_SYNTAX_ONLY) {
		p->modes |= MODE(SYNTAX);
	} else if (p->mode == CC_REASON_NONE) {
		p->mode = (enum cc_reason)arg->row->bypass;
		p->mode_detail = arg->text;
	}
}

/* Where several are asked for, both families take the one that does least. Clang names those that lost in a warning. */
static void choose_mode(struct cc_parser *p)
{
	static const struct {
		enum cc_mode mode;
		const char *option;
	} order[] = {{CC_MODE_ASSEMBLY, "-S"}, {CC_MODE_SYNTAX, "-fsyntax-only"}, {CC_MODE_PREPROCESS, "-E"}};
	struct cc_invocation *inv = p->inv;

	for (size_t i = 0; i < HP_ARRAY_SIZE(order); i++) {
		if (p->modes & 1u << order[i].mode) {
			inv->mode = order[i].mode;
			hp_strv_add(&inv->key_args, order[i].option);
		}
	}
	if (p->modes && p->compile)
		hp_strv_add(&inv->key_args, "-c");
}

/* GCC's driver compiles one source after the other and goes on after an error, so one command for each does the same.
 * Not Clang's: it says once a command which arguments it did not use, and starts nothing when a source is missing. */
static void split(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;
	bool simple = !p->output && !p->sides && !p->deps_detail && p->wp_kind == CC_DEPS_NONE && !p->odd_inputs;

	if (inv->bypass == CC_REASON_NONE && inv->family == CC_FAMILY_GCC && simple && p->compile && !p->modes)
		inv->jobs = p->inputs;
	cc_parser_bypass(p, CC_REASON_MULTIPLE_INPUTS, "");
}

/* What the mode and the inputs say goes before what single options say: "linking" explains a command line better than
 * an option of the linker does. */
bool cc_parser_finish_mode(struct cc_parser *p)
{
	if (p->mode != CC_REASON_NONE)
		cc_parser_override(p, p->mode, p->mode_detail);
	else if (!p->compile && !p->modes)
		cc_parser_override(p, CC_REASON_NO_COMPILE, "");
	else if (p->inputs == 0)
		cc_parser_bypass(p, CC_REASON_NO_INPUT, "");
	else if (hp_streq(p->input, "-"))
		cc_parser_override(p, CC_REASON_STDIN_INPUT, "-");
	else if (cc_path_is_special(p->input) && !hp_streq(p->input, "/dev/null"))
		cc_parser_override(p, CC_REASON_SPECIAL_INPUT, p->input);
	else if (p->inputs > 1)
		split(p);
	else if (!*p->input)
		cc_parser_bypass(p, CC_REASON_SPECIAL_INPUT, "");
	else {
		choose_mode(p);
		return true;
	}
	return false;
}

/* Modes other than -c are for languages that are compiled; options for -E alone are not looked into elsewhere. */
static void check_mode(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;
	bool is_asm = inv->lang == CC_LANG_ASM || inv->lang == CC_LANG_ASM_CPP;
	bool is_cpp_output = inv->lang == CC_LANG_C_CPP_OUTPUT || inv->lang == CC_LANG_CXX_CPP_OUTPUT;

	if (inv->mode != CC_MODE_PREPROCESS && p->cpp_option)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, p->cpp_option);
	if (inv->mode == CC_MODE_PREPROCESS && (inv->lang == CC_LANG_ASM || is_cpp_output))
		cc_parser_bypass(p, CC_REASON_PREPROCESS_ONLY, "-E of a source that is not preprocessed");
	if (inv->mode == CC_MODE_ASSEMBLY && is_asm)
		cc_parser_bypass(p, CC_REASON_ASSEMBLY_OUTPUT, "-S of an assembler source");
	if (inv->mode == CC_MODE_SYNTAX && is_asm)
		cc_parser_bypass(p, CC_REASON_SYNTAX_ONLY, "-fsyntax-only of an assembler source");
}

void cc_parser_finish_output(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;
	bool to_stdout = inv->mode == CC_MODE_PREPROCESS && !p->output;

	check_mode(p);
	if (p->output && hp_streq(p->output, "-") && (inv->mode == CC_MODE_PREPROCESS || inv->mode == CC_MODE_ASSEMBLY))
		to_stdout = true;
	inv->null_output = p->output && hp_streq(p->output, "/dev/null");
	if (p->outputs > 1 ||
	    (p->output && (!*p->output || (cc_path_is_special(p->output) && !to_stdout && !inv->null_output))))
		cc_parser_bypass(p, CC_REASON_SPECIAL_OUTPUT, p->output);
	if (to_stdout || inv->null_output || inv->mode == CC_MODE_SYNTAX)
		inv->output = hp_strdup("");
	else if (p->output)
		inv->output = hp_strdup(p->output);
	else
		inv->output = cc_with_suffix(p->input, inv->mode == CC_MODE_ASSEMBLY ? ".s" : ".o", false);
	/* An entry without a main output serves no request that wants one. */
	if (to_stdout || inv->null_output) {
		hp_strv_add(&inv->key_args, "-o");
		hp_strv_add(&inv->key_args, to_stdout ? "-" : "/dev/null");
	}
}
