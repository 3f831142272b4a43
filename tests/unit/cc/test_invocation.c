#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation.h"

#define AUTO_INV __attribute__((cleanup(cc_invocation_done)))

static int read_fake(void *ctx, const char *path, struct hp_buf *out)
{
	(void)ctx;
	if (hp_streq(path, "plain.rsp"))
		hp_buf_str(out, "-DA -DB");
	else if (hp_streq(path, "deps.rsp"))
		hp_buf_str(out, "-MMD -MF x.d");
	else if (hp_streq(path, "edge.rsp"))
		hp_buf_str(out, "-DA -I");
	else
		return -HP_NOT_FOUND;
	return 0;
}

/* Parses a command line: the driver's name, then arguments, parted by single spaces. */
static void parse(const char *line, struct cc_invocation *inv)
{
	struct hp_strv words HP_AUTO_STRV = {0};
	enum cc_family family;

	while (*line) {
		size_t len = strcspn(line, " ");

		hp_strv_addn(&words, line, len);
		line += len + (line[len] == ' ');
	}
	family = strstr(words.v[0], "clang") ? CC_FAMILY_CLANG : CC_FAMILY_GCC;
	assert_int_equal(
	        cc_invocation_parse(inv, family, words.v[0], words.len - 1, words.v + 1, read_fake, NULL, NULL), 0);
}

static void bypasses(const char *line, enum cc_reason reason)
{
	struct cc_invocation inv AUTO_INV;

	parse(line, &inv);
	if (inv.bypass != reason)
		fail_msg("%s: %s (%s) instead of %s", line, cc_reason_name(inv.bypass), inv.bypass_detail,
		         cc_reason_name(reason));
}

static void joined(const struct hp_strv *list, struct hp_buf *out)
{
	for (size_t i = 0; i < list->len; i++)
		hp_buf_printf(out, "%s%s", i ? " " : "", list->v[i]);
}

static void keys(const char *line, const char *key)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_buf got HP_AUTO_BUF = {0};

	parse(line, &inv);
	if (inv.bypass != CC_REASON_NONE)
		fail_msg("%s: %s", line, cc_reason_name(inv.bypass));
	joined(&inv.key_args, &got);
	assert_string_equal(hp_buf_cstr(&got), key);
}

static void runs(const char *line, const char *want)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_strv args HP_AUTO_STRV = {0};
	struct hp_buf got HP_AUTO_BUF = {0};

	parse(line, &inv);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	cc_invocation_run_args(&inv, "P", false, &args);
	joined(&args, &got);
	assert_string_equal(hp_buf_cstr(&got), want);
}

static void modes_are_told_apart(void **state)
{
	(void)state;
	bypasses("gcc -c x.c", CC_REASON_NONE);
	bypasses("gcc x.c", CC_REASON_NO_COMPILE);
	bypasses("gcc -o x x.o -lfoo -Wl,-z,now", CC_REASON_NO_COMPILE);
	bypasses("gcc --version", CC_REASON_NO_COMPILE);
	bypasses("gcc -### -c x.c", CC_REASON_NO_COMPILE);
	bypasses("gcc -print-file-name=x", CC_REASON_NO_COMPILE);
	bypasses("gcc -E x.i", CC_REASON_PREPROCESS_ONLY);
	bypasses("gcc -E x.s", CC_REASON_PREPROCESS_ONLY);
	bypasses("gcc -M x.c", CC_REASON_PREPROCESS_ONLY);
	bypasses("gcc -MM x.c", CC_REASON_PREPROCESS_ONLY);
	bypasses("gcc -S x.S", CC_REASON_ASSEMBLY_OUTPUT);
	bypasses("gcc -fsyntax-only x.S", CC_REASON_SYNTAX_ONLY);
	bypasses("clang --analyze x.c", CC_REASON_NO_COMPILE);
}

static void has_mode(const char *line, enum cc_mode mode, const char *output)
{
	struct cc_invocation inv AUTO_INV;

	parse(line, &inv);
	if (inv.bypass != CC_REASON_NONE || inv.mode != mode || !hp_streq(inv.output, output))
		fail_msg("%s: %s, mode %d to \"%s\"", line, cc_reason_name(inv.bypass), (int)inv.mode, inv.output);
}

static void the_mode_decides_what_comes_out(void **state)
{
	(void)state;
	has_mode("gcc -c a/x.c", CC_MODE_OBJECT, "x.o");
	has_mode("gcc -S a/x.c", CC_MODE_ASSEMBLY, "x.s");
	has_mode("gcc -c -S x.c -o y", CC_MODE_ASSEMBLY, "y");
	has_mode("gcc -S x.c -o -", CC_MODE_ASSEMBLY, "");
	has_mode("gcc -E x.c", CC_MODE_PREPROCESS, "");
	has_mode("gcc -E -S -c x.c -o y.i", CC_MODE_PREPROCESS, "y.i");
	has_mode("gcc -E -fsyntax-only x.c -o y.i", CC_MODE_PREPROCESS, "y.i");
	has_mode("gcc -S -fsyntax-only x.c -o y.s", CC_MODE_SYNTAX, "");
	has_mode("gcc -E -x assembler-with-cpp x.c", CC_MODE_PREPROCESS, "");
	has_mode("gcc -c x.c -o /dev/null", CC_MODE_OBJECT, "");
	has_mode("gcc -c -x c /dev/null -o t", CC_MODE_OBJECT, "t");
}

static void a_compile_that_makes_no_file_has_a_key_of_its_own(void **state)
{
	(void)state;
	keys("gcc -c x.c -o y.o", "-x c");
	keys("gcc -c x.c -o /dev/null", "-o /dev/null -x c");
	keys("gcc -S x.c -o y.s", "-S -x c");
	keys("gcc -S x.c -o -", "-S -o - -x c");
	keys("gcc -E -c x.c", "-E -c -o - -x c");
	keys("gcc -E x.c -o -", "-E -o - -x c");
	keys("gcc -fsyntax-only x.c", "-fsyntax-only -x c");
}

static void options_of_the_preprocessor_s_output_need_E(void **state)
{
	(void)state;
	bypasses("gcc -c -P x.c", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("gcc -c -dM x.c", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("gcc -E -dM -P -C x.c", CC_REASON_NONE);
	bypasses("gcc -E -fstack-usage x.c", CC_REASON_SIDE_FILES);
	bypasses("gcc -E -MD x.c", CC_REASON_DEPFILE_OPTION);
	bypasses("gcc -E -MD -MF x.d -MT y x.c", CC_REASON_NONE);
}

static void splits(const char *line, const char *want)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_buf got HP_AUTO_BUF = {0};

	parse(line, &inv);
	assert_int_equal(inv.bypass, CC_REASON_MULTIPLE_INPUTS);
	for (size_t i = 0; i < inv.jobs; i++) {
		struct hp_strv job HP_AUTO_STRV = {0};

		cc_invocation_job_args(&inv, i, &job);
		if (i)
			hp_buf_str(&got, " | ");
		joined(&job, &got);
	}
	assert_string_equal(hp_buf_cstr(&got), want);
}

static void several_sources_are_a_job_each(void **state)
{
	(void)state;
	splits("gcc -c a.c b.c", "-c a.c | -c b.c");
	splits("gcc -c a.c -x c++ b.c -DX", "-c a.c -x c++ -DX | -c -x c++ b.c -DX");
	splits("gcc -I a.c a.c -c b.s c.S -MD", "-I a.c a.c -c -MD | -I a.c -c b.s -MD | -I a.c -c c.S -MD");
	splits("clang -c a.c b.c", "");
	splits("gcc -c a.c b.c -o x", "");
	splits("gcc -c a.c b.c -MD -MF x", "");
	splits("gcc -c a.c b.c -fstack-usage", "");
	splits("gcc -c a.c b.o", "");
	splits("gcc -c a.c b.h", "");
	splits("gcc -S a.c b.c", "");
	bypasses("gcc -c a.c b.c -fno-such-thing", CC_REASON_UNKNOWN_OPTION);
}

static void inputs_are_judged(void **state)
{
	(void)state;
	bypasses("gcc -c", CC_REASON_NO_INPUT);
	bypasses("gcc -c a.c b.c", CC_REASON_MULTIPLE_INPUTS);
	bypasses("gcc -c -x c -", CC_REASON_STDIN_INPUT);
	bypasses("gcc -c -x c /dev/zero -o t", CC_REASON_SPECIAL_INPUT);
	bypasses("gcc -c /dev/null -o t", CC_REASON_UNKNOWN_LANGUAGE);
	/* Where a precompiled header goes by default is not worth knowing. */
	bypasses("gcc -c x.h", CC_REASON_PCH);
	bypasses("g++ -c x.hpp", CC_REASON_PCH);
	bypasses("gcc -x c-header -c x.c", CC_REASON_PCH);
	bypasses("g++ -x c++-user-header -c x.h -o x.gcm", CC_REASON_MODULES);
	bypasses("gcc -c x.f90", CC_REASON_UNKNOWN_LANGUAGE);
	bypasses("gcc -c x.o", CC_REASON_UNKNOWN_LANGUAGE);
	bypasses("gcc -c x", CC_REASON_UNKNOWN_LANGUAGE);
	bypasses("gcc -x cuda -c x.c", CC_REASON_UNKNOWN_LANGUAGE);
	bypasses("gcc -c x.c -o -", CC_REASON_SPECIAL_OUTPUT);
	bypasses("gcc -c x.c -o /dev/full", CC_REASON_SPECIAL_OUTPUT);
	bypasses("gcc -c x.c -o /dev/null -fstack-usage", CC_REASON_SIDE_FILES);
	bypasses("gcc -c x.c -o a.o -o b.o", CC_REASON_SPECIAL_OUTPUT);
	bypasses("gcc -c x.c @missing", CC_REASON_RESPONSE_FILE);
}

static void unknown_options_are_never_guessed(void **state)
{
	struct cc_invocation inv AUTO_INV;

	(void)state;
	bypasses("gcc -c x.c -fno-such-thing", CC_REASON_UNKNOWN_OPTION);
	bypasses("gcc -c x.c --wat=1", CC_REASON_UNKNOWN_OPTION);
	bypasses("gcc -c x.c -Xclang -foo", CC_REASON_UNKNOWN_OPTION);
	parse("gcc -c x.c -zzz value.c", &inv);
	assert_int_equal(inv.bypass, CC_REASON_UNKNOWN_OPTION);
	assert_string_equal(inv.bypass_detail, "-zzz");
}

static void options_out_of_scope_have_their_reason(void **state)
{
	static const struct {
		const char *option;
		enum cc_reason reason;
	} rows[] = {
	        {"-fplugin=x.so", CC_REASON_PLUGIN},
	        {"-fprofile-report", CC_REASON_PROFILE},
	        {"-fprofile-use=", CC_REASON_PROFILE},
	        {"-fprofile-note=x", CC_REASON_PROFILE},
	        {"-fprofile-dir=x --coverage", CC_REASON_PROFILE},
	        {"-fdiagnostics-format=json-file", CC_REASON_SIDE_FILES},
	        {"-dv", CC_REASON_SIDE_FILES},
	        {"-fdump-analyzer", CC_REASON_SIDE_FILES},
	        {"-fdump-tree-all=x", CC_REASON_SIDE_FILES},
	        {"-aux-info /dev/null", CC_REASON_SIDE_FILES},
	        {"-aux-info x -aux-info y", CC_REASON_SIDE_FILES},
	        {"-save-temps=x", CC_REASON_SIDE_FILES},
	        {"-dumpdir x", CC_REASON_SIDE_FILES},
	        {"-fmodules-ts", CC_REASON_MODULES},
	        {"-fmodule-header", CC_REASON_MODULES},
	        {"-fmodule-mapper=x", CC_REASON_MODULES},
	        {"-frecord-gcc-switches", CC_REASON_RECORD_SWITCHES},
	        {"-specs=x", CC_REASON_UNSUPPORTED_OPTION},
	        {"-wrapper gdb,--args", CC_REASON_UNSUPPORTED_OPTION},
	        {"-B.", CC_REASON_UNSUPPORTED_OPTION},
	        {"-B tools", CC_REASON_UNSUPPORTED_OPTION},
	        {"--sysroot=rel", CC_REASON_UNSUPPORTED_OPTION},
	        {"-I=inc", CC_REASON_UNSUPPORTED_OPTION},
	        {"-I-", CC_REASON_UNSUPPORTED_OPTION},
	        {"-iprefix x", CC_REASON_UNSUPPORTED_OPTION},
	        {"-iwithprefix x", CC_REASON_UNSUPPORTED_OPTION},
	        {"-T x.ld", CC_REASON_UNSUPPORTED_OPTION},
	        {"-v", CC_REASON_UNSUPPORTED_OPTION},
	        {"-Wmissing-include-dirs", CC_REASON_UNSUPPORTED_OPTION},
	        {"-Wp,-foo", CC_REASON_UNSUPPORTED_OPTION},
	        {"-Wp,-MT,foo", CC_REASON_DEPFILE_OPTION},
	        {"-Wa,-ag=x.lst", CC_REASON_SIDE_FILES},
	        {"-Xassembler --defsym", CC_REASON_UNSUPPORTED_OPTION},
	        {"-MG", CC_REASON_DEPFILE_OPTION},
	        {"-MD -MF -", CC_REASON_DEPFILE_OPTION},
	        {"-MD -MF /dev/stdout", CC_REASON_DEPFILE_OPTION},
	        {"-MF x.d", CC_REASON_DEPFILE_OPTION},
	        {"-MD -Wp,-MD,x.d", CC_REASON_DEPFILE_OPTION},
	        {"-MD -MQ q -MT t", CC_REASON_DEPFILE_OPTION},
	        {"-include", CC_REASON_UNSUPPORTED_OPTION},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		char *line HP_AUTO_FREE = hp_asprintf("gcc -c x.c %s", rows[i].option);

		bypasses(line, rows[i].reason);
	}
}

static void options_of_clang_have_their_reason(void **state)
{
	(void)state;
	bypasses("clang -c x.h -o x.pch -include-pch y.pch", CC_REASON_PCH);
	bypasses("clang -c x.h -o x.pch -Xclang -include-pch -Xclang y.pch", CC_REASON_PCH);
	bypasses("clang -c x.c -Xclang -load -Xclang x.so", CC_REASON_PLUGIN);
	bypasses("clang -c x.c -Xclang -no-such", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("clang -c x.c -Xclang -target-feature -O2 -Xclang +sse", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("clang -c x.c -Xclang -target-feature -Xclang +sse", CC_REASON_NONE);
	bypasses("clang -c x.c -mllvm -inline-threshold=2", CC_REASON_NONE);
	bypasses("clang -c x.c -mllvm -debug", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("clang -c x.c -MJ x.json -Wp,-MD,x.d", CC_REASON_SIDE_FILES);
	bypasses("clang -c x.c -fmodules", CC_REASON_MODULES);
	bypasses("clang -c x.c -fno-modules", CC_REASON_NONE);
	bypasses("clang -c x.c -fcoverage-mapping", CC_REASON_COVERAGE);
	bypasses("clang -c x.c -fprofile-sample-use", CC_REASON_PROFILE);
	bypasses("clang -c x.c -grecord-command-line", CC_REASON_RECORD_SWITCHES);
	bypasses("clang -c x.c -fembed-bitcode", CC_REASON_RECORD_SWITCHES);
	bypasses("clang -c x.c -arch x86_64", CC_REASON_NONE);
	bypasses("clang -c x.c -arch x86_64 -arch arm64", CC_REASON_MULTIPLE_ARCH);
	bypasses("clang -c x.c -index-store-path x", CC_REASON_SIDE_FILES);
	bypasses("clang -c x.c --config x.cfg", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("clang -c x.c -MD -MMD", CC_REASON_DEPFILE_OPTION);
	bypasses("gcc -c x.c -MD -MMD", CC_REASON_NONE);
}

static void the_key_unifies_spellings_and_keeps_order(void **state)
{
	(void)state;
	keys("gcc -c x.c", "-x c");
	keys("gcc -c x.c -I a -Ib -D A -DB=1 -U C -DC -o out.o", "-Ia -Ib -DA -DB=1 -UC -DC -x c");
	keys("gcc -c x.c --define-macro=A --include-directory b", "-DA -Ib -x c");
	keys("gcc -c x.c -include a.h -imacrosb.h -isystem s -iquote q -idirafterz",
	     "-includea.h -imacrosb.h -isystems -iquoteq -idirafterz -x c");
	keys("gcc -MD -MP -MF x.d -MT t -c x.c -O2 -Wall", "-O2 -Wall -x c");
	keys("gcc -c x.c -Wp,-MMD,.x.d -Wp,-DA -O2", "-Wp,-DA -O2 -x c");
	keys("gcc -c x.c --param a=1 --param=b=2", "--param a=1 --param=b=2 -x c");
	keys("g++ -c x.c", "-x c++ --driver-mode=g++");
	keys("gcc -x c++ -c x.c", "-xc++ -x c++");
	keys("gcc -c x.c -L. -lfoo -Wl,-z,now", "-x c");
	keys("clang -c x.c -L. -l foo", "-L. -lfoo -x c");
	keys("gcc -c x.c @plain.rsp", "-DA -DB -x c");
	keys("gcc -c x.c -fno-diagnostics-color -Wa,--noexecstack", "-fno-diagnostics-color -Wa,--noexecstack -x c");
}

static void lists(const char *line, const char *files)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_buf got HP_AUTO_BUF = {0};

	parse(line, &inv);
	if (inv.bypass != CC_REASON_NONE)
		fail_msg("%s: %s", line, cc_reason_name(inv.bypass));
	joined(&inv.input_files, &got);
	hp_buf_printf(&got, "|");
	joined(&inv.pch_files, &got);
	hp_buf_printf(&got, "|%s|%s", inv.profile_use ? "use" : "", inv.profile_dir ? inv.profile_dir : "");
	assert_string_equal(hp_buf_cstr(&got), files);
}

static void files_that_options_name_are_collected(void **state)
{
	(void)state;
	lists("gcc -c x.c", "|||");
	lists("gcc -c x.c -fprofile-use", "||use|");
	lists("gcc -c x.c -fno-profile-use", "|||");
	lists("gcc -c x.c -fprofile-use=a -fprofile-dir=b", "||use|b");
	lists("gcc -c x.c -fbranch-probabilities -fauto-profile -fauto-profile=q", "fbdata.afdo q||use|");
	lists("gcc -c x.c -fplugin=./p.so -fplugin-arg-p-key=value", "./p.so|||");
	lists("clang -c x.c -fprofile-use", "default.profdata|||");
	lists("clang -c x.c -fprofile-instr-use=p -fprofile-sample-use=s", "p p/default.profdata s|||");
	lists("clang -c x.c -fsanitize-ignorelist=l -fxray-attr-list= m -fprofile-list=n", "l m n|||");
	lists("clang -c x.c -include-pch a.pch -Xclang -include-pch -Xclang b.pch", "|a.pch b.pch||");
	bypasses("gcc -c x.c -fplugin=p", CC_REASON_PLUGIN);
	bypasses("gcc -c x.c -fplugin=./p.so -fplugin-arg-p-out=a/b", CC_REASON_PLUGIN);
	bypasses("gcc -c x.c -fplugin=./p.so -fplugin-arg-p-out=a.txt", CC_REASON_PLUGIN);
}

/* The object, or what stands in its place, depends on the directory and on its own path. */
static void what_goes_by_its_own_path_has_it_in_the_key(void **state)
{
	(void)state;
	keys("gcc -c x.c -o d/x.o -fprofile-generate", "-fprofile-generate -o d/x.o -x c");
	keys("clang -c x.c -fprofile-use=p", "-fprofile-use=p -o x.o -x c");
	keys("clang++ -c x.h -o x.pch", "-o x.pch -x c++-header --driver-mode=g++");
	keys("gcc -c x.h -o x.h.gch", "-o x.h.gch -x c-header");
}

static void values_are_not_inputs(void **state)
{
	struct cc_invocation inv AUTO_INV;

	(void)state;
	parse("clang -target a.c -isysroot /b.c -Xclang -W -u c.c -z d.c -include e.c -o f.c -MF g.c -MD --param h.c -c i.c",
	      &inv);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_string_equal(inv.input, "i.c");
	assert_string_equal(inv.output, "f.c");
	assert_string_equal(inv.deps_file, "g.c");
	assert_string_equal(inv.forced_includes.v[0], "e.c");
}

/* What Xcode and Bazel pass: values that look like sources, of options that this cache may not even handle. */
static void no_value_of_an_option_is_taken_for_a_second_source(void **state)
{
	static const char *const lines[] = {
	        "clang -arch x.c -index-store-path i.c -index-unit-output-path u.c -c a.c",
	        "clang -serialize-diagnostics d.c -Xarch_x86_64 b.c -filelist f.c -framework w.c -c a.c",
	        "clang -fmodules-user-build-path p.c -module-dependency-dir m.c -Xopenmp-target=t o.c -c a.c",
	        "clang -Xanalyzer x.c -Xcuda-ptxas y.c -ivfsoverlay z.c -working-directory w.c -MJ j.c -c a.c",
	        "clang -fxray-attr-list= x.c -G g.c -b b.c -V v.c -include-pch p.c -c a.c",
	        "gcc -aux-info x.c -dumpbase y.c -dumpdir d.c -specs s.c -wrapper w.c -imultilib m.c -c a.c",
	        "gcc --machine x.c -T t.c -Tbss b.c -R r.c --output-pch= p.c -iprefix i.c --dump d.c -c a.c",
	        "gcc --include-directory x.c --define-macro y.c --undefine-macro z.c --imacros q.c --output o.c -c a.c",
	        "gcc -Xlinker x.c -Xassembler y.c -Xpreprocessor z.c -A a=b.c -B /b.c -L l.c -l l.c -u u.c -z z.c -c a.c",
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(lines); i++) {
		struct cc_invocation inv AUTO_INV;

		parse(lines[i], &inv);
		if (!inv.input || !hp_streq(inv.input, "a.c") || inv.bypass == CC_REASON_MULTIPLE_INPUTS ||
		    inv.bypass == CC_REASON_UNKNOWN_OPTION)
			fail_msg("%s: %s (%s)", lines[i], inv.input, cc_reason_name(inv.bypass));
	}
}

/* As the short forms, whatever looks at the spelling. */
static void long_forms_have_the_same_reasons(void **state)
{
	(void)state;
	bypasses("gcc -c x.c -fdump-final-insns", CC_REASON_SIDE_FILES);
	bypasses("gcc -c x.c --dump-final-insns", CC_REASON_SIDE_FILES);
	bypasses("gcc -c x.c --warn-missing-include-dirs", CC_REASON_UNSUPPORTED_OPTION);
	bypasses("gcc -c x.c --warn-p,-MD,f.d", CC_REASON_DEPFILE_OPTION);
	bypasses("gcc -c x.c --pch-deps", CC_REASON_PCH);
	bypasses("gcc -c x.c --plugin=x.so", CC_REASON_PLUGIN);
}

static void a_macro_that_may_be_assembler_with_files_is_left_alone(void **state)
{
	(void)state;
	bypasses("gcc -c x.c -DA=.incbin", CC_REASON_INCBIN);
	bypasses("gcc -c x.c -DA=x.IncBin", CC_REASON_INCBIN);
	bypasses("gcc -c x.c -D A=.INCLUDE", CC_REASON_INCBIN);
	bypasses("gcc -c x.c -DA=include", CC_REASON_NONE);
	bypasses("gcc -c x.c -Dinclude=.i", CC_REASON_NONE);
	bypasses("gcc -c x.c -DA=.inc -DINCBI=n", CC_REASON_NONE);
}

static void options_of_the_dependency_file_never_join_the_key(void **state)
{
	(void)state;
	keys("gcc -c x.c -O2", "-O2 -x c");
	keys("gcc -c x.c -O2 -MD -MF a.d -MT t -MQ q -MP", "-O2 -x c");
	keys("gcc -c x.c -O2 -Wp,-MD,dir/.x.o.d", "-O2 -x c");
	keys("gcc -c x.c -O2 -Wp,-MMD,dir/.y.o.d -MT u", "-O2 -x c");
	keys("gcc -c x.c -O2 --write-dependencies", "-O2 -x c");
}

static void languages_follow_suffix_option_and_name(void **state)
{
	static const struct {
		const char *line;
		const char *lang;
	} rows[] = {
	        {"gcc -c x.c", "c"},
	        {"g++ -c x.c", "c++"},
	        {"/usr/bin/x86_64-linux-gnu-g++-12 -c x.c", "c++"},
	        {"clang++-14 -c x.c", "c++"},
	        {"c++ -c x.c", "c++"},
	        {"gcc -c x.cc", "c++"},
	        {"gcc -c x.C", "c++"},
	        {"gcc -c x.S", "assembler-with-cpp"},
	        {"gcc -c x.s", "assembler"},
	        {"gcc -c x.i", "cpp-output"},
	        {"g++ -c x.i", "c++-cpp-output"},
	        {"gcc -c x.ii", "c++-cpp-output"},
	        {"gcc -x c++ -c x.txt", "c++"},
	        {"gcc -x c++ -x none -c x.c", "c"},
	        {"gcc -xc -c x.cc -x c++", "c"},
	        {"g++ -x c -c x.cc", "c"},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct cc_invocation inv AUTO_INV;

		parse(rows[i].line, &inv);
		assert_int_equal(inv.bypass, CC_REASON_NONE);
		assert_string_equal(inv.lang_name, rows[i].lang);
	}
}

static bool embeds(const char *line)
{
	struct cc_invocation inv AUTO_INV;

	parse(line, &inv);
	return inv.embeds_cwd;
}

static void the_working_directory_is_announced(void **state)
{
	(void)state;
	assert_false(embeds("gcc -c x.c -O2"));
	assert_true(embeds("gcc -c x.c -g"));
	assert_false(embeds("gcc -c x.c -g -g0"));
	assert_true(embeds("gcc -c x.c -g0 -gdwarf-4"));
	assert_true(embeds("gcc -c x.c -ggdb3"));
	assert_false(embeds("gcc -c x.c -gz -gno-column-info -gstrict-dwarf"));
	assert_true(embeds("gcc -c x.c -g0 -gtoggle -g0"));
	assert_true(embeds("gcc -c x.c -flto"));
	assert_false(embeds("clang -c x.c -flto=thin"));
	assert_false(embeds("gcc -c x.c -fno-lto"));
	assert_true(embeds("gcc -c x.S -Wa,-gdwarf-2"));
	assert_true(embeds("clang -c x.c -gline-tables-only"));
}

static void colour_and_identity_are_collected(void **state)
{
	struct cc_invocation inv AUTO_INV;
	struct cc_invocation plain AUTO_INV;
	struct hp_buf ident HP_AUTO_BUF = {0};

	(void)state;
	parse("gcc -fdiagnostics-color=never -m32 -march=native -nostdinc --sysroot=/s -B /b -fdiagnostics-color -ffile-prefix-map=a=b "
	      "-c x.c",
	      &inv);
	assert_int_equal(inv.color, CC_COLOR_ALWAYS);
	assert_true(inv.debug_prefix_map);
	joined(&inv.ident_args, &ident);
	assert_string_equal(hp_buf_cstr(&ident), "-m32 -march=native -nostdinc --sysroot=/s -B/b");
	parse("gcc -fdiagnostics-color -fdiagnostics-plain-output -c x.c", &plain);
	assert_int_equal(plain.color, CC_COLOR_NEVER);
}

static void directories_keep_their_kind_and_order(void **state)
{
	struct cc_invocation inv AUTO_INV;

	(void)state;
	parse("gcc -Ia -isystem b -iquotec -idirafter d -I e -c x.c", &inv);
	assert_int_equal(inv.dirs_len, 5);
	assert_int_equal(inv.dirs[0].kind, CC_DIR_ANGLE);
	assert_int_equal(inv.dirs[1].kind, CC_DIR_SYSTEM);
	assert_int_equal(inv.dirs[2].kind, CC_DIR_QUOTE);
	assert_string_equal(inv.dirs[2].path, "c");
	assert_int_equal(inv.dirs[3].kind, CC_DIR_AFTER);
	assert_string_equal(inv.dirs[4].path, "e");
}

static void a_miss_adds_or_widens_the_dependency_file(void **state)
{
	(void)state;
	runs("gcc -c x.c", "-MD -MF P -c x.c");
	runs("gcc -c x.s", "-c x.s");
	runs("gcc -c x.i", "-c x.i");
	runs("gcc -c x.c -MD", "-c x.c -MD");
	runs("gcc -c x.c -MMD -MF d -MP -MT t", "-MF P -c x.c -MD -MP -MT t");
	runs("gcc -c x.c -Wp,-MMD,d -O2", "-c x.c -Wp,-MD,P -O2");
	runs("gcc -c x.c -include -MMD -MMD", "-MF P -c x.c -include -MMD -MD");
	runs("gcc -c x.c @plain.rsp", "-MD -MF P -c x.c @plain.rsp");
	runs("gcc -c x.c @plain.rsp -MMD", "-MF P -c x.c @plain.rsp -MD");
	runs("gcc -c x.c @deps.rsp", "-MF P -c x.c -MD");
	runs("gcc -c x.c -MMD @edge.rsp dir", "-MF P -c x.c -MD -DA -I dir");
}

static void colour_is_forced_in_front(void **state)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_strv args HP_AUTO_STRV = {0};

	(void)state;
	parse("clang -c x.c -MD", &inv);
	cc_invocation_run_args(&inv, "P", true, &args);
	assert_string_equal(args.v[0], "-fcolor-diagnostics");
}

static void a_private_name_with_a_comma_is_passed_whole(void **state)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_strv args HP_AUTO_STRV = {0};
	struct hp_buf got HP_AUTO_BUF = {0};

	(void)state;
	parse("gcc -c x.c -Wp,-MMD,d", &inv);
	cc_invocation_run_args(&inv, "P,1", false, &args);
	joined(&args, &got);
	assert_string_equal(hp_buf_cstr(&got), "-c x.c -Xpreprocessor -MD -Xpreprocessor P,1");
}

static void the_argument_limit_holds(void **state)
{
	char word[] = "-O2";
	char **argv = hp_alloc((HP_ARGS_MAX + 1) * sizeof *argv);
	struct cc_invocation inv;

	(void)state;
	for (size_t i = 0; i <= HP_ARGS_MAX; i++)
		argv[i] = word;
	assert_int_equal(cc_invocation_parse(&inv, CC_FAMILY_GCC, "gcc", HP_ARGS_MAX, argv, NULL, NULL, NULL), 0);
	assert_int_equal(inv.bypass, CC_REASON_NO_COMPILE);
	cc_invocation_done(&inv);
	assert_int_equal(cc_invocation_parse(&inv, CC_FAMILY_GCC, "gcc", HP_ARGS_MAX + 1, argv, NULL, NULL, NULL), 0);
	assert_int_equal(inv.bypass, CC_REASON_TOO_MANY_ARGS);
	cc_invocation_done(&inv);
	free(argv);
	assert_int_equal(cc_invocation_parse(&inv, CC_FAMILY_GCC, "gcc", 1, NULL, NULL, NULL, NULL), -HP_INVALID);
	cc_invocation_done(&inv);
}

static void describes(const char *line, const char *wanted)
{
	struct cc_invocation inv AUTO_INV;
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_buf plain HP_AUTO_BUF = {0};

	parse(line, &inv);
	cc_invocation_describe(&inv, &text);
	/* Columns are for people; here one space stands between them. */
	for (const char *p = hp_buf_cstr(&text); *p; p++) {
		if (*p != ' ' || p[1] != ' ')
			hp_buf_char(&plain, *p);
	}
	if (!strstr(hp_buf_cstr(&plain), wanted))
		fail_msg("%s: no \"%s\" in\n%s", line, wanted, hp_buf_cstr(&plain));
}

static void a_description_says_of_every_argument_why(void **state)
{
	const char *line =
	        "gcc -c x.c -O2 -o x.o -fwat -dumpdir y -Wall -Iinc -include e.h -L/x -MD -march=native -g -DX "
	        "-Wa,-L -pipe -fno-common -I";

	(void)state;
	describes(line, "-c mode - the mode\n");
	describes(line, "x.c input - a source: name and content join through the closure\n");
	describes(line, "-O2 codegen key changes the object\n");
	describes(line, "-o x.o output - names the output\n");
	describes(line, "-fwat unknown - bypass unknown-option: not in the option tables\n");
	describes(line, "-dumpdir y side-file key bypass side-files: ");
	describes(line, "-Wall diagnostics key diagnostics are part of the entry\n");
	describes(line, "-Iinc include key value joins as path, in order\n");
	describes(line, "-include e.h include key value joins as path; its content through the closure\n");
	describes(line, "-L/x linker - without linking it has no effect\n");
	describes(line, "-MD dependency - the dependency file is printed anew each time\n");
	describes(line, "-march=native codegen key changes the object; also part of the compiler's identity\n");
	describes(line, "-g codegen key changes the object, which holds the directory\n");
	describes(line, "-DX define key macros join, in order\n");
	describes(line, "-Wa,-L passthrough key opened: what it carries is known\n");
	describes(line, "-pipe passthrough key changes how the compiler runs its programs\n");
	describes(line, "-fno-common codegen key changes the object\n");
	describes(line, "-I include key bypass unsupported-option: its value is missing\n");
	describes("gcc -S x.c", "-S mode key the mode joins where it is not plain -c\n");
	describes("gcc -M x.c", "-M mode - bypass preprocess-only: ");
	describes("gcc -c x.c --version", "--version mode - bypass not-a-compile: ");
	describes("clang -c x.c -L/x", "-L/x linker key for the linker; the compiler may warn of it\n");
	describes("gcc -c x.c @plain.rsp", "-DA define key macros join, in order\n-DB define");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(modes_are_told_apart),
	        cmocka_unit_test(the_mode_decides_what_comes_out),
	        cmocka_unit_test(a_compile_that_makes_no_file_has_a_key_of_its_own),
	        cmocka_unit_test(options_of_the_preprocessor_s_output_need_E),
	        cmocka_unit_test(several_sources_are_a_job_each),
	        cmocka_unit_test(inputs_are_judged),
	        cmocka_unit_test(unknown_options_are_never_guessed),
	        cmocka_unit_test(options_out_of_scope_have_their_reason),
	        cmocka_unit_test(options_of_clang_have_their_reason),
	        cmocka_unit_test(the_key_unifies_spellings_and_keeps_order),
	        cmocka_unit_test(files_that_options_name_are_collected),
	        cmocka_unit_test(what_goes_by_its_own_path_has_it_in_the_key),
	        cmocka_unit_test(values_are_not_inputs),
	        cmocka_unit_test(no_value_of_an_option_is_taken_for_a_second_source),
	        cmocka_unit_test(long_forms_have_the_same_reasons),
	        cmocka_unit_test(a_macro_that_may_be_assembler_with_files_is_left_alone),
	        cmocka_unit_test(options_of_the_dependency_file_never_join_the_key),
	        cmocka_unit_test(languages_follow_suffix_option_and_name),
	        cmocka_unit_test(the_working_directory_is_announced),
	        cmocka_unit_test(colour_and_identity_are_collected),
	        cmocka_unit_test(directories_keep_their_kind_and_order),
	        cmocka_unit_test(a_miss_adds_or_widens_the_dependency_file),
	        cmocka_unit_test(colour_is_forced_in_front),
	        cmocka_unit_test(a_private_name_with_a_comma_is_passed_whole),
	        cmocka_unit_test(the_argument_limit_holds),
	        cmocka_unit_test(a_description_says_of_every_argument_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
