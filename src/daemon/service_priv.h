/* What the parts of the service share. */
#pragma once

#include <pthread.h>

#include "cache/entry.h"
#include "cache/key.h"
#include "cc/environ.h"
#include "cc/place.h"
#include "daemon/discover.h"
#include "daemon/identity.h"
#include "daemon/service.h"

#define DAEMON_RECENT 4096u

struct daemon_service {
	struct daemon_service_options opt;
	struct store *hot; /* raw entries in memory */
	struct daemon_identities *identities;
	struct daemon_flights *flights;
	char *tmp_dirs[3];    /* for private dependency files, best first; NULL: none */
	pthread_mutex_t lock; /* of memory */
	struct daemon_memory *memory;
	uint64_t recent[DAEMON_RECENT]; /* atomic; which entries were served before: the second time they join `hot` */
};

/* One compile on its way through the service. */
struct daemon_ticket {
	const struct daemon_request *req; /* until look_up returns */
	struct daemon_request kept;       /* its copy, for RUN */
	struct cc_invocation inv;
	struct hp_strv key_env;
	struct hp_strv ident_env;
	struct daemon_identity *identity;
	struct daemon_memory *memory;
	struct daemon_slot *slot;
	uint64_t news; /* of the slot when it was last tried */
	/* What the keys are made of; the command line's own without a place. */
	const struct hp_strv *key_args;
	char *key_source;
	char *key_cwd;          /* NULL: not in the key */
	struct cc_place *place; /* NULL: no project marker counts */
	struct hp_buf place_id; /* its roots with their paths, a line each; empty without one */
	struct hp_strv place_args;
	struct hp_strv place_flags; /* for the compiler, in front of the user's arguments */
	bool place_bound;           /* every result is for this place alone */
	bool place_shows;           /* from report on: this one is */
	struct codec_hasher prefix;
	struct codec_digest closure_key;
	struct codec_digest action_key; /* once known */
	char *source;                   /* absolute paths */
	char *object;
	char *deps_file;    /* the user's; NULL */
	char *private_deps; /* NULL */
	char *text_file;    /* preprocessed text and its dependency file; NULL: not in this mode */
	char *text_deps;
	bool ran_text;                     /* the preprocessor has ended */
	bool has_text;                     /* and its text is a key: */
	struct codec_digest text_manifest; /* in a manifest's place */
	struct codec_digest text_inputs;   /* names and contents of what it read */
	bool date_time_ok;
	bool embed_ok;
	bool color; /* diagnostics come out coloured because the terminal is one */
	struct daemon_flight *flight;
	int64_t start_ns;
	int64_t sides_newest_ns; /* stamp of what lay where side files appear, before the compile */

	/* from report on */
	struct daemon_discovery discovery;
	size_t source_index;           /* of the source in what was read */
	struct daemon_output *outputs; /* daemon/sides.h; the main one first */
	size_t outputs_len;
	bool stamped; /* the time stamp was taken out of the object */
	struct hp_buf out;
	struct hp_buf err;
	uint32_t duration_ms;
	enum cc_reason unstored;
	enum cc_reason miss;
	struct hp_buf miss_detail;
	struct hp_buf detail;
};

void daemon_ticket_free(struct daemon_ticket *t);

/* The working directory as compilers name it: by $PWD when that is where they are, else by its physical path. */
const char *daemon_cwd_logical(const struct daemon_ticket *t);

/* Takes the command line apart and makes the keys. CC_REASON_NONE, or why it is a bypass. */
enum cc_reason daemon_prepare(struct daemon_service *s, struct daemon_ticket *t);

/* Brings into the slot the closures that the store has for this command line and the slot has not seen. Returns the index
 * of the first new one; the least recently used of the old ones make room. Called with the slot's lock held. */
size_t daemon_load_closures(struct daemon_service *s, struct daemon_ticket *t);

/* Notes that the slot has the closure of this entry. Called with the slot's lock held. */
void daemon_slot_saw(struct daemon_slot *slot, const struct codec_digest *key);

/* Tries every closure known. True: served. Else *ret_reason says why not: a miss, or a bypass. */
bool daemon_serve(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer,
                  enum cc_reason *ret_reason);

/* Whether the entry of this manifest was there and is served; its outputs are taken into the ticket as well, to be stored
 * under its closure. *ret_reason otherwise. */
bool daemon_serve_manifest(struct daemon_service *s, struct daemon_ticket *t, struct daemon_closure *c,
                           const struct codec_digest *manifest, struct daemon_answer *answer,
                           enum cc_reason *ret_reason);

/* Answers RUN and notes the miss. */
void daemon_answer_run(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer);

/* Answers PREPROCESS. False: this unit is not keyed on its text. */
bool daemon_preprocess_begin(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer);

/* A directory for private files, or NULL. */
const char *daemon_tmp_dir(struct daemon_service *s);

/* Names and contents of the closure's files. */
void daemon_inputs_digest(const struct daemon_ticket *t, struct codec_digest *ret_digest);

/* What was read, from the list in `path`; ours: nobody asked for its target and phony rules. And from that to
 * t->discovery. CC_REASON_NONE, or why it cannot be used. */
enum cc_reason daemon_read_deps(struct daemon_ticket *t, const char *path, bool ours, struct cc_depfile *ret_deps);
enum cc_reason daemon_discover_closure(struct daemon_ticket *t, const struct cc_depfile *deps);

/* Why this is a miss, in words: compares with the last entry known for this unit. */
void daemon_explain_miss(struct daemon_service *s, struct daemon_ticket *t, const struct codec_digest *last_key);

/* With -MMD a compile whose result cannot be kept has to run twice (the second time to write its own dependency file):
 * the reason, when the last attempt on this unit ended so and nothing suggests that it would end otherwise now. */
enum cc_reason daemon_known_hopeless(struct daemon_service *s, const struct daemon_ticket *t);

/* Counts and notes an outcome: "hit", "miss", "bypass". */
void daemon_note(struct daemon_service *s, const struct daemon_ticket *t, const char *outcome, enum cc_reason reason);

/* Notes the entry that a miss has become, beside why it was one. */
void daemon_note_stored(struct daemon_service *s, const struct daemon_ticket *t);

/* Notes why a miss was not stored: the next question about it is "why does it miss every time". */
void daemon_note_unstored(struct daemon_service *s, const struct daemon_ticket *t);

static inline bool daemon_is_zero(const struct codec_digest *d)
{
	static const struct codec_digest zero;

	return codec_digest_eq(d, &zero);
}
