/* -Wp, -Wa, -X…: arguments for another program. Each list is what is known to have no effect beyond object and
 * diagnostics; anything else is a bypass. */
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

enum cc_deps_kind cc_wp_deps(const char *text, const char **ret_file)
{
	enum cc_deps_kind kind = CC_DEPS_NONE;

	if (hp_startswith(text, "-Wp,-MD,")) {
		kind = CC_DEPS_ALL;
		*ret_file = text + strlen("-Wp,-MD,");
	} else if (hp_startswith(text, "-Wp,-MMD,")) {
		kind = CC_DEPS_USER;
		*ret_file = text + strlen("-Wp,-MMD,");
	}
	return kind != CC_DEPS_NONE && !strchr(*ret_file, ',') ? kind : CC_DEPS_NONE;
}

/* The element that begins at *pos and its length; *pos moves behind its comma, to NULL after the last. */
static size_t next_element(const char **pos, const char **ret_element)
{
	const char *comma = strchr(*pos, ',');
	size_t len = comma ? (size_t)(comma - *pos) : strlen(*pos);

	*ret_element = *pos;
	*pos = comma ? comma + 1 : NULL;
	return len;
}

static bool is_macro(const char *element, size_t len)
{
	return len > 2 && element[0] == '-' && (element[1] == 'D' || element[1] == 'U');
}

void cc_parser_open_preprocessor(struct cc_parser *p, const struct cc_arg *arg)
{
	const char *pos = arg->value;
	const char *file;
	enum cc_deps_kind kind = cc_wp_deps(arg->text, &file);

	if (kind != CC_DEPS_NONE) {
		p->wp_kind = kind;
		p->wp_count++;
		free(p->wp_file);
		p->wp_file = hp_strdup(file);
		return;
	}
	if (arg->row->value == CC_VALUE_SEPARATE) {
		if (!is_macro(pos, strlen(pos)) && !hp_streq(pos, "-fopenmp"))
			cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, pos);
		cc_key_add(&p->inv->key_args, arg);
		return;
	}
	while (pos) {
		const char *element;
		size_t len = next_element(&pos, &element);

		if (!is_macro(element, len))
			cc_parser_bypass(p,
			                 element[0] == '-' && element[1] == 'M' ? CC_REASON_DEPFILE_OPTION
			                                                        : CC_REASON_UNSUPPORTED_OPTION,
			                 arg->text);
	}
	cc_key_add(&p->inv->key_args, arg);
}

enum opened_kind {
	OPENED_EXACT,  /* the whole argument */
	OPENED_PREFIX, /* begins it */
	OPENED_VALUE,  /* the whole argument, and the next is its value */
};

struct opened_row {
	const char *text;
	enum opened_kind kind;
	enum cc_reason bypass;
	bool cwd; /* the object can hold the working directory */
};

/* Options of the assemblers (GNU as, Clang's own). The first row that fits counts. */
static const struct opened_row assembler_rows[] = {
        {"--noexecstack", OPENED_EXACT, CC_REASON_NONE, false},
        {"--execstack", OPENED_EXACT, CC_REASON_NONE, false},
        {"-mrelax-relocations=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"--32", OPENED_EXACT, CC_REASON_NONE, false},
        {"--64", OPENED_EXACT, CC_REASON_NONE, false},
        {"--x32", OPENED_EXACT, CC_REASON_NONE, false},
        {"--fatal-warnings", OPENED_EXACT, CC_REASON_NONE, false},
        {"--warn", OPENED_EXACT, CC_REASON_NONE, false},
        {"--no-warn", OPENED_EXACT, CC_REASON_NONE, false},
        {"-W", OPENED_EXACT, CC_REASON_NONE, false},
        {"-I", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-L", OPENED_EXACT, CC_REASON_NONE, false},
        {"--keep-locals", OPENED_EXACT, CC_REASON_NONE, false},
        {"--strip-local-absolute", OPENED_EXACT, CC_REASON_NONE, false},
        {"--divide", OPENED_EXACT, CC_REASON_NONE, false},
        {"--defsym", OPENED_VALUE, CC_REASON_NONE, false},
        {"--compress-debug-sections", OPENED_PREFIX, CC_REASON_NONE, false},
        {"--nocompress-debug-sections", OPENED_EXACT, CC_REASON_NONE, false},
        {"--generate-missing-build-notes=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"--size-check=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"--elf-stt-common=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"--no-pad-sections", OPENED_EXACT, CC_REASON_NONE, false},
        {"--gdwarf-", OPENED_PREFIX, CC_REASON_NONE, true},
        {"--gen-debug", OPENED_EXACT, CC_REASON_NONE, true},
        {"--gstabs", OPENED_PREFIX, CC_REASON_NONE, true},
        {"-g", OPENED_PREFIX, CC_REASON_NONE, true},
        {"-march=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mcpu=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mtune=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mfpu=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mfloat-abi=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mabi=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mthumb", OPENED_EXACT, CC_REASON_NONE, false},
        {"-mimplicit-it=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mmnemonic=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-msyntax=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mnaked-reg", OPENED_EXACT, CC_REASON_NONE, false},
        {"-msse2avx", OPENED_EXACT, CC_REASON_NONE, false},
        {"-msse-check=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-moperand-check=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mbranches-within-32B-boundaries", OPENED_EXACT, CC_REASON_NONE, false},
        {"-malign-branch", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mx86-used-note=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-madd-bnd-prefix", OPENED_EXACT, CC_REASON_NONE, false},
        {"-mshared", OPENED_EXACT, CC_REASON_NONE, false},
        {"-momit-lock-prefix=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-mlfence-", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-EL", OPENED_EXACT, CC_REASON_NONE, false},
        {"-EB", OPENED_EXACT, CC_REASON_NONE, false},
        {"-a", OPENED_PREFIX, CC_REASON_SIDE_FILES, false},
        {"--MD", OPENED_PREFIX, CC_REASON_SIDE_FILES, false},
};

/* Options of clang -cc1 behind -Xclang. */
static const struct opened_row xclang_rows[] = {
        {"-disable-O0-optnone", OPENED_EXACT, CC_REASON_NONE, false},
        {"-disable-llvm-passes", OPENED_EXACT, CC_REASON_NONE, false},
        {"-disable-llvm-verifier", OPENED_EXACT, CC_REASON_NONE, false},
        {"-disable-noundef-analysis", OPENED_EXACT, CC_REASON_NONE, false},
        {"-enable-noundef-analysis", OPENED_EXACT, CC_REASON_NONE, false},
        {"-fno-pch-timestamp", OPENED_EXACT, CC_REASON_NONE, false},
        {"-fcolor-diagnostics", OPENED_EXACT, CC_REASON_NONE, false},
        {"-fno-common", OPENED_EXACT, CC_REASON_NONE, false},
        {"-fdebug-compilation-dir", OPENED_VALUE, CC_REASON_NONE, false},
        {"-fdebug-compilation-dir=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-fcoverage-compilation-dir=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-target-feature", OPENED_VALUE, CC_REASON_NONE, false},
        {"-target-cpu", OPENED_VALUE, CC_REASON_NONE, false},
        {"-tune-cpu", OPENED_VALUE, CC_REASON_NONE, false},
        {"-mrelocation-model", OPENED_VALUE, CC_REASON_NONE, false},
        {"-fexperimental-new-constant-interpreter", OPENED_EXACT, CC_REASON_NONE, false},
        {"-std=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-W", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-D", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-U", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-include", OPENED_VALUE, CC_REASON_NONE, false},
        {"-include-pch", OPENED_VALUE, CC_REASON_NONE, false},
        {"-emit-pch", OPENED_EXACT, CC_REASON_NONE, false},
        {"-pch-", OPENED_PREFIX, CC_REASON_PCH, false},
        {"-load", OPENED_VALUE, CC_REASON_PLUGIN, false},
        {"-add-plugin", OPENED_VALUE, CC_REASON_PLUGIN, false},
        {"-plugin", OPENED_PREFIX, CC_REASON_PLUGIN, false},
        {"-fplugin", OPENED_PREFIX, CC_REASON_PLUGIN, false},
        {"-fpass-plugin", OPENED_PREFIX, CC_REASON_PLUGIN, false},
        {"-emit-module", OPENED_PREFIX, CC_REASON_MODULES, false},
        {"-fmodule", OPENED_PREFIX, CC_REASON_MODULES, false},
        {"-coverage", OPENED_PREFIX, CC_REASON_COVERAGE, false},
        {"-fprofile", OPENED_PREFIX, CC_REASON_PROFILE, false},
        {"-dependency-", OPENED_PREFIX, CC_REASON_DEPFILE_OPTION, false},
        {"-ast-", OPENED_PREFIX, CC_REASON_SIDE_FILES, false},
        {"-split-dwarf", OPENED_PREFIX, CC_REASON_SPLIT_DWARF, false},
};

/* Options of LLVM behind -mllvm: only those that set a number or a switch of one pass. */
static const struct opened_row mllvm_rows[] = {
        {"-inline-threshold=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-inlinehint-threshold=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-inlinecold-threshold=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-unroll-threshold=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-unroll-count=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-import-instr-limit=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-asan-", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-msan-", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-tsan-", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-hwasan-", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-sanitizer-coverage-", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-x86-branches-within-32B-boundaries", OPENED_EXACT, CC_REASON_NONE, false},
        {"-x86-asm-syntax=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-enable-gvn-hoist", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-enable-load-pre=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-enable-dfa-jump-thread", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-stackrealign", OPENED_EXACT, CC_REASON_NONE, false},
        {"-warn-stack-size=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-disable-lsr", OPENED_EXACT, CC_REASON_NONE, false},
        {"-vectorize-loops=", OPENED_PREFIX, CC_REASON_NONE, false},
        {"-instcombine-", OPENED_PREFIX, CC_REASON_NONE, false},
};

static const struct opened_row *find_opened(const struct opened_row *rows, size_t rows_len, const char *text,
                                            size_t len)
{
	for (size_t i = 0; i < rows_len; i++) {
		size_t row_len = strlen(rows[i].text);

		if (len < row_len || memcmp(rows[i].text, text, row_len) != 0)
			continue;
		if (rows[i].kind == OPENED_PREFIX || len == row_len)
			return &rows[i];
	}
	return NULL;
}

/* Judges one inner argument. Returns its row, NULL when it is not known. */
static const struct opened_row *judge(struct cc_parser *p, const struct opened_row *rows, size_t rows_len,
                                      const char *text, size_t len, const char *detail)
{
	const struct opened_row *row = find_opened(rows, rows_len, text, len);

	if (!row)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, detail);
	else if (row->bypass != CC_REASON_NONE)
		cc_parser_bypass(p, row->bypass, detail);
	else if (row->cwd)
		p->inv->embeds_cwd = true;
	return row;
}

/* -I of the assembler: its directory, or whether that is the next element. */
static bool take_asm_dir(struct cc_parser *p, const char *element, size_t len)
{
	if (len < 2 || element[0] != '-' || element[1] != 'I')
		return false;
	if (len > 2)
		hp_strv_addn(&p->inv->asm_dirs, element + 2, len - 2);
	return len == 2;
}

/* "-adhln=FILE" and, to standard output, "-adhln": the listing of GNU as. Not with 'g', which puts the time into it. */
static bool take_listing(struct cc_parser *p, const char *element, size_t len)
{
	char *text = hp_arena_strndup(p->inv->arena, element, len);
	char *letters = text + 2;

	if (!hp_startswith(text, "-a"))
		return false;
	letters += strspn(letters, "cdhlmns");
	if (*letters == '=')
		cc_parser_side_file(p, CC_ROLE_LISTING, letters + 1);
	return !*letters || *letters == '=';
}

void cc_parser_open_assembler(struct cc_parser *p, const struct cc_arg *arg)
{
	const char *pos = arg->value;
	bool whole = arg->row->value == CC_VALUE_SEPARATE;
	bool skip = false;
	bool dir = false;

	while (pos) {
		const char *element = pos;
		size_t len = strlen(pos);
		const struct opened_row *row;

		if (whole)
			pos = NULL;
		else
			len = next_element(&pos, &element);
		if (skip) {
			if (dir)
				hp_strv_addn(&p->inv->asm_dirs, element, len);
			skip = dir = false;
			continue;
		}
		if (take_listing(p, element, len))
			continue;
		dir = take_asm_dir(p, element, len);
		row = judge(p, assembler_rows, HP_ARRAY_SIZE(assembler_rows), element, len, arg->text);
		skip = dir || (row && row->kind == OPENED_VALUE);
	}
	/* The value stands in another argument. */
	if (skip)
		cc_parser_bypass(p, CC_REASON_UNSUPPORTED_OPTION, arg->text);
	cc_key_add(&p->inv->key_args, arg);
}

void cc_parser_open_xclang(struct cc_parser *p, const struct cc_arg *arg)
{
	cc_key_add(&p->inv->key_args, arg);
	if (p->cc1_option) {
		if (hp_streq(p->cc1_option, "-include"))
			hp_strv_ref(&p->inv->cc1_includes, arg->value);
		else if (hp_streq(p->cc1_option, "-include-pch"))
			hp_strv_ref(&p->inv->pch_files, arg->value);
		p->cc1_option = NULL;
		return;
	}
	const struct opened_row *row =
	        judge(p, xclang_rows, HP_ARRAY_SIZE(xclang_rows), arg->value, strlen(arg->value), arg->value);

	if (row && row->kind == OPENED_VALUE)
		p->cc1_option = arg->value;
	p->inv->makes_pch = p->inv->makes_pch || hp_streq(arg->value, "-emit-pch");
	p->inv->pch_without_times = p->inv->pch_without_times || hp_streq(arg->value, "-fno-pch-timestamp");
}

void cc_parser_open_mllvm(struct cc_parser *p, const struct cc_arg *arg)
{
	(void)judge(p, mllvm_rows, HP_ARRAY_SIZE(mllvm_rows), arg->value, strlen(arg->value), arg->value);
	cc_key_add(&p->inv->key_args, arg);
}
