/* Requirements of tests that not every machine meets (root, a tool, KVM). A missing one skips the test at home and fails
 * it where HPCC_REQUIRE, a list separated by commas or spaces, names it: CI names all that it must exercise. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool test_required(const char *what)
{
	const char *list = getenv("HPCC_REQUIRE");
	size_t len = strlen(what);

	while (list && *list) {
		size_t n = strcspn(list, ", ");

		if (n == len && memcmp(list, what, len) == 0)
			return true;
		list += n;
		list += strspn(list, ", ");
	}
	return false;
}

/* In a cmocka test: goes on when `available`, else fails or skips. */
#define test_require(what, available)                                       \
	do {                                                                \
		if (!(available)) {                                         \
			if (test_required(what))                            \
				fail_msg("required but missing: %s", what); \
			skip();                                             \
		}                                                           \
	} while (0)
