/* Memory for many small strings that live and die together: each costs a few bytes and no call of malloc, and all are
 * freed at once. The arena stands in its own first block, so its address is stable and one free releases a small one. */
#pragma once

#include <stddef.h>

struct hp_arena;

/* `size`: about how many bytes will be taken; more are got in further blocks. Never NULL. */
struct hp_arena *hp_arena_new(size_t size);
void hp_arena_free(struct hp_arena *take_arena); /* with all that was taken from it; NULL is allowed */

/* `size` bytes, aligned for any pointer, not zeroed. Never NULL: for sizes that we chose or have bounded. */
void *hp_arena_alloc(struct hp_arena *arena, size_t size) __attribute__((malloc, returns_nonnull));

char *hp_arena_strndup(struct hp_arena *arena, const char *s, size_t len) __attribute__((malloc, returns_nonnull));

/* `a` and `b` in one string. */
char *hp_arena_join(struct hp_arena *arena, const char *a, const char *b) __attribute__((malloc, returns_nonnull));
