/* Small string helpers that libc lacks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool hp_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool hp_startswith(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool hp_endswith(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* What follows the last '/', or all of s. */
static inline const char *hp_basename(const char *s)
{
	const char *slash = strrchr(s, '/');

	return slash ? slash + 1 : s;
}

/* Edits (insert, delete, replace, swap of neighbours) between two words; SIZE_MAX when one is longer than 63 bytes. */
size_t hp_edit_distance(const char *a, const char *b);
