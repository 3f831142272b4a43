/* Response files: splitting never reads past the text, and what was quoted is read back. The first byte chooses the
 * family; its second bit, Windows' way. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "cc/rsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same word in double quotes, as Windows' programs quote it. */
static void quote_windows(const char *word, struct hp_buf *out)
{
	size_t slashes = 0;

	hp_buf_char(out, '"');
	for (; *word; word++) {
		if (*word == '"')
			slashes++;
		for (; *word == '"' && slashes > 0; slashes--)
			hp_buf_char(out, '\\');
		hp_buf_char(out, *word);
		slashes = *word == '\\' ? slashes + 1 : 0;
	}
	for (; slashes > 0; slashes--)
		hp_buf_char(out, '\\');
	hp_buf_char(out, '"');
	hp_buf_char(out, ' ');
}

static void check_windows(const char *text, size_t len)
{
	struct hp_strv words HP_AUTO_STRV = {0};
	struct hp_strv again HP_AUTO_STRV = {0};
	struct hp_buf quoted HP_AUTO_BUF = {0};

	if (cc_rsp_split(CC_FAMILY_CLANG_CL, text, len, &words, NULL) < 0)
		return;
	for (size_t i = 0; i < words.len; i++)
		quote_windows(words.v[i], &quoted);
	assert(cc_rsp_split_windows(hp_buf_cstr(&quoted), quoted.len, &again, NULL) == 0);
	assert(again.len == words.len);
	for (size_t i = 0; i < words.len; i++)
		assert(strcmp(words.v[i], again.v[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_strv words HP_AUTO_STRV = {0};
	struct hp_strv again HP_AUTO_STRV = {0};
	struct hp_buf text HP_AUTO_BUF = {0};
	char *copy HP_AUTO_FREE = NULL;
	enum cc_family family;

	if (size == 0)
		return 0;
	family = data[0] & 1 ? CC_FAMILY_CLANG : CC_FAMILY_GCC;
	/* A block of the exact size, so that a read past its end is seen. */
	copy = hp_memdup(data + 1, size - 1);
	if (data[0] & 2) {
		check_windows(copy, size - 1);
		return 0;
	}
	if (cc_rsp_split(family, copy, size - 1, &words, NULL) < 0)
		return 0;
	for (size_t i = 0; i < words.len; i++) {
		cc_rsp_quote(words.v[i], &text);
		hp_buf_char(&text, '\n');
	}
	/* The text would begin with a byte order mark, which one family drops and which no quoting can keep. */
	if (text.len >= 2 && ((uint8_t)text.data[0] == 0xef || (uint8_t)text.data[0] >= 0xfe))
		return 0;
	assert(cc_rsp_split(family, text.data, text.len, &again, NULL) == 0);
	assert(again.len == words.len);
	for (size_t i = 0; i < words.len; i++)
		assert(strcmp(words.v[i], again.v[i]) == 0);
	return 0;
}
