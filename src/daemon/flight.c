#include "daemon/flight.h"

#include <pthread.h>

#include "base/mem.h"

struct daemon_flight {
	struct codec_digest key;
	bool open; /* others can join */
	void **waiters;
	size_t waiters_len;
	struct daemon_flight *next;
};

/* As many as there are compiles at once: a list is enough. */
struct daemon_flights {
	pthread_mutex_t lock;
	struct daemon_flight *first;
	daemon_flight_wake_fn wake;
	void *ctx;
};

struct daemon_flights *daemon_flights_new(daemon_flight_wake_fn wake, void *ctx)
{
	struct daemon_flights *f = hp_zalloc(sizeof *f);

	(void)pthread_mutex_init(&f->lock, NULL);
	f->wake = wake;
	f->ctx = ctx;
	return f;
}

void daemon_flights_free(struct daemon_flights *take_flights)
{
	if (!take_flights)
		return;
	while (take_flights->first) {
		struct daemon_flight *flight = take_flights->first;

		take_flights->first = flight->next;
		free(flight->waiters);
		free(flight);
	}
	(void)pthread_mutex_destroy(&take_flights->lock);
	free(take_flights);
}

struct daemon_flight *daemon_flight_start(struct daemon_flights *f, const struct codec_digest *key, void *waiter)
{
	struct daemon_flight *flight;

	(void)pthread_mutex_lock(&f->lock);
	for (flight = f->first; flight; flight = flight->next) {
		if (flight->open && codec_digest_eq(&flight->key, key))
			break;
	}
	if (flight && waiter) {
		flight->waiters = hp_realloc(flight->waiters, (flight->waiters_len + 1) * sizeof *flight->waiters);
		flight->waiters[flight->waiters_len++] = waiter;
		(void)pthread_mutex_unlock(&f->lock);
		return NULL;
	}
	{
		bool open = !flight;

		flight = hp_zalloc(sizeof *flight);
		flight->key = *key;
		flight->open = open;
		flight->next = f->first;
		f->first = flight;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return flight;
}

void daemon_flight_end(struct daemon_flights *f, struct daemon_flight *take_flight, enum daemon_landing landing)
{
	(void)pthread_mutex_lock(&f->lock);
	for (struct daemon_flight **p = &f->first; *p; p = &(*p)->next) {
		if (*p == take_flight) {
			*p = take_flight->next;
			break;
		}
	}
	/* Waking under the lock keeps daemon_flight_leave honest: after it a waiter is certainly not touched. */
	for (size_t i = 0; i < take_flight->waiters_len; i++) {
		if (take_flight->waiters[i])
			f->wake(f->ctx, take_flight->waiters[i], landing == DAEMON_LANDING_ALONE);
	}
	(void)pthread_mutex_unlock(&f->lock);
	free(take_flight->waiters);
	free(take_flight);
}

void daemon_flight_leave(struct daemon_flights *f, void *waiter)
{
	(void)pthread_mutex_lock(&f->lock);
	for (struct daemon_flight *flight = f->first; flight; flight = flight->next) {
		for (size_t i = 0; i < flight->waiters_len; i++) {
			if (flight->waiters[i] == waiter)
				flight->waiters[i] = NULL;
		}
	}
	(void)pthread_mutex_unlock(&f->lock);
}
