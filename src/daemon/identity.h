/* Toolchain identity: the content of everything that a command line makes the driver run, and where the compiler looks
 * for headers by itself. Found by asking the compiler once (cc/probe.h), remembered, kept on disk for processes that
 * have no memory, and checked by stamps on every use. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"
#include "cc/invocation.h"
#include "codec/digest.h"
#include "sys/fs.h"

struct daemon_identity {
	int refs;
	enum cc_family family;
	char *version; /* one line */
	struct codec_digest digest;
	struct hp_strv quote_dirs; /* the compiler's own include search, absolute */
	struct hp_strv angle_dirs;

	/* It holds as long as these files have these stamps and these paths do not exist. */
	struct hp_strv files;
	struct sys_stamp *stamps;
	struct hp_strv missing;
	bool trusted; /* every stamp was old enough when the content was read */
};

struct daemon_identity *daemon_identity_ref(struct daemon_identity *id);
void daemon_identity_unref(struct daemon_identity *id);
static inline void daemon_identity_auto(struct daemon_identity **id)
{
	daemon_identity_unref(*id);
}
#define DAEMON_AUTO_IDENTITY __attribute__((cleanup(daemon_identity_auto)))

struct daemon_identities;

/* `dir` holds the records on disk (made when missing; NULL or not writable: memory only). */
struct daemon_identities *daemon_identities_new(const char *dir);
void daemon_identities_free(struct daemon_identities *take_ids);

/* What a question to the compiler is about. */
struct daemon_identity_query {
	const char *compiler; /* absolute path */
	const char *lang;     /* as -x names it; NULL: only family and version are wanted */
	const struct hp_strv *ident_args;
	const struct hp_strv *env; /* those of class CC_ENV_IDENT */
	/* A script is not even asked: it can do anything, depending on anything, and what it would run for a compile
	 * cannot be told from its answers. */
	bool no_script;
};

/* The identity as of now. Returns 0 and a reference; -HP_NOT_FOUND when it is no compiler that we know;
 * other codes when asking failed. */
int daemon_identity_get(struct daemon_identities *ids, const struct daemon_identity_query *q,
                        struct daemon_identity **ret_id, struct hp_err *err);

/* Whether nothing has changed since. */
bool daemon_identity_holds(const struct daemon_identity *id);
