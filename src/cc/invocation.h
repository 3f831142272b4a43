/* One compiler command line, taken apart. Pure data: it is made from an argument list, a working directory and the
 * contents of response files, and it travels.
 *
 * The rule above all: an option that the table (cc/options_gnu.c) does not have is never guessed. It makes the
 * invocation a bypass with CC_REASON_UNKNOWN_OPTION. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "cc/reason.h"
#include "cc/side.h"

enum cc_family {
	CC_FAMILY_UNKNOWN = 0,
	CC_FAMILY_GCC,
	CC_FAMILY_CLANG,
	CC_FAMILY_CLANG_CL, /* Clang that takes MSVC's command line */
	CC_FAMILY_MSVC,     /* cl.exe: its command line and its listings are read, but nothing here can run it */
};

/* Clang's own behaviour: dependency files, colour, warnings about unused options. */
static inline bool cc_family_is_clang(enum cc_family family)
{
	return family == CC_FAMILY_CLANG || family == CC_FAMILY_CLANG_CL;
}

/* MSVC's grammar, headers' search and objects. */
static inline bool cc_family_is_msvc(enum cc_family family)
{
	return family == CC_FAMILY_CLANG_CL || family == CC_FAMILY_MSVC;
}

enum cc_lang {
	CC_LANG_UNKNOWN = 0,
	CC_LANG_C,
	CC_LANG_CXX,
	CC_LANG_OBJC,
	CC_LANG_OBJCXX,
	CC_LANG_ASM_CPP,        /* .S, .sx: preprocessed before the assembler */
	CC_LANG_ASM,            /* .s */
	CC_LANG_C_CPP_OUTPUT,   /* .i */
	CC_LANG_CXX_CPP_OUTPUT, /* .ii */
	CC_LANG_C_HEADER,       /* the last four make precompiled headers */
	CC_LANG_CXX_HEADER,
	CC_LANG_OBJC_HEADER,
	CC_LANG_OBJCXX_HEADER,
};

enum cc_deps_kind {
	CC_DEPS_NONE = 0,
	CC_DEPS_ALL,  /* -MD, -Wp,-MD,FILE */
	CC_DEPS_USER, /* -MMD, -Wp,-MMD,FILE: without system headers */
};

/* What is made of the source. */
enum cc_mode {
	CC_MODE_OBJECT = 0, /* -c */
	CC_MODE_ASSEMBLY,   /* -S */
	CC_MODE_PREPROCESS, /* -E */
	CC_MODE_SYNTAX,     /* -fsyntax-only */
};

/* How a command line treats colour in diagnostics; later options win. */
enum cc_color {
	CC_COLOR_AUTO = 0, /* no option, or =auto: follows the terminal */
	CC_COLOR_ALWAYS,
	CC_COLOR_NEVER,
};

/* One directory of the include search, as spelled. */
enum cc_dir_kind {
	CC_DIR_QUOTE,  /* -iquote */
	CC_DIR_ANGLE,  /* -I */
	CC_DIR_SYSTEM, /* -isystem */
	CC_DIR_AFTER,  /* -idirafter */
};

/* Where the list of what a compile read comes from. */
enum cc_closure {
	CC_CLOSURE_DEPFILE = 0,   /* a dependency file, the user's or a private one */
	CC_CLOSURE_SHOW_INCLUDES, /* what the compiler prints because the user asked for it */
	CC_CLOSURE_SOURCE_DEPS,   /* cl's /sourceDependencies */
};

struct cc_dir {
	enum cc_dir_kind kind;
	const char *path; /* points into the invocation's args */
};

struct cc_invocation {
	struct hp_arena *arena; /* holds the strings of the lists below; NULL before anything was parsed */
	enum cc_family family;
	enum cc_reason bypass;   /* CC_REASON_NONE: cacheable as far as the command line tells */
	char bypass_detail[128]; /* the option or file that caused it, cut */

	struct hp_strv args; /* argv[1…] with response files opened */

	/* argv[1…] as given when a response file was opened, else empty; and whether rewriting dependency options means
	 * to write out what the files held. */
	struct hp_strv user_args;
	bool rewrite_opened;

	enum cc_lang lang;
	const char *lang_name; /* what -x calls it: "c", "c++", "assembler-with-cpp" … */
	char *input;           /* as spelled */
	enum cc_mode mode;
	char *output;     /* as spelled, or the default name; "": no file (standard output, /dev/null, syntax only) */
	bool null_output; /* it is /dev/null */

	/* Dependency file. */
	enum cc_deps_kind deps;
	char *deps_file;   /* as spelled or the driver's default name; NULL when deps is NONE */
	char *deps_target; /* the text left of the colon, already quoted as the compiler prints it */
	bool deps_phony;   /* -MP */

	/* Several sources in one command that can as well be compiled by one command each, in order; 0: not. The bypass is
	 * then CC_REASON_MULTIPLE_INPUTS. */
	size_t jobs;

	bool records_args; /* a side file holds the command line: it must be run as it is */

	/* Side files that can appear. */
	struct cc_side *sides;
	size_t sides_len;

	/* What the include search looks through before the compiler's own directories, in command-line order. */
	struct cc_dir *dirs;
	size_t dirs_len;
	struct hp_strv forced_includes; /* -include, -imacros, in order */
	struct hp_strv cc1_includes;    /* the same behind -Xclang, for which Clang looks for no precompiled header */
	struct hp_strv pch_files;       /* -include-pch */

	struct hp_strv asm_dirs;    /* -Wa,-I: where only the assembler looks */
	struct hp_strv input_files; /* that options name and the compiler reads, if they are there */

	/* GCC's profile: read from where a run of this object would have written it. */
	bool profile_use;
	const char *profile_dir;         /* the last of -fprofile-dir=, -use= and -generate=; NULL: beside the object */
	const char *profile_prefix_path; /* taken off the object's path; NULL */

	bool makes_pch;         /* the output is a precompiled header */
	bool pch_without_times; /* -fno-pch-timestamp: Clang then writes no times of headers into it */

	/* The arguments that make the action key, in order: output, input, dependency, diagnostics-free and other
	 * arguments without effect left out, separate and joined spellings unified. */
	struct hp_strv key_args;

	/* The arguments that change which programs run, the target, or the compiler's own search directories
	 * (-m32 -march=native --target= -B --sysroot -nostdinc -stdlib= -specs= …). */
	struct hp_strv ident_args;

	/* MSVC's grammar */
	enum cc_closure closure;
	bool show_includes;      /* /showIncludes: included files are listed on stdout */
	bool holds_command;      /* the object holds the whole command line: it must run as it is */
	bool zi_as_z7;           /* cl: but for this */
	const char *source_deps; /* cl: the user's own /sourceDependencies FILE; NULL */

	bool embeds_cwd;       /* the object can hold the working directory (-g, …) */
	bool debug_prefix_map; /* informational: some -f*-prefix-map is in force */
	enum cc_color color;
	bool date_time_fixed; /* user redefined __DATE__ and __TIME__ by -D: no effect yet; false */
};

void cc_invocation_done(struct cc_invocation *inv);

/* Reads a response file for cc_invocation_parse: appends its bytes to `out`. Returns 0 or -code. The parser bounds
 * depth and size (HP_RSP_DEPTH_MAX, HP_RSP_SIZE_MAX). `path` is as spelled, relative to the compile's directory. */
typedef int (*cc_read_file_fn)(void *ctx, const char *path, struct hp_buf *out);

/* Takes argv apart. `argv0` is the name the compiler was called by (its basename decides the default language: g++,
 * clang++, c++ compile .c as C++); argv is what follows it, argc strings. Always fills *inv (release with
 * cc_invocation_done); a command line that is not cacheable has inv->bypass set, and that is no error.
 * Returns 0, or -HP_INVALID only for a NULL argument list. */
int cc_invocation_parse(struct cc_invocation *inv, enum cc_family family, const char *argv0, size_t argc,
                        char *const *argv, cc_read_file_fn read_file, void *read_ctx, struct hp_err *err);

/* The same for clang-cl and cl, whose environment holds further arguments: those of CL go in front, those of _CL_ to the
 * end (NULL: not set). */
struct cc_cl_env {
	const char *before;
	const char *after;
	bool zi_as_z7; /* cl: debug information goes into the object instead of a database */
};
int cc_invocation_parse_cl(struct cc_invocation *inv, enum cc_family family, const struct cc_cl_env *env, size_t argc,
                           char *const *argv, cc_read_file_fn read_file, void *read_ctx, struct hp_err *err);

/* The arguments (argv[1…]) to run on a miss, appended to `out`: the user's own, except
 *  - deps NONE: "-MD" "-MF" private_deps are added (not for CC_LANG_ASM and the *_CPP_OUTPUT languages);
 *  - deps ALL: nothing changes, the user's file is read;
 *  - deps USER: every -MMD becomes -MD and the file becomes private_deps, targets and -MP kept;
 *  - force_color: -fdiagnostics-color=always (GCC) or -fcolor-diagnostics (Clang) is added in front;
 *  - clang-cl: the same with /clang: in front of dependency options, and nothing where another list is read;
 *  - cl: /sourceDependencies private_deps is added, unless another list is read.
 * Response files are replaced by their contents only when something inside them had to change. */
void cc_invocation_run_args(const struct cc_invocation *inv, const char *private_deps, bool force_color,
                            struct hp_strv *out);

/* The arguments (argv[1…]) of job i < inv->jobs, appended: those of the whole without the other sources. */
void cc_invocation_job_args(const struct cc_invocation *inv, size_t i, struct hp_strv *out);

/* For `hpcc inspect -- CC ARGS…`: one line an argument with its class, whether it is in the key, and why. */
void cc_invocation_describe(const struct cc_invocation *inv, struct hp_buf *out);
