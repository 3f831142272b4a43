#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cc/place.h"

static struct cc_place *place_of(const char *const *names_and_paths)
{
	struct cc_place *place = hp_zalloc(sizeof *place);

	for (size_t i = 0; names_and_paths[i]; i += 2)
		assert_true(cc_place_add(place, names_and_paths[i], names_and_paths[i + 1], ".", "/proc/self/cwd"));
	return place;
}

#define PLACE(...) place_of((const char *const[]){__VA_ARGS__, NULL})

static void named(const struct cc_place *place, const char *path, const char *name)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	HP_AUTO_BUF struct hp_buf back = {0};

	assert_true(cc_place_name(place, path, &out));
	assert_string_equal(hp_buf_cstr(&out), name);
	assert_true(cc_place_path(place, name, &back));
	assert_string_equal(hp_buf_cstr(&back), path);
}

static void paths_below_a_root_are_named_by_it(void **state)
{
	struct cc_place *place = PLACE("root", "/a/proj", "build", "/b");

	(void)state;
	named(place, "/a/proj", "<root>");
	named(place, "/a/proj/x.h", "<root>/x.h");
	named(place, "/a/proj/../x.h", "<root>/../x.h");
	named(place, "/b/gen/y.h", "<build>/gen/y.h");
	named(place, "/a/pro", "/a/pro");
	named(place, "x.h", "x.h");
	named(place, "../x.h", "../x.h");
	named(place, "", "");
	cc_place_free(place);
}

static void a_name_is_never_taken_for_a_path(void **state)
{
	struct cc_place *place = PLACE("root", "/a");

	(void)state;
	named(place, "<root>/x.h", "<<root>/x.h");
	named(place, "<<", "<<<");
	named(place, "a<root>", "a<root>");
	cc_place_free(place);
}

static void a_neighbour_that_begins_like_a_root_is_told(void **state)
{
	struct cc_place *place = PLACE("root", "/a/proj");
	HP_AUTO_BUF struct hp_buf out = {0};

	(void)state;
	assert_false(cc_place_name(place, "/a/proj2/x.h", &out));
	assert_string_equal(out.data, "/a/proj2/x.h");
	cc_place_free(place);
}

static void what_is_no_name_here_is_refused(void **state)
{
	static const char *const names[] = {"<build>/x.h", "<root",       "<root>x",  "<",
	                                    "/a/proj",     "/a/proj/x.h", "/a/proj2", "<root:2>/x"};
	struct cc_place *place = PLACE("root", "/a/proj");
	HP_AUTO_BUF struct hp_buf out = {0};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++)
		assert_false(cc_place_path(place, names[i], &out));
	assert_int_equal(out.len, 0);
	cc_place_free(place);
}

static void no_root_lies_below_another(void **state)
{
	struct cc_place *place = PLACE("root", "/a/proj", "build", "/a/proj/build", "root", "/l/proj");

	(void)state;
	named(place, "/a/proj/build/x", "<root>/build/x");
	named(place, "/l/proj/x", "<root:2>/x");
	assert_int_equal(place->len, 2);
	assert_true(cc_place_add(place, "top", "/a", ".", "."));
	named(place, "/a/proj/x", "<top>/proj/x");
	named(place, "/l/proj/x", "<root:2>/x");
	assert_int_equal(place->len, 2);
	cc_place_free(place);
}

static void the_spelling_used_first_has_no_number(void **state)
{
	struct cc_place *place = PLACE("root", "/real/proj", "root", "/link", "root", "/other");

	(void)state;
	cc_place_prefer(place, "x.c");
	cc_place_prefer(place, "/elsewhere");
	named(place, "/real/proj/x", "<root>/x");
	cc_place_prefer(place, "/other/x.c");
	named(place, "/other/x", "<root>/x");
	named(place, "/link/x", "<root:2>/x");
	named(place, "/real/proj/x", "<root:3>/x");
	cc_place_free(place);
}

static void roots_that_no_option_can_name_are_refused(void **state)
{
	static const char *const paths[] = {"/", "", "rel", "/a=b", "/a\nb", "/a\x7f"};
	struct cc_place *place = hp_zalloc(sizeof *place);

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(paths); i++)
		assert_false(cc_place_add(place, "root", paths[i], ".", "."));
	assert_int_equal(place->len, 0);
	assert_true(cc_place_add(place, "root", "/a b, c", ".", "."));
	cc_place_free(place);
}

static void occurrences_are_found_in_bytes(void **state)
{
	struct cc_place *place = PLACE("root", "/a/proj");

	(void)state;
	assert_true(cc_place_occurs(place, "\0x/a/proj", 9));
	assert_false(cc_place_occurs(place, "\0x/a/proj", 8));
	assert_false(cc_place_occurs(place, NULL, 0));
	cc_place_free(place);
}

/* Parses `args` and compares what the place makes of the key and of the command line. */
static void flags(enum cc_family family, const char *const *args, bool clean, bool bound, const char *key,
                  const char *added)
{
	struct cc_place *place = PLACE("root", "/a", "build", "/b", "root", "/l");
	HP_AUTO_BUF struct hp_buf text = {0};
	struct cc_invocation inv;
	struct hp_strv got = {0};
	struct hp_strv real = {0};
	size_t argc = 0;

	while (args[argc])
		argc++;
	assert_int_equal(cc_invocation_parse(&inv, family, "cc", argc, (char *const *)args, NULL, NULL, NULL), 0);
	assert_int_equal(cc_place_args(place, &inv.key_args, &got), clean);
	cc_place_flags(place, &inv, "S", true, &got);
	cc_place_flags(place, &inv, "S", false, &real);
	assert_int_equal(cc_place_bound(&inv), bound);
	for (size_t i = 0; i < got.len; i++)
		hp_buf_printf(&text, "%s ", got.v[i]);
	assert_string_equal(hp_buf_cstr(&text), key);
	hp_buf_reset(&text);
	for (size_t i = 0; i < real.len; i++)
		hp_buf_printf(&text, "%s ", real.v[i]);
	assert_string_equal(hp_buf_cstr(&text), added);
	hp_strv_done(&got);
	hp_strv_done(&real);
	cc_invocation_done(&inv);
	cc_place_free(place);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define KEY_DEBUG "-fdebug-prefix-map=<root>=/proc/self/cwd "
#define KEY_DEBUG_B "-fdebug-prefix-map=<build>=/proc/self/cwd "
#define KEY_MAPS KEY_DEBUG "-fmacro-prefix-map=<root>=. " KEY_DEBUG_B "-fmacro-prefix-map=<build>=. "
#define MAP(kind, path, to) "-f" kind "-prefix-map=" path "=" to " "
#define MAPS(path) MAP("debug", path, "/proc/self/cwd") MAP("macro", path, ".")
#define ALL_MAPS MAPS("/a") MAPS("/b") MAPS("/l")

static void the_search_is_named_and_maps_are_added(void **state)
{
	(void)state;
	flags(CC_FAMILY_GCC, ARGS("-c", "/a/x.c", "-I", "/a/inc", "-iquote/b", "-Irel", "-include", "/l/y.h", "-DX=1"),
	      true, false,
	      "-I<root>/inc -iquote<build> -Irel -include<root:2>/y.h -DX=1 -x c " KEY_MAPS "-frandom-seed=KEY ",
	      ALL_MAPS "-frandom-seed=S ");
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.c"), true, false, "-x c " KEY_MAPS, ALL_MAPS);
}

static void gcc_keeps_the_names_of_own_system_headers(void **state)
{
	(void)state;
	flags(CC_FAMILY_GCC, ARGS("-c", "x.c", "-isystem", "/a/sys"), true, false,
	      "-isystem<root>/sys -x c " KEY_MAPS "-fno-canonical-system-headers -frandom-seed=KEY ",
	      ALL_MAPS "-fno-canonical-system-headers -frandom-seed=S ");
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.c", "-isystem", "/a/sys"), true, false,
	      "-isystem<root>/sys -x c " KEY_MAPS, ALL_MAPS);
}

static void the_users_own_options_win(void **state)
{
	(void)state;
	flags(CC_FAMILY_GCC, ARGS("-c", "x.c", "-ffile-prefix-map=/x=y", "-frandom-seed=1"), true, true,
	      "-ffile-prefix-map=/x=y -frandom-seed=1 -x c ", "");
}

static void nothing_is_added_that_would_be_unused(void **state)
{
	(void)state;
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.S"), true, false, "-x assembler-with-cpp ", "");
	flags(CC_FAMILY_GCC, ARGS("-c", "x.s"), true, false, "-x assembler ", "");
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.i"), true, false, "-x cpp-output " KEY_DEBUG KEY_DEBUG_B,
	      MAP("debug", "/a", "/proc/self/cwd") MAP("debug", "/b", "/proc/self/cwd")
	              MAP("debug", "/l", "/proc/self/cwd"));
}

static void what_no_map_reaches_binds(void **state)
{
	(void)state;
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.S", "-g"), true, true, "-g -x assembler-with-cpp ", "");
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.c", "-flto"), true, true, "-flto -x c " KEY_MAPS, ALL_MAPS);
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.c", "-DROOT=\"/a\""), false, false, "-DROOT=\"/a\" -x c " KEY_MAPS,
	      ALL_MAPS);
	flags(CC_FAMILY_CLANG, ARGS("-c", "x.c", "-I/ab"), false, false, "-I/ab -x c " KEY_MAPS, ALL_MAPS);
}

static void compilers_without_the_options_are_told(void **state)
{
	(void)state;
	assert_true(cc_place_supported(CC_FAMILY_GCC, "gcc version 12.2.0 (Debian 12.2.0-14)"));
	assert_true(cc_place_supported(CC_FAMILY_GCC, "gcc version 8.1.0 (GCC)"));
	assert_false(cc_place_supported(CC_FAMILY_GCC, "gcc version 7.5.0 (GCC)"));
	assert_true(cc_place_supported(CC_FAMILY_CLANG, "Debian clang version 14.0.6"));
	assert_false(cc_place_supported(CC_FAMILY_CLANG, "clang version 9.0.1"));
	assert_false(cc_place_supported(CC_FAMILY_CLANG, "clang"));
	assert_false(cc_place_supported(CC_FAMILY_CLANG_CL, "clang version 14.0.6"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(paths_below_a_root_are_named_by_it),
	        cmocka_unit_test(a_name_is_never_taken_for_a_path),
	        cmocka_unit_test(a_neighbour_that_begins_like_a_root_is_told),
	        cmocka_unit_test(what_is_no_name_here_is_refused),
	        cmocka_unit_test(no_root_lies_below_another),
	        cmocka_unit_test(the_spelling_used_first_has_no_number),
	        cmocka_unit_test(roots_that_no_option_can_name_are_refused),
	        cmocka_unit_test(occurrences_are_found_in_bytes),
	        cmocka_unit_test(the_search_is_named_and_maps_are_added),
	        cmocka_unit_test(gcc_keeps_the_names_of_own_system_headers),
	        cmocka_unit_test(the_users_own_options_win),
	        cmocka_unit_test(nothing_is_added_that_would_be_unused),
	        cmocka_unit_test(what_no_map_reaches_binds),
	        cmocka_unit_test(compilers_without_the_options_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
