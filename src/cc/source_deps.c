#include "cc/source_deps.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

struct reader {
	const char *p;
	const char *end;
	struct hp_err *err;
};

static int broken(struct reader *r, const char *what)
{
	return hp_err_set(r->err, HP_INVALID, "source dependencies: %s, %zu bytes before the end", what,
	                  (size_t)(r->end - r->p));
}

static char peek(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p)
		r->p++;
	return r->p < r->end ? *r->p : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c || r->p == r->end)
		return false;
	r->p++;
	return true;
}

/* Four hexadecimal digits; -1: they are not there. */
static int32_t read_hex4(struct reader *r)
{
	uint32_t value = 0;

	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *r->p++;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return (int32_t)value;
}

/* What follows "\u", which may need a second one. */
static int read_unicode(struct reader *r, struct hp_buf *out)
{
	int32_t c = read_hex4(r);

	if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 2 && r->p[0] == '\\' && r->p[1] == 'u') {
		int32_t low;

		r->p += 2;
		low = read_hex4(r);
		if (low < 0xdc00 || low >= 0xe000)
			return broken(r, "half a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c <= 0 || (c >= 0xd800 && c < 0xe000))
		return broken(r, "a character that no path has");
	hp_buf_utf8(out, (uint32_t)c);
	return 0;
}

static int read_escape(struct reader *r, struct hp_buf *out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p == r->end)
		return broken(r, "a string that does not end");
	if (*r->p == 'u') {
		r->p++;
		return read_unicode(r, out);
	}
	at = *r->p ? strchr(names, *r->p) : NULL;
	if (!at)
		return broken(r, "an unknown escape");
	hp_buf_char(out, bytes[at - names]);
	r->p++;
	return 0;
}

static int read_string(struct reader *r, struct hp_buf *out)
{
	hp_buf_reset(out);
	if (!take(r, '"'))
		return broken(r, "no string where one should be");
	while (r->p < r->end && *r->p != '"') {
		char c = *r->p++;

		if ((unsigned char)c < 0x20)
			return broken(r, "a control character in a string");
		if (c != '\\')
			hp_buf_char(out, c);
		else if (read_escape(r, out) < 0)
			return -HP_INVALID;
	}
	return take(r, '"') ? 0 : broken(r, "a string that does not end");
}

/* A number, true, false, null: what it is does not matter here. */
static int skip_word(struct reader *r)
{
	const char *start = r->p;

	while (r->p < r->end && *r->p && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *r->p))
		r->p++;
	return r->p > start ? 0 : broken(r, "no value where one should be");
}

/* Before an element of an array (or a member of an object): 1 there is one, 0 the end was taken, or -code. */
static int next_element(struct reader *r, char close, bool *first)
{
	if (take(r, close))
		return 0;
	if (!*first && !take(r, ','))
		return broken(r, "no comma between two values");
	*first = false;
	return peek(r) == close ? broken(r, "a comma before the end") : 1;
}

/* Any value, without recursion: a bit a level says whether it is an object. */
static int skip_value(struct reader *r)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	bool object[HP_JSON_DEPTH_MAX];
	bool first[HP_JSON_DEPTH_MAX];
	size_t depth = 0;

	do {
		int r1 = depth ? next_element(r, object[depth - 1] ? '}' : ']', &first[depth - 1]) : 1;
		char c;

		if (r1 < 0)
			return r1;
		if (r1 == 0) {
			depth--;
			continue;
		}
		if (depth && object[depth - 1] && (read_string(r, &text) < 0 || !take(r, ':')))
			return broken(r, "no name of a member");
		c = peek(r);
		if (c == '{' || c == '[') {
			if (depth == HP_JSON_DEPTH_MAX)
				return broken(r, "nested too deep");
			r->p++;
			object[depth] = c == '{';
			first[depth++] = true;
		} else if ((c == '"' ? read_string(r, &text) : skip_word(r)) < 0) {
			return -HP_INVALID;
		}
	} while (depth);
	return 0;
}

static int read_includes(struct reader *r, struct hp_strv *includes)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	bool first = true;
	int more;

	if (!take(r, '['))
		return broken(r, "Includes is no list");
	while ((more = next_element(r, ']', &first)) == 1) {
		if (read_string(r, &path) < 0)
			return -HP_INVALID;
		if (path.len == 0)
			return broken(r, "an empty path");
		if (includes->len >= HP_CLOSURE_FILES_MAX)
			return hp_err_set(r->err, HP_EXHAUSTED, "source dependencies: more than %u files",
			                  HP_CLOSURE_FILES_MAX);
		hp_strv_addn(includes, path.data, path.len);
	}
	return more;
}

/* A list that is of interest only for not being empty. */
static int see_list(struct reader *r, bool *ret_some)
{
	struct reader ahead = *r;

	if (peek(&ahead) != '[')
		return broken(r, "no list where one should be");
	ahead.p++;
	*ret_some = *ret_some || peek(&ahead) != ']';
	return skip_value(r);
}

static int read_text(struct reader *r, char **ret_text)
{
	HP_AUTO_BUF struct hp_buf text = {0};

	if (*ret_text)
		return broken(r, "a member twice");
	if (read_string(r, &text) < 0)
		return -HP_INVALID;
	*ret_text = hp_buf_steal(&text);
	return 0;
}

static int read_data_member(struct reader *r, const char *name, struct cc_source_deps *deps)
{
	HP_AUTO_FREE char *module = NULL;

	if (hp_streq(name, "Source"))
		return read_text(r, &deps->source);
	if (hp_streq(name, "PCH"))
		return read_text(r, &deps->pch);
	if (hp_streq(name, "Includes"))
		return read_includes(r, &deps->includes);
	if (hp_streq(name, "ImportedModules") || hp_streq(name, "ImportedHeaderUnits"))
		return see_list(r, &deps->modules);
	if (hp_streq(name, "ProvidedModule")) {
		int r1 = read_text(r, &module);

		deps->modules = deps->modules || (r1 == 0 && *module);
		return r1;
	}
	return skip_value(r);
}

/* The members of an object, each by `fn`. */
typedef int (*member_fn)(struct reader *r, const char *name, struct cc_source_deps *deps);

static int read_object(struct reader *r, member_fn fn, struct cc_source_deps *deps)
{
	HP_AUTO_BUF struct hp_buf name = {0};
	bool first = true;
	int more;

	if (!take(r, '{'))
		return broken(r, "no object where one should be");
	while ((more = next_element(r, '}', &first)) == 1) {
		if (read_string(r, &name) < 0 || !take(r, ':'))
			return broken(r, "no name of a member");
		more = fn(r, hp_buf_cstr(&name), deps);
		if (more < 0)
			return more;
	}
	return more;
}

static int read_top_member(struct reader *r, const char *name, struct cc_source_deps *deps)
{
	HP_AUTO_FREE char *version = NULL;

	if (hp_streq(name, "Data"))
		return read_object(r, read_data_member, deps);
	if (!hp_streq(name, "Version"))
		return skip_value(r);
	if (read_text(r, &version) < 0)
		return -HP_INVALID;
	return hp_startswith(version, "1.") ? 0 : broken(r, "a version that is not known");
}

void cc_source_deps_done(struct cc_source_deps *deps)
{
	free(deps->source);
	free(deps->pch);
	hp_strv_done(&deps->includes);
	*deps = (struct cc_source_deps){0};
}

int cc_source_deps_parse(const char *data, size_t len, struct cc_source_deps *ret_deps, struct hp_err *err)
{
	struct reader r = {.p = data, .end = data + len, .err = err};
	int result;

	*ret_deps = (struct cc_source_deps){0};
	if (len > HP_DEPFILE_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "source dependencies: longer than %u bytes", HP_DEPFILE_SIZE_MAX);
	if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
		r.p += 3;
	result = read_object(&r, read_top_member, ret_deps);
	if (result < 0)
		return result;
	(void)peek(&r);
	if (r.p != r.end)
		return broken(&r, "something behind the end");
	if (!ret_deps->source || !*ret_deps->source)
		return broken(&r, "no source is named");
	if (ret_deps->pch && !*ret_deps->pch) {
		free(ret_deps->pch);
		ret_deps->pch = NULL;
	}
	return 0;
}
