#include "config/value_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "sys/fs.h"

enum {
	ZSTD_LEVEL_MIN = 1,
	ZSTD_LEVEL_MAX = 19
};

/* Reads digits at *p into *ret; false when there is none or they exceed 64 bits. */
static bool take_number(const char **p, uint64_t *ret)
{
	const char *s = *p;
	uint64_t value = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return false;
	}
	*p = s;
	*ret = value;
	return true;
}

bool config_size_parse(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	const char *p = text;
	uint64_t value;

	if (!take_number(&p, &value))
		return false;
	if (*p != '\0') {
		const char *unit = strchr(units, *p);

		if (!unit || (p[1] != '\0' && !hp_streq(p + 1, "i") && !hp_streq(p + 1, "iB")))
			return false;
		if (__builtin_mul_overflow(value, UINT64_C(1) << (10 * (unit - units + 1)), &value))
			return false;
	}
	*ret_bytes = value;
	return true;
}

bool config_duration_parse(const char *text, uint64_t *ret_seconds)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	const char *p = text;
	uint64_t sum = 0;
	size_t next = 0;

	do {
		uint64_t value;

		if (!take_number(&p, &value))
			return false;
		while (next < HP_ARRAY_SIZE(units) && units[next].unit != *p)
			next++;
		if (next == HP_ARRAY_SIZE(units) || __builtin_mul_overflow(value, units[next].seconds, &value) ||
		    __builtin_add_overflow(sum, value, &sum))
			return false;
		next++;
		p++;
		if (*p == ' ' && p[1] != '\0')
			p++;
	} while (*p);
	*ret_seconds = sum;
	return true;
}

bool config_listen_parse(const char *text, uint16_t *ret_port)
{
	static const char host[] = "127.0.0.1:";
	uint64_t port;

	if (!hp_startswith(text, host))
		return false;
	text += sizeof host - 1;
	if (!take_number(&text, &port) || *text != '\0' || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static bool parse_compression(const char *text, int *ret_level)
{
	uint64_t level;

	if (hp_streq(text, "none")) {
		*ret_level = 0;
		return true;
	}
	if (!hp_startswith(text, "zstd:"))
		return false;
	text += strlen("zstd:");
	if (!take_number(&text, &level) || *text != '\0' || level < ZSTD_LEVEL_MIN || level > ZSTD_LEVEL_MAX)
		return false;
	*ret_level = (int)level;
	return true;
}

/* "" → NULL; "/x" as it is; "~/x" below HOME. */
static bool parse_path(const char *text, char **ret_path)
{
	const char *home = getenv("HOME");

	if (strlen(text) >= HP_PATH_SIZE_MAX)
		return false;
	if (text[0] == '\0')
		*ret_path = NULL;
	else if (text[0] == '/')
		*ret_path = hp_strdup(text);
	else if (hp_startswith(text, "~/") && home && home[0] == '/')
		*ret_path = hp_asprintf("%s/%s", home, text + 2);
	else
		return false;
	return true;
}

static bool is_secret(const char *text)
{
	return (hp_startswith(text, "env:") && text[4] != '\0') || (hp_startswith(text, "file:/"));
}

static void describe(const struct config_value *value, char *ret_text, size_t size)
{
	switch (value->kind) {
	case CONFIG_VALUE_TEXT:
		(void)snprintf(ret_text, size, "\"%.60s\"", value->text);
		break;
	case CONFIG_VALUE_NUMBER:
		(void)snprintf(ret_text, size, "%lld", (long long)value->number);
		break;
	case CONFIG_VALUE_FLAG:
		(void)snprintf(ret_text, size, "%s", value->flag ? "true" : "false");
		break;
	case CONFIG_VALUE_NONE:
		(void)snprintf(ret_text, size, "a value of another kind");
		break;
	}
}

static int refuse(const struct config_key *key, const struct config_value *value, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf expected = {0};
	char got[96];

	/* A secret that was written out by mistake must not end up in a log. */
	if (key->type == CONFIG_TYPE_SECRET && value->kind == CONFIG_VALUE_TEXT)
		(void)snprintf(got, sizeof got, "something else");
	else
		describe(value, got, sizeof got);
	if (key->type == CONFIG_TYPE_WORD) {
		for (size_t i = 0; key->words[i]; i++)
			hp_buf_printf(&expected, "%s\"%s\"", i ? " or " : "", key->words[i]);
	} else if (key->type == CONFIG_TYPE_INT) {
		hp_buf_printf(&expected, "an integer from %lld to %lld", (long long)key->min, (long long)key->max);
	} else {
		hp_buf_str(&expected, config_type_text(key->type));
	}
	return hp_err_set(err, HP_INVALID, "expected %s, got %s", hp_buf_cstr(&expected), got);
}

static void set_string(char **field, char *take_text)
{
	free(*field);
	*field = take_text;
}

static bool set_text(const struct config_key *key, const char *text, void *field)
{
	char *path;

	switch (key->type) {
	case CONFIG_TYPE_PATH:
		if (!parse_path(text, &path))
			return false;
		set_string(field, path);
		return true;
	case CONFIG_TYPE_SECRET:
		if (!is_secret(text))
			return false;
		set_string(field, hp_strdup(text));
		return true;
	case CONFIG_TYPE_SIZE:
		return config_size_parse(text, field);
	case CONFIG_TYPE_DURATION:
		return config_duration_parse(text, field);
	case CONFIG_TYPE_COMPRESSION:
		return parse_compression(text, field);
	case CONFIG_TYPE_LISTEN:
		return config_listen_parse(text, field);
	case CONFIG_TYPE_WORD:
		for (int i = 0; key->words[i]; i++) {
			if (hp_streq(text, key->words[i])) {
				*(int *)field = i;
				return true;
			}
		}
		return false;
	case CONFIG_TYPE_BOOL:
	case CONFIG_TYPE_INT:
		break;
	}
	return false;
}

static bool set_number(const struct config_key *key, int64_t number, void *field)
{
	if (key->type == CONFIG_TYPE_INT && number >= key->min && number <= key->max) {
		*(int64_t *)field = number;
		return true;
	}
	if (key->type == CONFIG_TYPE_SIZE && number >= 0) {
		*(uint64_t *)field = (uint64_t)number;
		return true;
	}
	return false;
}

static bool refused_as_yet(const struct config_key *key, const struct config_value *value)
{
	if (!key->not_yet)
		return false;
	if (value->kind == CONFIG_VALUE_TEXT)
		return hp_streq(value->text, key->not_yet);
	return value->kind == CONFIG_VALUE_FLAG && hp_streq(value->flag ? "true" : "false", key->not_yet);
}

int config_value_set(const struct config_key *key, const struct config_value *value, void *field, struct hp_err *err)
{
	bool done = false;

	if (refused_as_yet(key, value))
		return hp_err_set(err, HP_UNIMPLEMENTED, "%s is not there yet: leave this key out", key->not_yet);
	switch (value->kind) {
	case CONFIG_VALUE_TEXT:
		done = set_text(key, value->text, field);
		break;
	case CONFIG_VALUE_NUMBER:
		done = set_number(key, value->number, field);
		break;
	case CONFIG_VALUE_FLAG:
		done = key->type == CONFIG_TYPE_BOOL;
		if (done)
			*(bool *)field = value->flag;
		break;
	case CONFIG_VALUE_NONE:
		break;
	}
	return done ? 0 : refuse(key, value, err);
}

void config_value_default(const struct config_key *key, void *field)
{
	struct config_value value = {.kind = CONFIG_VALUE_TEXT, .text = key->fallback};
	struct hp_err err;

	if (!key->fallback)
		return;
	if (key->type == CONFIG_TYPE_BOOL) {
		value.kind = CONFIG_VALUE_FLAG;
		value.flag = hp_streq(key->fallback, "true");
	} else if (key->type == CONFIG_TYPE_INT) {
		value.kind = CONFIG_VALUE_NUMBER;
		value.number = strtoll(key->fallback, NULL, 10);
	}
	if (config_value_set(key, &value, field, &err) < 0)
		abort(); /* the table's own mistake; the unit tests load every default */
}

int config_secret_get(const char *spec, struct hp_buf *ret_secret, struct hp_err *err)
{
	const char *value;
	size_t start = ret_secret->len;
	int r;

	if (!is_secret(spec))
		return hp_err_set(err, HP_INVALID, "a secret is named as env:NAME or file:/PATH, not written out");
	if (hp_startswith(spec, "env:")) {
		value = getenv(spec + 4);
		if (!value || !value[0])
			return hp_err_set(err, HP_NOT_FOUND, "%.100s: the variable is not set", spec);
		hp_buf_str(ret_secret, value);
		return 0;
	}
	r = sys_read_file(spec + strlen("file:"), HP_SECRET_SIZE_MAX, ret_secret, NULL, err);
	if (r < 0)
		return r;
	if (ret_secret->len > start && ret_secret->data[ret_secret->len - 1] == '\n')
		ret_secret->data[--ret_secret->len] = '\0';
	if (ret_secret->len == start)
		return hp_err_set(err, HP_INVALID, "%.100s: the file is empty", spec);
	return 0;
}
