/* From a compile to its closure, with the compilers as judges: whatever is changed in a tree, if the preprocessor's
 * output differs then the closure must have noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/limits.h"
#include "cc/reason.h"
#include "compile_fixture.h"

#define STEPS_MAX 12

/* A tree and a compile of it that is cacheable; then changes, one at a time. */
struct scenario {
	const char *args; /* besides -c src/a.c -o a.o */
	const char *env;
	struct step tree[STEPS_MAX];
	struct step changes[STEPS_MAX];
	unsigned effects; /* at least so many of the changes must change the output, or the scenario tests nothing */
};

/* The command line with -E, and the output left to a file of the scratch folder: GCC removes the output it is given when
 * it fails, so it must never be a device. */
static void preprocess(void **state, struct compile *c, struct hp_buf *out)
{
	const char *path = scratch_path(state, "preprocessed");
	struct hp_strv args = c->args;
	struct hp_strv changed HP_AUTO_STRV = {0};
	struct hp_buf said HP_AUTO_BUF = {0};
	struct hp_buf text HP_AUTO_BUF = {0};
	int status;

	for (size_t i = 0; i < args.len; i++)
		hp_strv_add(&changed, strcmp(args.v[i], "a.o") == 0  ? path
		                      : strcmp(args.v[i], "-c") == 0 ? "-E"
		                                                     : args.v[i]);
	(void)remove(path);
	c->args = changed;
	status = compile_run(c, (const char *const[]){NULL}, &said);
	c->args = args;
	(void)scratch_read(path, &text);
	hp_buf_reset(out);
	hp_buf_printf(out, "%d\n%s\n%s", status, hp_buf_cstr(&said), hp_buf_cstr(&text));
}

static bool noticed(const struct compile *c, struct daemon_closure *closure, const struct codec_digest *manifest)
{
	struct hp_buf detail HP_AUTO_BUF = {0};
	struct codec_digest now;

	return daemon_closure_match(c->memory, closure, &now, &detail) != CC_REASON_NONE ||
	       !codec_digest_eq(&now, manifest);
}

static void play(void **state, const struct scenario *s, const char *compiler)
{
	HP_AUTO_FREE char *args = hp_asprintf("%s -c src/a.c -o a.o", s->args);
	struct hp_buf before HP_AUTO_BUF = {0};
	struct hp_buf after HP_AUTO_BUF = {0};
	AUTO_COMPILE struct compile c;
	struct daemon_closure *closure;
	struct codec_digest manifest;
	enum cc_reason reason;
	unsigned effects = 0;

	compile_build_tree(state, s->tree);
	compile_init(state, &c, compiler, args, s->env);
	reason = compile_discover(state, &c);
	if (reason != CC_REASON_NONE)
		fail_msg("%s: %s: %s", compiler, cc_reason_name(reason), hp_buf_cstr(&c.detail));
	closure = daemon_closure_new(c.memory, &c.discovery.draft, c.cwd, NULL);
	assert_int_equal(daemon_closure_match(c.memory, closure, &manifest, &c.detail), CC_REASON_NONE);
	preprocess(state, &c, &before);
	for (const struct step *change = s->changes; change->kind; change++) {
		bool differs;

		compile_build_tree(state, s->tree);
		assert_false(noticed(&c, closure, &manifest));
		compile_step(state, change);
		preprocess(state, &c, &after);
		differs = before.len != after.len || memcmp(before.data, after.data, before.len) != 0;
		effects += differs ? 1 : 0;
		if (differs && !noticed(&c, closure, &manifest))
			fail_msg("%s %s: not noticed: %s", compiler, args, change->path);
	}
	daemon_closure_free(closure);
	if (effects < s->effects)
		fail_msg("%s %s: only %u changes had an effect", compiler, args, effects);
}

static void play_both(void **state, const struct scenario *s)
{
	play(state, s, "/usr/bin/gcc");
	play(state, s, "/usr/bin/clang");
}

static void a_quoted_name_is_looked_for_beside_the_source_then_in_order(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc1 -Iinc2",
	                         .tree = {WRITE("src/a.c", "#include \"x.h\"\n"), WRITE("inc2/x.h", "int x;\n"),
	                                  WRITE("inc1/y.h", "")},
	                         .changes = {WRITE("src/x.h", "int n;\n"), WRITE("inc1/x.h", "int n;\n"),
	                                     WRITE("x.h", "int n;\n"), WRITE("inc2/x.h", "int n;\n")},
	                         .effects = 3,
	                 });
}

/* What one directive leads to must not change where the next one starts. */
static void every_directive_of_a_file_starts_beside_it(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc1",
	                  .tree = {WRITE("src/a.c",
	                                 "#include \"p/x.h\"\n#include \"y.h\"\n#include <z.h>\n#include \"w.h\"\n"),
	                           WRITE("src/p/x.h", "int x;\n"), WRITE("inc1/y.h", "int y;\n"),
	                           WRITE("inc1/z.h", "int z;\n"), WRITE("inc1/w.h", "int w;\n")},
	                  .changes = {WRITE("src/y.h", "int n;\n"), WRITE("src/w.h", "int n;\n"),
	                              WRITE("src/p/y.h", "int n;\n")},
	                  .effects = 2,
	          });
}

static void an_angled_name_is_not_looked_for_beside_the_source(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Inone -Iinc1 -Iinc2 -isystem sys",
	                  .tree = {WRITE("src/a.c", "#include <sub/x.h>\n#include <errno.h>\n"),
	                           WRITE("inc2/sub/x.h", "int x;\n"), WRITE("inc1/y.h", ""), WRITE("sys/y.h", "")},
	                  .changes = {WRITE("src/sub/x.h", "int n;\n"), WRITE("inc1/sub/x.h", "int n;\n"),
	                              WRITE("none/sub/x.h", "int n;\n"), WRITE("sys/errno.h", "int n;\n"),
	                              WRITE("inc2/bits/errno.h", "int n;\n"), WRITE("inc1/features.h", "int n;\n")},
	                  .effects = 5,
	          });
}

static void each_kind_of_directory_has_its_place(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-idirafter after -isystem sys -Iinc -iquote quote",
	                         .tree = {WRITE("src/a.c", "#include \"x.h\"\n#include <y.h>\n"),
	                                  WRITE("after/x.h", "int x;\n"), WRITE("after/y.h", "int y;\n")},
	                         .changes = {WRITE("quote/x.h", "int n;\n"), WRITE("quote/y.h", "int n;\n"),
	                                     WRITE("inc/x.h", "int n;\n"), WRITE("inc/y.h", "int n;\n"),
	                                     WRITE("sys/x.h", "int n;\n"), WRITE("sys/y.h", "int n;\n")},
	                         .effects = 5,
	                 });
}

static void a_header_looks_beside_itself(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc1 -Iinc2",
	                         .tree = {WRITE("src/a.c", "#include <sub/a.h>\n"),
	                                  WRITE("inc1/sub/a.h", "#include \"b.h\"\n#include \"../c.h\"\n"),
	                                  WRITE("inc2/b.h", "int b;\n"), WRITE("inc1/c.h", "int c;\n")},
	                         .changes = {WRITE("inc1/sub/b.h", "int n;\n"), WRITE("inc1/b.h", "int n;\n"),
	                                     WRITE("src/b.h", "int n;\n"), WRITE("inc2/sub/b.h", "int n;\n")},
	                         .effects = 2,
	                 });
}

static void include_next_goes_on_behind(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc1 -Iinc2 -Iinc3",
	                  .tree = {WRITE("src/a.c", "#include <x.h>\n"),
	                           WRITE("inc1/x.h", "#include_next <x.h>\nint a;\n"), WRITE("inc3/x.h", "int c;\n"),
	                           WRITE("inc2/y.h", "")},
	                  .changes = {WRITE("inc2/x.h", "int n;\n"), WRITE("inc3/x.h", "int n;\n"), REMOVE("inc3/x.h")},
	                  .effects = 3,
	          });
}

static void has_include_of_what_is_absent_is_watched(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc1 -Iinc2",
	                  .tree = {WRITE("src/a.c",
	                                 "#if __has_include(\"o.h\") || __has_include(<p/q.h>)\nint has;\n#endif\n"),
	                           WRITE("inc1/y.h", "")},
	                  .changes = {WRITE("src/o.h", ""), WRITE("inc1/o.h", ""), WRITE("inc2/o.h", ""),
	                              WRITE("inc2/p/q.h", ""), WRITE("src/p/q.h", ""), WRITE("o.h", "")},
	                  .effects = 4,
	          });
}

static void has_include_of_what_is_there_is_watched(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc1 -Iinc2",
	                         .tree = {WRITE("src/a.c", "#if __has_include(\"o.h\")\nint has;\n#endif\n"),
	                                  WRITE("inc2/o.h", "int never_read;\n")},
	                         .changes = {REMOVE("inc2/o.h"), WRITE("inc1/o.h", "")},
	                         .effects = 1,
	                 });
}

static void has_include_of_an_absolute_path_is_watched(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "",
	                         .tree = {WRITE("src/a.c", "#if __has_include(\"@/abs/o.h\")\nint has;\n#endif\n"
	                                                   "#if __has_include(<@/there.h>)\nint also;\n#endif\n"),
	                                  WRITE("there.h", "")},
	                         .changes = {WRITE("abs/o.h", ""), REMOVE("there.h")},
	                         .effects = 2,
	                 });
}

static void forced_includes_start_at_the_working_directory(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc1 -Iinc2 -include f.h -imacros sub/m.h",
	                         .tree = {WRITE("src/a.c", "int a = M;\n"), WRITE("inc2/f.h", "int f;\n"),
	                                  WRITE("inc2/sub/m.h", "#define M 1\n"), WRITE("inc1/y.h", "")},
	                         .changes = {WRITE("f.h", "int n;\n"), WRITE("inc1/f.h", "int n;\n"),
	                                     WRITE("src/f.h", "int n;\n"), WRITE("sub/m.h", "#define M 2\n"),
	                                     WRITE("inc1/sub/m.h", "#define M 3\n")},
	                         .effects = 4,
	                 });
}

static void gcc_includes_stdc_predef_by_itself(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc1",
	                  .tree = {WRITE("src/a.c", "int a;\n"), WRITE("inc1/y.h", "")},
	                  .changes = {WRITE("inc1/stdc-predef.h", "int n;\n"), WRITE("src/stdc-predef.h", "int n;\n")},
	          });
}

static void a_computed_include_is_looked_for_beside_its_file(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc0 -Iinc1",
	                         .tree = {WRITE("src/a.c", "#include \"low/b.h\"\n"),
	                                  WRITE("src/low/b.h", "#define H \"cfg.h\"\n#include H\n"),
	                                  WRITE("inc1/cfg.h", "int c;\n"), WRITE("inc0/y.h", "")},
	                         .changes = {WRITE("src/low/cfg.h", "int n;\n"), WRITE("inc0/cfg.h", "int n;\n"),
	                                     WRITE("src/cfg.h", "int n;\n")},
	                         .effects = 2,
	                 });
}

static void a_computed_include_of_a_file_that_others_name_is_watched_too(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc1 -Iinc2",
	                         .tree = {WRITE("src/a.c", "#include <lib.h>\n#define H \"cfg.h\"\n#include H\n"),
	                                  WRITE("inc2/lib.h", "#include \"cfg.h\"\n"),
	                                  WRITE("inc2/cfg.h", "int c(void);\n"), WRITE("inc1/y.h", "")},
	                         .changes = {WRITE("src/cfg.h", "int n;\n"), WRITE("inc1/cfg.h", "int n;\n")},
	                         .effects = 2,
	                 });
}

static void a_twin_left_out_by_pragma_once_is_watched(void **state)
{
	static const char twin[] = "#pragma once\nint same;\n";

	play_both(state, &(struct scenario){
	                         .args = "",
	                         .tree = {WRITE("src/a.c", "#include \"p/x.h\"\n#include \"q/x.h\"\n"),
	                                  WRITE("src/p/x.h", twin), WRITE("src/q/x.h", twin)},
	                         .changes = {WRITE("src/q/x.h", "#pragma once\nint different;\n"),
	                                     WRITE("src/p/x.h", "#pragma once\nint different;\n")},
	                         .effects = 2,
	                 });
}

static void a_second_name_of_one_file_is_watched(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "",
	                         .tree = {WRITE("src/a.c", "#include \"p/x.h\"\n#include \"q/x.h\"\n"),
	                                  WRITE("src/p/x.h", "#pragma once\nint same;\n"),
	                                  LINK("src/q/x.h", "../p/x.h"), WRITE("src/z.h", "int other;\n")},
	                         .changes = {LINK("src/q/x.h", "../z.h"), WRITE("src/q/x.h", "int n;\n")},
	                         .effects = 2,
	                 });
}

static void cpath_stands_before_system_directories(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc -isystem sys",
	                  .env = "CPATH=@/cpath:rel",
	                  .tree = {WRITE("src/a.c", "#include <x.h>\n#include <y.h>\n"), WRITE("sys/x.h", "int x;\n"),
	                           WRITE("cpath/y.h", "int y;\n"), WRITE("rel/z.h", "")},
	                  .changes = {WRITE("cpath/x.h", "int n;\n"), WRITE("rel/x.h", "int n;\n"),
	                              WRITE("inc/y.h", "int n;\n"), WRITE("sys/y.h", "int n;\n")},
	                  .effects = 3,
	          });
}

static void the_languages_own_path_variable_counts(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Iinc",
	                         .env = "C_INCLUDE_PATH=@/cip CPLUS_INCLUDE_PATH=@/cpp",
	                         .tree = {WRITE("src/a.c", "#include <errno.h>\n"), WRITE("cip/z.h", ""),
	                                  WRITE("cpp/z.h", "")},
	                         .changes = {WRITE("cip/errno.h", "int n;\n"), WRITE("cpp/errno.h", "int n;\n"),
	                                     WRITE("cip/features.h", "int n;\n")},
	                         .effects = 2,
	                 });
}

static void a_user_directory_that_is_a_system_one_counts_there(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-Isys -Iinc -isystem sys -I/usr/include",
	                         .tree = {WRITE("src/a.c", "#include <x.h>\n#include <errno.h>\n"),
	                                  WRITE("sys/x.h", "int x;\n"), WRITE("inc/z.h", "")},
	                         .changes = {WRITE("inc/x.h", "int n;\n"), WRITE("inc/errno.h", "int n;\n"),
	                                     WRITE("sys/errno.h", "int n;\n")},
	                         .effects = 3,
	                 });
}

static void a_quote_directory_that_is_a_system_one_counts_as_each_compiler_has_it(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-iquote sys -Iinc -isystem sys",
	                         .tree = {WRITE("src/a.c", "#include \"x.h\"\n#include \"y.h\"\n"),
	                                  WRITE("sys/x.h", "int x;\n"), WRITE("inc/y.h", "int y;\n")},
	                         .changes = {WRITE("inc/x.h", "int n;\n"), WRITE("sys/y.h", "int n;\n")},
	                         .effects = 1,
	                 });
}

static void a_dangling_link_is_watched(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc0 -Iinc1 -Iinc2",
	                  .tree = {WRITE("src/a.c", "#include <x.h>\n"), LINK("inc0", "gen/inc"),
	                           LINK("inc1/x.h", "../gen/x.h"), WRITE("inc2/x.h", "int x;\n"), WRITE("gen/z", "")},
	                  .changes = {WRITE("gen/x.h", "int n;\n"), WRITE("gen/inc/x.h", "int n;\n")},
	                  .effects = 2,
	          });
}

static void what_is_not_reached_has_no_effect(void **state)
{
	play_both(state,
	          &(struct scenario){
	                  .args = "-Iinc",
	                  .tree = {WRITE("src/a.c",
	                                 "#if 0\n#include \"none.h\"\n#endif\n#ifdef X\n#include <n2.h>\n#endif\n")},
	                  .changes = {WRITE("src/none.h", "int n;\n"), WRITE("inc/n2.h", "int n;\n")},
	          });
}

static void names_with_dots_are_followed(void **state)
{
	play_both(state, &(struct scenario){
	                         .args = "-I. -Isrc/../inc -I./inc2/",
	                         .tree = {WRITE("src/a.c",
	                                        "#include \"../com/x.h\"\n#include <./y.h>\n#include <sub/../y2.h>\n"),
	                                  WRITE("inc2/y.h", "int y;\n"), WRITE("com/x.h", "int x;\n"),
	                                  WRITE("inc2/y2.h", "int y2;\n"), WRITE("inc2/sub/z", ""), WRITE("inc/z", "")},
	                         .changes = {WRITE("y.h", "int n;\n"), WRITE("inc/y.h", "int n;\n"),
	                                     WRITE("com/x.h", "int n;\n"), WRITE("sub/../y2.h", "int n;\n"),
	                                     WRITE("inc/sub/../y2.h", "int n;\n")},
	                         .effects = 4,
	                 });
}

/* What the closure says of a path that appears, whatever the preprocessor makes of it. */
static void expect_watched(void **state, const char *compiler, const char *args, const char *path, bool watched)
{
	static const struct step tree[] = {WRITE("src/a.c", "#include \"x.h\"\nint a;\n"),
	                                   WRITE("src/x.h", "int x;\n"),
	                                   WRITE("f.h", "int f;\n"),
	                                   {0}};
	HP_AUTO_FREE char *full = hp_asprintf("%s -c src/a.c -o a.o", args);
	AUTO_COMPILE struct compile c;
	struct daemon_closure *closure;
	struct codec_digest manifest;

	compile_build_tree(state, tree);
	compile_init(state, &c, compiler, full, NULL);
	assert_int_equal(compile_discover(state, &c), CC_REASON_NONE);
	closure = daemon_closure_new(c.memory, &c.discovery.draft, c.cwd, NULL);
	assert_int_equal(daemon_closure_match(c.memory, closure, &manifest, &c.detail), CC_REASON_NONE);
	compile_step(state, &(struct step)WRITE(path, "precompiled"));
	if (noticed(&c, closure, &manifest) != watched)
		fail_msg("%s %s: %s", compiler, args, path);
	daemon_closure_free(closure);
}

static void precompiled_headers_that_appear_are_noticed(void **state)
{
	expect_watched(state, "/usr/bin/gcc", "", "src/x.h.gch", true);
	expect_watched(state, "/usr/bin/gcc", "", "src/x.h.pch", false);
	expect_watched(state, "/usr/bin/clang", "", "src/x.h.gch", false);
	expect_watched(state, "/usr/bin/gcc", "-include f.h", "f.h.gch", true);
	expect_watched(state, "/usr/bin/gcc", "-include @/f.h", "f.h.gch", true);
	expect_watched(state, "/usr/bin/clang", "-include f.h", "f.h.gch", true);
	expect_watched(state, "/usr/bin/clang", "-include f.h", "f.h.pch", true);
	expect_watched(state, "/usr/bin/clang", "-include @/f.h", "f.h.pch", true);
}

/* The reason for which a compile of this source cannot be stored. */
static void expect_reason(void **state, const char *text, enum cc_reason reason, const char *where)
{
	const struct step tree[] = {WRITE("src/a.c", "#include \"x.h\"\n"), WRITE("src/x.h", text), {0}};
	AUTO_COMPILE struct compile c;

	compile_build_tree(state, tree);
	compile_init(state, &c, "/usr/bin/gcc", "-c src/a.c -o a.o", NULL);
	assert_int_equal(compile_discover(state, &c), reason);
	assert_non_null(strstr(hp_buf_cstr(&c.detail), where));
}

static void what_cannot_be_kept_says_why_and_where(void **state)
{
	expect_reason(state, "const char *s = __DATE__;\n", CC_REASON_DATE_TIME, "src/x.h");
	expect_reason(state, "const char *s = __TIMESTAMP__;\n", CC_REASON_TIMESTAMP, "src/x.h");
	expect_reason(state, "#define NAME \"\\\"@/src/x.h\\\"\"\n__asm__(\".incbin \" NAME);\n", CC_REASON_INCBIN,
	              "src/x.h");
	expect_reason(state, "#define N <errno.h>\n#if __has_include(N)\n#endif\n", CC_REASON_HAS_INCLUDE_MACRO,
	              "src/x.h");
	expect_reason(state, "int plain;\n", CC_REASON_NONE, "");
}

static void an_input_that_changed_after_the_start_is_not_kept(void **state)
{
	static const struct step tree[] = {WRITE("src/a.c", "#include \"x.h\"\n"), WRITE("src/x.h", "int x;\n"), {0}};
	const struct timespec later[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) + 10000}};
	AUTO_COMPILE struct compile c;

	compile_build_tree(state, tree);
	compile_init(state, &c, "/usr/bin/gcc", "-c src/a.c -o a.o", NULL);
	assert_int_equal(utimensat(AT_FDCWD, scratch_path(state, "t/src/x.h"), later, 0), 0);
	assert_int_equal(compile_discover(state, &c), CC_REASON_INPUT_CHANGED);
	assert_non_null(strstr(hp_buf_cstr(&c.detail), "src/x.h"));
}

/* `headers` includes, each looked for in 1024 directories before the one that has it. */
static enum cc_reason look_in_vain(void **state, unsigned headers)
{
	static const struct step tree[] = {WRITE("src/a.c", ""), WRITE("inc/keep", ""), {0}};
	struct hp_buf args HP_AUTO_BUF = {0};
	struct hp_buf text HP_AUTO_BUF = {0};
	AUTO_COMPILE struct compile c;
	enum cc_reason reason;

	compile_build_tree(state, tree);
	for (unsigned i = 0; i < headers; i++) {
		HP_AUTO_FREE char *name = hp_asprintf("t/inc/h%u.h", i);

		(void)scratch_write(state, name, "");
		hp_buf_printf(&text, "#include <h%u.h>\n", i);
	}
	(void)scratch_write(state, "t/src/a.c", hp_buf_cstr(&text));
	scratch_settle();
	for (unsigned i = 0; i < 1024; i++)
		hp_buf_printf(&args, "-Ino/%u ", i);
	hp_buf_str(&args, "-Iinc -c src/a.c -o a.o");
	compile_init(state, &c, "/usr/bin/gcc", hp_buf_cstr(&args), NULL);
	reason = compile_discover(state, &c);
	if (reason == CC_REASON_NONE)
		assert_in_range(c.discovery.draft.absent_len, headers * 1024u, HP_CLOSURE_ABSENT_MAX);
	return reason;
}

static void more_absent_paths_than_the_limit_are_too_many(void **state)
{
	/* stdc-predef.h and precompiled headers are looked for there as well: fewer than four rounds. */
	assert_int_equal(look_in_vain(state, HP_CLOSURE_ABSENT_MAX / 1024 - 4), CC_REASON_NONE);
	assert_int_equal(look_in_vain(state, HP_CLOSURE_ABSENT_MAX / 1024), CC_REASON_TOO_LARGE);
}

static void facts_about_the_files_are_told(void **state)
{
	static const struct step tree[] = {WRITE("src/a.c", "#line 7 \"other.c\"\nint a;\n"), {0}};
	AUTO_COMPILE struct compile c;

	compile_build_tree(state, tree);
	compile_init(state, &c, "/usr/bin/gcc", "-c src/a.c -o a.o", NULL);
	assert_int_equal(compile_discover(state, &c), CC_REASON_NONE);
	assert_true(c.discovery.line_files);
	assert_false(c.discovery.date_time);
	assert_string_equal(c.discovery.draft.files.v[0], "src/a.c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(a_quoted_name_is_looked_for_beside_the_source_then_in_order),
	        SCRATCH_TEST(every_directive_of_a_file_starts_beside_it),
	        SCRATCH_TEST(an_angled_name_is_not_looked_for_beside_the_source),
	        SCRATCH_TEST(each_kind_of_directory_has_its_place),
	        SCRATCH_TEST(a_header_looks_beside_itself),
	        SCRATCH_TEST(include_next_goes_on_behind),
	        SCRATCH_TEST(has_include_of_what_is_absent_is_watched),
	        SCRATCH_TEST(has_include_of_what_is_there_is_watched),
	        SCRATCH_TEST(has_include_of_an_absolute_path_is_watched),
	        SCRATCH_TEST(forced_includes_start_at_the_working_directory),
	        SCRATCH_TEST(gcc_includes_stdc_predef_by_itself),
	        SCRATCH_TEST(a_computed_include_is_looked_for_beside_its_file),
	        SCRATCH_TEST(a_computed_include_of_a_file_that_others_name_is_watched_too),
	        SCRATCH_TEST(a_twin_left_out_by_pragma_once_is_watched),
	        SCRATCH_TEST(a_second_name_of_one_file_is_watched),
	        SCRATCH_TEST(cpath_stands_before_system_directories),
	        SCRATCH_TEST(the_languages_own_path_variable_counts),
	        SCRATCH_TEST(a_user_directory_that_is_a_system_one_counts_there),
	        SCRATCH_TEST(a_quote_directory_that_is_a_system_one_counts_as_each_compiler_has_it),
	        SCRATCH_TEST(a_dangling_link_is_watched),
	        SCRATCH_TEST(what_is_not_reached_has_no_effect),
	        SCRATCH_TEST(names_with_dots_are_followed),
	        SCRATCH_TEST(precompiled_headers_that_appear_are_noticed),
	        SCRATCH_TEST(what_cannot_be_kept_says_why_and_where),
	        SCRATCH_TEST(an_input_that_changed_after_the_start_is_not_kept),
	        SCRATCH_TEST(more_absent_paths_than_the_limit_are_too_many),
	        SCRATCH_TEST(facts_about_the_files_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
