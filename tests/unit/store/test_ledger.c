#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "store/ledger.h"
#include "store_fixture.h"

static const char *dir_of(void **state)
{
	return ((struct fixture *)*state)->dir;
}

struct seen {
	char names[128]; /* as many of them as fit */
	uint64_t hit;
	uint64_t miss;
};

static void see(void *ctx, const char *name, uint64_t value)
{
	struct seen *seen = ctx;

	size_t used = strlen(seen->names);

	(void)snprintf(seen->names + used, sizeof seen->names - used, "%s ", name);
	if (strcmp(name, "hit") == 0)
		seen->hit = value;
	if (strcmp(name, "miss.new") == 0)
		seen->miss = value;
}

static struct seen counters_of(struct store_ledger *l)
{
	struct seen seen = {0};

	assert_int_equal(store_ledger_counters(l, see, &seen, NULL), 0);
	return seen;
}

static void note(struct store_ledger *l, const char *source, const char *object, const char *outcome, int64_t time_s)
{
	struct store_outcome o = {.time_s = time_s, .source = source, .object = object, .outcome = outcome};

	codec_blake3(outcome, strlen(outcome), &o.action_key);
	store_ledger_note(l, &o);
}

static void expect(struct store_ledger *l, const char *path, const char *outcome)
{
	HP_AUTO_BUF struct hp_buf memory = {0};
	struct store_outcome o;
	int rc = store_ledger_find(l, path, &o, &memory, NULL);

	assert_int_equal(rc, outcome != NULL);
	if (outcome)
		assert_string_equal(o.outcome, outcome);
}

static void counters_survive_and_come_in_order(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);

	store_ledger_count(l, "miss.new", 2);
	store_ledger_count(l, "hit", 1);
	assert_int_equal(store_ledger_flush(l, NULL), 0);
	store_ledger_count(l, "hit", 10);
	store_ledger_count(l, "bypass.link", 1);
	assert_string_equal(counters_of(l).names, "bypass.link hit miss.new ");
	assert_int_equal(counters_of(l).hit, 11);
	store_ledger_free(l);
	l = store_ledger_new(dir_of(state), false);
	assert_int_equal(counters_of(l).hit, 11);
	assert_int_equal(counters_of(l).miss, 2);
	assert_int_equal(store_ledger_reset(l, NULL), 0);
	assert_int_equal(counters_of(l).hit, 0);
	store_ledger_free(l);
}

static void the_last_outcome_is_found_by_source_and_object(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);

	for (int flushed = 0; flushed < 2; flushed++) {
		note(l, "/src/a.c", "/obj/a.o", "miss", 1);
		note(l, "/src/b.c", NULL, "bypass", 1);
		note(l, "/src/a.c", "/obj/a.o", "hit", 2);
		note(l, "/src/a.c", "/obj/a2.o", "other", 3);
		if (flushed)
			assert_int_equal(store_ledger_flush(l, NULL), 0);
		expect(l, "/obj/a.o", "hit");
		expect(l, "/obj/a2.o", "other");
		expect(l, "/src/a.c", "other");
		expect(l, "/src/b.c", "bypass");
		expect(l, "/src/c.c", NULL);
	}
	store_ledger_free(l);
	l = store_ledger_new(dir_of(state), true);
	expect(l, "/obj/a.o", "hit");
	store_ledger_free(l);
}

static void all_fields_come_back(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);
	HP_AUTO_BUF struct hp_buf memory = {0};
	struct store_outcome o = {
	        .time_s = 1700000000,
	        .source = "/s",
	        .object = "/o",
	        .outcome = "miss",
	        .reason = "changed",
	        .detail = "a.h\nb.h",
	        .action_key = key_of(1),
	        .closure_key = key_of(2),
	};
	struct store_outcome back;

	store_ledger_note(l, &o);
	assert_int_equal(store_ledger_flush(l, NULL), 0);
	assert_int_equal(store_ledger_find(l, "/o", &back, &memory, NULL), 1);
	assert_int_equal(back.time_s, o.time_s);
	assert_string_equal(back.source, o.source);
	assert_string_equal(back.object, o.object);
	assert_string_equal(back.outcome, o.outcome);
	assert_string_equal(back.reason, o.reason);
	assert_string_equal(back.detail, o.detail);
	assert_true(codec_digest_eq(&back.action_key, &o.action_key));
	assert_true(codec_digest_eq(&back.closure_key, &o.closure_key));
	store_ledger_free(l);
}

static void more_notes_than_fit_in_memory_lose_the_oldest(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);
	char object[32];

	for (int i = 0; i < 1100; i++) {
		(void)snprintf(object, sizeof object, "/o/%d", i);
		note(l, "/s", object, "hit", i);
	}
	expect(l, "/o/1099", "hit");
	expect(l, "/o/76", "hit");
	expect(l, "/o/75", NULL);
	store_ledger_free(l);
}

static void at_most_100000_objects_are_kept(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);
	char object[32];

	for (int i = 0; i < 100500; i++) {
		(void)snprintf(object, sizeof object, "/o/%d", i);
		note(l, object + 2, object, "hit", i);
		if (i % 1000 == 999)
			assert_int_equal(store_ledger_flush(l, NULL), 0);
	}
	assert_int_equal(store_ledger_flush(l, NULL), 0);
	expect(l, "/o/499", NULL);
	expect(l, "/o/500", "hit");
	expect(l, "/o/100499", "hit");
	store_ledger_free(l);
}

static void a_damaged_ledger_starts_anew(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);
	char path[128];
	int fd;

	store_ledger_count(l, "hit", 5);
	store_ledger_free(l);
	(void)snprintf(path, sizeof path, "%s/ledger.sqlite", dir_of(state));
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "this is no database", 19), 19);
	assert_int_equal(close(fd), 0);
	l = store_ledger_new(dir_of(state), false);
	store_ledger_count(l, "hit", 1);
	assert_int_equal(store_ledger_flush(l, NULL), 0);
	assert_int_equal(counters_of(l).hit, 1);
	store_ledger_free(l);
}

static void a_ledger_that_cannot_be_written_counts_in_memory(void **state)
{
	struct store_ledger *l;
	struct seen seen = {0};
	char path[128];

	(void)snprintf(path, sizeof path, "%s/no/such/folder", dir_of(state));
	l = store_ledger_new(path, false);
	store_ledger_count(l, "hit", 3);
	note(l, "/s", "/o", "hit", 1);
	assert_true(store_ledger_flush(l, NULL) < 0);
	store_ledger_count(l, "hit", 4);
	(void)store_ledger_counters(l, see, &seen, NULL);
	assert_int_equal(seen.hit, 7);
	expect(l, "/o", "hit");
	store_ledger_free(l);
}

static void processes_add_up(void **state)
{
	struct store_ledger *l;

	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			l = store_ledger_new(dir_of(state), false);
			for (int j = 0; j < 50; j++) {
				store_ledger_count(l, "hit", 1);
				(void)store_ledger_flush(l, NULL);
			}
			/* what the others' work made fail is written in the end */
			for (int tries = 0; tries < 20 && store_ledger_flush(l, NULL) < 0; tries++)
				(void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
			store_ledger_free(l);
			_exit(0);
		}
		assert_true(pid > 0);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	l = store_ledger_new(dir_of(state), false);
	assert_int_equal(counters_of(l).hit, 200);
	store_ledger_free(l);
}

static void *count_often(void *ctx)
{
	for (int i = 0; i < 500; i++) {
		store_ledger_count(ctx, "hit", 1);
		if (i % 50 == 0)
			(void)store_ledger_flush(ctx, NULL);
		if (i % 70 == 0)
			note(ctx, "/s", "/o", "hit", i);
	}
	return NULL;
}

static void threads_add_up(void **state)
{
	struct store_ledger *l = store_ledger_new(dir_of(state), false);
	pthread_t threads[4];

	for (size_t i = 0; i < HP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_often, l), 0);
	for (size_t i = 0; i < HP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(counters_of(l).hit, 2000);
	store_ledger_free(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(counters_survive_and_come_in_order),
	        TEST(the_last_outcome_is_found_by_source_and_object),
	        TEST(all_fields_come_back),
	        TEST(more_notes_than_fit_in_memory_lose_the_oldest),
	        TEST(at_most_100000_objects_are_kept),
	        TEST(a_damaged_ledger_starts_anew),
	        TEST(a_ledger_that_cannot_be_written_counts_in_memory),
	        TEST(processes_add_up),
	        TEST(threads_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
