/* A list of owned strings. Invariant: `v` is NULL or NULL-terminated at `len`, so it can be given to execve. In a list with
 * an arena the strings and `v` belong to the arena: nothing may be taken out of it, and it must not outlive the arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct hp_strv {
	char **v;
	size_t len;
	size_t cap;
	struct hp_arena *arena; /* NULL: each string is allocated by itself */
};

/* An empty list in the arena, with room for `len` strings. */
struct hp_strv hp_strv_in(struct hp_arena *arena, size_t len);

/* Adds `s` itself, not a copy, to a list with an arena; it lives as long as the arena. */
void hp_strv_ref(struct hp_strv *sv, char *s);

void hp_strv_done(struct hp_strv *sv);
void hp_strv_add(struct hp_strv *sv, const char *s);               /* copies */
void hp_strv_addn(struct hp_strv *sv, const char *s, size_t len);  /* copies */
void hp_strv_take(struct hp_strv *sv, char *take_s);               /* from malloc */
void hp_strv_copy(struct hp_strv *dst, const struct hp_strv *src); /* appends copies of all of src */
bool hp_strv_has(const struct hp_strv *sv, const char *s);
#define HP_AUTO_STRV __attribute__((cleanup(hp_strv_done)))
