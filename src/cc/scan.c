#include "cc/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/scan_priv.h"

/* What a second reading may add: things that change what the compiler makes without a file of the closure changing. */
#define OTHER_READING_FLAGS                                                                             \
	(CC_SCAN_DATE | CC_SCAN_TIME | CC_SCAN_TIMESTAMP | CC_SCAN_HAS_INCLUDE_MACRO | CC_SCAN_INCBIN | \
	 CC_SCAN_INCBIN_UNKNOWN | CC_SCAN_EMBED)

void cc_scan_done(struct cc_scan *scan)
{
	free(scan->includes);
	free(scan->names);
	free(scan->asm_names);
	free(scan->wrappers);
	*scan = (struct cc_scan){0};
}

/* Events -------------------------------------------------------------------------------------------------------- */

static size_t consume(struct cc_scanner *s, size_t end, enum cc_line_kind kind)
{
	s->floor = end;
	s->floor_kind = kind;
	return end;
}

/* Whether the word in front of `p` belongs to a number: 1'000, 0x1'f, 1.e5'0. */
static bool in_number(const struct cc_scanner *s, size_t start)
{
	size_t before = cc_lex_before(s, start);

	if (s->data[start] >= '0' && s->data[start] <= '9')
		return true;
	if (before <= s->floor || s->data[before - 1] != '.')
		return false;
	before = cc_lex_before(s, before - 1);
	return before > s->floor && s->data[before - 1] >= '0' && s->data[before - 1] <= '9';
}

/* Whether the quote at `p` opens a raw string by its prefix. */
static bool is_raw(const struct cc_scanner *s, size_t p)
{
	size_t before = cc_lex_before(s, p);
	struct cc_word word;

	if (before <= s->floor || s->data[before - 1] != 'R')
		return false;

	size_t start = cc_lex_word_start(s, before);

	cc_lex_word(s, start, &word);
	return (hp_streq(word.text, "R") || hp_streq(word.text, "LR") || hp_streq(word.text, "uR") ||
	        hp_streq(word.text, "UR") || hp_streq(word.text, "u8R")) &&
	       !in_number(s, start);
}

static size_t on_string(struct cc_scanner *s, size_t p)
{
	size_t end = cc_lex_literal_end(s, p);
	bool raw = false;

	if (!s->raw_lost && is_raw(s, p)) {
		size_t raw_end = cc_lex_raw_end(s, p);
		/* C without raw strings takes the R for a macro and ends the string at the next quote of the line:
		 * where that is another one, its reading is looked at too. */
		bool other = raw_end != end && s->data[end - 1] == '"';

		if (raw_end == 0) {
			s->raw_lost = true;
		} else if (!other || !s->other_reading) {
			end = raw_end;
			raw = true;
		}
		s->ambiguous |= other;
	}
	/* All of an assembler source is text, its strings included. */
	if (s->syntax == CC_SCAN_C)
		cc_scan_text(s, p + 1, end, !raw);
	return consume(s, end, CC_LINE_CODE);
}

static size_t on_character(struct cc_scanner *s, size_t p)
{
	size_t start = cc_lex_word_start(s, p);
	size_t end = p + 1;

	if (start == p || !cc_lex_is_word(cc_lex_at(s, cc_lex_skip_splices(s, end))) || !in_number(s, start))
		return consume(s, cc_lex_literal_end(s, p), CC_LINE_CODE);
	/* A digit separator. The rest of the number is taken along, so that it is not looked back at again. */
	for (;;) {
		size_t i = cc_lex_skip_splices(s, end);
		unsigned char c = cc_lex_at(s, i);

		if (!cc_lex_is_word(c) && c != '.' &&
		    (c != '\'' || !cc_lex_is_word(cc_lex_at(s, cc_lex_skip_splices(s, i + 1)))))
			return consume(s, end, CC_LINE_CODE);
		end = i + 1;
	}
}

static size_t on_comment(struct cc_scanner *s, size_t p)
{
	enum cc_line_kind kind = cc_lex_line_kind(s, p);

	return consume(s, cc_lex_comment_end(s, p), kind);
}

static size_t on_backslash(struct cc_scanner *s, size_t p)
{
	size_t end = cc_lex_skip_splices(s, p);
	unsigned char before = p > s->floor ? s->data[p - 1] : 0;
	unsigned char after = cc_lex_at(s, end);

	if (end == p)
		return p + 1;
	if (cc_lex_is_word(before) && cc_lex_is_word(after))
		return cc_scan_word(s, cc_lex_word_start(s, p));
	if (before == '/' && (after == '/' || after == '*'))
		return on_comment(s, p - 1);
	if (before == '%' && after == ':')
		return cc_scan_hash(s, p - 1, end + 1 - (p - 1));
	return end;
}

static size_t on_at_sign(struct cc_scanner *s, size_t p)
{
	struct cc_word word;

	cc_lex_word(s, cc_lex_skip_space(s, p + 1), &word);
	if (s->syntax == CC_SCAN_C && hp_streq(word.text, "import"))
		s->flags |= CC_SCAN_MODULE;
	return p + 1;
}

static size_t on_event(struct cc_scanner *s, size_t p)
{
	switch (s->data[p]) {
	case '"':
		return on_string(s, p);
	case '\'':
		return on_character(s, p);
	case '/':
		return on_comment(s, p);
	case '\\':
		return on_backslash(s, p);
	case '#':
		return cc_scan_hash(s, p, 1);
	case '%':
		return cc_scan_hash(s, p, 2);
	case '@':
		return on_at_sign(s, p);
	default:
		return cc_scan_word(s, cc_lex_word_start(s, p));
	}
}

/* Passes -------------------------------------------------------------------------------------------------------- */

static void pass(struct cc_scanner *s)
{
	size_t p = s->len >= 3 && memcmp(s->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	s->quote_lost = 0;
	s->angle_lost = 0;
	s->raw_lost = false;
	consume(s, p, CC_LINE_BLANK);
	while ((p = cc_lex_find_event(s, p)) < s->len) {
		size_t next = on_event(s, p);

		assert(next > p);
		p = next;
	}
}

static void all_passes(struct cc_scanner *s, const unsigned char *data, size_t len)
{
	s->data = data;
	s->len = len;
	s->ambiguous = false;
	s->other_names = false;
	s->other_reading = false;
	pass(s);
	if (s->syntax == CC_SCAN_ASM)
		cc_scan_asm(s);
	if (s->ambiguous) {
		uint32_t flags = s->flags;

		s->other_reading = true;
		pass(s);
		s->flags = flags | (s->flags & OTHER_READING_FLAGS);
	}
}

/* Where the trigraphs stand that can change what is a token; `len` when there is none. */
static size_t find_trigraph(const unsigned char *data, size_t from, size_t len)
{
	while (from + 2 < len) {
		const unsigned char *p = memchr(data + from, '?', len - from - 2);

		if (!p)
			break;
		if (p[1] == '?' && (p[2] == '/' || p[2] == '=' || p[2] == '\''))
			return (size_t)(p - data);
		from = (size_t)(p - data) + 1;
	}
	return len;
}

/* Whether trigraphs count depends on the dialect: a file that has some is scanned a second time without them. */
static void trigraph_passes(struct cc_scanner *s, const unsigned char *data, size_t len)
{
	size_t from = 0;
	size_t at = find_trigraph(data, 0, len);
	size_t out = 0;

	if (at == len)
		return;

	HP_AUTO_FREE unsigned char *text = hp_alloc(len);

	while (from < len) {
		memcpy(text + out, data + from, at - from);
		out += at - from;
		from = at;
		if (at < len) {
			text[out++] = data[at + 2] == '/' ? '\\' : data[at + 2] == '=' ? '#' : '^';
			from += 3;
			at = find_trigraph(data, from, len);
		}
	}
	all_passes(s, text, out);
}

/* Result -------------------------------------------------------------------------------------------------------- */

static int compare(const struct cc_scanner *s, const struct cc_include *a, const struct cc_include *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->next != b->next)
		return a->next ? 1 : -1;
	if (a->probe != b->probe)
		return a->probe ? 1 : -1;
	return strcmp(s->names.data + a->offset, s->names.data + b->offset);
}

static int compare_then_offset(const void *a, const void *b, void *ctx)
{
	const struct cc_include *x = a;
	const struct cc_include *y = b;
	int rc = compare(ctx, x, y);

	return rc ? rc : (x->offset > y->offset) - (x->offset < y->offset);
}

static int compare_offset(const void *a, const void *b)
{
	const struct cc_include *x = a;
	const struct cc_include *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Leaves the first of each. By sorting: no hash that a hostile file could fill with collisions. */
static void keep_distinct(struct cc_scanner *s)
{
	size_t kept = 0;

	if (s->includes_len == 0)
		return;
	qsort_r(s->includes, s->includes_len, sizeof *s->includes, compare_then_offset, s);
	for (size_t i = 0; i < s->includes_len; i++) {
		if (i == 0 || compare(s, &s->includes[i], &s->includes[kept - 1]) != 0)
			s->includes[kept++] = s->includes[i];
	}
	s->includes_len = kept;
	qsort(s->includes, s->includes_len, sizeof *s->includes, compare_offset);
}

void cc_scan_source(enum cc_scan_syntax syntax, const char *data, size_t len, struct cc_scan *ret_scan)
{
	struct cc_scanner s = {.syntax = syntax, .computed_at = UINT32_MAX};
	const unsigned char *bytes = (const unsigned char *)data;

	all_passes(&s, bytes, len);
	trigraph_passes(&s, bytes, len);
	keep_distinct(&s);
	*ret_scan = (struct cc_scan){
	        .flags = s.flags,
	        .includes = s.includes,
	        .includes_len = s.includes_len,
	        .names = s.names.data, /* NULL without names, so not hp_buf_steal */
	        .names_len = s.names.len,
	        .wrappers = s.wrappers.data,
	        .wrappers_len = s.wrappers.len,
	        .asm_names = s.asm_names.data,
	        .asm_names_len = s.asm_names.len,
	        .computed_at = s.computed_at,
	};
}
