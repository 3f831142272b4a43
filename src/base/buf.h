/* A growable byte buffer.
 *
 * Invariants: `data` is NULL or NUL-terminated at `len`, so that it can be read as a string when it holds no NUL;
 * `cap` is private. A zeroed struct is an empty buffer. Growth aborts when out of memory: bound what others make you
 * append. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_buf {
	char *data;
	size_t len;
	size_t cap;
};

/* Life cycle. */
void hp_buf_done(struct hp_buf *buf);
void hp_buf_reset(struct hp_buf *buf);  /* empties, keeps the memory */
char *hp_buf_steal(struct hp_buf *buf); /* the caller frees; never NULL; the buffer is empty afterwards */
#define HP_AUTO_BUF __attribute__((cleanup(hp_buf_done)))

/* Size: room for `more` bytes beyond len, returned as a pointer to write at; hp_buf_added() then makes them count. */
char *hp_buf_reserve(struct hp_buf *buf, size_t more);
void hp_buf_added(struct hp_buf *buf, size_t count);

/* Content. */
void hp_buf_append(struct hp_buf *buf, const void *data, size_t len);
void hp_buf_str(struct hp_buf *buf, const char *s);
void hp_buf_char(struct hp_buf *buf, char c);
void hp_buf_utf8(struct hp_buf *buf, uint32_t c); /* a code point below 0x110000 */
void hp_buf_printf(struct hp_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Read as a string; "" when empty. */
static inline const char *hp_buf_cstr(const struct hp_buf *buf)
{
	return buf->data ? buf->data : "";
}
