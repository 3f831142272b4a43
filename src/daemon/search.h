/* The include search of one command line: where a preprocessor looks for headers, in order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/discover.h"

struct daemon_search_dir {
	const char *path; /* as spelled; the input's or the search's */
	bool system;      /* as GCC's and Clang's -MMD see it */
};

struct daemon_search {
	struct daemon_search_dir *dirs;
	size_t len;
	size_t angle_from; /* before it: only for "..." */
	size_t includers;  /* so many of those first: any of them can be one of the places, or none */
	struct hp_strv owned;
};

/* Borrows the strings of `in`. */
void daemon_search_init(struct daemon_search *s, const struct daemon_discover_input *in);
void daemon_search_done(struct daemon_search *s);
