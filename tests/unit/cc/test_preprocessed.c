#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cc/preprocessed.h"

static void becomes(const char *text, const char *want)
{
	HP_AUTO_BUF struct hp_buf got = {0};

	cc_skeleton(text, strlen(text), false, &got);
	assert_string_equal(hp_buf_cstr(&got), want);
}

static void keeps(const char *text)
{
	becomes(text, text);
}

static void comments_become_spaces(void **state)
{
	(void)state;
	becomes("a /* x */ b\n", "a         b\n");
	becomes("a // x\nb", "a\nb");
	becomes("a /* x\n y */ b\n", "a\n      b\n");
	becomes("a /*\tx*/ b\n", "a   \t    b\n");
	becomes("a // x \\\n y\nb\n", "a\n\nb\n");
	becomes("/* x", "    ");
	becomes("/* * / **/ b\n", "           b\n");
	becomes("/* *\\\n/ b\n", "\n  b\n");
}

static void white_space_at_the_ends_of_lines_goes(void **state)
{
	(void)state;
	becomes("a \t \r\n  \nb\n", "a\n\nb\n");
}

static void directives_but_pragmas_are_emptied(void **state)
{
	(void)state;
	becomes("#define A \\\n  1 /* \n */ 2\nb\n", "\n\n\nb\n");
	becomes("  #include <x.h>\nb # c\n", "\nb # c\n");
	becomes("/* x */ # if 1\n", "\n");
	keeps("#pragma once\n  # pragma omp parallel\n_Pragma(\"x\")\n");
}

static void directives_stay_on_demand(void **state)
{
	HP_AUTO_BUF struct hp_buf got = {0};
	const char *text = "#define A 1 /* x */\nb // y\n";

	(void)state;
	cc_skeleton(text, strlen(text), true, &got);
	assert_string_equal(got.data, "#define A 1\nb\n");
}

static void comments_that_warnings_heed_stay(void **state)
{
	(void)state;
	keeps("x; /* fall through */\ny; // FALLTHRU\nz; /* -Fallthrough */\n");
	becomes("x; /* fell */ y\n", "x;            y\n");
}

static void literals_hold_no_comments(void **state)
{
	(void)state;
	keeps("a = \"/* x */ // \\\" /* y */\";\n");
	keeps("b = '\"'; c = '/*'; d = '\\''; e = L'//';\n");
	keeps("f = R\"(/* \" */)\" \"//\";\n");
	keeps("g = u8R\"ab(// )\" )ab\";\n");
	becomes("h = 1'000'000; // x\n", "h = 1'000'000;\n");
	becomes("i = \"unended // x\nj // y\n", "i = \"unended // x\nj\n");
	becomes("k = R\"toolongadelimiter1234(\" /* x */\n", "k = R\"toolongadelimiter1234(\"\n");
}

static void usable(enum cc_family family, bool want, const char *const *args)
{
	struct cc_invocation inv;
	size_t argc = 0;

	while (args[argc])
		argc++;
	assert_int_equal(cc_invocation_parse(&inv, family, "cc", argc, (char *const *)args, NULL, NULL, NULL), 0);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_int_equal(cc_preprocess_usable(&inv), want);
	cc_invocation_done(&inv);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void what_holds_more_of_a_source_is_not_keyed_on_its_text(void **state)
{
	(void)state;
	usable(CC_FAMILY_GCC, true, ARGS("-c", "x.c", "-g", "-gdwarf-3", "-O2", "-Wall", "-Wp,-MD,x.d"));
	usable(CC_FAMILY_GCC, false, ARGS("-c", "x.c", "-g3"));
	usable(CC_FAMILY_GCC, false, ARGS("-c", "x.c", "-ggdb3"));
	usable(CC_FAMILY_GCC, false, ARGS("-c", "x.c", "-Wunused-macros"));
	usable(CC_FAMILY_GCC, false, ARGS("-c", "x.c", "-Wp,-DX"));
	usable(CC_FAMILY_GCC, false, ARGS("-c", "x.S"));
	usable(CC_FAMILY_GCC, false, ARGS("-c", "x.i"));
	usable(CC_FAMILY_CLANG, true, ARGS("-c", "x.c", "-O2"));
	usable(CC_FAMILY_CLANG, false, ARGS("-c", "x.c", "-g"));
}

static void the_preprocessor_gets_the_users_arguments(void **state)
{
	const char *const args[] = {"-c",  "x.c", "-DA",       "-o", "x.o", "-MMD",
	                            "-MF", "x.d", "-Wp,-MD,y", "-I", "i",   NULL};
	HP_AUTO_BUF struct hp_buf text = {0};
	struct hp_strv out = {0};
	struct cc_invocation inv;

	(void)state;
	assert_int_equal(cc_invocation_parse(&inv, CC_FAMILY_GCC, "cc", 11, (char *const *)args, NULL, NULL, NULL), 0);
	cc_preprocess_args(&inv, "D", "T", &out);
	for (size_t i = 0; i < out.len; i++)
		hp_buf_printf(&text, "%s ", out.v[i]);
	assert_string_equal(text.data, "-E -MD -MF D -o T -dU x.c -DA -I i ");
	hp_strv_done(&out);
	cc_invocation_done(&inv);
}

static void line_markers_are_named(void **state)
{
	static const char text[] = "# 1 \"/a/x.c\" 1\n/a/x.c\n# 2 \"/ab\"\n#define A \"/a/\"\n# 3 \"/a/y.h\"";
	struct cc_place *place = hp_zalloc(sizeof *place);
	HP_AUTO_BUF struct hp_buf got = {0};

	(void)state;
	assert_true(cc_place_add(place, "root", "/a", ".", "."));
	cc_preprocessed_named(place, text, sizeof text - 1, &got);
	assert_string_equal(got.data,
	                    "# 1 \"<root>/x.c\" 1\n/a/x.c\n# 2 \"/ab\"\n#define A \"/a/\"\n# 3 \"<root>/y.h\"");
	cc_place_free(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(comments_become_spaces),
	        cmocka_unit_test(white_space_at_the_ends_of_lines_goes),
	        cmocka_unit_test(directives_but_pragmas_are_emptied),
	        cmocka_unit_test(directives_stay_on_demand),
	        cmocka_unit_test(comments_that_warnings_heed_stay),
	        cmocka_unit_test(literals_hold_no_comments),
	        cmocka_unit_test(what_holds_more_of_a_source_is_not_keyed_on_its_text),
	        cmocka_unit_test(the_preprocessor_gets_the_users_arguments),
	        cmocka_unit_test(line_markers_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
