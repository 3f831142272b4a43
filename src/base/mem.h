/* Memory: allocation that cannot fail for sizes we chose, allocation that can for sizes from outside, and scope
 * clean-up by attribute. A function that uses an HP_AUTO_ attribute has no goto. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#include "base/err.h"

/* Never NULL: out of memory for a size that we chose ourselves aborts the process. Free with free(). */
void *hp_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *hp_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *hp_realloc(void *take_ptr, size_t size) __attribute__((returns_nonnull));
void *hp_memdup(const void *src, size_t size) __attribute__((malloc, returns_nonnull));
char *hp_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *hp_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *hp_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* count × size bytes, zeroed, for a count that another party chose: NULL with HP_EXHAUSTED when it exceeds `count_max`
 * or memory is short. `what` names the thing in the message. */
void *hp_try_array(size_t count, size_t size, size_t count_max, const char *what, struct hp_err *err);

static inline void hp_auto_free_fn(void *p)
{
	free(*(void **)p);
}
#define HP_AUTO_FREE __attribute__((cleanup(hp_auto_free_fn)))

/* Yields the pointer and leaves NULL in its place, so that an attribute no longer frees it. */
#define hp_steal(ptr)                            \
	({                                       \
		__typeof__(ptr) stolen_ = (ptr); \
		(ptr) = NULL;                    \
		stolen_;                         \
	})

#define HP_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
