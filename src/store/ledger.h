/* The ledger: counters and the last outcome per source and object, persistent in DIR/ledger.sqlite. Unlike the store's
 * index it cannot be rebuilt; losing it loses statistics, nothing else. Several processes may have it open.
 * Writes are batched in memory and flushed by store_ledger_flush (callers do so about once a second and on exit).
 * Thread-safe. Every failure degrades: a ledger that cannot be opened or written counts in memory only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"

struct store_ledger;

/* Opens or makes DIR/ledger.sqlite; read_only: never writes. Never NULL: see above. */
struct store_ledger *store_ledger_new(const char *dir, bool read_only);
void store_ledger_free(struct store_ledger *take_ledger); /* flushes */

/* Adds to a named counter ("hit", "miss.new", "bypass.unknown-option", "time_saved_ms" …). */
void store_ledger_count(struct store_ledger *l, const char *name, uint64_t add);

/* What became of the last compile that had this source or object. All strings are copied; NULL means "". */
struct store_outcome {
	int64_t time_s;
	const char *source; /* absolute paths */
	const char *object;
	const char *outcome;            /* "hit", "miss", "bypass" */
	const char *reason;             /* cc_reason_name */
	const char *detail;             /* one or more lines for people: which header, flag, variable, compiler */
	struct codec_digest action_key; /* zeroes when unknown */
	struct codec_digest closure_key;
};
void store_ledger_note(struct store_ledger *l, const struct store_outcome *outcome);

int store_ledger_flush(struct store_ledger *l, struct hp_err *err);

/* Calls fn for each counter in name order (flushed ones and pending ones summed). */
typedef void (*store_counter_fn)(void *ctx, const char *name, uint64_t value);
int store_ledger_counters(struct store_ledger *l, store_counter_fn fn, void *ctx, struct hp_err *err);
int store_ledger_reset(struct store_ledger *l, struct hp_err *err); /* counters to zero */

/* The last outcome of a source or object by absolute path: 1 and *ret_outcome (its strings live in *ret_memory, which the
 * caller releases with hp_buf_done), 0 when there is none. Pending notes are seen too. Bounded: keeps at most 100,000
 * objects, the oldest go first. */
int store_ledger_find(struct store_ledger *l, const char *path, struct store_outcome *ret_outcome,
                      struct hp_buf *ret_memory, struct hp_err *err);
