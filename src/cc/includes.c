#include "cc/includes.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

/* The line at *pos without its end, which *pos moves behind; NULL after the last. */
static const char *next_line(const char *data, size_t len, size_t *pos, size_t *ret_len, size_t *ret_whole)
{
	const char *line = data + *pos;
	const char *end;

	if (*pos >= len)
		return NULL;
	end = memchr(line, '\n', len - *pos);
	*ret_whole = end ? (size_t)(end - line) + 1 : len - *pos;
	*ret_len = *ret_whole - (end ? 1 : 0);
	if (*ret_len > 0 && line[*ret_len - 1] == '\r')
		(*ret_len)--;
	*pos += *ret_whole;
	return line;
}

static bool has_prefix(const char *prefix, const char *line, size_t len)
{
	size_t n = strlen(prefix);

	return n > 0 && len >= n && memcmp(line, prefix, n) == 0;
}

int cc_includes_parse(const char *prefix, const char *data, size_t len, struct hp_strv *ret_files, struct hp_err *err)
{
	struct hp_map seen = {0};
	size_t pos = 0;
	size_t line_len;
	size_t whole;
	int r = 0;

	if (len > 0 && memchr(data, '\0', len))
		return hp_err_set(err, HP_INVALID, "list of includes: it holds a NUL byte");
	for (const char *line; r == 0 && (line = next_line(data, len, &pos, &line_len, &whole));) {
		const char *path = line + strlen(prefix);
		const char *end = line + line_len;
		struct hp_map_slot *slot;

		if (!has_prefix(prefix, line, line_len))
			continue;
		while (path < end && *path == ' ')
			path++;
		if (path == end) {
			r = hp_err_set(err, HP_INVALID, "list of includes: a line without a path");
			break;
		}
		slot = hp_map_put(&seen, path, (size_t)(end - path));
		if (slot->value)
			continue;
		slot->value = &seen;
		if (ret_files->len >= HP_CLOSURE_FILES_MAX)
			r = hp_err_set(err, HP_EXHAUSTED, "list of includes: more than %u files", HP_CLOSURE_FILES_MAX);
		else
			hp_strv_addn(ret_files, path, (size_t)(end - path));
	}
	hp_map_done(&seen);
	return r;
}

void cc_includes_strip(const char *prefix, const char *data, size_t len, struct hp_buf *out)
{
	size_t pos = 0;
	size_t line_len;
	size_t whole;

	for (const char *line; (line = next_line(data, len, &pos, &line_len, &whole));) {
		if (!has_prefix(prefix, line, line_len))
			hp_buf_append(out, line, whole);
	}
}

bool cc_includes_learn(const char *data, size_t len, const char *path, struct hp_buf *ret_prefix)
{
	size_t path_len = strlen(path);
	size_t pos = 0;
	size_t line_len;
	size_t whole;

	for (const char *line; (line = next_line(data, len, &pos, &line_len, &whole));) {
		size_t n;

		if (line_len <= path_len || memcmp(line + line_len - path_len, path, path_len) != 0)
			continue;
		n = line_len - path_len;
		/* The depth is one blank at least; a path that only ends so is another. */
		if (line[n - 1] != ' ')
			continue;
		while (n > 0 && line[n - 1] == ' ')
			n--;
		if (n == 0 || memchr(line, '\0', n))
			continue;
		hp_buf_append(ret_prefix, line, n);
		return true;
	}
	return false;
}
