/* Single-flight: compiles that are the same and under way at once are done once. The first leads; the others wait and
 * then look the result up for themselves. When the leader is gone or has nothing to share, each goes its own way. */
#pragma once

#include <stdbool.h>

#include "codec/digest.h"

struct daemon_flights;
struct daemon_flight;

/* Called for each follower when it must look again; `retry_alone` tells it not to join another flight. */
typedef void (*daemon_flight_wake_fn)(void *ctx, void *waiter, bool retry_alone);

struct daemon_flights *daemon_flights_new(daemon_flight_wake_fn wake, void *ctx);
void daemon_flights_free(struct daemon_flights *take_flights);

/* Leads a new flight (returns it) or joins the one under way as `waiter` (returns NULL). waiter NULL: always leads, a
 * flight that nobody can join when there is one already. */
struct daemon_flight *daemon_flight_start(struct daemon_flights *f, const struct codec_digest *key, void *waiter);

enum daemon_landing {
	DAEMON_LANDING_SHARED, /* the result is in the cache */
	DAEMON_LANDING_ALONE,  /* there is a result, but not for others: each compiles */
	DAEMON_LANDING_LOST,   /* the leader is gone: another one leads */
};
void daemon_flight_end(struct daemon_flights *f, struct daemon_flight *take_flight, enum daemon_landing landing);

/* A waiter that goes away before it is woken; afterwards it will not be. */
void daemon_flight_leave(struct daemon_flights *f, void *waiter);
