/* Languages: by -x, by suffix, by the name the driver was called by. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

struct lang_name {
	const char *name;
	enum cc_lang lang;
};

/* What -x takes. A header makes a precompiled header; header units of C++20 are modules. */
static const struct lang_name lang_names[] = {
        {"c", CC_LANG_C},
        {"c++", CC_LANG_CXX},
        {"objective-c", CC_LANG_OBJC},
        {"objective-c++", CC_LANG_OBJCXX},
        {"assembler-with-cpp", CC_LANG_ASM_CPP},
        {"assembler", CC_LANG_ASM},
        {"cpp-output", CC_LANG_C_CPP_OUTPUT},
        {"c++-cpp-output", CC_LANG_CXX_CPP_OUTPUT},
        {"c-header", CC_LANG_C_HEADER},
        {"c++-header", CC_LANG_CXX_HEADER},
        {"objective-c-header", CC_LANG_OBJC_HEADER},
        {"objective-c++-header", CC_LANG_OBJCXX_HEADER},
};

/* The same in both families (a test asks the compilers). */
static const struct lang_name suffixes[] = {
        {"c", CC_LANG_C},       {"cc", CC_LANG_CXX},         {"cp", CC_LANG_CXX},
        {"cxx", CC_LANG_CXX},   {"cpp", CC_LANG_CXX},        {"CPP", CC_LANG_CXX},
        {"c++", CC_LANG_CXX},   {"C", CC_LANG_CXX},          {"m", CC_LANG_OBJC},
        {"mm", CC_LANG_OBJCXX}, {"M", CC_LANG_OBJCXX},       {"S", CC_LANG_ASM_CPP},
        {"s", CC_LANG_ASM},     {"i", CC_LANG_C_CPP_OUTPUT}, {"ii", CC_LANG_CXX_CPP_OUTPUT},
};

/* Of these GCC makes C++ headers; Clang knows the first four only. */
static const char *const header_suffixes[] = {"hh", "H", "hxx", "hpp", "hp", "HPP", "h++", "tcc"};
#define HEADER_SUFFIXES_CLANG 4

static enum cc_lang find_lang(const struct lang_name *rows, size_t rows_len, const char *name)
{
	for (size_t i = 0; i < rows_len; i++) {
		if (hp_streq(rows[i].name, name))
			return rows[i].lang;
	}
	return CC_LANG_UNKNOWN;
}

static bool is_header_suffix(const struct cc_parser *p, const char *suffix)
{
	size_t n = cc_family_is_clang(p->inv->family) ? HEADER_SUFFIXES_CLANG : HP_ARRAY_SIZE(header_suffixes);

	for (size_t i = 0; i < n; i++) {
		if (hp_streq(header_suffixes[i], suffix))
			return true;
	}
	return false;
}

static enum cc_lang lang_of_suffix(const struct cc_parser *p, const char *suffix)
{
	enum cc_lang lang = find_lang(suffixes, HP_ARRAY_SIZE(suffixes), suffix);

	if (is_header_suffix(p, suffix))
		return CC_LANG_CXX_HEADER;
	if (hp_streq(suffix, "h"))
		return p->cxx_driver ? CC_LANG_CXX_HEADER : CC_LANG_C_HEADER;
	if (p->cxx_driver && lang == CC_LANG_C)
		return CC_LANG_CXX;
	if (p->cxx_driver && lang == CC_LANG_C_CPP_OUTPUT)
		return CC_LANG_CXX_CPP_OUTPUT;
	return lang;
}

void cc_parser_language(struct cc_parser *p)
{
	const char *base = hp_basename(p->input);
	const char *dot = strrchr(base, '.');
	enum cc_lang lang;

	if (p->input_lang) {
		if (hp_endswith(p->input_lang, "-system-header") || hp_endswith(p->input_lang, "-user-header")) {
			cc_parser_bypass(p, CC_REASON_MODULES, p->input_lang);
			return;
		}
		lang = find_lang(lang_names, HP_ARRAY_SIZE(lang_names), p->input_lang);
	} else {
		lang = lang_of_suffix(p, dot ? dot + 1 : "");
	}
	if (lang == CC_LANG_UNKNOWN) {
		cc_parser_bypass(p, CC_REASON_UNKNOWN_LANGUAGE, p->input_lang ? p->input_lang : base);
		return;
	}
	p->inv->lang = lang;
	for (size_t i = 0; i < HP_ARRAY_SIZE(lang_names); i++) {
		if (lang_names[i].lang == lang)
			p->inv->lang_name = lang_names[i].name;
	}
}

bool cc_parser_is_source(const struct cc_parser *p, const char *path, const char *lang)
{
	const char *dot = strrchr(hp_basename(path), '.');
	enum cc_lang found =
	        lang ? find_lang(lang_names, HP_ARRAY_SIZE(lang_names), lang) : lang_of_suffix(p, dot ? dot + 1 : "");

	return found != CC_LANG_UNKNOWN && found < CC_LANG_C_HEADER && *path && !cc_path_is_special(path);
}

bool cc_driver_is_cxx(const char *argv0)
{
	const char *base = hp_basename(argv0);
	size_t len = strlen(base);

	/* A version behind the name: g++-12, clang++-14.0, g++12. */
	while (len > 0 && (isdigit((unsigned char)base[len - 1]) || base[len - 1] == '.'))
		len--;
	if (len > 0 && base[len - 1] == '-')
		len--;
	return len >= 2 && memcmp(base + len - 2, "++", 2) == 0;
}

char *cc_with_suffix(const char *path, const char *suffix, bool keep_dir)
{
	const char *base = hp_basename(path);
	const char *dot = strrchr(base, '.');
	const char *start = keep_dir ? path : base;
	size_t len = dot ? (size_t)(dot - start) : strlen(start);

	return hp_asprintf("%.*s%s", (int)len, start, suffix);
}

bool cc_path_is_special(const char *path)
{
	if (hp_streq(path, "-"))
		return true;
	while (path[0] == '/' && path[1] == '/')
		path++;
	return hp_startswith(path, "/dev/") || hp_startswith(path, "/proc/");
}
