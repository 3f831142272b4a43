#include "cc/environ.h"

#include <string.h>

struct env_row {
	const char *name; /* a leading '*': any name that ends with the rest */
	enum cc_env_kind kind;
};

static const struct env_row rows[] = {
        {"*_DEPLOYMENT_TARGET", CC_ENV_IDENT},
        {"CCC_ADD_ARGS", CC_ENV_BYPASS},
        {"CCC_OVERRIDE_OPTIONS", CC_ENV_BYPASS},
        {"CC_LOG_DIAGNOSTICS", CC_ENV_BYPASS},
        {"CC_LOG_DIAGNOSTICS_FILE", CC_ENV_BYPASS},
        {"CC_PRINT_HEADERS", CC_ENV_BYPASS},
        {"CC_PRINT_HEADERS_FILE", CC_ENV_BYPASS},
        {"CC_PRINT_HEADERS_FILTERING", CC_ENV_BYPASS},
        {"CC_PRINT_HEADERS_FORMAT", CC_ENV_BYPASS},
        {"CC_PRINT_INTERNAL_STAT", CC_ENV_BYPASS},
        {"CC_PRINT_INTERNAL_STAT_FILE", CC_ENV_BYPASS},
        {"CC_PRINT_OPTIONS", CC_ENV_BYPASS},
        {"CC_PRINT_OPTIONS_FILE", CC_ENV_BYPASS},
        {"CC_PRINT_PROC_STAT", CC_ENV_BYPASS},
        {"CC_PRINT_PROC_STAT_FILE", CC_ENV_BYPASS},
        {"CL", CC_ENV_CL_ARGS},
        {"CLANG_CONFIG_FILE_SYSTEM_DIR", CC_ENV_BYPASS},
        {"CLANG_CONFIG_FILE_USER_DIR", CC_ENV_BYPASS},
        {"CLANG_CRASH_DIAGNOSTICS_DIR", CC_ENV_BYPASS},
        {"CLANG_MODULE_CACHE_PATH", CC_ENV_BYPASS},
        {"CLANG_NO_DEFAULT_CONFIG", CC_ENV_BYPASS},
        {"CLANG_TOOLCHAIN_PROGRAM_TIMEOUT", CC_ENV_BYPASS},
        {"COLLECT_GCC_OPTIONS", CC_ENV_BYPASS},
        {"COMPILER_INDEX_STORE", CC_ENV_BYPASS},
        {"COMPILER_PATH", CC_ENV_IDENT},
        {"CPATH", CC_ENV_IDENT},
        {"CPLUS_INCLUDE_PATH", CC_ENV_IDENT},
        {"C_INCLUDE_PATH", CC_ENV_IDENT},
        {"DEPENDENCIES_OUTPUT", CC_ENV_BYPASS},
        {"EXTERNAL_INCLUDE", CC_ENV_CL_IDENT},
        {"FORCE_SOURCE_DATE", CC_ENV_KEY},
        {"GCC_COLORS", CC_ENV_KEY},
        {"GCC_COMPARE_DEBUG", CC_ENV_BYPASS},
        {"GCC_EXEC_PREFIX", CC_ENV_IDENT},
        {"GCC_EXTRA_DIAGNOSTIC_OUTPUT", CC_ENV_KEY},
        {"GCC_ROOT", CC_ENV_IDENT},
        {"GCC_SPECS", CC_ENV_BYPASS},
        {"GCC_URLS", CC_ENV_KEY},
        {"INCLUDE", CC_ENV_CL_IDENT},
        {"LANG", CC_ENV_KEY},
        {"LANGUAGE", CC_ENV_KEY},
        {"LC_ALL", CC_ENV_KEY},
        {"LC_CTYPE", CC_ENV_KEY},
        {"LC_MESSAGES", CC_ENV_KEY},
        {"LD_LIBRARY_PATH", CC_ENV_IDENT},
        {"LD_PRELOAD", CC_ENV_IDENT},
        {"LIBRARY_PATH", CC_ENV_IDENT}, /* gcc looks for a file called specs there */
        {"OBJCPLUS_INCLUDE_PATH", CC_ENV_IDENT},
        {"OBJC_INCLUDE_PATH", CC_ENV_IDENT},
        {"PATH", CC_ENV_IDENT},
        {"PWD", CC_ENV_CWD},
        {"QA_OVERRIDE_GCC3_OPTIONS", CC_ENV_BYPASS},
        {"RC_DEBUG_OPTIONS", CC_ENV_BYPASS},
        {"SDKROOT", CC_ENV_IDENT},
        {"SOURCE_DATE_EPOCH", CC_ENV_KEY},
        {"SUNPRO_DEPENDENCIES", CC_ENV_BYPASS},
        {"TERM_URLS", CC_ENV_KEY},
        {"VCINSTALLDIR", CC_ENV_CL_IDENT},
        {"VCToolsInstallDir", CC_ENV_CL_IDENT},
        {"VSLANG", CC_ENV_CL_IDENT},
        {"_CL_", CC_ENV_CL_ARGS},
};

#define ROWS_LEN (sizeof rows / sizeof rows[0])

/* As strcmp of the first len bytes of `text` with all of `name`. */
static int compare_name(const char *text, size_t len, const char *name)
{
	size_t name_len = strlen(name);
	int order = memcmp(text, name, len < name_len ? len : name_len);

	return order ? order : (len > name_len) - (len < name_len);
}

/* The client asks this of every variable on each compile: rows without '*' are sorted (a test checks), and the one with
 * it comes first. */
enum cc_env_kind cc_env_class(const char *name_eq_value)
{
	static const size_t suffix_len = sizeof "_DEPLOYMENT_TARGET" - 1;
	const char *eq = strchr(name_eq_value, '=');
	size_t len = eq ? (size_t)(eq - name_eq_value) : 0;
	size_t low = 1;
	size_t high = ROWS_LEN;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = compare_name(name_eq_value, len, rows[mid].name);

		if (order == 0)
			return rows[mid].kind;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	if (len >= suffix_len && memcmp(name_eq_value + len - suffix_len, rows[0].name + 1, suffix_len) == 0)
		return rows[0].kind;
	return CC_ENV_NONE;
}

const char *cc_env_name(size_t index, enum cc_env_kind *ret_kind)
{
	if (index >= ROWS_LEN)
		return NULL;
	*ret_kind = rows[index].kind;
	return rows[index].name;
}
