/* Small string helpers that libc lacks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool hp_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The value of a hexadecimal digit of either case, or -1. */
static inline int hp_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
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

/* Bytes of the well-formed UTF-8 sequence at s, 0 when there is none (overlong forms and surrogates included). */
static inline size_t hp_utf8_len(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Edits (insert, delete, replace, swap of neighbours) between two words; SIZE_MAX when one is longer than 63 bytes. */
size_t hp_edit_distance(const char *a, const char *b);
