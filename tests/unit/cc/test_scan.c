#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/scan.h"

/* The includes as text: `"a"` `<b>`, `+` in front for _next, `?` in front for a probe. */
static void describe(const struct cc_scan *scan, struct hp_buf *out)
{
	for (size_t i = 0; i < scan->includes_len; i++) {
		const struct cc_include *inc = &scan->includes[i];
		bool quote = inc->kind == CC_INCLUDE_QUOTE;

		hp_buf_printf(out, "%s%s%s%c%s%c", i ? " " : "", inc->probe ? "?" : "", inc->next ? "+" : "",
		              quote ? '"' : '<', scan->names + inc->offset, quote ? '"' : '>');
	}
}

static void check(enum cc_scan_syntax syntax, const char *data, size_t len, uint32_t flags, const char *includes)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	/* An exact allocation, so that the sanitizer sees a read past the end. */
	HP_AUTO_FREE char *copy = hp_memdup(data, len ? len : 1);
	struct cc_scan scan;

	cc_scan_source(syntax, copy, len, &scan);
	describe(&scan, &text);
	/* What has a flag of its own test. */
	scan.flags &= ~(uint32_t)CC_SCAN_INCBIN_UNKNOWN;
	if (scan.flags != flags || strcmp(hp_buf_cstr(&text), includes) != 0)
		fail_msg("%.*s\nflags %x, not %x; includes %s, not %s", (int)len, data, scan.flags, flags,
		         hp_buf_cstr(&text), includes);
	cc_scan_done(&scan);
}

/* The files that the assembler reads: `t` or `b` and the name. "?": one that is unknown as well. */
static void asm_files(enum cc_scan_syntax syntax, const char *source, const char *files)
{
	HP_AUTO_FREE char *copy = hp_memdup(source, strlen(source));
	HP_AUTO_BUF struct hp_buf text = {0};
	struct cc_scan scan;

	cc_scan_source(syntax, copy, strlen(source), &scan);
	for (size_t i = 0; i < scan.asm_names_len; i += strlen(scan.asm_names + i) + 1)
		hp_buf_printf(&text, "%s%s", i ? " " : "", scan.asm_names + i);
	if (scan.flags & CC_SCAN_INCBIN_UNKNOWN)
		hp_buf_str(&text, "?");
	assert_true(text.len == 0 || hp_streq(hp_buf_cstr(&text), "?") || (scan.flags & CC_SCAN_INCBIN));
	assert_string_equal(hp_buf_cstr(&text), files);
	cc_scan_done(&scan);
}

static void c(const char *source, uint32_t flags, const char *includes)
{
	check(CC_SCAN_C, source, strlen(source), flags, includes);
}

static void assembler(const char *source, uint32_t flags, const char *includes)
{
	check(CC_SCAN_ASM, source, strlen(source), flags, includes);
}

static void dates_are_found_as_whole_words_only(void **state)
{
	(void)state;
	c("const char *a = __DATE__;", CC_SCAN_DATE, "");
	c("__TIME__", CC_SCAN_TIME, "");
	c("f(__TIMESTAMP__)", CC_SCAN_TIMESTAMP, "");
	c("a__DATE__ __DATE__b __DATE___ ___DATE__ 1__DATE__ __DATE", 0, "");
	c("a\\\n__DATE__ __DATE__\\\nb", 0, "");
	c("__DA\\\nTE__", CC_SCAN_DATE, "");
	c("_\\\n_\\\r\nT\\ \t\nI\\\n\\\nME__", CC_SCAN_TIME, "");
	c("#define X __DATE__", CC_SCAN_DATE, "");
	c("#if 0\n__DATE__\n#endif", CC_SCAN_DATE, "");
	c("-__DATE__+", CC_SCAN_DATE, "");
}

static void comments_hide(void **state)
{
	(void)state;
	c("/* __DATE__ */ // __TIME__\n", 0, "");
	c("/* a * / __DATE__ **/__TIME__", CC_SCAN_TIME, "");
	c("/\\\n* __DATE__ *\\\n/ __TIME__", CC_SCAN_TIME, "");
	c("/\\\n/ __DATE__ \\\n __DATE__ \\ \t\r\n __DATE__\r\n__TIME__", CC_SCAN_TIME, "");
	c("// __DATE__\r__TIME__", CC_SCAN_TIME, "");
	c("/*/ __DATE__ */", 0, "");
	c("/* __DATE__", 0, "");
	c("/", 0, "");
	c("a / b /__DATE__", CC_SCAN_DATE, "");
	c("/**//\\\n/ __DATE__", 0, "");
	c("/**/ / __DATE__", CC_SCAN_DATE, "");
	c("/**/\\\n/ __DATE__", CC_SCAN_DATE, "");
	c("/*xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx*\\\n\\\r\n/__DATE__", CC_SCAN_DATE, "");
}

static void literals_hide(void **state)
{
	(void)state;
	c("\"__DATE__\" '__TIME__'", 0, "");
	c("\"\\\"__DATE__\\\\\" __TIME__", CC_SCAN_TIME, "");
	c("\"a\\\n__DATE__\\\\\n\"__DATE__\" __TIME__", CC_SCAN_TIME, "");
	c("\"a\\\\\\\n\"__DATE__", CC_SCAN_DATE, "");
	c("\"__DATE__\n__TIME__", CC_SCAN_TIME, "");
	c("'\n__TIME__", CC_SCAN_TIME, "");
	c("\"/*\" __DATE__ /* \" */", CC_SCAN_DATE, "");
	c("'\"' __DATE__ '\"'", CC_SCAN_DATE, "");
	c("\"a\\", 0, "");
	c("L'__DATE__' u8\"__DATE__\" U'\\'__DATE__'", 0, "");
	c("\"x\"__DATE__", CC_SCAN_DATE, "");
}

static void raw_strings_hide(void **state)
{
	(void)state;
	c("R\"(__DATE__)\" R\"x(\\)\" \n#include <a>\n)y\")x\" LR\"(\n__DATE__)\" u8R\"q(\n__DATE__\")q\"", 0, "");
	c("R\"(\\)\" __TIME__ \")\"", CC_SCAN_TIME, "");
	c("R\"x(\n\"__DATE__\" /* )x\" __TIME__ /* */", CC_SCAN_TIME, "");
	c("xR\"(\"__DATE__\")\"", CC_SCAN_DATE, "");
	c("1R\"(\"__DATE__\")\"", CC_SCAN_DATE, "");
	c("u8\\\nR\\\n\"(\n__DATE__)\"", 0, "");
	c("R\"waytoolongdelimiter(\n__DATE__)waytoolongdelimiter\"", CC_SCAN_DATE, "");
	c("R\"a(\n__DATE__", CC_SCAN_DATE, "");
	c("R\"", 0, "");
	c("R\"x(\\\n__DATE__)x\\\n\")x\" __TIME__", CC_SCAN_TIME, "");
	/* In C without raw strings, R may be a macro. */
	c("printf(R\"(\" __DATE__ \")\")", CC_SCAN_DATE, "");
}

static void digit_separators_are_no_quotes(void **state)
{
	(void)state;
	c("int a = 1'000; __DATE__", CC_SCAN_DATE, "");
	c("0x1'f'e.p+1'0 __DATE__ 1'0", CC_SCAN_DATE, "");
	c(".5'0 1.e5'0 1\\\n'\\\n0 __DATE__", CC_SCAN_DATE, "");
	c("x1'__DATE__'", 0, "");
	c("L'a' __DATE__ 'b'", CC_SCAN_DATE, "");
	c("don't __DATE__\n", 0, "");
}

static void include_directives_give_names(void **state)
{
	(void)state;
	c("#include <a.h>\n # include \"b.h\"\n#\tinclude_next<c.h>//x\n#import \"d\"\n", 0,
	  "<a.h> \"b.h\" +<c.h> \"d\"");
	c("#include <a.h>\n#include <a.h>\n#include \"a.h\"\n#include <b>\n#include <a.h>", 0, "<a.h> \"a.h\" <b>");
	c("/* c */ # /* d\n */ inc\\\nlude /**/ <a//b> __DATE__", CC_SCAN_DATE, "<a//b>");
	c("%: include \"a\"\n%\\\n:include \"b\"", 0, "\"a\" \"b\"");
	c("#include <a'b\"c/*d>\n#include \"a//b/*c\"", 0, "<a'b\"c/*d> \"a//b/*c\"");
	c("#include <a\\\nb>\n#include \"c\\d\"", 0, "<ab> \"c\\d\"");
	c("\xef\xbb\xbf#include <a>", 0, "<a>");
	c("int x; #include <a>\nx\\\n#include <b>\n/*\n*/ #include <c>\n;/*\n*/ #include <d>", 0, "<c>");
	c("\\\n#include <a>\n\\\n  \\\n#include <b>\r#include <c>\r\n#include <d>", 0, "<a> <b> <c> <d>");
	c("#include MACRO\n", CC_SCAN_INCLUDE_MACRO, "");
	c("#include\n#include /* x */\n#include // y\n#", 0, "");
	c("#include <a\n>\n", CC_SCAN_INCLUDE_MACRO, "");
	c("#include \"a\n\"", CC_SCAN_INCLUDE_MACRO, "");
	c("#include \"a\\\"b\"\n", CC_SCAN_INCLUDE_MACRO, "\"a\\\"");
	c("#include <a>x\n", CC_SCAN_INCLUDE_MACRO, "<a>");
	c("#if __has_include(<a>\\\n_)\n", CC_SCAN_HAS_INCLUDE_MACRO, "?<a>");
	c("#includes <a>\n#define include <a>\n", 0, "");
	c("#if 0\n#include <a>\n#endif", 0, "<a>");
	c("#define X #include <a>\n# define Y \\\n#include <b>\n", 0, "");
	check(CC_SCAN_C, "#include <a\0b>\n\0#include <c>", 29, 0, "<a> <c>");
}

static void probes_are_told_from_includes_and_tests(void **state)
{
	(void)state;
	c("#if __has_include(<a>) && __has_include ( \"b\" ) || __has_include_next(<c>)", 0, "?<a> ?\"b\" ?+<c>");
	c("#ifdef __has_include\n#ifndef __has_include\n#elifdef __has_include\n#if defined(__has_include) || defined "
	  "__has_include || !defined ( __has_include )\n",
	  0, "");
	c("#if defined(__has_include) && __has_include(<a//b>)", 0, "?<a//b>");
	c("#if __has_include(X)", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("#define H(x) __has_include(x)\n", CC_SCAN_HAS_INCLUDE_WRAPPER, "");
	c("#define H(x) __has_include(y)\n", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("#define H(x, y) __has_include(x)\n", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("#define H __has_include(\"x\")\n", CC_SCAN_HAS_INCLUDE_MACRO, "?\"x\"");
	c("#define H __has_include(<x>)\n", 0, "?<x>");
	c("#define H __has_include\n", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("#define H __has_include(<x>)\n", 0, "?<x>");
	c("#define __has_include(x) 0\n#undef __has_include\n# ifdef/**/__has_include", 0, "");
	c("#if __has_include(<x\n", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("#if __has_include/**/(/**/<x>)\\\n&& __has\\\n_include(\"y\")", 0, "?<x> ?\"y\"");
	c("#if __has_include__(<x>)", 0, "?<x>");
	c("#if x__has_include(<x>)", 0, "");
	c("#include <x>\n#if __has_include(<x>)", 0, "<x> ?<x>");
	c("#if __has_include(<a__has_include(<b", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("#if __has_include(defined_(__has_include))", CC_SCAN_HAS_INCLUDE_MACRO, "");
}

static void pragmas_are_found(void **state)
{
	(void)state;
	c("#pragma GCC system_header\n", CC_SCAN_SYSTEM_HEADER, "");
	c("#pragma clang system_header", CC_SCAN_SYSTEM_HEADER, "");
	c("# /**/ pragma \\\n GCC /* */ sys\\\ntem_header", CC_SCAN_SYSTEM_HEADER, "");
	c("_Pragma(\"GCC system_header\")", CC_SCAN_SYSTEM_HEADER, "");
	c("_Pragma ( L\"GCC system_header\" )", CC_SCAN_SYSTEM_HEADER, "");
	c("_Pragma(\"GCC sys\\\ntem_header\")", CC_SCAN_SYSTEM_HEADER, "");
	c("DO(GCC system_header)", CC_SCAN_SYSTEM_HEADER, "");
	c("// #pragma GCC system_header\n\"GCC system_header\"", 0, "");
	c("#pragma GCC dependency \"x\"\n", CC_SCAN_PRAGMA_DEPENDENCY, "");
	c("_Pragma(\"GCC dependency \\\"x\\\"\")", CC_SCAN_PRAGMA_DEPENDENCY, "");
	c("#pragma GCC pch_preprocess \"x\"\n", CC_SCAN_PCH_PREPROCESS, "");
	c("#pragma once\n#pragma GCC poison x\n#pragma omp dependency\n_Pragma(\"once\")_Pragma(X)_Pragma", 0, "");
}

static void line_directives_are_found(void **state)
{
	(void)state;
	c("#line 3\n", 0, "");
	c("#line 3 /* x */ // y\n", 0, "");
	c("#line 3 \"f\"\n", CC_SCAN_LINE_FILE, "");
	c("#line X\n", CC_SCAN_LINE_FILE | CC_SCAN_LINE_ABSOLUTE, "");
	c("#line 3 \"/f\"\n", CC_SCAN_LINE_FILE | CC_SCAN_LINE_ABSOLUTE, "");
	c("#line 3 \"\\\n/f\"\n", CC_SCAN_LINE_FILE | CC_SCAN_LINE_ABSOLUTE, "");
	c("#line 3 \"\\057f\"\n", CC_SCAN_LINE_FILE | CC_SCAN_LINE_ABSOLUTE, "");
	c("# 3 \"/f\" 2\n", CC_SCAN_LINE_FILE | CC_SCAN_LINE_ABSOLUTE, "");
	c("# 33 \"f.c\"\n", CC_SCAN_LINE_FILE, "");
	c("# 33 \"f.c\" 1 3 4\n", CC_SCAN_LINE_FILE | CC_SCAN_SYSTEM_HEADER, "");
	c("# 33 \"f\\\" 3.c\" 1\n# 3", CC_SCAN_LINE_FILE, "");
	c("# 33\n", 0, "");
}

static void text_for_the_assembler_is_found(void **state)
{
	(void)state;
	c("asm(\".incbin \\\"x\\\"\");", CC_SCAN_INCBIN, "");
	c("asm(\"\\n\\t.InClUdE \\\"x\\\"\");", CC_SCAN_INCBIN, "");
	c("asm(\".inc\\\nbin\");", CC_SCAN_INCBIN, "");
	c("asm(\".\" \"incbin\");", CC_SCAN_INCBIN, "");
	c("asm(R\"(.include)\");", CC_SCAN_INCBIN, "");
	c("STR(.incbin \"x\") ", CC_SCAN_INCBIN, "");
	c("STR(.include \"x\") ", CC_SCAN_INCBIN, "");
	c("puts(\"please include\"); a.include = b; // .incbin\n#include <x>\n", 0, "<x>");
	c("my_incbin x; /* .incbin */", 0, "");
	c("\".includ", 0, "");
}

static void assembler_directives_are_found(void **state)
{
	(void)state;
	assembler("  .incbin \"x\"\n", CC_SCAN_INCBIN, "");
	assembler("a: .include \"x\"\n", CC_SCAN_INCBIN, "");
	assembler("nop; .INCLUDE \"x\"\n", CC_SCAN_INCBIN, "");
	assembler(".macro m\n.incbin \"x\"\n.endm\n", CC_SCAN_INCBIN, "");
	assembler("# .incbin \"x\"\n  # .include\n/* .incbin */ nop\n nop /* \n.incbin\n*/\n", 0, "");
	assembler("#define X .incbin \"x\"\n", CC_SCAN_INCBIN, "");
	assembler("// /* \n.incbin \"x\"\n", CC_SCAN_INCBIN, "");
	assembler("movb $'/*, %al\n.incbin \"x\"\n", CC_SCAN_INCBIN, "");
	assembler(".ascii \"a\n/* \"\n.incbin \"x\"\n", CC_SCAN_INCBIN, "");
	assembler("#include <a.h>\n#ifdef X\n .text\n#endif\n@import x\nmodule;\n", 0, "<a.h>");
	assembler("/* a */ .incbin \"x\"", CC_SCAN_INCBIN, "");
}

static void embeds_are_found(void **state)
{
	(void)state;
	c("#embed \"x\"\n", CC_SCAN_EMBED, "");
	c("#if __has_embed(\"x\")\n", CC_SCAN_EMBED, "");
	c("#ifdef __has_embed\n#if defined(__has_embed)\n", 0, "");
}

static void module_lines_are_found(void **state)
{
	static const char *const yes[] = {"import x;",           "import <x>;",     "import \"x\";",
	                                  "export import x;",    " module;",        "module x;",
	                                  "export module x;",    "\nimport :part;", "module :private;",
	                                  "/* */ import\\\n x;", "@import x;",      "@ import x;",
	                                  "x @import y;",        "im\\\nport x;",   "#pragma clang module import x",
	                                  "export\\\n module x"};
	static const char *const no[] = {"import = 3;",  "x import y;",   "module(x)",           "int module;",
	                                 "import::x();", "import:\\\n:x", "import(x);",          "module = 1;",
	                                 "module.x",     "export int x;", "\"a\"\\\nimport x;",  "export template",
	                                 "import_x y;",  "// import x;",  "#define import x;\n", "x\\\nmodule y;",
	                                 "import",       "module 3"};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(yes); i++)
		c(yes[i], CC_SCAN_MODULE, "");
	for (size_t i = 0; i < HP_ARRAY_SIZE(no); i++)
		c(no[i], 0, "");
}

static void trigraphs_are_read_both_ways(void **state)
{
	(void)state;
	c("// a ?\?/\n__DATE__\n", CC_SCAN_DATE, "");
	c("?\?=include <a>\n?\?= include <b>", 0, "<a> <b>");
	c("\"?\?/\"__DATE__\"\n", CC_SCAN_DATE, "");
	c("__DA?\?/\nTE__", CC_SCAN_DATE, "");
	c("a ?\?' __DATE__", CC_SCAN_DATE, "");
	c("a ?\?( ?\?/ ?", 0, "");
}

static void messages_are_read_both_ways(void **state)
{
	(void)state;
	c("#warning x /* y\n__DATE__ */ z\n", CC_SCAN_DATE, "");
	c("#warning x /* y\n#include <a>\n */ z\n", 0, "<a>");
	c("#warning x\n/* y\n__DATE__ */ z\n", 0, "");
	c("#error don't\n__DATE__", CC_SCAN_DATE, "");
}

/* Every event at every distance from the end and from the blocks that are looked at at once. */
static void the_place_in_the_file_does_not_matter(void **state)
{
	static const struct {
		const char *text;
		uint32_t flags;
		const char *includes;
	} rows[] = {
	        {" __DATE__ ", CC_SCAN_DATE, ""},
	        {" __TIME__", CC_SCAN_TIME, ""},
	        {"\n#include <a>", 0, "<a>"},
	        {" /* */ __DATE__", CC_SCAN_DATE, ""},
	        {" \"x\" __DATE__", CC_SCAN_DATE, ""},
	        {"\nimport x", CC_SCAN_MODULE, ""},
	        {" system_header", CC_SCAN_SYSTEM_HEADER, ""},
	        {" // __DATE__\n", 0, ""},
	        {" INCBIN", CC_SCAN_INCBIN, ""},
	        {"\n%:include <a>", 0, "<a>"},
	        {" R\"(\n__DATE__)\"", 0, ""},
	        {" __has_include(<a>)", 0, "?<a>"},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		for (int before = 0; before < 40; before++) {
			for (int after = 0; after < 40; after++) {
				HP_AUTO_BUF struct hp_buf text = {0};

				hp_buf_printf(&text, "%*s%s%*s", before, "", rows[i].text, after, "");
				c(text.data, rows[i].flags, rows[i].includes);
			}
		}
	}
}

static void empty_and_broken_sources_are_sources(void **state)
{
	(void)state;
	c("", 0, "");
	c("\xef\xbb\xbf", 0, "");
	c("#", 0, "");
	c("\\", 0, "");
	c("\\\n", 0, "");
	c("'", 0, "");
	c("#include", 0, "");
	c("#include <", CC_SCAN_INCLUDE_MACRO, "");
	c("__has_include(", CC_SCAN_HAS_INCLUDE_MACRO, "");
	c("_Pragma(\"", 0, "");
	c("# 1 \"", CC_SCAN_LINE_FILE, "");
	check(CC_SCAN_C, "\0\0__DATE__\0", 11, CC_SCAN_DATE, "");
}

/* What would take minutes if any part of the scan were quadratic. */
static void hostile_sources_take_linear_time(void **state)
{
	static const char *const pieces[] = {"__has_include(<",
	                                     "R\"a(",
	                                     "1'1",
	                                     "\\\n",
	                                     "a\\\n",
	                                     "/\\\n",
	                                     "#include <a>\n",
	                                     "# ",
	                                     "'",
	                                     "_Pragma(\"",
	                                     "?\?/\n",
	                                     "\\",
	                                     "export ",
	                                     "__DATE__",
	                                     "%\\\n",
	                                     ")",
	                                     "*\\\n",
	                                     "import ",
	                                     "   ",
	                                     "/**/",
	                                     "/**/#",
	                                     "defined(",
	                                     "1.1e+"};
	const size_t size = 1 << 20;

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(pieces); i++) {
		HP_AUTO_BUF struct hp_buf text = {0};
		struct cc_scan scan;

		while (text.len < size)
			hp_buf_str(&text, pieces[i]);
		cc_scan_source(CC_SCAN_C, text.data, text.len, &scan);
		cc_scan_done(&scan);
		cc_scan_source(CC_SCAN_ASM, text.data, text.len, &scan);
		cc_scan_done(&scan);
	}
}

static void files_of_inline_assembler_are_named(void **state)
{
	(void)state;
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"a b/c.bin\\\"\");", "ba b/c.bin");
	asm_files(CC_SCAN_C, "asm(\"x: .incbin\\t\\\"a\\\",1,2\\n\\t.include \\\"b\\\"\");", "ba tb");
	/* To a dialect without raw strings this is another text. */
	asm_files(CC_SCAN_C, "asm(R\"(.incbin \"a\"\n)\");", "ba?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"\" NAME \"\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"a\" \"b\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin %0\");", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"%a\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"a\\\\b\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"a\\\" \\\"b\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(\".\" \"incbin \\\"a\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(S(.incbin \"a\"));", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"\\\"\");", "?");
	asm_files(CC_SCAN_C, "asm(\".altmacro\"); asm(\".incbin \\\"a\\\"\");", "ba?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"a", "?");
	asm_files(CC_SCAN_C, "asm(\".incbin \\\"a\\", "?");
}

static void files_of_assembler_sources_are_named(void **state)
{
	(void)state;
	asm_files(CC_SCAN_ASM, " .incbin \"a\" , 1\n.Include\t\"b.inc\" # c\n", "ba tb.inc");
	asm_files(CC_SCAN_ASM, ".macro m\n.incbin \"a\"\n.endm\n.irp x, 1, 2\n.incbin \"b\"\n.endr\n", "ba bb");
	asm_files(CC_SCAN_ASM, ".macro m f\n.incbin \"\\f\"\n.endm\n", "?");
	asm_files(CC_SCAN_ASM, ".macro m f\n.incbin \\f\n.endm\n", "?");
	asm_files(CC_SCAN_ASM, ".irp f, \"a\", \"b\"\n.incbin \"x\\f\"\n.endr\n", "?");
	asm_files(CC_SCAN_ASM, ".altmacro\n.macro m f\n.incbin \"f\"\n.endm\n", "bf?");
	asm_files(CC_SCAN_ASM, "#define F \"a\"\n.incbin F\n", "?");
	asm_files(CC_SCAN_ASM, "#define F .incbin \"a\"\nF\n", "ba");
	asm_files(CC_SCAN_ASM, ".incbin \"incbin.dat\"\n.ascii \"x\"\n", "bincbin.dat");
	asm_files(CC_SCAN_ASM, ".mri 1\n", "?");
	asm_files(CC_SCAN_ASM, ".incbin \"a", "?");
	asm_files(CC_SCAN_ASM, ".incbin", "?");
}

/* What the macro H is used with, or "?". */
static void wrapped(const char *source, const char *probes)
{
	HP_AUTO_FREE char *copy = hp_memdup(source, strlen(source) ? strlen(source) : 1);
	HP_AUTO_BUF struct hp_buf got = {0};

	if (!cc_scan_wrapped(copy, strlen(source), "H", &got)) {
		assert_string_equal("?", probes);
		return;
	}
	for (size_t i = 0; i < got.len; i++)
		got.data[i] = got.data[i] ? got.data[i] : ' ';
	assert_string_equal(hp_buf_cstr(&got), probes);
}

static void uses_of_a_macro_that_wraps_has_include_are_found(void **state)
{
	(void)state;
	wrapped("", "");
	wrapped("#if H(<a>) && !H(\"b/c\")\n#elif defined(H) && ( H /**/ ( <d> ) )\n#endif\n", "<a \"b/c <d ");
	wrapped("#ifdef __has_include\n#define H(x) __has_include(x)\n#else\n# define H(...) 0\n#endif\n", "");
	wrapped("#define HAS_A H(<a>)\nint OH, H1, H;\n", "<a ");
	wrapped("#define HAS_A \\\n H(\"a\")\n", "?");
	wrapped("#define J(x) H(x)\n", "?");
	wrapped("#define J H\n", "?");
	wrapped("#if H(NAME)\n", "?");
	wrapped("#if H(<a> x)\n", "?");
	wrapped("#if H(<a\n", "?");
	wrapped("#if H(<>)\n", "?");
	wrapped("#if A\\\nB\n", "?");
	wrapped("#if H", "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(uses_of_a_macro_that_wraps_has_include_are_found),
	        cmocka_unit_test(files_of_inline_assembler_are_named),
	        cmocka_unit_test(files_of_assembler_sources_are_named),
	        cmocka_unit_test(dates_are_found_as_whole_words_only),
	        cmocka_unit_test(comments_hide),
	        cmocka_unit_test(literals_hide),
	        cmocka_unit_test(raw_strings_hide),
	        cmocka_unit_test(digit_separators_are_no_quotes),
	        cmocka_unit_test(include_directives_give_names),
	        cmocka_unit_test(probes_are_told_from_includes_and_tests),
	        cmocka_unit_test(pragmas_are_found),
	        cmocka_unit_test(line_directives_are_found),
	        cmocka_unit_test(text_for_the_assembler_is_found),
	        cmocka_unit_test(assembler_directives_are_found),
	        cmocka_unit_test(embeds_are_found),
	        cmocka_unit_test(module_lines_are_found),
	        cmocka_unit_test(trigraphs_are_read_both_ways),
	        cmocka_unit_test(messages_are_read_both_ways),
	        cmocka_unit_test(the_place_in_the_file_does_not_matter),
	        cmocka_unit_test(empty_and_broken_sources_are_sources),
	        cmocka_unit_test(hostile_sources_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
