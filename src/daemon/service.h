/* The cache itself, for one compile at a time: what hpcc-daemon does for its clients and `hpcc local` for itself.
 *
 *   daemon_service_look_up → HIT      the outputs are in place
 *                          → BYPASS   run the compiler, nothing to report
 *                          → WAIT     another client compiles the same; look up again when woken
 *                          → SPLIT    several sources: one command for each, one after the other
 *                          → PREPROCESS  run these arguments, then daemon_service_preprocessed
 *                          → RUN      run these arguments, then daemon_service_report (or _abandon) with the ticket
 *
 * Thread-safe. docs/architecture.md tells the life of a compile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/strv.h"
#include "cc/reason.h"
#include "daemon/flight.h"
#include "store/ledger.h"
#include "store/store.h"

struct daemon_service;

struct daemon_service_options {
	const char
	        *cache_dir; /* records of identities, and the private dependency files when nothing better is there */
	const char *runtime_dir;     /* may be NULL */
	struct store *disk;          /* owned from now on; NULL: nothing is kept */
	struct store_ledger *ledger; /* owned from now on */
	int pack_level;              /* of entries: zstd's, or CACHE_PACK_RAW */
	uint64_t memory_max;         /* bytes: half for entries kept in memory, half for digests and closures */
	bool read_only;
	bool preprocessed;          /* source_mode */
	bool auto_inject;           /* without a marker the working directory is a project of its own */
	bool zi_as_z7;              /* cl's debug information goes into the object */
	daemon_flight_wake_fn wake; /* NULL: no single-flight */
	void *wake_ctx;
};
struct daemon_service *daemon_service_new(const struct daemon_service_options *opt);
void daemon_service_free(struct daemon_service *take_service); /* flushes */

struct daemon_request {
	char *compiler; /* absolute path */
	char *argv0;
	struct hp_strv args; /* argv[1…] */
	char *cwd;
	struct hp_strv env; /* "NAME=value" */
	mode_t mask;
	bool stderr_tty;
};
void daemon_request_done(struct daemon_request *req);

enum daemon_decision {
	DAEMON_HIT = 1,
	DAEMON_RUN,
	DAEMON_BYPASS,
	DAEMON_WAIT,
	DAEMON_SPLIT,
	DAEMON_PREPROCESS,
};

struct daemon_answer {
	enum daemon_decision decision;
	enum cc_reason reason; /* of a miss or bypass */
	struct hp_buf detail;  /* for people */
	struct hp_buf out;     /* HIT: the compiler's output */
	struct hp_buf err;
	struct hp_strv
	        args; /* RUN, PREPROCESS: argv[1…]; SPLIT: for each job the number of its arguments in decimal, and those */
	bool rewrites_deps; /* RUN: the dependency file is written by daemon_service_report */
};
void daemon_answer_done(struct daemon_answer *answer);

struct daemon_ticket;

/* `waiter` names this request to options.wake when it has to wait (NULL: it never waits). The request stays the
 * caller's. *ret_ticket is set for RUN and PREPROCESS only. */
void daemon_service_look_up(struct daemon_service *s, const struct daemon_request *req, void *waiter,
                            struct daemon_answer *ret_answer, struct daemon_ticket **ret_ticket);

/* A waiter that is gone. */
void daemon_service_leave(struct daemon_service *s, void *waiter);

struct daemon_result {
	int status; /* waitpid's */
	const char *out;
	size_t out_len;
	const char *err;
	size_t err_len;
	bool truncated;
	uint32_t duration_ms;
};

/* What the preprocessor's text leads to: HIT (the outputs are in place, and daemon_service_settle must follow), or RUN with
 * the same ticket. */
void daemon_service_preprocessed(struct daemon_service *s, struct daemon_ticket *ticket,
                                 const struct daemon_result *result, struct daemon_answer *ret_answer);
/* Whether a report on this ticket is the preprocessor's. */
bool daemon_ticket_preprocesses(const struct daemon_ticket *ticket);

struct daemon_verdict {
	bool rerun;            /* the user's own command must run once more, quietly, to write its dependency file */
	enum cc_reason reason; /* why it is not stored; CC_REASON_NONE: it will be */
};

/* First half: reads the outputs and writes the dependency file where that is ours to do. The client may go on as soon
 * as it returns. */
void daemon_service_report(struct daemon_service *s, struct daemon_ticket *ticket, const struct daemon_result *result,
                           struct daemon_verdict *ret_verdict);
/* Second half: packs and stores, and lets followers look again. */
void daemon_service_settle(struct daemon_service *s, struct daemon_ticket *take_ticket);
/* Instead of both: the client is gone. */
void daemon_service_abandon(struct daemon_service *s, struct daemon_ticket *take_ticket);

/* Writes what is batched. */
void daemon_service_flush(struct daemon_service *s);
/* Drops the entries, closures and digests in memory; requests under way end with what they have. */
void daemon_service_forget(struct daemon_service *s);
void daemon_service_count(struct daemon_service *s, const char *name, uint64_t add);

/* What the request's command line is keyed on now, part by part, for people; appended. Runs no compile and changes
 * nothing. */
void daemon_service_describe(struct daemon_service *s, const struct daemon_request *req, struct hp_buf *out);
