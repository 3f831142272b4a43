#include "cc/rsp.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

static bool is_space(enum cc_family family, char c)
{
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return true;
	return !cc_family_is_clang(family) && (c == '\v' || c == '\f');
}

/* Reads one word from *pos on; `word` is empty before. False: only white space was left. */
static bool next_word(enum cc_family family, const char *data, size_t len, size_t *pos, struct hp_buf *word)
{
	size_t i = *pos;
	char quote = '\0';

	while (i < len && is_space(family, data[i]))
		i++;
	if (i == len) {
		*pos = i;
		return false;
	}
	for (; i < len && (quote || !is_space(family, data[i])); i++) {
		char c = data[i];

		if (c == '\\') {
			if (i + 1 < len)
				hp_buf_char(word, data[++i]);
			else if (cc_family_is_clang(family))
				hp_buf_char(word, c);
		} else if (quote ? c == quote : (c == '"' || c == '\'')) {
			quote = quote ? '\0' : c;
		} else {
			hp_buf_char(word, c);
		}
	}
	*pos = i;
	return true;
}

int cc_rsp_split(enum cc_family family, const char *data, size_t len, struct hp_strv *words, struct hp_err *err)
{
	struct hp_buf word HP_AUTO_BUF = {0};
	struct hp_buf utf8 HP_AUTO_BUF = {0};
	size_t pos = 0;

	if (len >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0)) {
		if (family == CC_FAMILY_GCC)
			return hp_err_set(err, HP_INVALID, "response file: UTF-16 is not read");
		if (cc_rsp_decode_utf16(data, len, &utf8, err) < 0)
			return -HP_INVALID;
		data = hp_buf_cstr(&utf8);
		len = utf8.len;
	}
	if (len > 0 && memchr(data, '\0', len))
		return hp_err_set(err, HP_INVALID, "response file: it holds a NUL byte");
	if (family != CC_FAMILY_GCC && len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
		pos = 3;
	if (cc_family_is_msvc(family))
		return cc_rsp_split_windows(data + pos, len - pos, words, err);
	while (next_word(family, data, len, &pos, &word)) {
		if (words->len >= HP_ARGS_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "response file: more than %u words", HP_ARGS_MAX);
		if (word.len > 0 || !cc_family_is_clang(family))
			hp_strv_addn(words, hp_buf_cstr(&word), word.len);
		hp_buf_reset(&word);
	}
	return 0;
}

void cc_rsp_quote(const char *word, struct hp_buf *out)
{
	if (!*word)
		hp_buf_str(out, "\"\"");
	for (; *word; word++) {
		if (strchr(" \t\r\n\v\f\\\"'", *word))
			hp_buf_char(out, '\\');
		hp_buf_char(out, *word);
	}
}

/* What is still to be looked at: a stack, the next argument on top. */
struct pending {
	char *word;
	unsigned depth; /* files it came through */
};

struct expansion {
	enum cc_family family;
	cc_read_file_fn read_file;
	void *read_ctx;
	struct pending *stack;
	size_t stack_len;
	size_t stack_cap;
	size_t bytes; /* read so far */
};

static void expansion_done(struct expansion *ex)
{
	for (size_t i = 0; i < ex->stack_len; i++)
		free(ex->stack[i].word);
	free(ex->stack);
}

static void push(struct expansion *ex, char *take_word, unsigned depth)
{
	if (ex->stack_len == ex->stack_cap) {
		ex->stack_cap = ex->stack_cap ? ex->stack_cap * 2 : 64;
		ex->stack = hp_realloc(ex->stack, ex->stack_cap * sizeof *ex->stack);
	}
	ex->stack[ex->stack_len++] = (struct pending){take_word, depth};
}

/* The family whose way of splitting counts: clang and clang-cl have an option for it, the last one wins. */
static enum cc_family splitting_family(enum cc_family family, size_t argc, char *const *argv)
{
	enum cc_family result = family;

	for (size_t i = 0; i < argc && cc_family_is_clang(family); i++) {
		if (hp_streq(argv[i], "--rsp-quoting=posix"))
			result = CC_FAMILY_CLANG;
		else if (hp_streq(argv[i], "--rsp-quoting=windows"))
			result = CC_FAMILY_CLANG_CL;
	}
	return result;
}

static int open_file(struct expansion *ex, const char *path, unsigned depth, struct hp_err *err)
{
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_strv words HP_AUTO_STRV = {0};
	int r;

	if (depth >= HP_RSP_DEPTH_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "response file %s: nested too deep", path);
	if (!ex->read_file)
		return hp_err_set(err, HP_UNIMPLEMENTED, "response file %s: cannot be read here", path);
	r = ex->read_file(ex->read_ctx, path, &text);
	if (r < 0) {
		(void)hp_err_set(err, HP_NOT_FOUND, "response file %s: cannot be read", path);
		return r;
	}
	ex->bytes += text.len;
	if (ex->bytes > HP_RSP_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "response file %s: too large", path);
	r = cc_rsp_split(ex->family, hp_buf_cstr(&text), text.len, &words, err);
	if (r < 0)
		return r;
	if (ex->stack_len + words.len > HP_ARGS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "response file %s: too many words", path);
	for (size_t i = words.len; i-- > 0; words.v[i] = NULL)
		push(ex, words.v[i], depth + 1);
	words.len = 0;
	return 0;
}

static int expand_all(struct expansion *ex, struct hp_strv *args, unsigned char **from_file, struct hp_err *err)
{
	size_t flags_cap = 0;

	while (ex->stack_len > 0) {
		struct pending top = ex->stack[--ex->stack_len];

		if (top.word[0] == '@' && top.word[1]) {
			char *path HP_AUTO_FREE = top.word;
			int r = open_file(ex, path + 1, top.depth, err);

			if (r < 0)
				return r;
			continue;
		}
		while (args->len >= flags_cap) {
			flags_cap = flags_cap ? flags_cap * 2 : 256;
			*from_file = hp_realloc(*from_file, flags_cap);
		}
		(*from_file)[args->len] = top.depth > 0;
		hp_strv_take(args, top.word);
		if (args->len > HP_ARGS_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "more than %u arguments", HP_ARGS_MAX);
	}
	return 0;
}

int cc_rsp_expand(enum cc_family family, size_t argc, char *const *argv, cc_read_file_fn read_file, void *read_ctx,
                  struct hp_strv *args, bool *ret_opened, unsigned char **ret_from_file, struct hp_err *err)
{
	struct expansion ex __attribute__((cleanup(expansion_done))) = {
	        .family = splitting_family(family, argc, argv), .read_file = read_file, .read_ctx = read_ctx};
	unsigned char *from_file HP_AUTO_FREE = NULL;
	bool opened = false;
	int r;

	if (argc > HP_ARGS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u arguments", HP_ARGS_MAX);
	for (size_t i = 0; i < argc && !opened; i++)
		opened = argv[i][0] == '@' && argv[i][1];
	if (!opened) {
		for (size_t i = 0; i < argc; i++)
			hp_strv_add(args, argv[i]);
		*ret_opened = false;
		if (ret_from_file)
			*ret_from_file = NULL;
		return 0;
	}
	for (size_t i = argc; i-- > 0;)
		push(&ex, hp_strdup(argv[i]), 0);
	r = expand_all(&ex, args, &from_file, err);
	if (r < 0)
		return r;
	*ret_opened = true;
	if (ret_from_file)
		*ret_from_file = hp_steal(from_file);
	return 0;
}
