/* Where a compile belongs: the project marker that counts for it, and what its roots mean for its keys. cc/place.h has
 * what is text alone; docs/decisions/0016-project-marker.md tells the reasons. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "sys/fs.h"

struct daemon_memory;
struct daemon_ticket;
struct daemon_service;
struct cache_key_input;

/* What one state of a marker file says. */
struct daemon_marker_facts;

/* One path that has been a marker: read again whenever its stamp is another. */
struct daemon_marker {
	const char *path; /* absolute; owned by the pool */
	pthread_mutex_t lock;
	struct sys_stamp stamp;
	bool trusted; /* as with files: the racy rule */
	struct daemon_marker_facts *facts;
};

void *daemon_marker_new(const char *path, size_t path_len); /* for daemon_pool_intern */
void daemon_marker_free(void *marker);

/* Appends the path of the nearest marker at or above the folder `dir` (absolute). The root of the file system is not
 * looked at. False: there is none. */
bool daemon_marker_find(const char *dir, struct hp_buf *ret_path);

/* The nearest marker above the source as the command line spells it, or else above the working directory: appends its path.
 * False: none. */
bool daemon_marker_of(const char *source, const char *cwd, struct hp_buf *ret_path);

/* Whether this marker can be used; if not why, appended to `why`. For people: the file is read anew. */
bool daemon_marker_check(const char *path, struct hp_buf *why);

/* Finds the place of a ticket whose command line has been taken apart: sets t->place, or leaves it NULL. */
void daemon_place_find(struct daemon_service *s, struct daemon_ticket *t);

/* Puts names in the place of paths in what the keys are made of, and decides whether the results can be for more than this
 * place (t->place_bound). `cwd` is the directory that outputs can hold, or NULL. */
void daemon_place_name_keys(struct daemon_ticket *t, const char *cwd, struct cache_key_input *in);

/* After the keys: the arguments that the compiler gets in front of the user's. */
void daemon_place_make_flags(struct daemon_ticket *t);

/* After a compile: whether its result holds, or may hold, a path of this place. */
bool daemon_place_shows(const struct daemon_ticket *t);
