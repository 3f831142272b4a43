/* What a compile leaves behind: taking it after a miss, putting it back on a hit. */
#pragma once

#include "cache/entry.h"
#include "daemon/service_priv.h"

/* One output in memory. */
struct daemon_output {
	enum cc_role role;
	char *name; /* what the compiler added to the name that the command line gave; "" */
	mode_t mode;
	struct hp_buf data;
};
void daemon_outputs_done(struct daemon_ticket *t);

/* The newest stamp among files that lie where the compile's side files can appear, before it starts; 0: none. */
int64_t daemon_sides_newest_ns(const struct daemon_ticket *t);

/* Reads the main output and every side file that this compile wrote into t->outputs. CC_REASON_NONE, or why the result
 * cannot be kept. */
enum cc_reason daemon_outputs_collect(struct daemon_ticket *t);

/* Whether every output of the entry has its place in this request, and each place is such that writing there ourselves
 * is what the compiler would do. False with t->detail: the compiler must. */
bool daemon_outputs_fit(struct daemon_ticket *t, const struct cache_entry *e);

/* Writes them all, the main output last. Returns 0 or -code; then some may be written already, and the compiler has to do
 * it all again. */
int daemon_outputs_put(const struct daemon_ticket *t, const struct cache_entry *e, struct hp_err *err);
