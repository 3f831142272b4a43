/* Skeletons: as many lines as the text, each no longer, and every byte that is left stands in the column where it stood;
 * what is changed is a space or gone. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "cc/preprocessed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_blank(char c)
{
	return c == '\0' || strchr(" \t\r\f\v", c) != NULL;
}

static void check_line(const char *text, size_t len, const char *line, size_t line_len, bool directives)
{
	assert(line_len <= len);
	for (size_t i = 0; i < line_len; i++)
		assert(line[i] == text[i] || line[i] == ' ' || !directives);
	assert(line_len == 0 || !is_blank(line[line_len - 1]));
}

static void check(const char *text, size_t len, bool directives)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	const char *line;

	cc_skeleton(text, len, directives, &out);
	line = hp_buf_cstr(&out);
	for (const char *end = text + len; text < end;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = memchr(line, '\n', out.len - (size_t)(line - hp_buf_cstr(&out)));

		assert((newline != NULL) == (line_end != NULL));
		if (!newline)
			break;
		check_line(text, (size_t)(newline - text), line, (size_t)(line_end - line), directives);
		text = newline + 1;
		line = line_end + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check((const char *)data, size, false);
	check((const char *)data, size, true);
	return 0;
}
