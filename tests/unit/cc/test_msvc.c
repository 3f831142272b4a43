#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/coff.h"
#include "cc/includes.h"
#include "cc/invocation.h"
#include "cc/rsp.h"
#include "cc/source_deps.h"

/* Parses words with blanks between. */
static void parse(struct cc_invocation *inv, enum cc_family family, const char *line)
{
	struct hp_strv words HP_AUTO_STRV = {0};

	assert_int_equal(cc_rsp_split_windows(line, strlen(line), &words, NULL), 0);
	assert_int_equal(cc_invocation_parse(inv, family, "cl", words.len, words.v, NULL, NULL, NULL), 0);
}

static void check_reason(enum cc_family family, const char *line, enum cc_reason reason)
{
	struct cc_invocation inv;

	parse(&inv, family, line);
	if (inv.bypass != reason)
		fail_msg("%s: %s (%s), not %s", line, cc_reason_name(inv.bypass), inv.bypass_detail,
		         cc_reason_name(reason));
	cc_invocation_done(&inv);
}

static void check_output(enum cc_family family, const char *line, const char *output)
{
	struct cc_invocation inv;

	parse(&inv, family, line);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_string_equal(inv.output, output);
	cc_invocation_done(&inv);
}

static void objects_are_named_as_the_drivers_name_them(void **state)
{
	(void)state;
	check_output(CC_FAMILY_CLANG_CL, "/c dir/a.b.c", "a.b.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c /Foout", "out.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c /Foout.", "out.");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c /Fo", "a.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c -Fod.x/", "d.x/a.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c /Fod.x/out", "d.x/out.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c /Fosub\\", "sub\\.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c /Fo1 /o 2", "2.obj");
	check_output(CC_FAMILY_CLANG_CL, "/c a.c -o2.x /Fo1.x", "1.x");
	check_output(CC_FAMILY_CLANG_CL, "/c -- /a.c", "a.obj");
	check_output(CC_FAMILY_MSVC, "/c src\\a.c", "a.obj");
	check_output(CC_FAMILY_MSVC, "/c a.c /Foout\\", "out\\a.obj");
	check_output(CC_FAMILY_MSVC, "/c a.c /Fo:out\\b", "out\\b.obj");
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /Fo:x", CC_REASON_SPECIAL_OUTPUT);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /Fosub/..", CC_REASON_SPECIAL_OUTPUT);
}

static void check_lang(const char *line, const char *lang)
{
	struct cc_invocation inv;

	parse(&inv, CC_FAMILY_CLANG_CL, line);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_string_equal(inv.lang_name, lang);
	cc_invocation_done(&inv);
}

static void languages_come_from_options_or_suffixes(void **state)
{
	(void)state;
	check_lang("/c a.c", "c");
	check_lang("/c a.cpp", "c++");
	check_lang("/c a.c /TP", "c++");
	check_lang("/TC /c a.xx", "c");
	check_lang("/c /Tpa.c", "c++");
	check_lang("/c /TC /Tp a.c", "c++");
	check_lang("/TP /c /Tca.c", "c");
	check_reason(CC_FAMILY_CLANG_CL, "/c a.h", CC_REASON_PCH);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.s", CC_REASON_UNKNOWN_LANGUAGE);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.obj", CC_REASON_UNKNOWN_LANGUAGE);
}

static void what_is_not_known_is_a_bypass(void **state)
{
	static const enum cc_family both[] = {CC_FAMILY_CLANG_CL, CC_FAMILY_MSVC};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(both); i++) {
		check_reason(both[i], "/c a.c /nonsense", CC_REASON_UNKNOWN_OPTION);
		check_reason(both[i], "/c a.c -nonsense", CC_REASON_UNKNOWN_OPTION);
		check_reason(both[i], "/c a.c /w3x4", i ? CC_REASON_NONE : CC_REASON_UNKNOWN_OPTION);
		check_reason(both[i], "/C a.c /showincludes", CC_REASON_NO_COMPILE);
		check_reason(both[i], "/c a.c /showincludes", CC_REASON_UNKNOWN_OPTION);
		check_reason(both[i], "/c a.c b.c", CC_REASON_MULTIPLE_INPUTS);
		check_reason(both[i], "/c a.c /I", CC_REASON_UNSUPPORTED_OPTION);
		check_reason(both[i], "/c", CC_REASON_NO_INPUT);
		check_reason(both[i], "a.c", CC_REASON_NO_COMPILE);
		check_reason(both[i], "/c /E a.c", CC_REASON_PREPROCESS_ONLY);
		check_reason(both[i], "/c a.c /Yua.h", CC_REASON_PCH);
		check_reason(both[i], "/c a.c /Fa", CC_REASON_SIDE_FILES);
		check_reason(both[i], "/c a.c /link x.lib", CC_REASON_UNSUPPORTED_OPTION);
		check_reason(both[i], "/c a.c /headerUnit x=y", CC_REASON_MODULES);
	}
	/* For clang-cl a slash can begin a path, for cl it cannot. */
	check_reason(CC_FAMILY_CLANG_CL, "/c /src/a.c", CC_REASON_NONE);
	check_reason(CC_FAMILY_MSVC, "/c a.c /src/a.c", CC_REASON_UNKNOWN_OPTION);
	/* Options of Clang's that clang-cl leaves out, and those that only GNU-style drivers open. */
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -std=c11", CC_REASON_UNKNOWN_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -isystem x", CC_REASON_UNKNOWN_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -Wa,-x", CC_REASON_UNKNOWN_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -objcmt-migrate-all", CC_REASON_UNSUPPORTED_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -march=native -mavx2 -Wno-x", CC_REASON_NONE);
	check_reason(CC_FAMILY_MSVC, "/c a.c -march=native", CC_REASON_UNKNOWN_OPTION);
	check_reason(CC_FAMILY_MSVC, "/c a.c /clang:-MD", CC_REASON_UNKNOWN_OPTION);
	/* Behind /clang: there is a command line of its own, without modes, outputs and inputs. */
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /clang:-o /clang:x", CC_REASON_UNSUPPORTED_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /clang:b.c", CC_REASON_UNSUPPORTED_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /clang:-S", CC_REASON_UNSUPPORTED_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /clang:-ftime-trace", CC_REASON_SIDE_FILES);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /clang:-MF", CC_REASON_UNSUPPORTED_OPTION);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -Xclang /W4", CC_REASON_UNSUPPORTED_OPTION);
}

static void debug_information_decides_what_can_be_added(void **state)
{
	struct cc_invocation inv;

	(void)state;
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /Z7", CC_REASON_HOLDS_COMMAND);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c -gline-tables-only", CC_REASON_HOLDS_COMMAND);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /Z7 /clang:-MMD", CC_REASON_HOLDS_COMMAND);
	check_reason(CC_FAMILY_CLANG_CL, "/c a.c /Z7 /showIncludes -fsanitize-recover=all", CC_REASON_HOLDS_COMMAND);
	check_reason(CC_FAMILY_MSVC, "/c a.c /Zi /Fdx.pdb", CC_REASON_SHARED_PDB);
	parse(&inv, CC_FAMILY_CLANG_CL, "/c a.c /Zi /showIncludes /Fox");
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_true(inv.holds_command && inv.embeds_cwd && inv.closure == CC_CLOSURE_SHOW_INCLUDES);
	assert_true(hp_strv_has(&inv.key_args, "/c") && hp_strv_has(&inv.key_args, "x.obj"));
	cc_invocation_done(&inv);
	parse(&inv, CC_FAMILY_CLANG_CL, "/c a.c -gdwarf");
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_true(inv.embeds_cwd && !inv.holds_command);
	cc_invocation_done(&inv);
}

static void check_run(const char *line, bool color, const char *want)
{
	struct cc_invocation inv;
	struct hp_strv out HP_AUTO_STRV = {0};
	struct hp_buf joined HP_AUTO_BUF = {0};

	parse(&inv, CC_FAMILY_CLANG_CL, line);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	cc_invocation_run_args(&inv, "P", color, &out);
	for (size_t i = 0; i < out.len; i++)
		hp_buf_printf(&joined, "%s%s", i ? " " : "", out.v[i]);
	assert_string_equal(hp_buf_cstr(&joined), want);
	cc_invocation_done(&inv);
}

static void a_private_list_is_asked_for_behind_clang(void **state)
{
	(void)state;
	check_run("/c a.c", false, "/clang:-MD /clang:-MFP /c a.c");
	check_run("/c a.c -clang:-MD", true, "-fcolor-diagnostics /c a.c -clang:-MD");
	check_run("/c a.c /clang:-MMD /clang:-MFx.d", false, "/clang:-MFP /c a.c /clang:-MD");
	check_run("/clang:-MMD -clang:-MF /c -clang:x.d a.c /clang:-MTt", false,
	          "/clang:-MFP /clang:-MD /c a.c /clang:-MTt");
	check_run("/c a.c /Z7 /showIncludes", false, "/c a.c /Z7 /showIncludes");
}

static void the_environment_holds_arguments(void **state)
{
	const struct cc_cl_env env = {.before = "/DA#1#2 \"/DB=x y\"", .after = "/W4"};
	char c[] = "/c";
	char file[] = "a.c";
	char *const argv[] = {c, file};
	struct hp_strv out HP_AUTO_STRV = {0};
	struct cc_invocation inv;

	(void)state;
	assert_int_equal(cc_invocation_parse_cl(&inv, CC_FAMILY_CLANG_CL, &env, 2, argv, NULL, NULL, NULL), 0);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_string_equal(inv.key_args.v[0], "-DA=1#2");
	assert_string_equal(inv.key_args.v[1], "-DB=x y");
	assert_string_equal(inv.key_args.v[2], "/W4");
	/* The compiler reads its environment itself. */
	cc_invocation_run_args(&inv, "P", false, &out);
	assert_int_equal(out.len, 4);
	cc_invocation_done(&inv);
}

static void cl_s_debug_information_moves_into_the_object_when_asked(void **state)
{
	const struct cc_cl_env env = {.zi_as_z7 = true};
	char words[][20] = {"/c", "a.c", "-Zi", "/FS", "/showIncludes"};
	char *const argv[] = {words[0], words[1], words[2], words[3], words[4]};
	struct hp_strv out HP_AUTO_STRV = {0};
	struct cc_invocation inv;

	(void)state;
	assert_int_equal(cc_invocation_parse_cl(&inv, CC_FAMILY_MSVC, &env, 5, argv, NULL, NULL, NULL), 0);
	assert_int_equal(inv.bypass, CC_REASON_NONE);
	assert_true(inv.holds_command && inv.closure == CC_CLOSURE_SHOW_INCLUDES);
	cc_invocation_run_args(&inv, "P", false, &out);
	assert_int_equal(out.len, 5);
	assert_string_equal(out.v[2], "/Z7");
	cc_invocation_done(&inv);
	check_reason(CC_FAMILY_MSVC, "/c a.c /Z7", CC_REASON_HOLDS_COMMAND);
	check_reason(CC_FAMILY_MSVC, "/c a.c /Z7 /sourceDependencies x.json", CC_REASON_NONE);
}

static void check_source_deps(const char *text, int want)
{
	struct cc_source_deps deps;
	struct hp_err err = {0};
	int r = cc_source_deps_parse(text, strlen(text), &deps, &err);

	if (r != want)
		fail_msg("%s: %d %s", text, r, err.msg);
	cc_source_deps_done(&deps);
}

static void the_lists_that_cl_writes_are_read(void **state)
{
	static const char text[] =
	        "\xef\xbb\xbf{\r\n  \"Version\": \"1.2\",\n \"Data\": {\n"
	        "\"Source\": \"c:\\\\x\\\\a.cpp\", \"ProvidedModule\": \"\", \"More\": [[{\"a\":[1.5e3]}],null],"
	        "\"Includes\": [\"c:\\\\b.h\", \"\\u00e4\\ud83d\\ude00\"],\n"
	        "\"ImportedModules\": [ ], \"ImportedHeaderUnits\": [], \"PCH\":\"\"}\n}\n";
	struct cc_source_deps deps;

	(void)state;
	assert_int_equal(cc_source_deps_parse(text, sizeof text - 1, &deps, NULL), 0);
	assert_string_equal(deps.source, "c:\\x\\a.cpp");
	assert_int_equal(deps.includes.len, 2);
	assert_string_equal(deps.includes.v[0], "c:\\b.h");
	assert_string_equal(deps.includes.v[1], "\xc3\xa4\xf0\x9f\x98\x80");
	assert_true(!deps.pch && !deps.modules);
	cc_source_deps_done(&deps);
#define DATA(x) "{\"Version\":\"1.1\",\"Data\":{\"Source\":\"a\"" x "}}"
	assert_int_equal(cc_source_deps_parse(DATA(",\"ImportedModules\":[{\"Name\":\"m\"}],\"PCH\":\"p\""),
	                                      strlen(DATA(",\"ImportedModules\":[{\"Name\":\"m\"}],\"PCH\":\"p\"")),
	                                      &deps, NULL),
	                 0);
	assert_true(deps.modules);
	assert_string_equal(deps.pch, "p");
	cc_source_deps_done(&deps);
	check_source_deps(DATA(""), 0);
	check_source_deps("{\"Data\":{}}", -HP_INVALID);
	check_source_deps("{\"Version\":\"2.0\",\"Data\":{\"Source\":\"a\"}}", -HP_INVALID);
	check_source_deps(DATA("") "x", -HP_INVALID);
	check_source_deps(DATA(","), -HP_INVALID);
	check_source_deps(DATA(",\"Includes\":[\"\"]"), -HP_INVALID);
	check_source_deps(DATA(",\"Includes\":[\"a\",]"), -HP_INVALID);
	check_source_deps(DATA(",\"Includes\":[\"a\\u0000\"]"), -HP_INVALID);
	check_source_deps(DATA(",\"Includes\":[\"\\ud800\"]"), -HP_INVALID);
	check_source_deps(DATA(",\"Includes\":[\"a\nb\"]"), -HP_INVALID);
	check_source_deps(DATA(",\"Source\":\"b\""), -HP_INVALID);
	check_source_deps("", -HP_INVALID);
#undef DATA
}

static void lists_nest_as_deep_as_the_limit(void **state)
{
	(void)state;
	for (size_t depth = HP_JSON_DEPTH_MAX; depth <= HP_JSON_DEPTH_MAX + 1; depth++) {
		struct hp_buf text HP_AUTO_BUF = {0};
		struct cc_source_deps deps;

		hp_buf_str(&text, "{\"Data\":{\"Source\":\"a\",\"x\":");
		for (size_t i = 0; i < depth; i++)
			hp_buf_char(&text, '[');
		for (size_t i = 0; i < depth; i++)
			hp_buf_char(&text, ']');
		hp_buf_str(&text, "}}");
		assert_int_equal(cc_source_deps_parse(text.data, text.len, &deps, NULL),
		                 depth > HP_JSON_DEPTH_MAX ? -HP_INVALID : 0);
		cc_source_deps_done(&deps);
	}
}

static void listed_includes_are_read_and_left_out(void **state)
{
	static const char text[] = "a.c\r\nNote: including file: ./b.h\r\nNote: including file:  /x/my dir/c.h\r\n"
	                           "Note: including file:  ./b.h\r\nNote: other\nlast";
	struct hp_strv files HP_AUTO_STRV = {0};
	struct hp_buf rest HP_AUTO_BUF = {0};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(cc_includes_parse(CC_INCLUDES_PREFIX, text, sizeof text - 1, &files, &err), 0);
	assert_int_equal(files.len, 2);
	assert_string_equal(files.v[0], "./b.h");
	assert_string_equal(files.v[1], "/x/my dir/c.h");
	cc_includes_strip(CC_INCLUDES_PREFIX, text, sizeof text - 1, &rest);
	assert_string_equal(hp_buf_cstr(&rest), "a.c\r\nNote: other\nlast");
	assert_int_equal(cc_includes_parse(CC_INCLUDES_PREFIX, "Note: including file: \n", 23, &files, &err),
	                 -HP_INVALID);
	assert_int_equal(cc_includes_parse(CC_INCLUDES_PREFIX, "a\0b", 3, &files, &err), -HP_INVALID);
}

static void the_prefix_is_learned_in_any_language(void **state)
{
	static const struct {
		const char *text;
		const char *prefix;
	} rows[] = {
	        {"probe.c\r\nNote: including file: C:\\t\\probe.h\r\n", "Note: including file:"},
	        {"probe.c\r\nHinweis: Einlesen der Datei:   C:\\t\\probe.h\r\n", "Hinweis: Einlesen der Datei:"},
	        {"\xe3\x83\xa1\xe3\x83\xa2: \xe3\x82\xa4: C:\\t\\probe.h\n", "\xe3\x83\xa1\xe3\x83\xa2: \xe3\x82\xa4:"},
	        {"Remarque\xc2\xa0: inclusion du fichier\xc2\xa0:  C:\\t\\probe.h",
	         "Remarque\xc2\xa0: inclusion du fichier\xc2\xa0:"},
	        {"C:\\t\\probe.h\n  C:\\t\\probe.h\nXC:\\t\\probe.h\nprobe.h\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct hp_buf prefix HP_AUTO_BUF = {0};
		bool found = cc_includes_learn(rows[i].text, strlen(rows[i].text), "C:\\t\\probe.h", &prefix);

		assert_int_equal(found, rows[i].prefix != NULL);
		if (found)
			assert_string_equal(hp_buf_cstr(&prefix), rows[i].prefix);
	}
}

static void windows_words_are_split(void **state)
{
	static const struct {
		const char *text;
		const char *words; /* each in brackets */
	} rows[] = {
	        {"a \"b c\"\tx\"y z\"w\r\nd", "[a][b c][xy zw][d]"},
	        {"\\\"q\\\" d\\e f\\", "[\"q\"][d\\e][f\\]"},
	        {"\"a\\\\\" b\\\\\\\"c", "[a\\][b\\\"c]"},
	        {"\"f\"\"g\" \"\" \"\"h", "[f\"g][][h]"},
	        {"a'b c'", "[a'b][c']"},
	        {" \n", ""},
	        {"", ""},
	        {"a \"never closed", "[a]"},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct hp_strv words HP_AUTO_STRV = {0};
		struct hp_buf shown HP_AUTO_BUF = {0};

		assert_int_equal(cc_rsp_split(CC_FAMILY_MSVC, rows[i].text, strlen(rows[i].text), &words, NULL), 0);
		for (size_t k = 0; k < words.len; k++)
			hp_buf_printf(&shown, "[%s]", words.v[k]);
		assert_string_equal(hp_buf_cstr(&shown), rows[i].words);
	}
}

static void response_files_come_in_utf16(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *word; /* NULL: refused */
	} rows[] = {
	        {"\xff\xfe/\0D\0\xe4\0", 8, "/D\xc3\xa4"},
	        {"\xfe\xff\0/\0D\x20\xac", 8, "/D\xe2\x82\xac"},
	        {"\xff\xfe\x3d\xd8\x00\xde", 6, "\xf0\x9f\x98\x80"},
	        {"\xef\xbb\xbf/W4", 6, "/W4"},
	        {"\xff\xfe/\0D", 5, NULL},
	        {"\xff\xfe\x3d\xd8", 4, NULL},
	        {"\xff\xfe\0\0", 4, NULL},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct hp_strv words HP_AUTO_STRV = {0};
		int r = cc_rsp_split(CC_FAMILY_CLANG_CL, rows[i].data, rows[i].len, &words, NULL);

		assert_int_equal(r, rows[i].word ? 0 : -HP_INVALID);
		if (rows[i].word)
			assert_string_equal(words.v[0], rows[i].word);
	}
}

static void time_stamps_of_objects_are_found(void **state)
{
	unsigned char plain[20] = {0x64, 0x86, 7, 0, 0x93, 0x7c, 0x05, 0x6b};
	unsigned char big[56] = {0, 0, 0xff, 0xff, 2, 0, 0x64, 0x86, 1, 2, 3, 4};
	unsigned char bitcode[64] = {'B', 'C', 0xc0, 0xde};
	uint32_t stamp;
	size_t offset;

	(void)state;
	assert_true(cc_coff_stamp(plain, sizeof plain, &offset, &stamp));
	assert_true(offset == 4 && stamp == 0x6b057c93);
	cc_coff_set_stamp(plain, offset, 0x01020304);
	assert_true(cc_coff_stamp(plain, sizeof plain, &offset, &stamp) && stamp == 0x01020304);
	assert_false(cc_coff_stamp(plain, sizeof plain - 1, &offset, &stamp));
	assert_true(cc_coff_stamp(big, sizeof big, &offset, &stamp));
	assert_true(offset == 8 && stamp == 0x04030201);
	assert_false(cc_coff_stamp(big, sizeof big - 1, &offset, &stamp));
	assert_false(cc_coff_stamp(bitcode, sizeof bitcode, &offset, &stamp));
	assert_false(cc_coff_stamp("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\1\0\x3e\0", 20, &offset, &stamp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(objects_are_named_as_the_drivers_name_them),
	        cmocka_unit_test(languages_come_from_options_or_suffixes),
	        cmocka_unit_test(what_is_not_known_is_a_bypass),
	        cmocka_unit_test(debug_information_decides_what_can_be_added),
	        cmocka_unit_test(a_private_list_is_asked_for_behind_clang),
	        cmocka_unit_test(the_environment_holds_arguments),
	        cmocka_unit_test(cl_s_debug_information_moves_into_the_object_when_asked),
	        cmocka_unit_test(the_lists_that_cl_writes_are_read),
	        cmocka_unit_test(lists_nest_as_deep_as_the_limit),
	        cmocka_unit_test(listed_includes_are_read_and_left_out),
	        cmocka_unit_test(the_prefix_is_learned_in_any_language),
	        cmocka_unit_test(windows_words_are_split),
	        cmocka_unit_test(response_files_come_in_utf16),
	        cmocka_unit_test(time_stamps_of_objects_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
