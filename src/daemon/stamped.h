/* Objects that say when they were made: COFF's header, unless /Brepro was given or the like. They are kept without the time, and a hit
 * writes the time of the hit, as the compiler would. */
#pragma once

#include "daemon/sides.h"

/* Takes the time out of the object just collected. CC_REASON_OBJECT_TIME when it is not that of the compile. */
enum cc_reason daemon_stamp_take_out(struct daemon_ticket *t, struct daemon_output *object);

/* The object of an entry with the time of now, in memory that the caller frees; NULL: it has none, take it as it is. */
char *daemon_stamp_put(const struct cache_entry *e, const struct cache_output *object);
