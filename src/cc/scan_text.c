/* Text for the assembler: .incbin and .include read files behind the compiler's back. The assembler takes both in any
 * case. */
#include <string.h>

#include "cc/scan_priv.h"

/* Whether data[i, to) starts with `rest` (lower case) in any case, splices skipped. */
static bool matches(const struct cc_scanner *s, size_t i, size_t to, const char *rest)
{
	for (; *rest != '\0'; rest++) {
		i = cc_lex_skip_splices(s, i);
		if (i >= to || (s->data[i] | 0x20) != *rest)
			return false;
		i++;
	}
	return true;
}

bool cc_scan_text_includes(const struct cc_scanner *s, size_t from, size_t to)
{
	const unsigned char *data = s->data;

	/* "incbin" counts in any place, for macros may put the dot in front; "include" is too common a word for that. */
	for (size_t i = from; i + 6 <= to; i++) {
		if ((data[i] | 0x20) != 'i' || ((data[i + 1] | 0x20) != 'n' && data[i + 1] != '\\'))
			continue;
		if (matches(s, i + 1, to, "ncbin"))
			return true;
		if (matches(s, i + 1, to, "nclude")) {
			size_t before = cc_lex_before(s, i);

			if (before > from && data[before - 1] == '.')
				return true;
		}
	}
	return false;
}

/* Whether the line [from, to) is a comment to every assembler: a `#` at its start; but a macro's definition is code. */
static bool is_hash_line(const struct cc_scanner *s, size_t from, size_t to)
{
	while (from < to && (s->data[from] == ' ' || s->data[from] == '\t'))
		from++;
	if (from == to || s->data[from] != '#')
		return false;
	return !memmem(s->data + from, to - from, "define", 6);
}

/* The start of a block comment in [from, to) that every assembler and every preprocessor sees as one, because nothing
 * in front of it on its line could be a quote or another kind of comment; `to` when there is none. */
static size_t find_clear_comment(const struct cc_scanner *s, size_t from, size_t to)
{
	for (size_t i = from; i + 1 < to; i++) {
		if (s->data[i] == '/' && s->data[i + 1] == '*')
			return i;
		if (s->data[i] != '\0' && strchr("\"'/#;@!|\\", s->data[i]))
			return to;
	}
	return to;
}

static bool has_odd_quotes(const struct cc_scanner *s, size_t from, size_t to)
{
	bool odd = false;

	for (size_t i = from; i < to; i++)
		odd ^= s->data[i] == '"';
	return odd;
}

struct asm_reader {
	bool in_comment;
	bool unclear; /* a quote stayed open: comments are no longer left out */
};

/* Looks through one line. */
static bool line_includes(const struct cc_scanner *s, struct asm_reader *r, size_t from, size_t to)
{
	size_t i = from;

	for (;;) {
		if (r->in_comment) {
			const unsigned char *close = memmem(s->data + i, to - i, "*/", 2);

			if (!close)
				return false;
			r->in_comment = false;
			i = (size_t)(close - s->data) + 2;
		}

		size_t comment = r->unclear ? to : find_clear_comment(s, i, to);

		if (cc_scan_text_includes(s, i, comment))
			return true;
		if (comment == to) {
			r->unclear |= has_odd_quotes(s, i, to);
			return false;
		}
		r->in_comment = true;
		i = comment + 2;
	}
}

bool cc_scan_asm_includes(const struct cc_scanner *s)
{
	struct asm_reader r = {0};
	size_t from = 0;

	while (from < s->len) {
		const unsigned char *newline = memchr(s->data + from, '\n', s->len - from);
		size_t to = newline ? (size_t)(newline - s->data) : s->len;

		if (r.in_comment || r.unclear || !is_hash_line(s, from, to)) {
			if (line_includes(s, &r, from, to))
				return true;
		}
		from = to + 1;
	}
	return false;
}
