/* One suite for every implementation of struct store_ops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>

#include "store_fixture.h"

struct subject {
	struct store *store;
	void *fixture; /* disk only */
};

static int memory_setup(void **state)
{
	struct subject *t = hp_zalloc(sizeof *t);

	t->store = store_memory_new(64 << 20);
	*state = t;
	return 0;
}

static int disk_setup(void **state)
{
	struct subject *t = hp_zalloc(sizeof *t);

	if (fixture_setup(&t->fixture) < 0)
		return -1;
	t->store = fixture_disk(((struct fixture *)t->fixture)->dir, 0, false);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct subject *t = *state;
	int rc = 0;

	store_free(t->store);
	if (t->fixture)
		rc = fixture_teardown(&t->fixture);
	free(t);
	return rc;
}

static struct store *store_of(void **state)
{
	return ((struct subject *)*state)->store;
}

static void what_was_put_comes_back(void **state)
{
	struct store *s = store_of(state);
	struct codec_digest key = key_of(1);
	struct codec_digest closure_key = closure_of(1);
	STORE_AUTO_BLOB struct store_blob *blob = NULL;
	struct hp_err err;

	assert_int_equal(store_get(s, &key, &blob, &err), 0);
	assert_null(blob);
	assert_int_equal(store_put(s, &key, &closure_key, "a\0b", 3, &err), 0);
	assert_int_equal(store_get(s, &key, &blob, &err), 1);
	assert_int_equal(blob->len, 3);
	assert_memory_equal(blob->data, "a\0b", 3);
}

static void empty_and_large_entries_come_back(void **state)
{
	static char large[5000000];
	struct store *s = store_of(state);
	struct codec_digest key = key_of(1);
	struct codec_digest closure_key = closure_of(1);
	struct store_blob *blob;

	memset(large, 'x', sizeof large);
	assert_int_equal(store_put(s, &key, &closure_key, NULL, 0, NULL), 0);
	assert_int_equal(store_get(s, &key, &blob, NULL), 1);
	assert_int_equal(blob->len, 0);
	store_blob_unref(blob);
	assert_int_equal(store_put(s, &key, &closure_key, large, sizeof large, NULL), 0);
	assert_int_equal(store_get(s, &key, &blob, NULL), 1);
	assert_int_equal(blob->len, sizeof large);
	assert_memory_equal(blob->data, large, sizeof large);
	store_blob_unref(blob);
	assert_int_equal(usage_of(s).entries, 1);
}

static void a_second_put_replaces_the_first(void **state)
{
	struct store *s = store_of(state);
	struct codec_digest key = key_of(1);
	struct codec_digest old_closure = closure_of(1);
	struct codec_digest new_closure = closure_of(2);
	struct store_blob *before;
	struct store_blob *after;
	struct codec_digest found;

	assert_int_equal(store_put(s, &key, &old_closure, "old", 3, NULL), 0);
	assert_int_equal(store_get(s, &key, &before, NULL), 1);
	assert_int_equal(store_put(s, &key, &new_closure, "newer", 5, NULL), 0);
	assert_int_equal(store_get(s, &key, &after, NULL), 1);
	assert_memory_equal(before->data, "old", 3); /* a reference outlives what replaces it */
	assert_int_equal(after->len, 5);
	assert_memory_equal(after->data, "newer", 5);
	store_blob_unref(before);
	store_blob_unref(after);
	assert_int_equal(usage_of(s).entries, 1);
	assert_int_equal(store_closures(s, &old_closure, &found, 1, NULL), 0);
	assert_int_equal(store_closures(s, &new_closure, &found, 1, NULL), 1);
	assert_true(codec_digest_eq(&found, &key));
}

static void removing_is_idempotent(void **state)
{
	struct store *s = store_of(state);
	struct codec_digest key = key_of(1);

	assert_int_equal(store_remove(s, &key, NULL), 0);
	assert_int_equal(put_entry(s, 1, 1, 100), 0);
	assert_int_equal(store_remove(s, &key, NULL), 0);
	assert_int_equal(store_remove(s, &key, NULL), 0);
	assert_int_equal(check_entry(s, 1), 0);
	assert_int_equal(count_closure(s, 1), 0);
	assert_int_equal(usage_of(s).entries, 0);
	assert_int_equal(usage_of(s).bytes, 0);
}

static void closures_come_newest_first_and_bounded(void **state)
{
	struct store *s = store_of(state);
	struct codec_digest closure_key = closure_of(7);
	struct codec_digest keys[8];

	for (unsigned i = 0; i < 6; i++) {
		struct codec_digest key = key_of(i);

		assert_int_equal(put_entry(s, i, 7, 50), 0);
		assert_int_equal(put_entry(s, 100 + i, 8, 50), 0);
		(void)key;
	}
	assert_int_equal(store_closures(s, &closure_key, keys, 8, NULL), 6);
	for (unsigned i = 0; i < 6; i++) {
		struct codec_digest key = key_of(5 - i);

		assert_true(codec_digest_eq(&keys[i], &key));
	}
	assert_int_equal(store_closures(s, &closure_key, keys, 2, NULL), 2);
	assert_int_equal(store_closures(s, &closure_key, keys, 0, NULL), 0);
	assert_int_equal(put_entry(s, 2, 7, 60), 0); /* stored again: first now */
	assert_int_equal(store_closures(s, &closure_key, keys, 1, NULL), 1);
	assert_memory_equal(keys[0].b, key_of(2).b, CODEC_DIGEST_SIZE);
}

static void usage_adds_up(void **state)
{
	struct store *s = store_of(state);
	struct store_usage before = usage_of(s);

	assert_int_equal(before.entries, 0);
	assert_int_equal(before.bytes, 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put_entry(s, i, i, 10000), 0);
	assert_int_equal(usage_of(s).entries, 20);
	assert_true(usage_of(s).bytes >= 20 * 10000);
	assert_true(usage_of(s).bytes <= 20 * 13000);
}

static void eviction_takes_the_least_recently_used(void **state)
{
	struct store *s = store_of(state);
	struct store_evicted gone;
	struct store_evict rule = {0};

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put_entry(s, i, i, 8000), 0);
	for (unsigned i = 0; i < 10; i += 2)
		assert_int_equal(check_entry(s, i), 1);
	rule.bytes_max = usage_of(s).bytes / 20 * 8;
	assert_int_equal(store_evict(s, &rule, &gone, NULL), 0);
	assert_int_equal(gone.entries, 12);
	assert_true(gone.bytes > 12 * 8000);
	assert_int_equal(usage_of(s).entries, 8);
	assert_true(usage_of(s).bytes <= rule.bytes_max);
	/* the five used since, and the three stored last */
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(check_entry(s, i), (i < 10 && i % 2 == 0) || i >= 17);
	rule.bytes_max = UINT64_MAX;
	assert_int_equal(store_evict(s, &rule, &gone, NULL), 0);
	assert_int_equal(gone.entries, 0);
}

static void eviction_by_age_takes_what_was_not_used(void **state)
{
	struct store *s = store_of(state);
	struct store_evict rule = {.bytes_max = UINT64_MAX, .age_max_s = 1};
	struct store_evicted gone;

	assert_int_equal(put_entry(s, 1, 1, 100), 0);
	assert_int_equal(put_entry(s, 2, 2, 100), 0);
	(void)nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 100000000}, NULL);
	assert_int_equal(check_entry(s, 1), 1);
	assert_int_equal(store_evict(s, &rule, &gone, NULL), 0);
	assert_int_equal(gone.entries, 1);
	assert_int_equal(check_entry(s, 1), 1);
	assert_int_equal(check_entry(s, 2), 0);
}

static void evicting_all_leaves_nothing(void **state)
{
	struct store *s = store_of(state);
	struct store_evict rule = {.bytes_max = UINT64_MAX, .all = true};
	struct store_evicted gone;

	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(put_entry(s, i, i, 100), 0);
	assert_int_equal(store_evict(s, &rule, &gone, NULL), 0);
	assert_int_equal(gone.entries, 200);
	assert_int_equal(usage_of(s).entries, 0);
	assert_int_equal(usage_of(s).bytes, 0);
	assert_int_equal(check_entry(s, 3), 0);
	assert_int_equal(store_flush(s, NULL), 0);
}

static void *hammer(void *ctx)
{
	struct store *s = ctx;
	unsigned x = (unsigned)(uintptr_t)&x;

	for (unsigned i = 0; i < 300; i++) {
		struct codec_digest key;
		unsigned n;

		x = x * 1664525u + 1013904223u;
		n = x >> 28;
		key = key_of(n);
		switch (x >> 16 & 7) {
		case 0:
			assert_int_equal(store_remove(s, &key, NULL), 0);
			break;
		case 1:
		case 2:
			assert_int_equal(put_entry(s, n, n & 3, 300), 0);
			break;
		case 3:
			assert_true(count_closure(s, n & 3) >= 0);
			break;
		case 4:
			assert_int_equal(store_flush(s, NULL), 0);
			break;
		default:
			assert_true(check_entry(s, n) >= 0);
		}
	}
	return NULL;
}

static void threads_may_do_all_at_once(void **state)
{
	struct store *s = store_of(state);
	pthread_t threads[4];

	for (size_t i = 0; i < HP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, s), 0);
	for (size_t i = 0; i < HP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(usage_of(s).entries <= 16);
}

#define SUITE(kind)                                                                                               \
	cmocka_unit_test_setup_teardown(what_was_put_comes_back, kind##_setup, teardown),                         \
	        cmocka_unit_test_setup_teardown(empty_and_large_entries_come_back, kind##_setup, teardown),       \
	        cmocka_unit_test_setup_teardown(a_second_put_replaces_the_first, kind##_setup, teardown),         \
	        cmocka_unit_test_setup_teardown(removing_is_idempotent, kind##_setup, teardown),                  \
	        cmocka_unit_test_setup_teardown(closures_come_newest_first_and_bounded, kind##_setup, teardown),  \
	        cmocka_unit_test_setup_teardown(usage_adds_up, kind##_setup, teardown),                           \
	        cmocka_unit_test_setup_teardown(eviction_takes_the_least_recently_used, kind##_setup, teardown),  \
	        cmocka_unit_test_setup_teardown(eviction_by_age_takes_what_was_not_used, kind##_setup, teardown), \
	        cmocka_unit_test_setup_teardown(evicting_all_leaves_nothing, kind##_setup, teardown),             \
	        cmocka_unit_test_setup_teardown(threads_may_do_all_at_once, kind##_setup, teardown)

int main(void)
{
	const struct CMUnitTest memory_tests[] = {SUITE(memory)};
	const struct CMUnitTest disk_tests[] = {SUITE(disk)};
	int failed = cmocka_run_group_tests_name("memory", memory_tests, NULL, NULL);

	return failed + cmocka_run_group_tests_name("disk", disk_tests, NULL, NULL);
}
