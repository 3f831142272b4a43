/* Bytes, blanks, words, literals. */
#include <string.h>

#include "cc/scan_priv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\0';
}

/* Events -------------------------------------------------------------------------------------------------------- */

/* The events: `"` `'` `\` `#` `@`, the start of a comment, the digraph `%:`, and three letters out of each word that
 * matters:
 *   __D __T (date and time), __h (has_include, has_embed), _Pr (_Pragma), m_h (system_header), imp exp mod, ncb ncl
 *   (incbin, include; in any case).
 * Words that a splice cuts are found at the splice. */
static bool is_event(const struct cc_scanner *s, size_t p)
{
	unsigned char a = s->data[p];
	unsigned char b = cc_lex_at(s, p + 1);
	unsigned char c = cc_lex_at(s, p + 2);

	switch (a) {
	case '"':
	case '\'':
	case '\\':
	case '#':
	case '@':
		return true;
	case '/':
		return b == '/' || b == '*';
	case '%':
		return b == ':';
	case '_':
		return (b == '_' && (c == 'D' || c == 'T' || c == 'h')) || (b == 'P' && c == 'r');
	case 'm':
		return (b == '_' && c == 'h') || (b == 'o' && c == 'd');
	case 'i':
		return b == 'm' && c == 'p';
	case 'e':
		return b == 'x' && c == 'p';
	case 'n':
	case 'N':
		return (b | 0x20) == 'c' && ((c | 0x20) == 'b' || (c | 0x20) == 'l');
	default:
		return false;
	}
}

#ifdef __SSE2__
#define EQ(x, ch) _mm_cmpeq_epi8((x), _mm_set1_epi8(ch))
#define AND(x, y) _mm_and_si128((x), (y))
#define OR(x, y) _mm_or_si128((x), (y))

/* is_event for 16 positions, one bit each; reads 18 bytes. */
static inline unsigned event_mask(const unsigned char *data)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)data);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(data + 1));
	__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(data + 2));
	__m128i lower = _mm_set1_epi8(0x20);
	__m128i c_lower = OR(c, lower);
	__m128i single = OR(OR(EQ(a, '"'), EQ(a, '\'')), OR(EQ(a, '\\'), OR(EQ(a, '#'), EQ(a, '@'))));
	__m128i pair = OR(AND(EQ(a, '/'), OR(EQ(b, '/'), EQ(b, '*'))), AND(EQ(a, '%'), EQ(b, ':')));
	__m128i under = AND(EQ(a, '_'), OR(AND(EQ(b, '_'), OR(OR(EQ(c, 'D'), EQ(c, 'T')), EQ(c, 'h'))),
	                                   AND(EQ(b, 'P'), EQ(c, 'r'))));
	__m128i em = AND(EQ(a, 'm'), OR(AND(EQ(b, '_'), EQ(c, 'h')), AND(EQ(b, 'o'), EQ(c, 'd'))));
	__m128i port = AND(EQ(c, 'p'), OR(AND(EQ(a, 'i'), EQ(b, 'm')), AND(EQ(a, 'e'), EQ(b, 'x'))));
	__m128i nc = AND(AND(EQ(OR(a, lower), 'n'), EQ(OR(b, lower), 'c')), OR(EQ(c_lower, 'b'), EQ(c_lower, 'l')));

	return (unsigned)_mm_movemask_epi8(OR(OR(OR(single, pair), OR(under, em)), OR(port, nc)));
}
#endif

size_t cc_lex_find_event(const struct cc_scanner *s, size_t p)
{
#ifdef __SSE2__
	while (p + 18 <= s->len) {
		unsigned mask = event_mask(s->data + p);

		if (mask)
			return p + (size_t)__builtin_ctz(mask);
		p += 16;
	}
#endif
	while (p < s->len && !is_event(s, p))
		p++;
	return p;
}

/* Splices and blanks -------------------------------------------------------------------------------------------- */

/* Behind the line end at `i`. */
static size_t newline_end(const struct cc_scanner *s, size_t i)
{
	return s->data[i] == '\r' && cc_lex_at(s, i + 1) == '\n' ? i + 2 : i + 1;
}

size_t cc_lex_splice_end(const struct cc_scanner *s, size_t i)
{
	size_t j = i + 1;

	if (cc_lex_at(s, i) != '\\')
		return i;
	while (j < s->len && is_blank(s->data[j]))
		j++;
	return j < s->len && cc_lex_is_newline(s->data[j]) ? newline_end(s, j) : i;
}

/* The start of the splice whose line end ends at `i`; `i` when there is none, or it starts below the floor. */
static size_t splice_start(const struct cc_scanner *s, size_t i)
{
	size_t j = i;

	if (j <= s->floor || !cc_lex_is_newline(s->data[j - 1]))
		return i;
	j--;
	if (s->data[j] == '\n' && j > s->floor && s->data[j - 1] == '\r')
		j--;
	while (j > s->floor && is_blank(s->data[j - 1]))
		j--;
	return j > s->floor && s->data[j - 1] == '\\' ? j - 1 : i;
}

size_t cc_lex_before_newline(const struct cc_scanner *s, size_t i)
{
	for (;;) {
		size_t start = splice_start(s, i);

		if (start == i)
			return i;
		i = start;
	}
}

enum cc_line_kind cc_lex_line_kind(const struct cc_scanner *s, size_t p)
{
	for (;;) {
		p = cc_lex_before(s, p);
		if (p <= s->floor)
			return s->floor_kind;
		if (cc_lex_is_newline(s->data[p - 1]))
			return CC_LINE_BLANK;
		if (!is_blank(s->data[p - 1]))
			return CC_LINE_CODE;
		p--;
	}
}

/* Comments ------------------------------------------------------------------------------------------------------ */

static size_t block_comment_end(const struct cc_scanner *s, size_t i)
{
	for (;;) {
#ifdef __SSE2__
		while (i + 17 <= s->len) {
			__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(s->data + i));
			__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(s->data + i + 1));
			unsigned mask = (unsigned)_mm_movemask_epi8(AND(EQ(a, '*'), OR(EQ(b, '/'), EQ(b, '\\'))));

			if (mask) {
				i += (size_t)__builtin_ctz(mask);
				break;
			}
			i += 16;
		}
#endif
		if (i >= s->len)
			return s->len;
		if (s->data[i] == '*') {
			size_t slash = cc_lex_skip_splices(s, i + 1);

			if (cc_lex_at(s, slash) == '/')
				return slash + 1;
		}
		i++;
	}
}

static size_t line_comment_end(const struct cc_scanner *s, size_t from)
{
	size_t i = from;

	for (;;) {
#ifdef __SSE2__
		while (i + 16 <= s->len) {
			__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(s->data + i));
			unsigned mask = (unsigned)_mm_movemask_epi8(OR(EQ(a, '\n'), EQ(a, '\r')));

			if (mask) {
				i += (size_t)__builtin_ctz(mask);
				break;
			}
			i += 16;
		}
#endif
		if (i >= s->len)
			return s->len;
		if (cc_lex_is_newline(s->data[i])) {
			size_t end = newline_end(s, i);
			size_t last = i;

			while (last > from && is_blank(s->data[last - 1]))
				last--;
			if (last == from || s->data[last - 1] != '\\')
				return i;
			i = from = end;
		} else {
			i++;
		}
	}
}

size_t cc_lex_comment_end(const struct cc_scanner *s, size_t i)
{
	if (cc_lex_at(s, i) != '/')
		return i;

	size_t next = cc_lex_skip_splices(s, i + 1);

	if (cc_lex_at(s, next) == '*')
		return block_comment_end(s, next + 1);
	if (cc_lex_at(s, next) == '/')
		return line_comment_end(s, next + 1);
	return i;
}

size_t cc_lex_skip_space(const struct cc_scanner *s, size_t i)
{
	while (i < s->len) {
		size_t end = i;

		if (is_blank(s->data[i]))
			end = i + 1;
		else if (s->data[i] == '\\')
			end = cc_lex_splice_end(s, i);
		else if (s->data[i] == '/')
			end = cc_lex_comment_end(s, i);
		if (end == i)
			break;
		i = end;
	}
	return i;
}

/* Words and literals -------------------------------------------------------------------------------------------- */

size_t cc_lex_word_start(const struct cc_scanner *s, size_t i)
{
	for (;;) {
		size_t end = cc_lex_before(s, i);

		if (end <= s->floor || !cc_lex_is_word(s->data[end - 1]))
			return i;
		i = end - 1;
	}
}

void cc_lex_word(const struct cc_scanner *s, size_t i, struct cc_word *ret_word)
{
	size_t len = 0;
	size_t end = i;

	while (i < s->len && cc_lex_is_word(s->data[i])) {
		if (len < CC_WORD_MAX - 1)
			ret_word->text[len++] = (char)s->data[i];
		end = ++i;
		i = cc_lex_skip_splices(s, i);
	}
	ret_word->text[len] = '\0';
	ret_word->end = end;
}

size_t cc_lex_literal_end(const struct cc_scanner *s, size_t i)
{
	unsigned char quote = s->data[i++];

	while (i < s->len) {
		unsigned char c = s->data[i];

		if (c == quote)
			return i + 1;
		if (cc_lex_is_newline(c))
			return i;
		if (c != '\\') {
			i++;
			continue;
		}

		size_t end = cc_lex_splice_end(s, i);

		if (end == i) {
			/* An escape takes the next byte with it, which may stand behind splices. */
			end = cc_lex_skip_splices(s, i + 1);
			if (end < s->len && !cc_lex_is_newline(s->data[end]))
				end++;
		}
		i = end;
	}
	return i;
}

size_t cc_lex_raw_end(const struct cc_scanner *s, size_t i)
{
	const unsigned char *delim = s->data + i + 1;
	size_t delim_len = 0;

	while (i + 1 + delim_len < s->len && delim[delim_len] != '(') {
		unsigned char c = delim[delim_len];

		if (is_blank(c) || cc_lex_is_newline(c) || c == ')' || c == '\\' || c == '"' || ++delim_len > 16)
			return 0;
	}
	/* Splices do not exist inside, so plain bytes are compared. */
	for (size_t p = i + 1 + delim_len; p < s->len; p++) {
		const unsigned char *close = memchr(s->data + p, ')', s->len - p);

		if (!close)
			return 0;
		p = (size_t)(close - s->data);
		if (s->len - p >= delim_len + 2 && memcmp(close + 1, delim, delim_len) == 0 &&
		    close[1 + delim_len] == '"')
			return p + delim_len + 2;
	}
	return 0;
}

size_t cc_lex_find_close(struct cc_scanner *s, size_t i, unsigned char close)
{
	size_t *lost = close == '"' ? &s->quote_lost : &s->angle_lost;

	if (i < *lost)
		return s->len;
	while (i < s->len && s->data[i] != close) {
		if (cc_lex_is_newline(s->data[i]))
			break;
		if (s->data[i] == '\\') {
			size_t end = cc_lex_splice_end(s, i);

			i = end == i ? i + 1 : end;
		} else {
			i++;
		}
	}
	if (i < s->len && s->data[i] == close)
		return i;
	*lost = i;
	return s->len;
}
