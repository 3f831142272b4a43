#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void *hp_alloc(size_t size)
{
	return must(malloc(size ? size : 1));
}

void *hp_zalloc(size_t size)
{
	return must(calloc(1, size ? size : 1));
}

void *hp_realloc(void *take_ptr, size_t size)
{
	return must(realloc(take_ptr, size ? size : 1));
}

void *hp_memdup(const void *src, size_t size)
{
	void *p = hp_alloc(size);

	if (size)
		memcpy(p, src, size);
	return p;
}

char *hp_strdup(const char *s)
{
	return hp_memdup(s, strlen(s) + 1);
}

char *hp_strndup(const char *s, size_t len)
{
	char *p = hp_alloc(len + 1);

	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *hp_asprintf(const char *fmt, ...)
{
	char *p = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&p, fmt, args);
	va_end(args);
	return must(len < 0 ? NULL : p);
}

void *hp_try_array(size_t count, size_t size, size_t count_max, const char *what, struct hp_err *err)
{
	void *p = NULL;
	size_t bytes;

	if (count > count_max) {
		(void)hp_err_set(err, HP_EXHAUSTED, "%s: %zu is more than the limit of %zu", what, count, count_max);
		return NULL;
	}
	if (!__builtin_mul_overflow(count, size, &bytes))
		p = calloc(1, bytes ? bytes : 1);
	if (!p)
		(void)hp_err_set(err, HP_EXHAUSTED, "%s: no memory for %zu of %zu bytes", what, count, size);
	return p;
}
