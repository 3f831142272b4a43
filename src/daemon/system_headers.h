/* Which files of a closure are system headers in the sense of -MMD, told from the full list.
 *
 * GCC and Clang decide when a file is entered: it is a system header when the directory it was found in is one, or the
 * file that includes it is one at that point (also by #pragma GCC system_header). Here every directive counts, active
 * or not, so each file gets the set of answers that are possible. Only when that set has one member for every file is
 * the list certain; else the unit is left to the compiler (CC_REASON_MMD_AMBIGUOUS). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon_system_headers;

struct daemon_system_headers *daemon_system_headers_new(void);
void daemon_system_headers_free(struct daemon_system_headers *take_headers); /* NULL is allowed */

/* File `from` may include file `to`; via_system: it was found in a system directory. Indices below 2^32. */
void daemon_system_headers_edge(struct daemon_system_headers *h, size_t from, size_t to, bool via_system);

/* File i declares itself a system header somewhere: what it includes may be either. */
void daemon_system_headers_pragma(struct daemon_system_headers *h, size_t i);

/* Files a and b are one name that stands in the list twice, as GCC writes it when the name was put together in two ways
 * ("../common/x.h" here, "x.h" from beside it): what can be said of one can be said of the other. */
void daemon_system_headers_same(struct daemon_system_headers *h, size_t a, size_t b);

/* Sets DAEMON_FILE_SYSTEM in flags[0…count) where it is certain. False: file *ret_doubtful can be either. Files up to
 * and including `source` are listed whatever they are. */
bool daemon_system_headers_solve(struct daemon_system_headers *h, size_t source, size_t count, uint8_t *flags,
                                 size_t *ret_doubtful);
