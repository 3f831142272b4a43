/* What compilers say of themselves, in their own words and in odd ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "cc/probe.h"

static void names_of_compilers_are_known(void **state)
{
	static const char *const yes[] = {
	        "gcc",
	        "g++",
	        "cc",
	        "c++",
	        "clang",
	        "clang++",
	        "gcc-12",
	        "g++-12.2",
	        "clang-14",
	        "clang++-14",
	        "/usr/bin/cc",
	        "/a.b/x86_64-linux-gnu-gcc",
	        "x86_64-w64-mingw32-g++-12",
	        "arm-none-eabi-gcc-10.3.1",
	        "c++-12",
	        "my-clang",
	        "clang-cl",
	        "clang-cl-14",
	        "/opt/llvm/bin/clang-cl",
	        "cl",
	};
	static const char *const no[] = {
	        "",       "true",       "gcc/",   "gccgo",   "gcc-ar",   "gcc-ar-12", "mygcc", "clang-format",
	        "clcl",   "clang-tidy", "accord", "ccache",  "c++filt",  "cpp",       "tcc",   "gcc-nm",
	        "clangd", "as",         "ld",     "cc1plus", "x-gcc-rm", "distcc",    "icecc", "clang-14.sh",
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(yes); i++) {
		if (!cc_probe_name(yes[i]))
			fail_msg("not known: %s", yes[i]);
	}
	for (size_t i = 0; i < HP_ARRAY_SIZE(no); i++) {
		if (cc_probe_name(no[i]))
			fail_msg("taken for a compiler: %s", no[i]);
	}
}

static void expect_version(const char *text, enum cc_family family, const char *line)
{
	struct hp_buf version HP_AUTO_BUF = {0};
	enum cc_family got = CC_FAMILY_UNKNOWN;

	assert_int_equal(cc_probe_version(text, &got, &version), line != NULL);
	assert_int_equal(got, family);
	assert_string_equal(hp_buf_cstr(&version), line ? line : "");
}

static void the_family_is_read_from_its_line(void **state)
{
	(void)state;
	expect_version("Using built-in specs.\nCOLLECT_GCC=gcc\nTarget: x86_64-linux-gnu\nThread model: posix\n"
	               "gcc version 12.2.0 (Debian 12.2.0-14) \n",
	               CC_FAMILY_GCC, "gcc version 12.2.0 (Debian 12.2.0-14) ");
	expect_version("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu\n", CC_FAMILY_CLANG,
	               "Debian clang version 14.0.6");
	expect_version("clang version 15.0.0", CC_FAMILY_CLANG, "clang version 15.0.0");
	expect_version("Apple clang version 14.0.0 (clang-1400.0.29.202)\n", CC_FAMILY_CLANG,
	               "Apple clang version 14.0.0 (clang-1400.0.29.202)");
	expect_version("tcc version 0.9.27 (x86_64 Linux)\n", CC_FAMILY_UNKNOWN, NULL);
	expect_version("notclang version 1\n", CC_FAMILY_UNKNOWN, NULL);
	expect_version(" gcc version 12\n", CC_FAMILY_UNKNOWN, NULL);
	expect_version("", CC_FAMILY_UNKNOWN, NULL);
}

static void the_search_is_read_in_order(void **state)
{
	static const char text[] = "ignoring nonexistent directory \"/usr/local/include/x86_64-linux-gnu\"\n"
	                           "ignoring duplicate directory \"/usr/include\"\n"
	                           "ignoring nonexistent directory \"/with \"quote\"\"\n"
	                           "#include \"...\" search starts here:\n q\n"
	                           "#include <...> search starts here:\n"
	                           " /usr/lib/gcc/x86_64-linux-gnu/12/include\n /usr/include\n /with space\n"
	                           "End of search list.\n /not/this\n";
	struct hp_strv quote HP_AUTO_STRV = {0};
	struct hp_strv angle HP_AUTO_STRV = {0};
	struct hp_strv missing HP_AUTO_STRV = {0};

	(void)state;
	assert_true(cc_probe_search(text, &quote, &angle, &missing));
	assert_int_equal(quote.len, 1);
	assert_string_equal(quote.v[0], "q");
	assert_int_equal(angle.len, 3);
	assert_string_equal(angle.v[0], "/usr/lib/gcc/x86_64-linux-gnu/12/include");
	assert_string_equal(angle.v[2], "/with space");
	assert_int_equal(missing.len, 2);
	assert_string_equal(missing.v[0], "/usr/local/include/x86_64-linux-gnu");
	assert_string_equal(missing.v[1], "/with \"quote\"");
}

static void half_a_listing_is_none(void **state)
{
	static const char *const rows[] = {"", "no list at all\n",
	                                   "#include \"...\" search starts here:\nEnd of search list.\n",
	                                   "#include <...> search starts here:\n /usr/include\n"};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct hp_strv quote HP_AUTO_STRV = {0};
		struct hp_strv angle HP_AUTO_STRV = {0};
		struct hp_strv missing HP_AUTO_STRV = {0};

		assert_false(cc_probe_search(rows[i], &quote, &angle, &missing));
	}
}

static void commands_are_the_same_whatever_their_temporary_files(void **state)
{
	static const char text[] =
	        "Using built-in specs.\n"
	        "COMPILER_PATH=/usr/lib/gcc/x86_64-linux-gnu/12/:/usr/lib/gcc/:\n"
	        " /usr/lib/gcc/x86_64-linux-gnu/12/cc1 -quiet \"-march=a b\" /dev/null -o /tmp/ccAbC123.s\n"
	        " as --64 -o /dev/null /tmp/ccAbC123.s\n"
	        " (in-process)\n"
	        "LIBRARY_PATH=/usr/lib/\n";
	struct hp_strv programs HP_AUTO_STRV = {0};
	struct hp_strv path HP_AUTO_STRV = {0};
	struct hp_buf commands HP_AUTO_BUF = {0};

	(void)state;
	cc_probe_commands(text, &programs, &path, &commands);
	assert_int_equal(programs.len, 2);
	assert_string_equal(programs.v[0], "/usr/lib/gcc/x86_64-linux-gnu/12/cc1");
	assert_string_equal(programs.v[1], "as");
	assert_int_equal(path.len, 2);
	assert_string_equal(path.v[1], "/usr/lib/gcc/");
	assert_string_equal(commands.data,
	                    "/usr/lib/gcc/x86_64-linux-gnu/12/cc1\n-quiet\n-march=a b\n/dev/null\n-o\n<tmp>\n"
	                    "as\n--64\n-o\n/dev/null\n<tmp>\n");
}

static void words_in_quotes_lose_their_escapes(void **state)
{
	struct hp_strv programs HP_AUTO_STRV = {0};
	struct hp_strv path HP_AUTO_STRV = {0};
	struct hp_buf commands HP_AUTO_BUF = {0};

	(void)state;
	cc_probe_commands(" \"/usr/lib/llvm-14/bin/clang\" \"-D\\\"x\\\\\" \"\" \"/tmp/null-a1b2c3.o\" \"open",
	                  &programs, &path, &commands);
	assert_string_equal(programs.v[0], "/usr/lib/llvm-14/bin/clang");
	assert_string_equal(commands.data, "/usr/lib/llvm-14/bin/clang\n-D\"x\\\n\n<tmp>\nopen\n");
}

static void files_that_only_look_temporary_count(void **state)
{
	struct hp_strv programs HP_AUTO_STRV = {0};
	struct hp_strv path HP_AUTO_STRV = {0};
	struct hp_buf commands HP_AUTO_BUF = {0};

	(void)state;
	cc_probe_commands(" cc1 cc123456.s /tmp/cc12345.s /tmp/cc1234567.s /tmp/dd123456.s /tmp/cc123456ss\n",
	                  &programs, &path, &commands);
	assert_null(strstr(commands.data, "<tmp>"));
}

static void libraries_are_read_from_the_loaders_trace(void **state)
{
	static const char text[] = "\tlinux-vdso.so.1 (0x00007fff0cdb5000)\n"
	                           "\tlibbfd.so => /usr/lib/x86_64-linux-gnu/libbfd.so (0x00007f0000000000)\n"
	                           "\tlibmissing.so => not found\n"
	                           "\t/lib64/ld-linux-x86-64.so.2 (0x00007f1111111111)\n"
	                           "GNU assembler /not/this (0x1)\n";
	struct hp_strv files HP_AUTO_STRV = {0};

	(void)state;
	cc_probe_libraries(text, &files);
	assert_int_equal(files.len, 2);
	assert_string_equal(files.v[0], "/usr/lib/x86_64-linux-gnu/libbfd.so");
	assert_string_equal(files.v[1], "/lib64/ld-linux-x86-64.so.2");
}

static void places_and_files_of_options_are_read(void **state)
{
	static const char dirs[] = "install: /usr/lib/gcc/x/12/\nprograms: =/b/x/12/:/b/:/usr/lib/gcc/x/12/\n"
	                           "libraries: =/b/x/12/:/lib/\n";
	static const char said[] = "Reading specs from /b/specs\nConfiguration file: /c/x.cfg\nReading specs from \n"
	                           "Target: x\n";
	struct hp_strv list HP_AUTO_STRV = {0};
	struct hp_strv files HP_AUTO_STRV = {0};
	struct hp_buf install HP_AUTO_BUF = {0};

	(void)state;
	cc_probe_install(dirs, &install);
	assert_string_equal(hp_buf_cstr(&install), "/usr/lib/gcc/x/12/");
	cc_probe_prefixes(dirs, "programs", &list);
	assert_int_equal(list.len, 3);
	assert_string_equal(list.v[1], "/b/");
	cc_probe_prefixes(dirs, "libraries", &list);
	assert_int_equal(list.len, 5);
	cc_probe_prefixes(dirs, "nothing", &list);
	assert_int_equal(list.len, 5);
	cc_probe_option_files(said, &files);
	assert_int_equal(files.len, 2);
	assert_string_equal(files.v[0], "/b/specs");
	assert_string_equal(files.v[1], "/c/x.cfg");
}

static void of_the_processor_only_what_lasts_counts(void **state)
{
	static const char text[] =
	        "processor\t: 0\nvendor_id\t: A\nmodel name\t: B\ncpu MHz\t\t: 2596.1\nflags\t: fpu avx\n"
	        "bogomips\t: 5192.27\n";
	struct hp_buf cpu HP_AUTO_BUF = {0};

	(void)state;
	cc_probe_cpu(text, &cpu);
	assert_string_equal(hp_buf_cstr(&cpu), "vendor_id\t: A\nmodel name\t: B\nflags\t: fpu avx\n");
}

static void versions_that_know_embed_are_told(void **state)
{
	(void)state;
	assert_false(cc_probe_knows_embed(CC_FAMILY_GCC, "gcc version 12.2.0 (Debian 12.2.0-14)"));
	assert_false(cc_probe_knows_embed(CC_FAMILY_GCC, "gcc version 14.2.0"));
	assert_true(cc_probe_knows_embed(CC_FAMILY_GCC, "gcc version 15.1.0"));
	assert_true(cc_probe_knows_embed(CC_FAMILY_GCC, "gcc version trunk"));
	assert_false(cc_probe_knows_embed(CC_FAMILY_CLANG, "Debian clang version 14.0.6"));
	assert_true(cc_probe_knows_embed(CC_FAMILY_CLANG, "clang version 19.1.0"));
	assert_true(cc_probe_knows_embed(CC_FAMILY_CLANG, "Apple clang version 15.0.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(versions_that_know_embed_are_told),
	        cmocka_unit_test(names_of_compilers_are_known),
	        cmocka_unit_test(the_family_is_read_from_its_line),
	        cmocka_unit_test(the_search_is_read_in_order),
	        cmocka_unit_test(half_a_listing_is_none),
	        cmocka_unit_test(commands_are_the_same_whatever_their_temporary_files),
	        cmocka_unit_test(words_in_quotes_lose_their_escapes),
	        cmocka_unit_test(files_that_only_look_temporary_count),
	        cmocka_unit_test(libraries_are_read_from_the_loaders_trace),
	        cmocka_unit_test(places_and_files_of_options_are_read),
	        cmocka_unit_test(of_the_processor_only_what_lasts_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
