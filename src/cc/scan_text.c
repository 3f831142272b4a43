/* Text for the assembler: .incbin and .include read files behind the compiler's back. The assembler takes both in any
 * case. */
#include <string.h>

#include "cc/scan_priv.h"

/* Behind `rest` (lower case) at data[i, to), in any case and with splices skipped; 0: something else is there. */
static size_t match(const struct cc_scanner *s, size_t i, size_t to, const char *rest)
{
	for (; *rest != '\0'; rest++) {
		i = cc_lex_skip_splices(s, i);
		if (i >= to || (s->data[i] | 0x20) != *rest)
			return 0;
		i++;
	}
	return i;
}

/* Behind a quote at `i`; 0: there is none. */
static size_t quote_end(const struct cc_scanner *s, size_t i, size_t to, bool escaped)
{
	if (escaped)
		return i + 1 < to && s->data[i] == '\\' && s->data[i + 1] == '"' ? i + 2 : 0;
	return i < to && s->data[i] == '"' ? i + 1 : 0;
}

static size_t skip_blanks(const struct cc_scanner *s, size_t i, size_t to, bool escaped)
{
	for (;;) {
		if (i < to && (s->data[i] == ' ' || s->data[i] == '\t'))
			i++;
		else if (escaped && i + 1 < to && s->data[i] == '\\' && s->data[i + 1] == 't')
			i += 2;
		else
			return i;
	}
}

/* Whether a byte of a name stands for itself: to C, to the compiler's templates of inline assembler (% { | }), and to the
 * assembler with its macros (a backslash, & and, in one mode, @). */
static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && !strchr("\"\\%{|}&?@$", c);
}

/* The file that a directive names, the directive's word ending at `i`. Returns where to go on. A name that is not all
 * there, or that the assembler could make another one of, is unknown. */
static size_t note_file(struct cc_scanner *s, size_t i, size_t to, bool escaped, char kind)
{
	size_t from = quote_end(s, skip_blanks(s, i, to, escaped), to, escaped);
	size_t end = from;
	size_t behind;

	s->flags |= CC_SCAN_INCBIN;
	while (from && end < to && is_plain(s->data[end]))
		end++;
	behind = end > from ? quote_end(s, end, to, escaped) : 0;
	if (!behind || (s->other_reading && !s->other_names) ||
	    quote_end(s, skip_blanks(s, behind, to, escaped), to, escaped)) {
		s->flags |= CC_SCAN_INCBIN_UNKNOWN;
		return i;
	}
	hp_buf_char(&s->asm_names, kind);
	hp_buf_append(&s->asm_names, s->data + from, end - from);
	hp_buf_char(&s->asm_names, '\0');
	return behind;
}

/* What stands in front of `i`, splices left out; 0: nothing in this text. */
static unsigned char before(const struct cc_scanner *s, size_t i, size_t from)
{
	size_t end = cc_lex_before(s, i);

	return end > from ? s->data[end - 1] : 0;
}

void cc_scan_text(struct cc_scanner *s, size_t from, size_t to, bool escaped)
{
	const unsigned char *data = s->data;

	/* "incbin" counts in any place, for macros may put the dot in front; "include" is too common a word for that. */
	for (size_t i = from; i + 3 <= to; i++) {
		unsigned char c = data[i] | 0x20;
		size_t end;

		/* Modes in which names of macros' parameters count inside strings, too. */
		if ((c == 'a' && match(s, i + 1, to, "ltmacro")) ||
		    (c == 'm' && match(s, i + 1, to, "ri") && before(s, i, from) == '.'))
			s->flags |= CC_SCAN_INCBIN_UNKNOWN;
		if (c != 'i' || ((data[i + 1] | 0x20) != 'n' && data[i + 1] != '\\'))
			continue;
		end = match(s, i + 1, to, "ncbin");
		if (end && before(s, i, from) == '.') {
			i = note_file(s, end, to, escaped, CC_SCAN_ASM_BINARY) - 1;
		} else if (end) {
			s->flags |= CC_SCAN_INCBIN | CC_SCAN_INCBIN_UNKNOWN;
		} else {
			end = match(s, i + 1, to, "nclude");
			if (end && before(s, i, from) == '.')
				i = note_file(s, end, to, escaped, CC_SCAN_ASM_TEXT) - 1;
		}
	}
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

static void look_through_line(struct cc_scanner *s, struct asm_reader *r, size_t from, size_t to)
{
	size_t i = from;

	for (;;) {
		if (r->in_comment) {
			const unsigned char *close = memmem(s->data + i, to - i, "*/", 2);

			if (!close)
				return;
			r->in_comment = false;
			i = (size_t)(close - s->data) + 2;
		}

		size_t comment = r->unclear ? to : find_clear_comment(s, i, to);

		cc_scan_text(s, i, comment, false);
		if (comment == to) {
			r->unclear |= has_odd_quotes(s, i, to);
			return;
		}
		r->in_comment = true;
		i = comment + 2;
	}
}

void cc_scan_asm(struct cc_scanner *s)
{
	struct asm_reader r = {0};
	size_t from = 0;

	while (from < s->len) {
		const unsigned char *newline = memchr(s->data + from, '\n', s->len - from);
		size_t to = newline ? (size_t)(newline - s->data) : s->len;

		if (r.in_comment || r.unclear || !is_hash_line(s, from, to))
			look_through_line(s, &r, from, to);
		from = to + 1;
	}
}
