/* What words and directives mean. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/scan_priv.h"

/* Included names ------------------------------------------------------------------------------------------------ */

/* Notes the name data[from, to), splices left out. Names end at a NUL for the compilers too. */
static void note_name(struct cc_scanner *s, struct cc_include include, size_t from, size_t to)
{
	size_t start = s->names.len;

	if (s->other_reading && !s->other_names)
		return;
	while (from < to) {
		size_t end = cc_lex_splice_end(s, from);

		if (end == from) {
			if (s->data[from] == '\0')
				break;
			hp_buf_char(&s->names, (char)s->data[from]);
			end++;
		}
		from = end;
	}
	if (s->names.len == start)
		return;
	if (start > UINT32_MAX) {
		/* Files this large are not taken at all (HP_SOURCE_SIZE_MAX); what follows may not be trusted. */
		s->flags |= CC_SCAN_INCLUDE_MACRO | CC_SCAN_HAS_INCLUDE_MACRO;
		return;
	}
	hp_buf_char(&s->names, '\0');
	if (s->includes_len == s->includes_cap) {
		s->includes_cap = s->includes_cap ? s->includes_cap * 2 : 16;
		s->includes = hp_realloc(s->includes, s->includes_cap * sizeof *s->includes);
	}
	include.offset = (uint32_t)start;
	s->includes[s->includes_len++] = include;
}

/* Reads `"x"` or `<x>` at `i`. Returns what is behind it, or 0 when there is none. *ret_sure is false where a compiler
 * may read another name: Clang lets a backslash hide the closing quote, and GCC's C++ takes a word behind it for a suffix
 * of a literal, and part of it into the name. */
static size_t header_name(struct cc_scanner *s, struct cc_include include, size_t i, bool *ret_sure)
{
	unsigned char open = cc_lex_at(s, i);
	unsigned char after;
	size_t close;

	if (open != '"' && open != '<')
		return 0;
	close = cc_lex_find_close(s, i + 1, open == '<' ? '>' : '"');
	if (close == s->len)
		return 0;
	include.kind = open == '<' ? CC_INCLUDE_ANGLE : CC_INCLUDE_QUOTE;
	note_name(s, include, i + 1, close);
	after = cc_lex_at(s, cc_lex_skip_splices(s, close + 1));
	*ret_sure = (open == '<' || s->data[cc_lex_before(s, close) - 1] != '\\') && !cc_lex_is_word(after) &&
	            after < 0x80 && after != '$';
	return close + 1;
}

/* A name that only the compiler knows. In another reading the names before it are not noted: it counts as the first. */
static void note_computed(struct cc_scanner *s, size_t names_before)
{
	uint32_t at = s->other_reading || names_before > UINT32_MAX ? 0 : (uint32_t)names_before;

	s->flags |= CC_SCAN_INCLUDE_MACRO;
	if (at < s->computed_at)
		s->computed_at = at;
}

/* Directives ---------------------------------------------------------------------------------------------------- */

static bool at_line_end(const struct cc_scanner *s, size_t i)
{
	return i >= s->len || cc_lex_is_newline(s->data[i]);
}

static size_t on_include(struct cc_scanner *s, size_t i, bool next)
{
	bool sure = false;
	size_t names_before = s->names.len;
	size_t operand = cc_lex_skip_space(s, i);
	size_t end = header_name(s, (struct cc_include){.next = next}, operand, &sure);

	if (!sure && !at_line_end(s, operand))
		note_computed(s, names_before);
	return end ? end : i;
}

static void on_pragma(struct cc_scanner *s, size_t i)
{
	struct cc_word word;

	cc_lex_word(s, cc_lex_skip_space(s, i), &word);
	if (hp_streq(word.text, "include_alias")) {
		/* In Microsoft's dialect it makes another file of a literal name. */
		note_computed(s, s->names.len);
		return;
	}
	if (!hp_streq(word.text, "GCC") && !hp_streq(word.text, "clang"))
		return;
	cc_lex_word(s, cc_lex_skip_space(s, word.end), &word);
	if (hp_streq(word.text, "system_header"))
		s->flags |= CC_SCAN_SYSTEM_HEADER;
	else if (hp_streq(word.text, "dependency"))
		s->flags |= CC_SCAN_PRAGMA_DEPENDENCY;
	else if (hp_streq(word.text, "pch_preprocess"))
		s->flags |= CC_SCAN_PCH_PREPROCESS;
	else if (hp_streq(word.text, "module"))
		s->flags |= CC_SCAN_MODULE;
}

static size_t skip_digits(const struct cc_scanner *s, size_t i)
{
	while (cc_lex_at(s, i) >= '0' && cc_lex_at(s, i) <= '9')
		i = cc_lex_skip_splices(s, i + 1);
	return i;
}

/* The name of a #line directive or a line marker at `i`. Sure to be relative is only what starts so as plain text. */
static void on_line_name(struct cc_scanner *s, size_t i)
{
	char first = cc_lex_at(s, i) == '"' ? cc_lex_at(s, cc_lex_skip_splices(s, i + 1)) : '/';

	s->flags |= CC_SCAN_LINE_FILE;
	if (first == '/' || first == '\\')
		s->flags |= CC_SCAN_LINE_ABSOLUTE;
}

/* #line: anything behind the number, or in its place, may be or make a file name. */
static void on_line(struct cc_scanner *s, size_t i)
{
	i = cc_lex_skip_space(s, skip_digits(s, cc_lex_skip_space(s, i)));
	if (!at_line_end(s, i))
		on_line_name(s, i);
}

/* `# 12 "file" 1 3`, the number being at `i`. */
static void on_line_marker(struct cc_scanner *s, size_t i)
{
	i = cc_lex_skip_space(s, skip_digits(s, i));
	if (cc_lex_at(s, i) != '"')
		return;
	on_line_name(s, i);
	i = cc_lex_skip_space(s, cc_lex_literal_end(s, i));
	while (cc_lex_is_word(cc_lex_at(s, i))) {
		struct cc_word word;

		cc_lex_word(s, i, &word);
		if (hp_streq(word.text, "3"))
			s->flags |= CC_SCAN_SYSTEM_HEADER;
		i = cc_lex_skip_space(s, word.end);
	}
}

/* #warning and #error: Clang reads their text to the line's end as it stands, GCC sees comments in it. A comment that
 * starts here may so hide lines from one of them only. */
static size_t on_message(struct cc_scanner *s, size_t i)
{
	size_t end = i;

	while (!at_line_end(s, end)) {
		size_t next = cc_lex_splice_end(s, end);

		if (s->data[end] == '/' && cc_lex_at(s, cc_lex_skip_splices(s, end + 1)) == '*')
			s->ambiguous = s->other_names = true;
		end = next == end ? end + 1 : next;
	}
	return s->other_reading ? end : i;
}

size_t cc_scan_hash(struct cc_scanner *s, size_t p, size_t width)
{
	size_t i = p + width;
	struct cc_word word;
	enum cc_line_kind kind = CC_LINE_CODE;

	if (cc_lex_line_kind(s, p) != CC_LINE_BLANK)
		return i;
	i = cc_lex_skip_space(s, i);
	cc_lex_word(s, i, &word);
	if (word.text[0] >= '0' && word.text[0] <= '9') {
		on_line_marker(s, i);
		word.end = skip_digits(s, i);
	} else if (hp_streq(word.text, "include") || hp_streq(word.text, "import") ||
	           hp_streq(word.text, "__include_macros")) {
		word.end = on_include(s, word.end, false);
	} else if (hp_streq(word.text, "include_next")) {
		word.end = on_include(s, word.end, true);
	} else if (hp_streq(word.text, "pragma")) {
		on_pragma(s, word.end);
	} else if (hp_streq(word.text, "line")) {
		on_line(s, word.end);
	} else if (hp_streq(word.text, "embed")) {
		s->flags |= CC_SCAN_EMBED;
	} else if (hp_streq(word.text, "warning") || hp_streq(word.text, "error")) {
		word.end = on_message(s, word.end);
	} else if (hp_streq(word.text, "ifdef") || hp_streq(word.text, "ifndef") || hp_streq(word.text, "elifdef") ||
	           hp_streq(word.text, "elifndef") || hp_streq(word.text, "define") || hp_streq(word.text, "undef")) {
		kind = CC_LINE_NAMING;
	}
	s->floor = word.end;
	s->floor_kind = kind;
	return word.end;
}

/* Words --------------------------------------------------------------------------------------------------------- */

/* Whether the word at `start` is only named: #ifdef X, #define X, defined X, defined(X). */
static bool is_named(const struct cc_scanner *s, size_t start)
{
	bool paren = false;
	size_t i = start;
	struct cc_word word;

	if (cc_lex_line_kind(s, start) == CC_LINE_NAMING)
		return true;
	for (;;) {
		i = cc_lex_before(s, i);
		if (i <= s->floor)
			return false;

		unsigned char c = s->data[i - 1];

		if (c == '(' && !paren)
			paren = true;
		else if (c != ' ' && c != '\t')
			break;
		i--;
	}
	cc_lex_word(s, cc_lex_word_start(s, i), &word);
	return hp_streq(word.text, "defined");
}

/* __has_include and its kin, the word ending at `end`. */
static size_t on_has_include(struct cc_scanner *s, size_t start, size_t end, bool next)
{
	bool sure = false;
	size_t paren = cc_lex_skip_space(s, end);
	size_t name_end = 0;
	bool quoted = false;

	if (is_named(s, start))
		return end;
	if (cc_lex_at(s, paren) == '(') {
		size_t i = cc_lex_skip_space(s, paren + 1);

		quoted = cc_lex_at(s, i) == '"';
		name_end = header_name(s, (struct cc_include){.next = next, .probe = true}, i, &sure);
	}
	/* "..." in a macro's body is looked for beside whatever file evaluates it. */
	if (name_end && sure && quoted && cc_scan_in_define(s, start))
		sure = false;
	if (!sure && (name_end || !cc_scan_is_wrapper(s, start, paren)))
		s->flags |= CC_SCAN_HAS_INCLUDE_MACRO;
	return name_end ? name_end : end;
}

/* Whether `text` stands in data[from, to), splices left out. */
static bool contains(const struct cc_scanner *s, size_t from, size_t to, const char *text)
{
	for (; from < to; from++) {
		size_t i = from;
		size_t k = 0;

		while (i < to && text[k] != '\0' && s->data[i] == (unsigned char)text[k]) {
			i = cc_lex_skip_splices(s, i + 1);
			k++;
		}
		if (text[k] == '\0')
			return true;
	}
	return false;
}

/* _Pragma("..."), the word ending at `end`. Looks for words in the literal without taking it apart. */
static void on_pragma_operator(struct cc_scanner *s, size_t end)
{
	size_t i = cc_lex_skip_space(s, end);
	struct cc_word prefix;
	size_t to;

	if (cc_lex_at(s, i) != '(')
		return;
	cc_lex_word(s, cc_lex_skip_space(s, i + 1), &prefix);
	i = cc_lex_skip_space(s, prefix.end);
	if (cc_lex_at(s, i) != '"')
		return;
	to = cc_lex_literal_end(s, i);
	if (contains(s, i, to, "system_header"))
		s->flags |= CC_SCAN_SYSTEM_HEADER;
	if (contains(s, i, to, "dependency"))
		s->flags |= CC_SCAN_PRAGMA_DEPENDENCY;
	if (contains(s, i, to, "pch_preprocess"))
		s->flags |= CC_SCAN_PCH_PREPROCESS;
	if (contains(s, i, to, "include_alias"))
		note_computed(s, s->names.len);
	if (contains(s, i, to, "module"))
		s->flags |= CC_SCAN_MODULE;
}

/* Whether the word `text` at the start of a line makes that line one of modules, told by what follows; the words are
 * ordinary identifiers elsewhere. */
static bool is_module_line(const struct cc_scanner *s, const char *text, size_t end)
{
	size_t i = cc_lex_skip_space(s, end);
	unsigned char c = cc_lex_at(s, i);
	struct cc_word next;

	cc_lex_word(s, i, &next);
	if (hp_streq(text, "export"))
		return hp_streq(next.text, "import") || hp_streq(next.text, "module");
	if (cc_lex_is_word(c))
		return c < '0' || c > '9';
	if (c == ':' && cc_lex_at(s, cc_lex_skip_splices(s, i + 1)) != ':')
		return true;
	if (hp_streq(text, "import"))
		return c == '<' || c == '"' || c >= 0x80;
	return c == ';' || c >= 0x80;
}

/* `incbin` or `.include "x"` outside a literal: text that a macro turns into one. In assembler text, where only the
 * parts that a splice cuts are looked at here, all is text (cc_scan_asm). */
static bool is_assembler_include(const struct cc_scanner *s, size_t start, const struct cc_word *word)
{
	size_t before = cc_lex_before(s, start);

	if (s->syntax == CC_SCAN_ASM && word->end - start == strlen(word->text))
		return false;
	if (strcasecmp(word->text, "incbin") == 0)
		return true;
	return strcasecmp(word->text, "include") == 0 && before > s->floor && s->data[before - 1] == '.' &&
	       cc_lex_at(s, cc_lex_skip_space(s, word->end)) == '"';
}

size_t cc_scan_word(struct cc_scanner *s, size_t start)
{
	struct cc_word word;
	const char *text = word.text;

	cc_lex_word(s, start, &word);
	if (hp_streq(text, "__DATE__"))
		s->flags |= CC_SCAN_DATE;
	else if (hp_streq(text, "__TIME__"))
		s->flags |= CC_SCAN_TIME;
	else if (hp_streq(text, "__TIMESTAMP__"))
		s->flags |= CC_SCAN_TIMESTAMP;
	else if (hp_streq(text, "__has_include") || hp_streq(text, "__has_include__"))
		return on_has_include(s, start, word.end, false);
	else if (hp_streq(text, "__has_include_next") || hp_streq(text, "__has_include_next__"))
		return on_has_include(s, start, word.end, true);
	else if (hp_streq(text, "__has_embed") && !is_named(s, start))
		s->flags |= CC_SCAN_EMBED;
	else if (hp_streq(text, "_Pragma"))
		on_pragma_operator(s, word.end);
	else if (hp_streq(text, "system_header"))
		s->flags |= CC_SCAN_SYSTEM_HEADER; /* also where a macro makes a _Pragma of it */
	else if (is_assembler_include(s, start, &word))
		s->flags |= CC_SCAN_INCBIN | CC_SCAN_INCBIN_UNKNOWN;
	else if (s->syntax == CC_SCAN_C &&
	         (hp_streq(text, "import") || hp_streq(text, "module") || hp_streq(text, "export")) &&
	         cc_lex_line_kind(s, start) == CC_LINE_BLANK && is_module_line(s, text, word.end))
		s->flags |= CC_SCAN_MODULE;
	return word.end;
}
