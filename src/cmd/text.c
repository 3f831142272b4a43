#include "cmd/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"

void cmd_text_size(struct hp_buf *out, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		hp_buf_printf(out, "%" PRIu64 " bytes", bytes);
		return;
	}
	/* 1023.95 would print as 1024.0. */
	while (value >= 1023.95 && unit + 1 < HP_ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	hp_buf_printf(out, "%.1f %s", value, units[unit]);
}

void cmd_text_duration_ms(struct hp_buf *out, uint64_t ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
	size_t i = 0;

	while (i + 1 < HP_ARRAY_SIZE(units) && ms < units[i].ms)
		i++;
	hp_buf_printf(out, "%" PRIu64 " %s", ms / units[i].ms, units[i].name);
	if (i + 2 < HP_ARRAY_SIZE(units) && ms % units[i].ms >= units[i + 1].ms)
		hp_buf_printf(out, " %" PRIu64 " %s", ms % units[i].ms / units[i + 1].ms, units[i + 1].name);
}

void cmd_text_count(struct hp_buf *out, uint64_t count)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, count);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			hp_buf_char(out, ',');
		hp_buf_char(out, digits[i]);
	}
}

void cmd_text_time(struct hp_buf *out, int64_t time_s)
{
	time_t when = (time_t)time_s;
	char text[64];
	struct tm tm;

	if (gmtime_r(&when, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		hp_buf_str(out, text);
	else
		hp_buf_printf(out, "%" PRId64, time_s);
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

void cmd_text_safe(struct hp_buf *out, const char *text)
{
	for (; *text; text++) {
		/* 0x80 … 0x9f on their own are control characters of 8-bit terminals; inside UTF-8 they are not. */
		if (is_control((unsigned char)*text))
			hp_buf_printf(out, "\\x%02x", (unsigned char)*text);
		else
			hp_buf_char(out, *text);
	}
}

void cmd_text_shell(struct hp_buf *out, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

	if (*word && word[strspn(word, plain)] == '\0') {
		hp_buf_str(out, word);
		return;
	}
	hp_buf_char(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			hp_buf_str(out, "'\\''");
		else if (is_control((unsigned char)*word))
			hp_buf_printf(out, "'$'\\x%02x''", (unsigned char)*word);
		else
			hp_buf_char(out, *word);
	}
	hp_buf_char(out, '\'');
}

void cmd_json_string(struct hp_buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	hp_buf_char(out, '"');
	while (*s) {
		size_t len = hp_utf8_len(s);

		if (len == 0) {
			hp_buf_str(out, "\\ufffd");
			len = 1;
		} else if (*s == '"' || *s == '\\') {
			hp_buf_printf(out, "\\%c", *s);
		} else if (is_control(*s)) {
			hp_buf_printf(out, "\\u%04x", *s);
		} else {
			hp_buf_append(out, s, len);
		}
		s += len;
	}
	hp_buf_char(out, '"');
}
