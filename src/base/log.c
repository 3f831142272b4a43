#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* The one piece of process-wide state outside main: where the log goes is a property of the process. */
static struct {
	int fd;
	enum hp_log_level level;
	bool json;
} sink = {.fd = -1};

static const char *const level_names[] = {"off", "error", "warn", "info", "debug", "trace"};

void hp_log_init(int fd, enum hp_log_level level, bool json)
{
	sink.fd = fd;
	sink.level = level;
	sink.json = json;
}

int hp_log_level_parse(const char *name)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	}
	return -1;
}

bool hp_log_on(enum hp_log_level level)
{
	return sink.fd >= 0 && level <= sink.level;
}

/* Control bytes, quotes and backslashes become escapes, so that outside text cannot forge a record; bytes that are no
 * UTF-8, as a path may hold, become U+FFFD, so that whoever reads the log as JSON can. */
static size_t escape(char *dst, size_t size, const char *src)
{
	size_t n = 0;

	for (size_t len; *src && n + 7 < size; src += len ? len : 1) {
		unsigned char c = (unsigned char)*src;

		len = hp_utf8_len((const unsigned char *)src);
		if (c == '"' || c == '\\') {
			dst[n++] = '\\';
			dst[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f || len == 0) {
			n += (size_t)snprintf(dst + n, size - n, "\\u%04x", len ? c : 0xfffd);
		} else {
			memcpy(dst + n, src, len);
			n += len;
		}
	}
	dst[n] = '\0';
	return n;
}

void hp_log_write(enum hp_log_level level, const char *topic, const char *fmt, ...)
{
	char text[1024];
	char escaped[2048];
	char line[2304];
	char stamp[32];
	struct timespec now;
	struct tm tm;
	va_list args;
	int len;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	(void)escape(escaped, sizeof escaped, text);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	len = snprintf(line, sizeof line,
	               sink.json ? "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"topic\":\"%s\",\"msg\":\"%s\"}\n"
	                         : "ts=%s.%03ldZ level=%s topic=%s msg=\"%s\"\n",
	               stamp, now.tv_nsec / 1000000, level_names[level], topic, escaped);
	if (len > 0 && write(sink.fd, line, (size_t)len) < 0)
		return; /* a log that cannot be written has nowhere to say so */
}
