#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void hp_buf_done(struct hp_buf *buf)
{
	free(buf->data);
	*buf = (struct hp_buf){0};
}

void hp_buf_reset(struct hp_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *hp_buf_steal(struct hp_buf *buf)
{
	char *data = buf->data ? buf->data : hp_strdup("");

	*buf = (struct hp_buf){0};
	return data;
}

char *hp_buf_reserve(struct hp_buf *buf, size_t more)
{
	size_t need = buf->len + more + 1;

	assert(need > buf->len);
	if (need > buf->cap) {
		size_t cap = buf->cap ? buf->cap * 2 : 64;

		buf->cap = cap < need ? need : cap;
		buf->data = hp_realloc(buf->data, buf->cap);
		buf->data[buf->len] = '\0'; /* holds also when nothing is written */
	}
	return buf->data + buf->len;
}

void hp_buf_added(struct hp_buf *buf, size_t count)
{
	assert(buf->len + count < buf->cap);
	buf->len += count;
	buf->data[buf->len] = '\0';
}

void hp_buf_append(struct hp_buf *buf, const void *data, size_t len)
{
	char *dst = hp_buf_reserve(buf, len);

	if (len)
		memcpy(dst, data, len);
	hp_buf_added(buf, len);
}

void hp_buf_str(struct hp_buf *buf, const char *s)
{
	hp_buf_append(buf, s, strlen(s));
}

void hp_buf_char(struct hp_buf *buf, char c)
{
	hp_buf_append(buf, &c, 1);
}

void hp_buf_printf(struct hp_buf *buf, const char *fmt, ...)
{
	char small[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(small, sizeof small, fmt, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len < sizeof small) {
		hp_buf_append(buf, small, (size_t)len);
		return;
	}
	va_start(args, fmt);
	(void)vsnprintf(hp_buf_reserve(buf, (size_t)len), (size_t)len + 1, fmt, args);
	va_end(args);
	hp_buf_added(buf, (size_t)len);
}

void hp_buf_utf8(struct hp_buf *buf, uint32_t c)
{
	if (c < 0x80) {
		hp_buf_char(buf, (char)c);
	} else if (c < 0x800) {
		hp_buf_char(buf, (char)(0xc0 | c >> 6));
		hp_buf_char(buf, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		hp_buf_char(buf, (char)(0xe0 | c >> 12));
		hp_buf_char(buf, (char)(0x80 | (c >> 6 & 0x3f)));
		hp_buf_char(buf, (char)(0x80 | (c & 0x3f)));
	} else {
		hp_buf_char(buf, (char)(0xf0 | c >> 18));
		hp_buf_char(buf, (char)(0x80 | (c >> 12 & 0x3f)));
		hp_buf_char(buf, (char)(0x80 | (c >> 6 & 0x3f)));
		hp_buf_char(buf, (char)(0x80 | (c & 0x3f)));
	}
}
