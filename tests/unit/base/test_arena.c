/* The arena: what was taken stays where it is and as it is, whatever comes after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/strv.h"

static void strings_stay_as_they_are_in_any_number_of_blocks(void **state)
{
	struct hp_arena *arena = hp_arena_new(0);
	char *taken[2000];

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		char word[32];
		int len = snprintf(word, sizeof word, "word %zu", i);

		taken[i] = hp_arena_strndup(arena, word, (size_t)len);
	}
	for (size_t i = 0; i < 2000; i++) {
		char word[32];

		(void)snprintf(word, sizeof word, "word %zu", i);
		assert_string_equal(taken[i], word);
	}
	hp_arena_free(arena);
	hp_arena_free(NULL);
}

static void what_is_larger_than_a_block_gets_its_own(void **state)
{
	struct hp_arena *arena = hp_arena_new(16);
	size_t len = 3000000;
	char *small = hp_arena_strndup(arena, "ab", 1);
	char *large = hp_arena_alloc(arena, len);

	(void)state;
	memset(large, 'x', len);
	assert_string_equal(small, "a");
	assert_string_equal(hp_arena_join(arena, "-I", "dir"), "-Idir");
	assert_string_equal(hp_arena_join(arena, "", ""), "");
	assert_int_equal(large[len - 1], 'x');
	hp_arena_free(arena);
}

static void memory_is_aligned_for_pointers(void **state)
{
	struct hp_arena *arena = hp_arena_new(100);

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		(void)hp_arena_strndup(arena, "xyz", i % 4);
		assert_int_equal((uintptr_t)hp_arena_alloc(arena, 24) % _Alignof(void *), 0);
	}
	hp_arena_free(arena);
}

static void a_list_in_an_arena_is_a_list(void **state)
{
	struct hp_arena *arena = hp_arena_new(64);
	struct hp_strv sv = hp_strv_in(arena, 1);
	char *own = hp_strdup("own");
	char *referred = hp_arena_join(arena, "refer", "red");

	(void)state;
	assert_null(sv.v[0]);
	hp_strv_take(&sv, own);
	hp_strv_ref(&sv, referred);
	for (size_t i = 0; i < 40; i++) {
		hp_strv_add(&sv, "added");
		assert_null(sv.v[sv.len]);
	}
	assert_int_equal(sv.len, 42);
	assert_string_equal(sv.v[0], "own");
	assert_ptr_equal(sv.v[1], referred);
	assert_string_equal(sv.v[41], "added");
	hp_strv_done(&sv);
	assert_string_equal(referred, "referred");
	hp_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(strings_stay_as_they_are_in_any_number_of_blocks),
	        cmocka_unit_test(what_is_larger_than_a_block_gets_its_own),
	        cmocka_unit_test(memory_is_aligned_for_pointers),
	        cmocka_unit_test(a_list_in_an_arena_is_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
