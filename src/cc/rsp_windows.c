/* Response files as Windows' command lines are split, and the encodings in which they come. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cc/rsp.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A run of backslashes means itself unless a double quote follows: then two stand for one, and one that is left over makes
 * the quote an ordinary byte. Returns the position behind what was read. */
static size_t take_backslashes(const char *data, size_t len, size_t i, struct hp_buf *word)
{
	size_t count = 0;

	while (i < len && data[i] == '\\') {
		i++;
		count++;
	}
	if (i < len && data[i] == '"') {
		for (size_t k = 0; k < count / 2; k++)
			hp_buf_char(word, '\\');
		if (count % 2) {
			hp_buf_char(word, '"');
			i++;
		}
		return i;
	}
	for (size_t k = 0; k < count; k++)
		hp_buf_char(word, '\\');
	return i;
}

/* Reads the word at *pos, which is no white space. False: a quote was never closed, and clang-cl drops such a word. */
static bool next_word(const char *data, size_t len, size_t *pos, struct hp_buf *word)
{
	size_t i = *pos;
	bool quoted = false;

	while (i < len && (quoted || !is_space(data[i]))) {
		if (data[i] == '\\') {
			i = take_backslashes(data, len, i, word);
		} else if (data[i] != '"') {
			hp_buf_char(word, data[i++]);
		} else if (quoted && i + 1 < len && data[i + 1] == '"') {
			hp_buf_char(word, '"');
			i += 2;
		} else {
			quoted = !quoted;
			i++;
		}
	}
	*pos = i;
	return !quoted;
}

int cc_rsp_split_windows(const char *data, size_t len, struct hp_strv *words, struct hp_err *err)
{
	struct hp_buf word HP_AUTO_BUF = {0};
	size_t pos = 0;

	for (;;) {
		while (pos < len && is_space(data[pos]))
			pos++;
		if (pos == len)
			return 0;
		if (words->len >= HP_ARGS_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "response file: more than %u words", HP_ARGS_MAX);
		hp_buf_reset(&word);
		if (next_word(data, len, &pos, &word))
			hp_strv_addn(words, hp_buf_cstr(&word), word.len);
	}
}

int cc_rsp_decode_utf16(const char *data, size_t len, struct hp_buf *out, struct hp_err *err)
{
	const unsigned char *b = (const unsigned char *)data;
	bool big = len >= 2 && b[0] == 0xfe;

	if (len < 2 || len % 2)
		return hp_err_set(err, HP_INVALID, "response file: UTF-16 of an odd length");
	for (size_t i = 2; i < len; i += 2) {
		uint32_t unit = big ? (uint32_t)(b[i] << 8 | b[i + 1]) : (uint32_t)(b[i + 1] << 8 | b[i]);

		if (unit >= 0xd800 && unit < 0xdc00 && i + 3 < len) {
			uint32_t low =
			        big ? (uint32_t)(b[i + 2] << 8 | b[i + 3]) : (uint32_t)(b[i + 3] << 8 | b[i + 2]);

			if (low >= 0xdc00 && low < 0xe000) {
				hp_buf_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
				i += 2;
				continue;
			}
		}
		if (unit == 0 || (unit >= 0xd800 && unit < 0xe000))
			return hp_err_set(err, HP_INVALID, "response file: not UTF-16 at byte %zu", i);
		hp_buf_utf8(out, unit);
	}
	return 0;
}
