/* A list of owned strings. Invariant: `v` is NULL or NULL-terminated at `len`, so it can be given to execve. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct hp_strv {
	char **v;
	size_t len;
	size_t cap;
};

void hp_strv_done(struct hp_strv *sv);
void hp_strv_add(struct hp_strv *sv, const char *s);              /* copies */
void hp_strv_addn(struct hp_strv *sv, const char *s, size_t len); /* copies */
void hp_strv_take(struct hp_strv *sv, char *take_s);
void hp_strv_copy(struct hp_strv *dst, const struct hp_strv *src); /* appends copies of all of src */
bool hp_strv_has(const struct hp_strv *sv, const char *s);
#define HP_AUTO_STRV __attribute__((cleanup(hp_strv_done)))
