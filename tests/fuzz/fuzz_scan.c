/* The token scanner against a slow and simple one: splices are taken out first, then the text is read forward one
 * character at a time. Both must find the same flags and names. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind {
	BLANK,
	CODE,
	NAMING
};

struct ref {
	const uint8_t *data; /* as in the file */
	size_t data_len;
	uint8_t *c;  /* without splices, four NULs behind */
	size_t *pos; /* where each came from */
	size_t len;
	bool asm_text;
	bool other;
	bool raw_lost;
	bool ambiguous;
	bool other_names;
	size_t floor;
	enum kind kind;
	uint32_t flags;
	struct hp_buf names; /* "?+<name>\n" each, doubles left out */
};

static bool newline(uint8_t c)
{
	return c == '\n' || c == '\r';
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == 0;
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool wordy(uint8_t c)
{
	return digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void take_out_splices(struct ref *r)
{
	r->c = hp_zalloc(r->data_len + 4);
	r->pos = hp_zalloc((r->data_len + 4) * sizeof *r->pos);
	r->len = 0;
	for (size_t i = 0; i < r->data_len;) {
		if (r->data[i] == '\\') {
			size_t j = i + 1;

			while (j < r->data_len && blank(r->data[j]))
				j++;
			if (j < r->data_len && newline(r->data[j])) {
				i = j + (r->data[j] == '\r' && j + 1 < r->data_len && r->data[j + 1] == '\n' ? 2 : 1);
				continue;
			}
		}
		r->pos[r->len] = i;
		r->c[r->len++] = r->data[i++];
	}
}

static size_t comment_end(const struct ref *r, size_t i)
{
	if (r->c[i] == '/' && r->c[i + 1] == '*' && i + 1 < r->len) {
		for (i += 2; i < r->len; i++) {
			if (r->c[i] == '*' && r->c[i + 1] == '/')
				return i + 2;
		}
	} else if (r->c[i] == '/' && r->c[i + 1] == '/') {
		while (i < r->len && !newline(r->c[i]))
			i++;
	}
	return i;
}

static size_t space(const struct ref *r, size_t i)
{
	for (;;) {
		size_t end = i < r->len && blank(r->c[i]) ? i + 1 : comment_end(r, i);

		if (end == i)
			return i;
		i = end;
	}
}

static size_t word_at(const struct ref *r, size_t i, char ret_text[64])
{
	size_t len = 0;

	while (i < r->len && wordy(r->c[i])) {
		if (len < 63)
			ret_text[len++] = (char)r->c[i];
		i++;
	}
	ret_text[len] = '\0';
	return i;
}

static size_t quoted_end(const struct ref *r, size_t i)
{
	uint8_t quote = r->c[i++];

	for (; i < r->len && !newline(r->c[i]); i++) {
		if (r->c[i] == quote)
			return i + 1;
		if (r->c[i] == '\\' && i + 1 < r->len && !newline(r->c[i + 1]))
			i++;
	}
	return i;
}

static void add_name(struct ref *r, bool probe, bool next, size_t i, size_t end)
{
	HP_AUTO_BUF struct hp_buf line = {0};
	uint8_t open = r->c[i++];

	if ((r->other && !r->other_names) || i == end || r->c[i] == 0)
		return;
	hp_buf_printf(&line, "\n%s%s%c", probe ? "?" : "", next ? "+" : "", open);
	for (; i < end && r->c[i]; i++)
		hp_buf_char(&line, (char)r->c[i]);
	hp_buf_char(&line, '\n');
	if (!r->names.data || !memmem(r->names.data, r->names.len, line.data, line.len))
		hp_buf_append(&r->names, line.data, line.len);
}

/* A header name at i: its end, 0 when there is none. */
static size_t name_at(struct ref *r, size_t i, bool probe, bool next, bool *ret_sure)
{
	uint8_t close = r->c[i] == '<' ? '>' : '"';
	size_t end = i + 1;

	if (r->c[i] != '<' && r->c[i] != '"')
		return 0;
	while (end < r->len && r->c[end] != close && !newline(r->c[end]))
		end++;
	if (end >= r->len || r->c[end] != close)
		return 0;
	add_name(r, probe, next, i, end);
	*ret_sure = (close == '>' || r->c[end - 1] != '\\') && !wordy(r->c[end + 1]) && r->c[end + 1] < 0x80 &&
	            r->c[end + 1] != '$';
	return end + 1;
}

static bool line_end(const struct ref *r, size_t i)
{
	return i >= r->len || newline(r->c[i]);
}

static void pragma(struct ref *r, size_t i)
{
	char text[64];

	i = word_at(r, space(r, i), text);
	if (hp_streq(text, "include_alias"))
		r->flags |= CC_SCAN_INCLUDE_MACRO;
	if (!hp_streq(text, "GCC") && !hp_streq(text, "clang"))
		return;
	word_at(r, space(r, i), text);
	r->flags |= hp_streq(text, "system_header")    ? (uint32_t)CC_SCAN_SYSTEM_HEADER
	            : hp_streq(text, "dependency")     ? (uint32_t)CC_SCAN_PRAGMA_DEPENDENCY
	            : hp_streq(text, "pch_preprocess") ? (uint32_t)CC_SCAN_PCH_PREPROCESS
	            : hp_streq(text, "module")         ? (uint32_t)CC_SCAN_MODULE
	                                               : 0;
}

static void line_name(struct ref *r, size_t i)
{
	r->flags |= CC_SCAN_LINE_FILE;
	if (r->c[i] != '"' || r->c[i + 1] == '/' || r->c[i + 1] == '\\')
		r->flags |= CC_SCAN_LINE_ABSOLUTE;
}

static void marker(struct ref *r, size_t i)
{
	while (digit(r->c[i]))
		i++;
	i = space(r, i);
	if (r->c[i] != '"' || i >= r->len)
		return;
	line_name(r, i);
	i = space(r, quoted_end(r, i));
	while (wordy(r->c[i])) {
		char text[64];

		i = space(r, word_at(r, i, text));
		if (hp_streq(text, "3"))
			r->flags |= CC_SCAN_SYSTEM_HEADER;
	}
}

static size_t message(struct ref *r, size_t i)
{
	size_t end = i;

	for (; !line_end(r, end); end++) {
		if (r->c[end] == '/' && r->c[end + 1] == '*')
			r->ambiguous = r->other_names = true;
	}
	return r->other ? end : i;
}

static size_t directive(struct ref *r, size_t i)
{
	static const char *const naming[] = {"ifdef", "ifndef", "elifdef", "elifndef", "define", "undef"};
	char text[64];
	size_t start = space(r, i);
	size_t end = word_at(r, start, text);
	bool next = hp_streq(text, "include_next");

	r->kind = CODE;
	if (digit((uint8_t)text[0])) {
		marker(r, start);
		for (end = start; digit(r->c[end]); end++)
			;
	} else if (next || hp_streq(text, "include") || hp_streq(text, "import") ||
	           hp_streq(text, "__include_macros")) {
		bool sure = false;
		size_t operand = space(r, end);
		size_t name = name_at(r, operand, false, next, &sure);

		if (!sure && !line_end(r, operand))
			r->flags |= CC_SCAN_INCLUDE_MACRO;
		end = name ? name : end;
	} else if (hp_streq(text, "pragma")) {
		pragma(r, end);
	} else if (hp_streq(text, "line")) {
		for (i = space(r, end); digit(r->c[i]); i++)
			;
		if (!line_end(r, space(r, i)))
			line_name(r, space(r, i));
	} else if (hp_streq(text, "embed")) {
		r->flags |= CC_SCAN_EMBED;
	} else if (hp_streq(text, "warning") || hp_streq(text, "error")) {
		end = message(r, end);
	}
	for (size_t k = 0; k < HP_ARRAY_SIZE(naming); k++) {
		if (hp_streq(text, naming[k]))
			r->kind = NAMING;
	}
	r->floor = end;
	return end;
}

static bool named(const struct ref *r, size_t i, enum kind kind)
{
	static const char word[] = "defined";
	bool paren = false;

	if (kind == NAMING)
		return true;
	while (i > r->floor && (r->c[i - 1] == ' ' || r->c[i - 1] == '\t' || (r->c[i - 1] == '(' && !paren))) {
		paren |= r->c[i - 1] == '(';
		i--;
	}
	if (i < r->floor + 7 || memcmp(r->c + i - 7, word, 7) != 0)
		return false;
	return i == r->floor + 7 || !wordy(r->c[i - 8]);
}

static bool has(const struct ref *r, size_t from, size_t to, const char *text)
{
	return memmem(r->c + from, to - from, text, strlen(text)) != NULL;
}

static void pragma_operator(struct ref *r, size_t i)
{
	char text[64];
	size_t end;

	i = space(r, i);
	if (i >= r->len || r->c[i] != '(')
		return;
	i = space(r, word_at(r, space(r, i + 1), text));
	if (i >= r->len || r->c[i] != '"')
		return;
	end = quoted_end(r, i);
	r->flags |= has(r, i, end, "system_header") ? CC_SCAN_SYSTEM_HEADER : 0;
	r->flags |= has(r, i, end, "dependency") ? CC_SCAN_PRAGMA_DEPENDENCY : 0;
	r->flags |= has(r, i, end, "pch_preprocess") ? CC_SCAN_PCH_PREPROCESS : 0;
	r->flags |= has(r, i, end, "include_alias") ? CC_SCAN_INCLUDE_MACRO : 0;
	r->flags |= has(r, i, end, "module") ? CC_SCAN_MODULE : 0;
}

static bool module_line(const struct ref *r, const char *text, size_t i)
{
	char next[64];
	uint8_t c;

	i = space(r, i);
	c = r->c[i];
	word_at(r, i, next);
	if (hp_streq(text, "export"))
		return hp_streq(next, "import") || hp_streq(next, "module");
	if (wordy(c))
		return !digit(c);
	if (c == ':' && r->c[i + 1] != ':')
		return true;
	return c >= 0x80 || (hp_streq(text, "import") ? c == '<' || c == '"' : c == ';');
}

static size_t probe(struct ref *r, size_t end, bool next)
{
	bool sure = false;
	size_t i = space(r, end);
	size_t name = i < r->len && r->c[i] == '(' ? name_at(r, space(r, i + 1), true, next, &sure) : 0;

	if (!sure)
		r->flags |= CC_SCAN_HAS_INCLUDE_MACRO;
	return name ? name : end;
}

/* Whether the word at `start` is part of a number. */
static bool numeric(const struct ref *r, size_t start)
{
	if (digit(r->c[start]))
		return true;
	return start >= r->floor + 2 && r->c[start - 1] == '.' && digit(r->c[start - 2]);
}

static size_t on_word(struct ref *r, size_t start)
{
	char text[64];
	enum kind kind = r->kind;
	size_t end = word_at(r, start, text);

	r->kind = CODE;
	if (r->c[end] == '\'' && wordy(r->c[end + 1]) && numeric(r, start)) {
		while (wordy(r->c[end]) || r->c[end] == '.' || (r->c[end] == '\'' && wordy(r->c[end + 1])))
			end++;
		r->floor = end;
		return end;
	}
	if (hp_streq(text, "__DATE__"))
		r->flags |= CC_SCAN_DATE;
	if (hp_streq(text, "__TIME__"))
		r->flags |= CC_SCAN_TIME;
	if (hp_streq(text, "__TIMESTAMP__"))
		r->flags |= CC_SCAN_TIMESTAMP;
	if (hp_streq(text, "__has_embed") && !named(r, start, kind))
		r->flags |= CC_SCAN_EMBED;
	if (hp_streq(text, "_Pragma"))
		pragma_operator(r, end);
	if (hp_streq(text, "system_header"))
		r->flags |= CC_SCAN_SYSTEM_HEADER;
	if (strcasecmp(text, "incbin") == 0 || (strcasecmp(text, "include") == 0 && start > r->floor &&
	                                        r->c[start - 1] == '.' && r->c[space(r, end)] == '"'))
		r->flags |= CC_SCAN_INCBIN;
	if ((hp_streq(text, "import") || hp_streq(text, "module") || hp_streq(text, "export")) && kind == BLANK &&
	    !r->asm_text && module_line(r, text, end))
		r->flags |= CC_SCAN_MODULE;
	if (hp_startswith(text, "__has_include") && !named(r, start, kind)) {
		if (hp_streq(text + 13, "") || hp_streq(text + 13, "__"))
			return probe(r, end, false);
		if (hp_streq(text + 13, "_next") || hp_streq(text + 13, "_next__"))
			return probe(r, end, true);
	}
	return end;
}

static size_t raw_end(const struct ref *r, size_t i)
{
	size_t from = r->pos[i] + 1;
	size_t open = from;
	HP_AUTO_BUF struct hp_buf close = {0};
	const uint8_t *found;

	while (open < r->data_len && open - from <= 16 && !newline(r->data[open]) && !blank(r->data[open]) &&
	       !memchr("()\\\"", r->data[open], 4))
		open++;
	if (open - from > 16 || open >= r->data_len || r->data[open] != '(')
		return 0;
	hp_buf_char(&close, ')');
	hp_buf_append(&close, r->data + from, open - from);
	hp_buf_char(&close, '"');
	found = memmem(r->data + open, r->data_len - open, close.data, close.len);
	if (!found)
		return 0;
	from = (size_t)(found - r->data) + close.len;
	while (i < r->len && r->pos[i] < from)
		i++;
	return i;
}

static bool text_includes(const struct ref *r, size_t from, size_t to)
{
	for (size_t i = from; i + 6 <= to; i++) {
		if (strncasecmp((const char *)r->c + i, "incbin", 6) == 0)
			return true;
		if (i + 8 <= to && strncasecmp((const char *)r->c + i, ".include", 8) == 0)
			return true;
	}
	return false;
}

static size_t on_string(struct ref *r, size_t i)
{
	static const char *const prefixes[] = {"R", "LR", "uR", "UR", "u8R"};
	size_t end = quoted_end(r, i);
	size_t start = i;

	while (start > r->floor && wordy(r->c[start - 1]))
		start--;
	for (size_t k = 0; k < HP_ARRAY_SIZE(prefixes) && !r->raw_lost; k++) {
		size_t raw;
		bool other;

		if (i - start != strlen(prefixes[k]) || memcmp(r->c + start, prefixes[k], i - start) != 0 ||
		    numeric(r, start))
			continue;
		raw = raw_end(r, i);
		other = raw != end && r->c[end - 1] == '"';
		r->raw_lost = raw == 0;
		r->ambiguous |= other;
		if (raw != 0 && (!other || !r->other))
			end = raw;
	}
	if (text_includes(r, i + 1, end))
		r->flags |= CC_SCAN_INCBIN;
	return end;
}

static size_t step(struct ref *r, size_t i)
{
	uint8_t c = r->c[i];
	size_t end = comment_end(r, i);

	if (end != i || blank(c) || newline(c)) {
		r->kind = newline(c) ? BLANK : r->kind;
		r->floor = end != i ? end : r->floor;
		return end != i ? end : i + 1;
	}
	if (r->kind == BLANK && (c == '#' || (c == '%' && r->c[i + 1] == ':')))
		return directive(r, c == '#' ? i + 1 : i + 2);
	if (wordy(c))
		return on_word(r, i);
	r->kind = CODE;
	if (c == '"' || c == '\'') {
		r->floor = c == '"' ? on_string(r, i) : quoted_end(r, i);
		return r->floor;
	}
	if (c == '@' && !r->asm_text) {
		char text[64];

		word_at(r, space(r, i + 1), text);
		r->flags |= hp_streq(text, "import") ? CC_SCAN_MODULE : 0;
	}
	return i + 1;
}

static void pass(struct ref *r)
{
	size_t i = r->len >= 3 && memcmp(r->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	r->floor = i;
	r->kind = BLANK;
	r->raw_lost = false;
	while (i < r->len)
		i = step(r, i);
}

static void passes(struct ref *r, const uint8_t *data, size_t len)
{
	r->data = data;
	r->data_len = len;
	r->ambiguous = r->other = r->other_names = false;
	take_out_splices(r);
	pass(r);
	if (r->ambiguous) {
		uint32_t flags = r->flags;

		r->other = true;
		pass(r);
		r->flags = flags | (r->flags & (CC_SCAN_DATE | CC_SCAN_TIME | CC_SCAN_TIMESTAMP | CC_SCAN_INCBIN |
		                                CC_SCAN_HAS_INCLUDE_MACRO | CC_SCAN_EMBED));
	}
	free(r->c);
	free(r->pos);
}

static void reference(struct ref *r, const uint8_t *data, size_t len)
{
	HP_AUTO_FREE uint8_t *copy = hp_alloc(len + 1);
	size_t out = 0;

	passes(r, data, len);
	for (size_t i = 0; i < len; i++) {
		const uint8_t *p = data + i;
		bool three = len - i >= 3 && p[0] == '?' && p[1] == '?';

		copy[out++] = three && p[2] == '/'    ? '\\'
		              : three && p[2] == '='  ? '#'
		              : three && p[2] == '\'' ? '^'
		                                      : *p;
		i += three && memchr("/='", p[2], 3) ? 2 : 0;
	}
	if (out != len)
		passes(r, copy, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HP_AUTO_BUF struct hp_buf names = {0};
	struct ref r = {.asm_text = size > 0 && (data[0] & 1)};
	struct cc_scan scan;

	if (size == 0)
		return 0;
	reference(&r, data + 1, size - 1);
	cc_scan_source(r.asm_text ? CC_SCAN_ASM : CC_SCAN_C, (const char *)data + 1, size - 1, &scan);
	for (size_t i = 0; i < scan.includes_len; i++) {
		const struct cc_include *inc = &scan.includes[i];

		hp_buf_printf(&names, "\n%s%s%c%s\n", inc->probe ? "?" : "", inc->next ? "+" : "",
		              inc->kind == CC_INCLUDE_QUOTE ? '"' : '<', scan.names + inc->offset);
	}
	/* In assembler text the pseudo-operations have rules of their own. */
	uint32_t mask = ~(uint32_t)(CC_SCAN_INCBIN_UNKNOWN | (r.asm_text ? CC_SCAN_INCBIN : 0));

	mask &= ~(uint32_t)CC_SCAN_HAS_INCLUDE_WRAPPER;
	/* A macro that wraps it is found otherwise; "..." in a macro's body is in doubt as well. */
	if ((r.flags & CC_SCAN_HAS_INCLUDE_MACRO) &&
	    !(scan.flags & (CC_SCAN_HAS_INCLUDE_MACRO | CC_SCAN_HAS_INCLUDE_WRAPPER)))
		abort();
	mask &= ~(uint32_t)CC_SCAN_HAS_INCLUDE_MACRO;
	if ((scan.flags & mask) != (r.flags & mask) || !hp_streq(hp_buf_cstr(&names), hp_buf_cstr(&r.names))) {
		fprintf(stderr, "flags %x, reference %x; names %s, reference %s\n", scan.flags, r.flags,
		        hp_buf_cstr(&names), hp_buf_cstr(&r.names));
		abort();
	}
	cc_scan_done(&scan);
	hp_buf_done(&r.names);
	return 0;
}
