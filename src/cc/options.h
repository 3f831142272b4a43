/* What is known about the options of the GNU-style drivers (gcc, g++, clang, clang++) and of cl and clang-cl: one row an
 * option, in sorted tables. An option without a row is unknown, and nothing is ever guessed about it.
 *
 * How a row is found: among the rows of the family whose spelling begins the argument, the longest whose way of taking
 * a value fits. "-fno-X" and "-mno-X", "-gno-X" without a row of their own are the negative of "-fX" when that row has
 * CC_OPT_NEG. GCC's long forms without a row of their own are what GCC makes of them: "--X" is "-fX", "--warn-X" is
 * "-WX", "--machine-X" is "-mX", "--debug=X" is "-gX". Rows of cl and clang-cl stand without their slash or dash; clang-cl
 * also takes some of Clang's own options. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cc/invocation.h"

/* How an option takes its value. */
enum cc_opt_value {
	CC_VALUE_NONE,      /* the spelling is the whole argument */
	CC_VALUE_JOINED,    /* the rest of the argument, perhaps empty */
	CC_VALUE_SEPARATE,  /* the next argument */
	CC_VALUE_EITHER,    /* the rest of the argument, or the next one when nothing is left */
	CC_VALUE_COMMA,     /* the rest of the argument, a list with commas */
	CC_VALUE_BOTH_WAYS, /* the rest of the argument, and the next one as well: that one is the value here */
};

enum cc_opt_class {
	CC_CLASS_MODE,        /* what the driver is to do: -c, -E, --version */
	CC_CLASS_OUTPUT,      /* names the output */
	CC_CLASS_INPUT,       /* language of the input; also stands for the input itself in a description */
	CC_CLASS_INCLUDE,     /* include search and forced includes */
	CC_CLASS_DEFINE,      /* macros */
	CC_CLASS_CODEGEN,     /* language, optimisation, target: what the object is made of */
	CC_CLASS_DIAGNOSTICS, /* what is printed */
	CC_CLASS_DEPENDENCY,  /* the dependency file */
	CC_CLASS_LINKER,      /* has no effect without linking */
	CC_CLASS_SIDE_FILE,   /* writes a further file */
	CC_CLASS_PASSTHROUGH, /* carries arguments for another program */
};

/* What the key takes of an option. */
enum cc_opt_effect {
	CC_EFFECT_NO,   /* cannot change object or diagnostics (see also the linker rule in cc/key.c) */
	CC_EFFECT_YES,  /* in the key as spelled */
	CC_EFFECT_PATH, /* in the key; the value is a path */
};

enum cc_opt_flag {
	CC_OPT_NEG = 1u << 0,   /* has a "no-" form of the same arity */
	CC_OPT_IDENT = 1u << 1, /* changes programs, target or the compiler's own search directories */
	CC_OPT_CWD = 1u << 2,   /* the object can hold the working directory */
	CC_OPT_ABS = 1u << 3,   /* a relative value depends on the working directory in a way that is not handled */
};

/* Options that the parser handles one by one. */
enum cc_opt_act {
	CC_ACT_NONE = 0,
	CC_ACT_COMPILE,      /* -c */
	CC_ACT_MODE,         /* another mode; the row's reason says which */
	CC_ACT_OUTPUT,       /* -o */
	CC_ACT_LANG,         /* -x */
	CC_ACT_DEFINE,       /* -D: canonical spelling joined */
	CC_ACT_UNDEFINE,     /* -U */
	CC_ACT_DIR_ANGLE,    /* -I */
	CC_ACT_DIR_QUOTE,    /* -iquote */
	CC_ACT_DIR_SYSTEM,   /* -isystem */
	CC_ACT_DIR_AFTER,    /* -idirafter */
	CC_ACT_INCLUDE,      /* -include */
	CC_ACT_IMACROS,      /* -imacros */
	CC_ACT_MD,           /* -MD */
	CC_ACT_MMD,          /* -MMD */
	CC_ACT_MF,           /* -MF */
	CC_ACT_MT,           /* -MT */
	CC_ACT_MQ,           /* -MQ */
	CC_ACT_MP,           /* -MP */
	CC_ACT_DEBUG_ON,     /* -g and whatever can switch debug information on */
	CC_ACT_DEBUG_OFF,    /* -g0 */
	CC_ACT_COLOR_ALWAYS, /* -fdiagnostics-color */
	CC_ACT_COLOR_NEVER,  /* -fdiagnostics-plain-output */
	CC_ACT_COLOR_VALUE,  /* -fdiagnostics-color=WHEN */
	CC_ACT_PREFIX_MAP,   /* -f*-prefix-map= */
	CC_ACT_ARCH,         /* -arch */
	CC_ACT_PREPROCESSOR, /* -Wp, -Xpreprocessor */
	CC_ACT_ASSEMBLER,    /* -Wa, -Xassembler */
	CC_ACT_XCLANG,       /* -Xclang */
	CC_ACT_MLLVM,        /* -mllvm */
	CC_ACT_DIAG_FORMAT,  /* -fdiagnostics-format= */
	CC_ACT_CPP,          /* changes what -E prints; nothing is known of it elsewhere */
	CC_ACT_SIDE,         /* writes further files: cc/side.c */
	CC_ACT_PCH_FILE,     /* -include-pch */
	CC_ACT_INPUT_FILE,   /* the value names a file that is read */
	CC_ACT_PROFILE,      /* profiles, made and used: cc/inputs.c */
	CC_ACT_PLUGIN,       /* -fplugin=, -fpass-plugin= */
	CC_ACT_PLUGIN_ARG,   /* -fplugin-arg- */

	/* MSVC's */
	CC_ACT_TC_ALL,        /* /TC: all inputs are C */
	CC_ACT_TP_ALL,        /* /TP */
	CC_ACT_TC_FILE,       /* /Tc FILE */
	CC_ACT_TP_FILE,       /* /Tp FILE */
	CC_ACT_CLANG,         /* /clang:ARGUMENT, for the GNU-style driver behind clang-cl */
	CC_ACT_LINK,          /* /link: the rest is the linker's */
	CC_ACT_SHOW_INCLUDES, /* /showIncludes */
	CC_ACT_SOURCE_DEPS,   /* /sourceDependencies FILE, of cl */
	CC_ACT_CODEVIEW,      /* /Z7: debug information in the object */
	CC_ACT_PDB,           /* /Zi, /ZI of cl: debug information in a database */
	CC_ACT_FD,            /* /Fd: names that database */
};

enum {
	CC_FAMILY_BIT_GCC = 1u << 0,
	CC_FAMILY_BIT_CLANG = 1u << 1,
	CC_FAMILY_BIT_BOTH = CC_FAMILY_BIT_GCC | CC_FAMILY_BIT_CLANG,
	CC_FAMILY_BIT_CLANG_CL = 1u << 2,
	CC_FAMILY_BIT_MSVC = 1u << 3,
	CC_FAMILY_BIT_CL = CC_FAMILY_BIT_CLANG_CL | CC_FAMILY_BIT_MSVC,
};

struct cc_option {
	const char *spelling;
	uint8_t len;
	uint8_t value;    /* enum cc_opt_value */
	uint8_t cls;      /* enum cc_opt_class */
	uint8_t effect;   /* enum cc_opt_effect */
	uint8_t act;      /* enum cc_opt_act */
	uint8_t flags;    /* of enum cc_opt_flag */
	uint8_t families; /* of CC_FAMILY_BIT_* */
	uint8_t bypass;   /* enum cc_reason: the positive form makes the command line a bypass */
};

struct cc_option_table {
	const struct cc_option *rows; /* sorted by spelling, bytewise */
	size_t len;
};

struct cc_match {
	const struct cc_option *row; /* NULL: the option is unknown */
	size_t spelled;              /* bytes of the argument before its value */
	bool negative;               /* found for the "no-" form of the row */
};

/* Finds the row of `arg`, a word that begins with '-'. */
struct cc_match cc_option_find(enum cc_family family, const char *arg);

/* The same for cl and clang-cl; `arg` begins with '/' or '-'. A row of theirs (CC_FAMILY_BIT_CL) or, of clang-cl, one of
 * the GNU-style rows. */
struct cc_match cc_option_find_cl(enum cc_family family, const char *arg);

/* The length of the longest of Clang's own option names that clang-cl knows and that begins `arg`; 0: none. */
size_t cc_option_core_len(const char *arg);

/* The tables, for tests and listings: 0 the general one, 1 and 2 the -f options, 3 the -m options, 4 that of cl and
 * clang-cl; NULL past the last. */
const struct cc_option_table *cc_option_table(unsigned index);

const char *cc_opt_value_name(enum cc_opt_value value);
const char *cc_opt_class_name(enum cc_opt_class cls);

/* One step through an argument list. */
struct cc_arg {
	char *text;                  /* the argument itself */
	const struct cc_option *row; /* NULL: an input, or an unknown option */
	char *value;                 /* NULL: none */
	size_t count;                /* arguments used: 1 or 2 */
	bool option;                 /* begins with '-' and is not "-" alone; with '/' for cl and clang-cl */
	bool negative;               /* found for the "no-" form of the row */
	bool value_missing;          /* the list ends where the value should be */
};

/* Reads the item at argv[pos]; pos < argc. */
void cc_arg_read(enum cc_family family, size_t argc, char *const *argv, size_t pos, struct cc_arg *ret_arg);
