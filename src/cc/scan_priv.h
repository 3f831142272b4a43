/* The token scanner's parts; only src/cc/scan*.c include this.
 *
 * The scanner jumps from one interesting byte to the next (cc_lex_find_event) and looks at its surroundings there, in
 * both directions, through line splices. What it has consumed ends at `floor`: nothing looks back behind it, which
 * also keeps the whole scan linear. What stands between the start of the logical line and the floor is told by
 * `floor_kind`. */
#pragma once

#include "base/buf.h"
#include "cc/scan.h"

enum cc_line_kind {
	CC_LINE_BLANK = 0, /* only blanks and comments so far: a `#` here starts a directive */
	CC_LINE_CODE,
	CC_LINE_NAMING, /* #ifdef, #define and the like: the next word is named, not used */
};

struct cc_scanner {
	const unsigned char *data;
	size_t len;
	enum cc_scan_syntax syntax;

	size_t floor;
	enum cc_line_kind floor_kind;

	/* Dialects read some texts differently; a second pass with `other_reading` then adds the flags of that one. */
	bool other_reading;
	bool ambiguous;    /* there is something for the second pass ... */
	bool other_names;  /* ... and the names it finds count as well */
	bool raw_lost;     /* a raw string had no end: no dialect with raw strings accepts this file */
	size_t quote_lost; /* up to here there is no `"`, or no `>`: so that no line is searched twice */
	size_t angle_lost;

	uint32_t flags;
	struct cc_include *includes;
	size_t includes_len;
	size_t includes_cap;
	struct hp_buf names;
	struct hp_buf asm_names;
	struct hp_buf wrappers;
	uint32_t computed_at;
};

/* Longer words are cut to this, NUL included; it exceeds the longest word that means anything here. */
#define CC_WORD_MAX 32

struct cc_word {
	size_t end;
	char text[CC_WORD_MAX];
};

/* scan_lex.c: bytes, blanks, words, literals. Positions are byte offsets, `len` stands for the end. ---------------- */

/* The small ones are inline: they are most of what is done at an event. */
static inline bool cc_lex_is_word(unsigned char c)
{
	/* Bytes of other alphabets and `$` end a word here: a dialect that takes them for part of it makes us flag too
	 * much, never too little. */
	return (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10 || c == '_';
}

static inline bool cc_lex_is_newline(unsigned char c)
{
	return c == '\n' || c == '\r';
}

static inline unsigned char cc_lex_at(const struct cc_scanner *s, size_t i)
{
	return i < s->len ? s->data[i] : 0;
}

/* The next position from `p` on where something may begin that matters. */
size_t cc_lex_find_event(const struct cc_scanner *s, size_t p);

/* Behind the splice (backslash, blanks, line end) or splices at `i`; `i` when there is none. */
size_t cc_lex_splice_end(const struct cc_scanner *s, size_t i);

static inline size_t cc_lex_skip_splices(const struct cc_scanner *s, size_t i)
{
	while (cc_lex_at(s, i) == '\\') {
		size_t end = cc_lex_splice_end(s, i);

		if (end == i)
			break;
		i = end;
	}
	return i;
}

/* The end of the byte in front of `i` as the language sees it, that is `i` itself or the start of the splices there;
 * not below the floor. */
size_t cc_lex_before_newline(const struct cc_scanner *s, size_t i);

static inline size_t cc_lex_before(const struct cc_scanner *s, size_t i)
{
	return i > s->floor && cc_lex_is_newline(s->data[i - 1]) ? cc_lex_before_newline(s, i) : i;
}

/* What stands in front of `p` on its logical line. */
enum cc_line_kind cc_lex_line_kind(const struct cc_scanner *s, size_t p);

/* Behind the comment that starts at `i` (a line comment ends at its line end, which stays); `i` when none does. */
size_t cc_lex_comment_end(const struct cc_scanner *s, size_t i);

/* Skips blanks, splices and comments; stops at the line end. */
size_t cc_lex_skip_space(const struct cc_scanner *s, size_t i);

size_t cc_lex_word_start(const struct cc_scanner *s, size_t i);
void cc_lex_word(const struct cc_scanner *s, size_t i, struct cc_word *ret_word); /* empty text when none starts at i */

/* Behind the string or character literal whose quote is at `i`; the line end, which stays, when it has none. */
size_t cc_lex_literal_end(const struct cc_scanner *s, size_t i);

/* Behind the raw string whose quote is at `i`; 0 when it is none or has no end. */
size_t cc_lex_raw_end(const struct cc_scanner *s, size_t i);

/* The position of the first `close` from `i` on, on this logical line; `len` when there is none. */
size_t cc_lex_find_close(struct cc_scanner *s, size_t i, unsigned char close);

/* scan_directive.c: what words and directives mean. ---------------------------------------------------------------- */

/* Each returns where to go on. `width` is 1 for `#`, more for a digraph. */
size_t cc_scan_hash(struct cc_scanner *s, size_t p, size_t width);
size_t cc_scan_word(struct cc_scanner *s, size_t start);

/* scan_wrap.c: __has_include behind macros. ------------------------------------------------------------------------ */

/* Whether the __has_include at `start`, its operand's parenthesis at `operand`, is that of a macro with a parameter; notes
 * the macro. */
bool cc_scan_is_wrapper(struct cc_scanner *s, size_t start, size_t operand);

/* Whether `start` is on the line of a #define. */
bool cc_scan_in_define(const struct cc_scanner *s, size_t start);

/* scan_text.c: text for the assembler. ----------------------------------------------------------------------------- */

/* Notes the files that data[from, to), the inside of a literal, may pull in through the assembler. `escaped`: a quote in the
 * text is spelled with a backslash. */
void cc_scan_text(struct cc_scanner *s, size_t from, size_t to, bool escaped);

/* The same for a whole assembler source, comments left out where every assembler sees one. */
void cc_scan_asm(struct cc_scanner *s);
