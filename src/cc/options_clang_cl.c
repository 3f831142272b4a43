/* Which of Clang's own options clang-cl takes as well: it warns of the others and leaves them out. The rows themselves
 * are those of the GNU-style drivers. */

#include <string.h>

#include "base/mem.h"
#include "cc/options_priv.h"

/* Sorted bytewise; tests/unit/cc/check_msvc.py asks the driver. */
/* clang-format off */
static const char *const core[] = {
	"-###", "--analyze", "--coverage", "--driver-mode=", "--end-no-unused-arguments", "--print-supported-cpus",
	"--rsp-quoting=", "--start-no-unused-arguments", "--target=", "--version", "--via-file-asm",
	"-Qunused-arguments", "-R", "-W", "-Xclang", "-canonical-prefixes", "-coverage",
	"-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang", "-faddrsig",
	"-fansi-escape-codes", "-fblocks", "-fbracket-depth=", "-fbuiltin", "-fcf-protection", "-fcf-protection=",
	"-fcolor-diagnostics", "-fcommon", "-fcomplete-member-pointers", "-fcoverage-compilation-dir=",
	"-fcoverage-mapping", "-fcrash-diagnostics-dir=", "-fcs-profile-generate", "-fcs-profile-generate=",
	"-fdebug-compilation-dir", "-fdebug-compilation-dir=", "-fdebug-macro", "-fdelayed-template-parsing",
	"-fdelete-null-pointer-checks", "-fdiagnostics-absolute-paths", "-fdiagnostics-color",
	"-fdiagnostics-parseable-fixits", "-ferror-limit=", "-ffile-compilation-dir=", "-fforce-emit-vtables",
	"-fgnuc-version=", "-fident", "-fimplicit-module-maps", "-fimplicit-modules", "-fintegrated-cc1", "-flto",
	"-flto=", "-flto=auto", "-flto=jobserver", "-fmacro-backtrace-limit=", "-fmerge-all-constants",
	"-fmodule-file=", "-fmodule-map-file=", "-fmodule-name=", "-fmodules", "-fmodules-decluse",
	"-fmodules-ignore-macro=", "-fmodules-search-all", "-fmodules-strict-decluse", "-fms-compatibility",
	"-fms-compatibility-version=", "-fms-extensions", "-fms-hotpatch", "-fmsc-version=", "-fno-addrsig",
	"-fno-blocks", "-fno-builtin", "-fno-builtin-", "-fno-color-diagnostics", "-fno-complete-member-pointers",
	"-fno-coverage-mapping", "-fno-crash-diagnostics", "-fno-debug-macro", "-fno-delayed-template-parsing",
	"-fno-delete-null-pointer-checks", "-fno-diagnostics-color", "-fno-force-emit-vtables", "-fno-ident",
	"-fno-implicit-modules", "-fno-integrated-cc1", "-fno-lto", "-fno-modules", "-fno-modules-decluse",
	"-fno-modules-search-all", "-fno-ms-compatibility", "-fno-ms-extensions", "-fno-offload-lto",
	"-fno-pch-instantiate-templates", "-fno-profile-generate", "-fno-profile-instr-generate",
	"-fno-profile-instr-use", "-fno-profile-sample-use", "-fno-sanitize-address-outline-instrumentation",
	"-fno-sanitize-address-poison-custom-array-cookie", "-fno-sanitize-address-use-after-scope",
	"-fno-sanitize-address-use-odr-indicator", "-fno-sanitize-blacklist",
	"-fno-sanitize-cfi-canonical-jump-tables", "-fno-sanitize-cfi-cross-dso", "-fno-sanitize-coverage=",
	"-fno-sanitize-hwaddress-experimental-aliasing", "-fno-sanitize-ignorelist", "-fno-sanitize-link-c++-runtime",
	"-fno-sanitize-link-runtime", "-fno-sanitize-memory-param-retval", "-fno-sanitize-memory-track-origins",
	"-fno-sanitize-memory-use-after-dtor", "-fno-sanitize-minimal-runtime", "-fno-sanitize-recover",
	"-fno-sanitize-recover=", "-fno-sanitize-stats", "-fno-sanitize-thread-atomics",
	"-fno-sanitize-thread-func-entry-exit", "-fno-sanitize-thread-memory-access", "-fno-sanitize-trap",
	"-fno-sanitize-trap=", "-fno-sanitize-undefined-trap-on-error", "-fno-sanitize=", "-fno-split-lto-unit",
	"-fno-standalone-debug", "-fno-strict-aliasing", "-fno-sycl", "-fno-temp-file",
	"-fno-virtual-function-elimination", "-fno-whole-program-vtables", "-fobjc-runtime=", "-foffload-lto",
	"-foffload-lto=", "-forder-file-instrumentation", "-fpch-instantiate-templates", "-fprofile-exclude-files=",
	"-fprofile-filter-files=", "-fprofile-generate", "-fprofile-generate=", "-fprofile-instr-generate",
	"-fprofile-instr-generate=", "-fprofile-instr-use", "-fprofile-instr-use=", "-fprofile-list=",
	"-fprofile-remapping-file=", "-fprofile-sample-use", "-fprofile-update=", "-fprotect-parens",
	"-fsanitize-address-destructor=", "-fsanitize-address-field-padding=",
	"-fsanitize-address-globals-dead-stripping", "-fsanitize-address-outline-instrumentation",
	"-fsanitize-address-poison-custom-array-cookie", "-fsanitize-address-use-after-scope",
	"-fsanitize-address-use-odr-indicator", "-fsanitize-blacklist=", "-fsanitize-cfi-canonical-jump-tables",
	"-fsanitize-cfi-cross-dso", "-fsanitize-cfi-icall-generalize-pointers", "-fsanitize-coverage-allowlist=",
	"-fsanitize-coverage-blacklist=", "-fsanitize-coverage-ignorelist=", "-fsanitize-coverage-whitelist=",
	"-fsanitize-coverage=", "-fsanitize-hwaddress-abi=", "-fsanitize-hwaddress-experimental-aliasing",
	"-fsanitize-ignorelist=", "-fsanitize-link-c++-runtime", "-fsanitize-link-runtime",
	"-fsanitize-memory-param-retval", "-fsanitize-memory-track-origins", "-fsanitize-memory-track-origins=",
	"-fsanitize-memory-use-after-dtor", "-fsanitize-minimal-runtime", "-fsanitize-recover", "-fsanitize-recover=",
	"-fsanitize-stats", "-fsanitize-system-blacklist=", "-fsanitize-system-ignorelist=",
	"-fsanitize-thread-atomics", "-fsanitize-thread-func-entry-exit", "-fsanitize-thread-memory-access",
	"-fsanitize-trap", "-fsanitize-trap=", "-fsanitize-undefined-strip-path-components=",
	"-fsanitize-undefined-trap-on-error", "-fsanitize=", "-fsplit-lto-unit", "-fstandalone-debug",
	"-fstrict-aliasing", "-fswift-async-fp=", "-fsycl", "-fsyntax-only", "-fsystem-module",
	"-fthin-link-bitcode=", "-fthinlto-index=", "-ftime-trace", "-ftime-trace-granularity=",
	"-ftrivial-auto-var-init-stop-after=", "-ftrivial-auto-var-init=", "-fuse-ld=",
	"-fvirtual-function-elimination", "-fwhole-program-vtables", "-gcodeview", "-gcodeview-ghash",
	"-gcolumn-info", "-gdwarf", "-gen-cdb-fragment-path", "-gen-reproducer", "-ginline-line-tables",
	"-gline-directives-only", "-gline-tables-only", "-gno-codeview-ghash", "-gno-column-info",
	"-gno-inline-line-tables", "-gno-strict-dwarf", "-gstrict-dwarf", "-m16", "-m32", "-m3dnow", "-m3dnowa",
	"-m64", "-madx", "-maes", "-mamx-bf16", "-mamx-int8", "-mamx-tile", "-march=", "-mavx", "-mavx2",
	"-mavx512bf16", "-mavx512bitalg", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512er", "-mavx512f",
	"-mavx512fp16", "-mavx512ifma", "-mavx512pf", "-mavx512vbmi", "-mavx512vbmi2", "-mavx512vl", "-mavx512vnni",
	"-mavx512vp2intersect", "-mavx512vpopcntdq", "-mavxvnni", "-mbmi", "-mbmi2", "-mcldemote", "-mclflushopt",
	"-mclwb", "-mclzero", "-mcrc32", "-mcx16", "-menqcmd", "-mf16c", "-mfma", "-mfma4", "-mfsgsbase", "-mfxsr",
	"-mgfni", "-mhreset", "-miamcu", "-mibt-seal", "-minvpcid", "-mkl", "-mllvm", "-mlvi-cfi", "-mlvi-hardening",
	"-mlwp", "-mlzcnt", "-mmmx", "-mmovbe", "-mmovdir64b", "-mmovdiri", "-mmwaitx", "-mno-3dnow", "-mno-3dnowa",
	"-mno-adx", "-mno-aes", "-mno-amx-bf16", "-mno-amx-int8", "-mno-amx-tile", "-mno-avx", "-mno-avx2",
	"-mno-avx512bf16", "-mno-avx512bitalg", "-mno-avx512bw", "-mno-avx512cd", "-mno-avx512dq", "-mno-avx512er",
	"-mno-avx512f", "-mno-avx512fp16", "-mno-avx512ifma", "-mno-avx512pf", "-mno-avx512vbmi", "-mno-avx512vbmi2",
	"-mno-avx512vl", "-mno-avx512vnni", "-mno-avx512vp2intersect", "-mno-avx512vpopcntdq", "-mno-avxvnni",
	"-mno-bmi", "-mno-bmi2", "-mno-cldemote", "-mno-clflushopt", "-mno-clwb", "-mno-clzero", "-mno-crc32",
	"-mno-cx16", "-mno-enqcmd", "-mno-f16c", "-mno-fma", "-mno-fma4", "-mno-fsgsbase", "-mno-fxsr", "-mno-gfni",
	"-mno-hreset", "-mno-iamcu", "-mno-invpcid", "-mno-kl", "-mno-lvi-cfi", "-mno-lvi-hardening", "-mno-lwp",
	"-mno-lzcnt", "-mno-mmx", "-mno-movbe", "-mno-movdir64b", "-mno-movdiri", "-mno-mwaitx", "-mno-pclmul",
	"-mno-pconfig", "-mno-pku", "-mno-popcnt", "-mno-prefetchwt1", "-mno-prfchw", "-mno-ptwrite", "-mno-rdpid",
	"-mno-rdrnd", "-mno-rdseed", "-mno-retpoline", "-mno-retpoline-external-thunk", "-mno-rtm", "-mno-sahf",
	"-mno-serialize", "-mno-seses", "-mno-sgx", "-mno-sha", "-mno-shstk", "-mno-speculative-load-hardening",
	"-mno-sse", "-mno-sse2", "-mno-sse3", "-mno-sse4.1", "-mno-sse4.2", "-mno-sse4a", "-mno-ssse3", "-mno-tbm",
	"-mno-tsxldtrk", "-mno-uintr", "-mno-vaes", "-mno-vpclmulqdq", "-mno-vzeroupper", "-mno-waitpkg",
	"-mno-wbnoinvd", "-mno-widekl", "-mno-x87", "-mno-xop", "-mno-xsave", "-mno-xsavec", "-mno-xsaveopt",
	"-mno-xsaves", "-mpclmul", "-mpconfig", "-mpku", "-mpopcnt", "-mprefetchwt1", "-mprfchw", "-mptwrite",
	"-mrdpid", "-mrdrnd", "-mrdseed", "-mretpoline", "-mretpoline-external-thunk", "-mrtm", "-msahf",
	"-mserialize", "-mseses", "-msgx", "-msha", "-mshstk", "-mspeculative-load-hardening", "-msse", "-msse2",
	"-msse3", "-msse4.1", "-msse4.2", "-msse4a", "-mssse3", "-mtbm", "-mtsxldtrk", "-muintr", "-mvaes",
	"-mvpclmulqdq", "-mvzeroupper", "-mwaitpkg", "-mwbnoinvd", "-mwidekl", "-mx32", "-mx87", "-mxop", "-mxsave",
	"-mxsavec", "-mxsaveopt", "-mxsaves", "-no-canonical-prefixes", "-nobuiltininc",
	"-objcmt-allowlist-dir-path=", "-objcmt-atomic-property", "-objcmt-migrate-all", "-objcmt-migrate-annotation",
	"-objcmt-migrate-designated-init", "-objcmt-migrate-instancetype", "-objcmt-migrate-literals",
	"-objcmt-migrate-ns-macros", "-objcmt-migrate-property", "-objcmt-migrate-property-dot-syntax",
	"-objcmt-migrate-protocol-conformance", "-objcmt-migrate-readonly-property",
	"-objcmt-migrate-readwrite-property", "-objcmt-migrate-subscripting", "-objcmt-ns-nonatomic-iosonly",
	"-objcmt-returns-innerpointer-property", "-objcmt-whitelist-dir-path=", "-object-file-name=",
	"-print-supported-cpus", "-resource-dir", "-sycl-std=", "-v", "-via-file-asm",
};
/* clang-format on */

/* As strncmp of all of `name` with the beginning of `text`. */
static int compare(const char *name, const char *text)
{
	return strncmp(name, text, strlen(name));
}

size_t cc_option_core_len(const char *arg)
{
	size_t best = 0;
	size_t lo = 0;
	size_t hi = HP_ARRAY_SIZE(core);

	/* All names that begin the argument stand at or before the place where the argument itself would. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(core[mid], arg) > 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	/* And behind the last one that differs in the first letters, which all of them share. */
	while (lo-- > 0 && strncmp(core[lo], arg, 2) == 0) {
		if (compare(core[lo], arg) != 0)
			continue;
		best = strlen(core[lo]);
		break;
	}
	return best;
}

static bool fits(const struct cc_option *row, const char *name, unsigned family_bit)
{
	if (!(row->families & family_bit) || strncmp(row->spelling, name, row->len) != 0)
		return false;
	return (row->value != CC_VALUE_NONE && row->value != CC_VALUE_SEPARATE) || name[row->len] == '\0';
}

/* The longest row of cl or clang-cl. Rows that begin the name stand at or before its place, longer ones behind. */
static const struct cc_option *longest_row(enum cc_family family, const char *name)
{
	unsigned family_bit = family == CC_FAMILY_MSVC ? CC_FAMILY_BIT_MSVC : CC_FAMILY_BIT_CLANG_CL;
	const struct cc_option_table *table = &cc_options_msvc;
	size_t lo = 0;
	size_t hi = table->len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(table->rows[mid].spelling, name) > 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	while (lo-- > 0 && table->rows[lo].spelling[0] == name[0]) {
		if (fits(&table->rows[lo], name, family_bit))
			return &table->rows[lo];
	}
	return NULL;
}

struct cc_match cc_option_find_cl(enum cc_family family, const char *arg)
{
	const struct cc_option *row = longest_row(family, arg + 1);
	size_t core_len = arg[0] == '-' && family == CC_FAMILY_CLANG_CL ? cc_option_core_len(arg) : 0;
	struct cc_match match = {.row = row, .spelled = row ? row->len + 1u : 0};

	if (core_len <= match.spelled)
		return match;
	/* A GNU-style row stands for the driver's option when it is spelled like it, or covers several, as -flto= does. */
	match = cc_option_find(CC_FAMILY_CLANG, arg);
	if (match.row && match.spelled != core_len && (match.spelled <= 2 || match.spelled > core_len))
		return (struct cc_match){0};
	return match;
}
