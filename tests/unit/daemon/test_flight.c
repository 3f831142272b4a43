/* Single-flight: who leads, who waits, and whom the end of a flight wakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/mem.h"
#include "daemon/flight.h"

struct waiter {
	unsigned woken;
	unsigned alone;
};

static void wake(void *ctx, void *p, bool retry_alone)
{
	struct waiter *w = p;
	unsigned *count = ctx;

	(void)__atomic_add_fetch(count, 1, __ATOMIC_ACQ_REL);
	(void)__atomic_add_fetch(&w->woken, 1, __ATOMIC_ACQ_REL);
	(void)__atomic_add_fetch(&w->alone, retry_alone ? 1 : 0, __ATOMIC_ACQ_REL);
}

static struct codec_digest key_of(unsigned n)
{
	struct codec_digest key;

	codec_blake3(&n, sizeof n, &key);
	return key;
}

static void the_first_leads_and_the_others_wait(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct codec_digest key = key_of(1);
	struct waiter w[3] = {0};
	struct daemon_flight *flight = daemon_flight_start(f, &key, &w[0]);

	(void)state;
	assert_non_null(flight);
	assert_null(daemon_flight_start(f, &key, &w[1]));
	assert_null(daemon_flight_start(f, &key, &w[2]));
	assert_int_equal(count, 0);
	daemon_flight_end(f, flight, DAEMON_LANDING_SHARED);
	assert_int_equal(w[0].woken, 0);
	assert_int_equal(w[1].woken, 1);
	assert_int_equal(w[2].woken, 1);
	assert_int_equal(w[1].alone + w[2].alone, 0);
	daemon_flights_free(f);
}

static void other_keys_fly_by_themselves(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct codec_digest a = key_of(1);
	struct codec_digest b = key_of(2);
	struct waiter w = {0};
	struct daemon_flight *first = daemon_flight_start(f, &a, &w);
	struct daemon_flight *second = daemon_flight_start(f, &b, &w);

	(void)state;
	assert_non_null(first);
	assert_non_null(second);
	daemon_flight_end(f, first, DAEMON_LANDING_SHARED);
	daemon_flight_end(f, second, DAEMON_LANDING_SHARED);
	assert_int_equal(count, 0);
	daemon_flights_free(f);
}

static void after_a_lost_leader_the_next_one_leads(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct codec_digest key = key_of(1);
	struct waiter w[3] = {0};
	struct daemon_flight *flight = daemon_flight_start(f, &key, &w[0]);

	(void)state;
	assert_null(daemon_flight_start(f, &key, &w[1]));
	assert_null(daemon_flight_start(f, &key, &w[2]));
	daemon_flight_end(f, flight, DAEMON_LANDING_LOST);
	assert_int_equal(w[1].woken + w[2].woken, 2);
	assert_int_equal(w[1].alone + w[2].alone, 0);
	/* Both look again: one leads now. */
	flight = daemon_flight_start(f, &key, &w[1]);
	assert_non_null(flight);
	assert_null(daemon_flight_start(f, &key, &w[2]));
	daemon_flight_end(f, flight, DAEMON_LANDING_SHARED);
	assert_int_equal(w[2].woken, 2);
	daemon_flights_free(f);
}

static void a_result_that_is_not_for_others_sends_each_its_way(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct codec_digest key = key_of(1);
	struct waiter w[3] = {0};
	struct daemon_flight *flight = daemon_flight_start(f, &key, &w[0]);
	struct daemon_flight *alone[2];

	(void)state;
	assert_null(daemon_flight_start(f, &key, &w[1]));
	assert_null(daemon_flight_start(f, &key, &w[2]));
	daemon_flight_end(f, flight, DAEMON_LANDING_ALONE);
	assert_int_equal(w[1].alone, 1);
	assert_int_equal(w[2].alone, 1);
	/* Who goes alone leads, whether or not another does the same just now. */
	alone[0] = daemon_flight_start(f, &key, NULL);
	alone[1] = daemon_flight_start(f, &key, NULL);
	assert_non_null(alone[0]);
	assert_non_null(alone[1]);
	daemon_flight_end(f, alone[1], DAEMON_LANDING_SHARED);
	/* The first of them can be joined. */
	assert_null(daemon_flight_start(f, &key, &w[1]));
	daemon_flight_end(f, alone[0], DAEMON_LANDING_SHARED);
	assert_int_equal(w[1].woken, 2);
	daemon_flights_free(f);
}

static void who_left_is_not_woken(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct codec_digest key = key_of(1);
	struct waiter w[3] = {0};
	struct daemon_flight *flight = daemon_flight_start(f, &key, &w[0]);

	(void)state;
	assert_null(daemon_flight_start(f, &key, &w[1]));
	assert_null(daemon_flight_start(f, &key, &w[2]));
	daemon_flight_leave(f, &w[1]);
	daemon_flight_leave(f, &w[1]);
	daemon_flight_leave(f, &w[0]); /* never waited */
	daemon_flight_end(f, flight, DAEMON_LANDING_SHARED);
	assert_int_equal(w[1].woken, 0);
	assert_int_equal(w[2].woken, 1);
	daemon_flights_free(f);
}

static void flights_under_way_go_with_the_table(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct codec_digest key = key_of(1);
	struct waiter w = {0};

	(void)state;
	assert_non_null(daemon_flight_start(f, &key, &w));
	assert_null(daemon_flight_start(f, &key, &w));
	daemon_flights_free(f);
	daemon_flights_free(NULL);
	assert_int_equal(count, 0);
}

enum {
	THREADS = 4,
	ROUNDS = 2000,
	KEYS = 3,
};

struct pilot {
	struct daemon_flights *flights;
	unsigned led;
	unsigned joined;
	struct waiter waiter;
};

/* Leads or joins at random keys; a follower leaves, or waits until it is woken. */
static void *fly(void *arg)
{
	struct pilot *p = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct codec_digest key = key_of(i % KEYS);
		unsigned before = __atomic_load_n(&p->waiter.woken, __ATOMIC_ACQUIRE);
		struct daemon_flight *flight = daemon_flight_start(p->flights, &key, &p->waiter);

		if (flight) {
			p->led++;
			daemon_flight_end(p->flights, flight, i & 1 ? DAEMON_LANDING_SHARED : DAEMON_LANDING_LOST);
			continue;
		}
		p->joined++;
		if (i % 3 == 0)
			daemon_flight_leave(p->flights, &p->waiter);
		else
			while (__atomic_load_n(&p->waiter.woken, __ATOMIC_ACQUIRE) == before)
				;
	}
	return NULL;
}

static void threads_never_lose_a_wake_up(void **state)
{
	unsigned count = 0;
	struct daemon_flights *f = daemon_flights_new(wake, &count);
	struct pilot pilots[THREADS] = {0};
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		pilots[i].flights = f;
		assert_int_equal(pthread_create(&threads[i], NULL, fly, &pilots[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(pilots[i].led + pilots[i].joined, ROUNDS);
	}
	daemon_flights_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_first_leads_and_the_others_wait),
	        cmocka_unit_test(other_keys_fly_by_themselves),
	        cmocka_unit_test(after_a_lost_leader_the_next_one_leads),
	        cmocka_unit_test(a_result_that_is_not_for_others_sends_each_its_way),
	        cmocka_unit_test(who_left_is_not_woken),
	        cmocka_unit_test(flights_under_way_go_with_the_table),
	        cmocka_unit_test(threads_never_lose_a_wake_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
