/* The hash map, against a plain list; edit distance, by known pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

static void what_was_put_is_found(void **state)
{
	struct hp_map map HP_AUTO_MAP = {0};

	(void)state;
	assert_null(hp_map_find(&map, "k", 1));
	hp_map_put(&map, "k", 1)->value = &map;
	assert_ptr_equal(hp_map_find(&map, "k", 1), &map);
	assert_null(hp_map_find(&map, "K", 1));
	assert_null(hp_map_find(&map, "kk", 2));
	assert_null(hp_map_find(&map, "", 0));
	assert_int_equal(map.len, 1);
}

static void putting_twice_gives_the_same_slot(void **state)
{
	struct hp_map map HP_AUTO_MAP = {0};
	int a;

	(void)state;
	hp_map_put(&map, "key", 3)->value = &a;
	assert_ptr_equal(hp_map_put(&map, "key", 3)->value, &a);
	assert_int_equal(map.len, 1);
}

static void what_was_put_stays_when_room_is_reserved(void **state)
{
	struct hp_map map HP_AUTO_MAP = {0};
	size_t cap;

	(void)state;
	hp_map_put(&map, "key", 3)->value = &map;
	hp_map_reserve(&map, 1000);
	cap = map.cap;
	assert_ptr_equal(hp_map_find(&map, "key", 3), &map);
	for (uint32_t i = 0; i < 999; i++)
		hp_map_put(&map, &i, sizeof i);
	assert_int_equal(map.cap, cap);
	assert_int_equal(map.len, 1000);
	hp_map_reserve(&map, 10);
	assert_int_equal(map.cap, cap);
}

static void ten_thousand_keys_survive_growing(void **state)
{
	enum {
		COUNT = 10000
	};
	struct hp_map map HP_AUTO_MAP = {0};
	static const char *keys[COUNT];

	(void)state;
	for (uintptr_t i = 0; i < COUNT; i++) {
		char key[32];
		int len = snprintf(key, sizeof key, "%lu/%lu", (unsigned long)(i % 97), (unsigned long)i);
		struct hp_map_slot *slot = hp_map_put(&map, key, (size_t)len);

		assert_null(slot->value);
		slot->value = (void *)(i + 1);
		keys[i] = slot->key;
	}
	assert_int_equal(map.len, COUNT);
	for (uintptr_t i = 0; i < COUNT; i++) {
		/* The key's copy stays where it was, whatever the table did. */
		assert_ptr_equal(hp_map_find(&map, keys[i], strlen(keys[i])), (void *)(i + 1));
	}
	assert_null(hp_map_find(&map, "97/10000", 8));
}

static void a_seed_changes_nothing_but_the_places(void **state)
{
	struct hp_map map HP_AUTO_MAP = {.seed = 0x1234567890abcdef};

	(void)state;
	for (uintptr_t i = 0; i < 1000; i++)
		hp_map_put(&map, &i, sizeof i)->value = (void *)(i + 1);
	for (uintptr_t i = 0; i < 1000; i++)
		assert_ptr_equal(hp_map_find(&map, &i, sizeof i), (void *)(i + 1));
}

static void keys_may_hold_zero_bytes_and_nothing(void **state)
{
	struct hp_map map HP_AUTO_MAP = {0};
	int a;
	int b;

	(void)state;
	hp_map_put(&map, "a\0b", 3)->value = &a;
	hp_map_put(&map, "", 0)->value = &b;
	assert_ptr_equal(hp_map_find(&map, "a\0b", 3), &a);
	assert_null(hp_map_find(&map, "a\0c", 3));
	assert_ptr_equal(hp_map_find(&map, "", 0), &b);
}

/* The tail of a key shorter than a word must not be confused with zero bytes. */
static void the_hash_tells_lengths_apart(void **state)
{
	const char zeroes[24] = {0};
	uint64_t seen[24];

	(void)state;
	for (size_t len = 0; len < 24; len++) {
		seen[len] = hp_hash(zeroes, len);
		for (size_t k = 0; k < len; k++)
			assert_true(seen[len] != seen[k]);
	}
}

static void the_distance_counts_edits(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		size_t distance;
	} rows[] = {
	        {"", "", 0},
	        {"", "abc", 3},
	        {"kitten", "sitting", 3},
	        {"max_size", "max_szie", 1},
	        {"ca", "abc", 3},
	        {"location", "locaton", 1},
	        {"type", "type", 0},
	};
	char longest[65];

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		assert_int_equal(hp_edit_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(hp_edit_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
	memset(longest, 'x', 64);
	longest[64] = '\0';
	assert_int_equal(hp_edit_distance(longest, "x"), SIZE_MAX);
	assert_int_equal(hp_edit_distance(longest + 1, "x"), 62);
}

static void string_helpers_do_what_they_say(void **state)
{
	(void)state;
	assert_true(hp_startswith("prefix", "pre"));
	assert_false(hp_startswith("pre", "prefix"));
	assert_true(hp_endswith("a.gch", ".gch"));
	assert_false(hp_endswith("gch", ".gch"));
	assert_string_equal(hp_basename("/a/b"), "b");
	assert_string_equal(hp_basename("b"), "b");
	assert_string_equal(hp_basename("/a/"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_put_is_found),
	        cmocka_unit_test(putting_twice_gives_the_same_slot),
	        cmocka_unit_test(what_was_put_stays_when_room_is_reserved),
	        cmocka_unit_test(ten_thousand_keys_survive_growing),
	        cmocka_unit_test(a_seed_changes_nothing_but_the_places),
	        cmocka_unit_test(keys_may_hold_zero_bytes_and_nothing),
	        cmocka_unit_test(the_hash_tells_lengths_apart),
	        cmocka_unit_test(the_distance_counts_edits),
	        cmocka_unit_test(string_helpers_do_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
