/* From a finished compile to its closure: the dependency file says what was read; what the files themselves mention
 * says where the compiler must have looked in vain, and whether the unit can be cached at all. */
#pragma once

#include "cc/depfile.h"
#include "cc/invocation.h"
#include "daemon/closure.h"
#include "daemon/identity.h"

struct daemon_discovery {
	struct daemon_draft draft;
	struct codec_digest *digests; /* one per file */
	struct codec_digest twins;    /* with has_twins: which of the files with the same content are one file */
	bool has_twins;
	bool line_files;    /* some file has a #line directive that names another: diagnostics may quote that one */
	bool line_absolute; /* and some do so by an absolute path, or by one that cannot be told */
	bool literal_paths; /* some file says which other to read by an absolute path, or may */
	bool uses_pch;
	bool date_time; /* __DATE__ or __TIME__ is mentioned */
};
void daemon_discovery_done(struct daemon_discovery *d);
#define DAEMON_AUTO_DISCOVERY __attribute__((cleanup(daemon_discovery_done)))

struct daemon_discover_input {
	struct daemon_memory *memory;
	const struct cc_invocation *inv;
	const struct daemon_identity *identity;
	const char *cwd;
	const struct hp_strv *deps; /* what the compiler read */
	size_t source; /* index of the source in it; before it stand files that the command line itself brings in */
	const struct hp_strv *env; /* CPATH stands between -I and -isystem */
	int64_t start_ns;  /* of the compile, by the file clock; an input stamped at or after it changed meanwhile */
	bool date_time_ok; /* SOURCE_DATE_EPOCH is set and in the key */
	bool embed_ok;     /* the compiler does not know #embed: where it counts, it fails */
};

/* Fills *ret_discovery (release always). CC_REASON_NONE, or why the unit cannot be stored with the path in `detail`. */
enum cc_reason daemon_discover(const struct daemon_discover_input *in, struct daemon_discovery *ret_discovery,
                               struct hp_buf *detail);

/* Whether what one file mentions makes a unit uncacheable. Used before a compile, too, on the source. */
enum cc_reason daemon_discover_scan(const struct cc_scan *scan, bool date_time_ok, bool embed_ok);
