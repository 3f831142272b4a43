/* Dependency options: which file is written, and what stands left of its colon. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/depfile.h"
#include "cc/invocation_priv.h"

/* Both families break the line between two targets near column 75. Only what stays on one line is handled. */
#define TARGETS_LINE_MAX 60u

/* The target without -MT: the output, or where none is named what -c would make. */
static void set_target(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;
	struct hp_buf quoted = {0};

	if (p->targets_len > 0) {
		if (p->targets_len > 1 && p->targets.len > TARGETS_LINE_MAX)
			cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, "-MT");
		inv->deps_target = hp_buf_steal(&p->targets);
		return;
	}
	/* The driver does not see -Wp,-MD, so GCC's cc1 knows no output name but its own default. */
	if (!p->output || (inv->family == CC_FAMILY_GCC && p->wp_kind != CC_DEPS_NONE)) {
		char *name HP_AUTO_FREE = cc_with_suffix(inv->input, ".o", false);

		cc_depfile_quote_target(inv->family, name, &quoted);
	} else {
		cc_depfile_quote_target(inv->family, p->output, &quoted);
	}
	inv->deps_target = hp_buf_steal(&quoted);
}

/* Combinations in which options of the two kinds meet. */
static bool combination_is_known(const struct cc_parser *p)
{
	if (p->wp_kind != CC_DEPS_NONE)
		return p->wp_count == 1 && !p->md && !p->mmd && !p->deps_file;
	if (!p->md && !p->mmd)
		return !p->deps_detail;
	/* Clang warns that one of the two is unused, and the warning depends on which. */
	return !(p->md && p->mmd && cc_family_is_clang(p->inv->family));
}

void cc_parser_finish_deps(struct cc_parser *p)
{
	struct cc_invocation *inv = p->inv;

	if (!combination_is_known(p)) {
		cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, "-MF");
		return;
	}
	if (p->wp_kind == CC_DEPS_NONE && !p->md && !p->mmd)
		return;
	if (inv->lang == CC_LANG_ASM || inv->lang == CC_LANG_C_CPP_OUTPUT || inv->lang == CC_LANG_CXX_CPP_OUTPUT) {
		/* The compilers write no dependency file for these, Clang with a warning. */
		cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, "-MD");
		return;
	}
	/* Where no file comes out, the default names are of no use to anybody and differ between compilers. */
	if (!*inv->output && !(p->targets_len > 0 && (p->deps_file || p->wp_kind != CC_DEPS_NONE))) {
		cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, "-MD");
		return;
	}
	if (p->wp_kind != CC_DEPS_NONE) {
		inv->deps = p->wp_kind;
		inv->deps_file = hp_steal(p->wp_file);
	} else {
		inv->deps = p->mmd ? CC_DEPS_USER : CC_DEPS_ALL;
		if (p->deps_file)
			inv->deps_file = hp_strdup(p->deps_file);
		else if (p->output)
			inv->deps_file = cc_with_suffix(p->output, ".d", true);
		else
			inv->deps_file = cc_with_suffix(inv->input, ".d", false);
	}
	if (!*inv->deps_file || cc_path_is_special(inv->deps_file))
		cc_parser_bypass(p, CC_REASON_DEPFILE_OPTION, inv->deps_file);
	set_target(p);
}
