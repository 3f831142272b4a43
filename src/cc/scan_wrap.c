/* __has_include behind a macro with a parameter, as many libraries have it:
 *     #define HAS_INCLUDE(x) __has_include(x)
 *     #if HAS_INCLUDE(<optional>)
 * The definition is found by the scan of its file; the names are where the macro is used, perhaps in other files, which are
 * looked through once more when there is such a macro. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/scan_priv.h"

/* How far back the start of a line is looked for. */
#define LINE_BEFORE_MAX 4096

/* The start of the logical line that `p` is on. */
static size_t line_start(const struct cc_scanner *s, size_t p)
{
	size_t floor = p > LINE_BEFORE_MAX ? p - LINE_BEFORE_MAX : 0;

	while (p > floor) {
		if (cc_lex_is_newline(s->data[p - 1])) {
			size_t i = p - 1;

			if (i > floor && s->data[i] == '\n' && s->data[i - 1] == '\r')
				i--;
			if (i == floor || s->data[i - 1] != '\\')
				return p;
			p = i - 1;
		} else {
			p--;
		}
	}
	return p;
}

/* The name of the function-like macro that the line of `p` defines, empty for any other line. *ret_define: it defines one
 * of any kind. */
static void defined_macro(const struct cc_scanner *s, size_t p, struct cc_word *ret_name, bool *ret_define)
{
	size_t i = cc_lex_skip_space(s, line_start(s, p));

	*ret_define = false;
	ret_name->text[0] = '\0';
	if (cc_lex_at(s, i) != '#')
		return;
	cc_lex_word(s, cc_lex_skip_space(s, i + 1), ret_name);
	*ret_define = hp_streq(ret_name->text, "define");
	if (*ret_define)
		cc_lex_word(s, cc_lex_skip_space(s, ret_name->end), ret_name);
	/* Words are cut; a name that long is left to the compiler. */
	if (!*ret_define || cc_lex_at(s, ret_name->end) != '(' || strlen(ret_name->text) + 1 >= CC_WORD_MAX)
		ret_name->text[0] = '\0';
}

/* Reads "( IDENTIFIER )" at `i`, where a macro's list may also have "..." for __VA_ARGS__. Empty: something else is there. */
static void sole_word(const struct cc_scanner *s, size_t i, struct cc_word *ret_word)
{
	ret_word->text[0] = '\0';
	if (cc_lex_at(s, i) != '(')
		return;
	i = cc_lex_skip_space(s, i + 1);
	if (s->len - i >= 3 && memcmp(s->data + i, "...", 3) == 0)
		*ret_word = (struct cc_word){.end = i + 3, .text = "__VA_ARGS__"};
	else
		cc_lex_word(s, i, ret_word);
	if (cc_lex_at(s, cc_lex_skip_space(s, ret_word->end)) != ')')
		ret_word->text[0] = '\0';
}

bool cc_scan_is_wrapper(struct cc_scanner *s, size_t start, size_t operand)
{
	struct cc_word name;
	struct cc_word parameter;
	struct cc_word asked;
	bool define;

	defined_macro(s, start, &name, &define);
	if (!name.text[0])
		return false;
	sole_word(s, name.end, &parameter);
	sole_word(s, operand, &asked);
	if (!parameter.text[0] || !hp_streq(parameter.text, asked.text))
		return false;
	s->flags |= CC_SCAN_HAS_INCLUDE_WRAPPER;
	hp_buf_append(&s->wrappers, name.text, strlen(name.text) + 1);
	return true;
}

bool cc_scan_in_define(const struct cc_scanner *s, size_t start)
{
	struct cc_word name;
	bool define;

	defined_macro(s, start, &name, &define);
	return define;
}

/* Whether the word before `start` says that the macro is only named. */
static bool is_named(const struct cc_scanner *s, size_t start)
{
	static const char *const naming[] = {"define", "undef", "ifdef", "ifndef", "elifdef", "elifndef", "defined"};
	struct cc_word word;
	size_t i = start;

	while (i > 0 && (s->data[i - 1] == ' ' || s->data[i - 1] == '\t' || s->data[i - 1] == '('))
		i--;
	cc_lex_word(s, cc_lex_word_start(s, i), &word);
	for (size_t k = 0; k < HP_ARRAY_SIZE(naming); k++) {
		if (hp_streq(word.text, naming[k]))
			return true;
	}
	return false;
}

/* One place where a wrapper's name stands, behind it `end`. False: what it asks for cannot be told. */
static bool note_use(struct cc_scanner *s, size_t start, size_t end, struct hp_buf *probes)
{
	size_t i = cc_lex_skip_space(s, end);
	unsigned char open;
	size_t close;

	if (is_named(s, start))
		return true;
	/* Without parentheses it is not expanded; in a directive it might be handed to another macro. */
	if (cc_lex_at(s, i) != '(')
		return cc_lex_at(s, cc_lex_skip_space(s, line_start(s, start))) != '#';
	open = cc_lex_at(s, i = cc_lex_skip_space(s, i + 1));
	if (open != '<' && open != '"')
		return false;
	for (close = i + 1; close < s->len && s->data[close] != (open == '<' ? '>' : '"'); close++) {
		if (s->data[close] == '\\' || s->data[close] < ' ')
			return false;
	}
	if (close == i + 1 || cc_lex_at(s, cc_lex_skip_space(s, close + 1)) != ')')
		return false;
	/* "..." is looked for beside the file that evaluates it, which may be another one. */
	if (open == '"' && cc_scan_in_define(s, start))
		return false;
	hp_buf_append(probes, s->data + i, close - i);
	hp_buf_char(probes, '\0');
	return true;
}

/* Whether a splice cuts a word in two: then a name may be there that a plain search does not find. */
static bool has_cut_word(const struct cc_scanner *s)
{
	for (size_t i = 1; i + 2 < s->len; i++) {
		const unsigned char *p = memchr(s->data + i, '\\', s->len - i);

		if (!p)
			return false;
		i = (size_t)(p - s->data);
		if (cc_lex_is_word(s->data[i - 1]) && cc_lex_splice_end(s, i) != i &&
		    cc_lex_is_word(cc_lex_at(s, cc_lex_skip_splices(s, i))))
			return true;
	}
	return false;
}

bool cc_scan_wrapped(const char *data, size_t len, const char *name, struct hp_buf *probes)
{
	struct cc_scanner s = {.data = (const unsigned char *)data, .len = len};
	size_t name_len = strlen(name);
	size_t from = 0;

	if (has_cut_word(&s))
		return false;
	while (from < len) {
		const char *found = memmem(data + from, len - from, name, name_len);
		size_t start;

		if (!found)
			return true;
		start = (size_t)(found - data);
		from = start + name_len;
		if ((start > 0 && cc_lex_is_word(s.data[start - 1])) || cc_lex_is_word(cc_lex_at(&s, from)))
			continue;
		if (!note_use(&s, start, from, probes))
			return false;
	}
	return true;
}
