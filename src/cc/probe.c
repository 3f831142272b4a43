#include "cc/probe.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Calls for each line: sets *line and *len, returns the start of the next, or NULL at the end. */
static const char *next_line(const char *p, const char **ret_line, size_t *ret_len)
{
	const char *nl;

	if (!*p)
		return NULL;
	nl = strchr(p, '\n');
	*ret_line = p;
	*ret_len = nl ? (size_t)(nl - p) : strlen(p);
	return p + *ret_len + (nl ? 1 : 0);
}

static bool is_one_of(const char *program, const char *const *names, size_t names_len)
{
	const char *base = hp_basename(program);

	for (size_t i = 0; i < names_len; i++) {
		size_t n = strlen(names[i]);

		/* Each place where the name stands alone: at the start or after a dash, then the end or "-version". */
		for (const char *p = strstr(base, names[i]); p; p = strstr(p + 1, names[i])) {
			const char *rest = p + n;

			if (p != base && p[-1] != '-')
				continue;
			if (*rest == '\0' || (*rest == '-' && strspn(rest + 1, "0123456789.") == strlen(rest + 1)))
				return true;
		}
	}
	return false;
}

bool cc_probe_name(const char *program)
{
	static const char *const names[] = {"clang++", "clang", "g++", "gcc", "c++", "cc", "clang-cl", "cl"};

	return is_one_of(program, names, HP_ARRAY_SIZE(names));
}

bool cc_probe_name_is_cl(const char *program)
{
	static const char *const names[] = {"clang-cl", "cl"};

	return is_one_of(program, names, HP_ARRAY_SIZE(names));
}

bool cc_probe_help_is_cl(const char *text)
{
	return strstr(text, "CL.EXE COMPATIBILITY OPTIONS") != NULL;
}

bool cc_probe_version(const char *text, enum cc_family *ret_family, struct hp_buf *ret_version)
{
	const char *line;
	size_t len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		HP_AUTO_FREE char *copy = hp_strndup(line, len);
		const char *clang = strstr(copy, "clang version ");

		if (hp_startswith(copy, "gcc version "))
			*ret_family = CC_FAMILY_GCC;
		else if (clang && (clang == copy || clang[-1] == ' '))
			*ret_family = CC_FAMILY_CLANG;
		else
			continue;
		hp_buf_str(ret_version, copy);
		return true;
	}
	return false;
}

bool cc_probe_knows_embed(enum cc_family family, const char *version)
{
	const char *p = strstr(version, "version ");
	unsigned long major = 0;

	/* Apple counts otherwise. */
	if (!p || strstr(version, "Apple"))
		return true;
	for (p += strlen("version "); *p >= '0' && *p <= '9' && major < 1000; p++)
		major = major * 10 + (unsigned long)(*p - '0');
	return *p != '.' || major >= (family == CC_FAMILY_GCC ? 15 : 19);
}

bool cc_probe_search(const char *text, struct hp_strv *ret_quote, struct hp_strv *ret_angle,
                     struct hp_strv *ret_missing)
{
	static const char ignoring[] = "ignoring nonexistent directory \"";
	struct hp_strv *into = NULL;
	bool found = false;
	const char *line;
	size_t len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		if (len > sizeof ignoring && memcmp(line, ignoring, sizeof ignoring - 1) == 0 && line[len - 1] == '"')
			hp_strv_addn(ret_missing, line + sizeof ignoring - 1, len - sizeof ignoring);
		else if (hp_startswith(line, "#include \"...\" search starts here:"))
			into = ret_quote;
		else if (hp_startswith(line, "#include <...> search starts here:"))
			into = ret_angle;
		else if (hp_startswith(line, "End of search list."))
			return found;
		else if (into && len > 1 && line[0] == ' ')
			hp_strv_addn(into, line + 1, len - 1);
		found = found || into == ret_angle;
	}
	return false;
}

/* A word of a command line as drivers print it: bare, or in double quotes with backslash escapes. */
static const char *take_word(const char *p, const char *end, struct hp_buf *ret_word)
{
	bool quoted;

	while (p < end && *p == ' ')
		p++;
	if (p == end)
		return NULL;
	quoted = *p == '"';
	if (quoted)
		p++;
	while (p < end && *p != (quoted ? '"' : ' ')) {
		if (*p == '\\' && p + 1 < end)
			p++;
		hp_buf_char(ret_word, *p++);
	}
	return p < end ? p + 1 : p;
}

/* /tmp/ccXXXXXX.s of GCC, /tmp/null-abcdef.s of Clang: another name in every run. */
static bool is_temporary(const char *word)
{
	const char *base = hp_basename(word);
	size_t n = strlen(base);

	if (base == word || n < 4 || base[n - 2] != '.')
		return false;
	return (n == 10 && hp_startswith(base, "cc")) || (n == 13 && hp_startswith(base, "null-"));
}

static void take_command(const char *line, size_t len, struct hp_strv *ret_programs, struct hp_buf *ret_commands)
{
	const char *end = line + len;
	const char *p = line;
	bool first = true;

	for (;;) {
		HP_AUTO_BUF struct hp_buf word = {0};

		p = take_word(p, end, &word);
		if (!p)
			break;
		if (first)
			hp_strv_add(ret_programs, hp_buf_cstr(&word));
		first = false;
		hp_buf_str(ret_commands, is_temporary(hp_buf_cstr(&word)) ? "<tmp>" : hp_buf_cstr(&word));
		hp_buf_char(ret_commands, '\n');
	}
}

static void take_path(const char *value, size_t len, struct hp_strv *ret_path)
{
	const char *end = value + len;

	while (value < end) {
		const char *colon = memchr(value, ':', (size_t)(end - value));
		const char *stop = colon ? colon : end;

		if (stop > value)
			hp_strv_addn(ret_path, value, (size_t)(stop - value));
		value = stop + 1;
	}
}

void cc_probe_commands(const char *text, struct hp_strv *ret_programs, struct hp_strv *ret_path,
                       struct hp_buf *ret_commands)
{
	static const char path[] = "COMPILER_PATH=";
	const char *line;
	size_t len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		if (len > sizeof path && memcmp(line, path, sizeof path - 1) == 0)
			take_path(line + sizeof path - 1, len - sizeof path + 1, ret_path);
		else if (len > 1 && line[0] == ' ' && line[1] != '(')
			take_command(line, len, ret_programs, ret_commands);
	}
}

void cc_probe_libraries(const char *text, struct hp_strv *ret_files)
{
	const char *line;
	size_t len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		HP_AUTO_FREE char *copy = hp_strndup(line, len);
		char *start = strstr(copy, "=> /");
		char *stop;

		start = start ? start + 3 : strchr(copy, '/');
		stop = start ? strstr(start, " (0x") : NULL;
		if (!stop || (copy[0] != '\t' && copy[0] != ' '))
			continue;
		*stop = '\0';
		hp_strv_add(ret_files, start);
	}
}

void cc_probe_prefixes(const char *text, const char *kind, struct hp_strv *ret_prefixes)
{
	size_t kind_len = strlen(kind);
	const char *line;
	size_t len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		if (len > kind_len + 3 && memcmp(line, kind, kind_len) == 0 && memcmp(line + kind_len, ": =", 3) == 0)
			take_path(line + kind_len + 3, len - kind_len - 3, ret_prefixes);
	}
}

/* The rest of a line that begins with `start`; false when it does not. */
static bool take_rest(const char *line, size_t len, const char *start, const char **ret_rest, size_t *ret_len)
{
	size_t start_len = strlen(start);

	if (len <= start_len || memcmp(line, start, start_len) != 0)
		return false;
	*ret_rest = line + start_len;
	*ret_len = len - start_len;
	return true;
}

void cc_probe_install(const char *text, struct hp_buf *ret_install)
{
	const char *line;
	const char *rest;
	size_t len;
	size_t rest_len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		if (take_rest(line, len, "install: ", &rest, &rest_len)) {
			hp_buf_append(ret_install, rest, rest_len);
			return;
		}
	}
}

void cc_probe_option_files(const char *text, struct hp_strv *ret_files)
{
	const char *line;
	const char *rest;
	size_t len;
	size_t rest_len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		if (take_rest(line, len, "Reading specs from ", &rest, &rest_len) ||
		    take_rest(line, len, "Configuration file: ", &rest, &rest_len))
			hp_strv_addn(ret_files, rest, rest_len);
	}
}

void cc_probe_cpu(const char *text, struct hp_buf *ret_cpu)
{
	/* x86, ARM, POWER, RISC-V, S/390. */
	static const char *const names[] = {"vendor_id", "cpu family", "model",    "stepping", "cache size",
	                                    "flags",     "CPU ",       "Features", "cpu\t",    "platform",
	                                    "revision",  "isa",        "uarch",    "features", "processor 0:"};
	const char *line;
	size_t len;

	for (const char *p = text; (p = next_line(p, &line, &len));) {
		for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++) {
			if (len >= strlen(names[i]) && memcmp(line, names[i], strlen(names[i])) == 0) {
				hp_buf_append(ret_cpu, line, len);
				hp_buf_char(ret_cpu, '\n');
				break;
			}
		}
	}
}
