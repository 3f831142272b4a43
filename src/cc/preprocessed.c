#include "cc/preprocessed.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation_priv.h"

/* Options whose effect hangs on more of a source than the key holds: macros that are not used, comments, the text itself. */
static const char *const excluding_options[] = {
        "-C",
        "-P",
        "-Wdocumentation",
        "-Wp,",
        "-Wunused-macros",
        "-Weverything",
        "-Wimplicit-fallthrough=1",
        "-Wsystem-headers",
        "-Wtraditional",
        "-Xclang",
        "-Xpreprocessor",
        "-fcoverage-mapping",
        "-fdebug-cpp",
        "-fdebug-macro",
        "-fdirectives-only",
        "-fdump",
        "-fmodules",
        "-fparse-all-comments",
        "-fplugin",
        "-fpreprocessed",
        "-fprofile",
        "-gembed-source",
        "-include-pch",
        "-save-temps",
        "-traditional",
};

/* -g3 and its like put every macro into the debug information. */
static bool has_macro_debug(const char *arg)
{
	return hp_startswith(arg, "-g") && hp_endswith(arg, "3") && !hp_startswith(arg, "-gdwarf-");
}

static bool is_excluding(const char *arg)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(excluding_options); i++) {
		if (hp_startswith(arg, excluding_options[i]))
			return true;
	}
	return has_macro_debug(arg) || (arg[0] == '-' && arg[1] == 'd' && arg[2] && !arg[3]);
}

/* The arguments of a response file are given to the preprocessor one by one, within the kernel's limits. */
#define OPENED_SIZE_MAX 65536u

bool cc_preprocess_usable(const struct cc_invocation *inv)
{
	size_t size = 0;

	if ((inv->family != CC_FAMILY_GCC && inv->family != CC_FAMILY_CLANG) || inv->mode != CC_MODE_OBJECT ||
	    (inv->lang != CC_LANG_C && inv->lang != CC_LANG_CXX) || inv->sides_len || inv->makes_pch)
		return false;
	/* Clang's line tables hold a checksum of each source. */
	if (inv->family == CC_FAMILY_CLANG && inv->embeds_cwd)
		return false;
	for (size_t i = 0; i < inv->args.len; i++) {
		const char *file;

		size += strlen(inv->args.v[i]) + 1;
		if (is_excluding(inv->args.v[i]) && cc_wp_deps(inv->args.v[i], &file) == CC_DEPS_NONE)
			return false;
	}
	return inv->user_args.len == 0 || size <= OPENED_SIZE_MAX;
}

static bool is_left_out(const struct cc_arg *arg)
{
	const char *file;

	return arg->row && (arg->row->act == CC_ACT_COMPILE || arg->row->act == CC_ACT_OUTPUT ||
	                    arg->row->cls == CC_CLASS_DEPENDENCY || cc_wp_deps(arg->text, &file) != CC_DEPS_NONE);
}

void cc_preprocess_args(const struct cc_invocation *inv, const char *deps_file, const char *text_file,
                        struct hp_strv *out)
{
	const char *const front[] = {"-E", "-MD", "-MF", deps_file, "-o", text_file};
	struct cc_arg arg;

	for (size_t i = 0; i < HP_ARRAY_SIZE(front); i++)
		hp_strv_add(out, front[i]);
	/* GCC tells the macros that are used; Clang warns of what -E leaves unused. */
	hp_strv_add(out, inv->family == CC_FAMILY_GCC ? "-dU" : "-Qunused-arguments");
	for (size_t i = 0; i < inv->args.len; i += arg.count) {
		cc_arg_read(inv->family, inv->args.len, inv->args.v, i, &arg);
		for (size_t k = 0; k < arg.count && !is_left_out(&arg); k++)
			hp_strv_add(out, inv->args.v[i + k]);
	}
}

/* ---- skeletons */

struct skeleton {
	const char *p;
	const char *end;
	struct hp_buf *out;
	size_t line; /* where the line begins in `out` */
	bool directives;
	bool code;     /* something other than white space and comments is on the line already */
	bool dropping; /* within a directive that is left out */
};

static void put(struct skeleton *s, char c)
{
	if (c == '\n') {
		while (s->out->len > s->line && strchr(" \t\r\f\v", s->out->data[s->out->len - 1]))
			s->out->len--;
		hp_buf_char(s->out, '\n');
		s->line = s->out->len;
	} else if (!s->dropping) {
		hp_buf_char(s->out, c);
	}
}

/* The length of a line splice at p, or 0. */
static size_t splice_at(const struct skeleton *s, const char *p)
{
	if (s->end - p >= 2 && p[0] == '\\' && p[1] == '\n')
		return 2;
	return s->end - p >= 3 && p[0] == '\\' && p[1] == '\r' && p[2] == '\n' ? 3 : 0;
}

static bool mentions_fall(const char *p, const char *end)
{
	for (; end - p >= 4; p++) {
		if ((p[0] | 32) == 'f' && (p[1] | 32) == 'a' && (p[2] | 32) == 'l' && (p[3] | 32) == 'l')
			return true;
	}
	return false;
}

/* Where the comment at p ends; block: behind the closing mark. */
static const char *comment_end(const struct skeleton *s, const char *p, bool block)
{
	for (p += 2; p < s->end; p++) {
		const char *q = p + 1;

		while (block && *p == '*' && splice_at(s, q))
			q += splice_at(s, q);
		if (block && *p == '*' && q < s->end && *q == '/')
			return q + 1;
		if (!block && splice_at(s, p))
			p += splice_at(s, p) - 1;
		else if (!block && *p == '\n')
			return p;
	}
	return s->end;
}

static void take_comment(struct skeleton *s, bool block)
{
	const char *end = comment_end(s, s->p, block);
	bool keep = mentions_fall(s->p, end);

	for (; s->p < end; s->p++) {
		if (*s->p == '\n') {
			put(s, '\n');
		} else if (keep || *s->p == '\t') {
			put(s, *s->p); /* a tab moves what follows by more than one column */
		} else {
			put(s, ' ');
		}
	}
}

static void take_literal(struct skeleton *s)
{
	char quote = *s->p;

	put(s, *s->p++);
	while (s->p < s->end && *s->p != '\n') {
		size_t splice = splice_at(s, s->p);
		size_t n = splice ? splice : *s->p == '\\' && s->end - s->p >= 2 && s->p[1] != '\n' ? 2 : 1;
		bool done = n == 1 && *s->p == quote;

		while (n-- > 0)
			put(s, *s->p++);
		if (done)
			return;
	}
}

/* R"delimiter( … )delimiter". */
static void take_raw(struct skeleton *s)
{
	const char *open = memchr(s->p, '(', (size_t)(s->end - s->p));
	size_t len = open ? (size_t)(open - s->p - 1) : 17;
	const char *close = open ? open + 1 : NULL;

	if (len > 16) { /* none */
		take_literal(s);
		return;
	}
	for (; close < s->end; close++) {
		if (*close == ')' && (size_t)(s->end - close) >= len + 2 && memcmp(close + 1, s->p + 1, len) == 0 &&
		    close[len + 1] == '"')
			break;
	}
	close = close < s->end ? close + len + 2 : s->end;
	while (s->p < close)
		put(s, *s->p++);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* An identifier or a number; a raw string's prefix ends with R. */
static void take_word(struct skeleton *s)
{
	bool number = *s->p >= '0' && *s->p <= '9';
	const char *start = s->p;
	size_t len;

	while (s->p < s->end && (is_word(*s->p) || (number && *s->p == '\'' && s->end - s->p >= 2 && is_word(s->p[1]))))
		put(s, *s->p++);
	len = (size_t)(s->p - start);
	if (!number && s->p < s->end && *s->p == '"' && len <= 3 && start[len - 1] == 'R')
		take_raw(s);
}

/* A '#' that begins a line. */
static void begin_directive(struct skeleton *s)
{
	const char *p = s->p + 1;

	while (p < s->end && (*p == ' ' || *p == '\t'))
		p++;
	s->dropping = !s->directives && !(s->end - p >= 6 && memcmp(p, "pragma", 6) == 0);
}

static void take_one(struct skeleton *s)
{
	size_t splice = splice_at(s, s->p);
	char c = *s->p;

	if (splice) {
		while (splice-- > 0)
			put(s, *s->p++);
		return;
	}
	if (c == '/' && s->end - s->p >= 2 && (s->p[1] == '/' || s->p[1] == '*')) {
		take_comment(s, s->p[1] == '*');
		return;
	}
	if (c == '#' && !s->code)
		begin_directive(s);
	s->code = c == '\n' ? false : s->code || !strchr(" \t\r\f\v", c);
	if (c == '"' || c == '\'') {
		take_literal(s);
	} else if (is_word(c)) {
		take_word(s);
	} else {
		put(s, c);
		s->p++;
		s->dropping = s->dropping && c != '\n';
	}
}

void cc_skeleton(const char *text, size_t len, bool directives, struct hp_buf *out)
{
	struct skeleton s = {.p = text, .end = text + len, .out = out, .line = out->len, .directives = directives};

	while (s.p < s.end)
		take_one(&s);
}

/* ---- line markers */

void cc_preprocessed_named(const struct cc_place *place, const char *text, size_t len, struct hp_buf *out)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline ? newline + 1 : end;
		const char *quote = text[0] == '#' && next - text > 2 ? memchr(text, '"', (size_t)(next - text)) : NULL;

		if (quote && text[1] == ' ' && text[2] >= '0' && text[2] <= '9' &&
		    !memchr(text, '\0', (size_t)(next - text))) {
			HP_AUTO_FREE char *path = hp_strndup(quote + 1, (size_t)(next - quote - 1));

			hp_buf_append(out, text, (size_t)(quote + 1 - text));
			(void)cc_place_name(place, path, out);
		} else {
			hp_buf_append(out, text, (size_t)(next - text));
		}
		text = next;
	}
}
