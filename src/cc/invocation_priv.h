/* Shared by the files that take a command line apart. */
#pragma once

#include "cc/invocation.h"
#include "cc/options.h"

enum cc_temps {
	CC_TEMPS_NONE = 0,
	CC_TEMPS_PLAIN, /* -save-temps */
	CC_TEMPS_CWD,
	CC_TEMPS_OBJ,
};

struct cc_parser {
	struct cc_invocation *inv;
	bool cxx_driver;     /* called by a C++ name */
	bool windows_driver; /* its name has a Windows target in front */

	/* Mode: -c, and the first option that asks for something else. */
	bool compile;
	uint32_t modes;         /* a bit for each enum cc_mode but -c that is asked for */
	const char *cpp_option; /* one that only -E can be asked with */
	enum cc_reason mode;
	const char *mode_detail;

	/* Inputs. */
	const char *lang_option; /* value of the -x in force; NULL: by suffix */
	const char *input_lang;  /* the same, at the first input */
	const char *input;
	size_t inputs;
	bool odd_inputs; /* one of them is no source that can stand alone */

	const char *output;
	size_t outputs;
	size_t archs;
	bool debug; /* debug information is on */

	/* Dependency options. */
	bool md;
	bool mmd;
	bool deps_detail; /* one of -MF -MT -MQ -MP */
	const char *deps_file;
	enum cc_deps_kind wp_kind; /* from -Wp,-MD,FILE */
	char *wp_file;             /* owned */
	size_t wp_count;
	struct hp_buf targets; /* explicit targets as printed, joined by spaces */
	size_t targets_len;
	bool quoted_target; /* one of them came from -MQ */

	/* Side files. */
	const char *side_files[CC_ROLE_COUNT]; /* named by the command line; NULL */
	enum cc_temps temps;
	uint32_t sides;          /* a bit for each enum cc_role that can appear */
	uint32_t sides_required; /* those that must */
	bool profile_arcs;       /* instrumented: the object names its data file */

	const char *cc1_option; /* the -Xclang option that waits for its value */
};

/* One option, or one input. (invocation.c) */
void cc_parser_take_option(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_take_input(struct cc_parser *p, const char *path);

/* All of inv->args, and the command line to run, in MSVC's grammar. (invocation_msvc.c) */
void cc_msvc_take(struct cc_parser *p);
void cc_msvc_run_args(const struct cc_invocation *inv, const char *private_deps, bool force_color, struct hp_strv *out);

/* Records the reason unless there is one already; _override, whatever is there. */
void cc_parser_bypass(struct cc_parser *p, enum cc_reason reason, const char *detail);
void cc_parser_override(struct cc_parser *p, enum cc_reason reason, const char *detail);

/* The language of -x NAME or of a suffix. Fills lang and lang_name, or records the bypass. (lang.c) */
void cc_parser_language(struct cc_parser *p);
/* Whether a source of this name, with -x `lang` or NULL, is of a language that is compiled alone. (lang.c) */
bool cc_parser_is_source(const struct cc_parser *p, const char *path, const char *lang);
bool cc_driver_is_cxx(const char *argv0);

/* The file name with its suffix replaced: only the part behind the last slash is looked at; `keep_dir` keeps what is
 * before. The caller frees. (lang.c) */
char *cc_with_suffix(const char *path, const char *suffix, bool keep_dir);

/* A name that is no regular file for certain: "-" or something in /dev or /proc. (lang.c) */
bool cc_path_is_special(const char *path);

/* Everything about dependency options once all arguments were seen. (deps.c) */
void cc_parser_finish_deps(struct cc_parser *p);

/* Mode, output and what they exclude, once all arguments were seen: false when that makes a bypass. (mode.c) */
void cc_parser_take_mode(struct cc_parser *p, const struct cc_arg *arg);
bool cc_parser_finish_mode(struct cc_parser *p);
void cc_parser_finish_output(struct cc_parser *p);

/* An option of CC_ACT_SIDE, and all of them once every argument was seen. (side.c) */
void cc_parser_take_side(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_finish_sides(struct cc_parser *p);
/* A side file that the command line names; `path` lives as long as the invocation. */
void cc_parser_side_file(struct cc_parser *p, enum cc_role role, const char *path);

/* Options that name files to be read. (inputs.c) */
void cc_parser_take_input_file(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_take_profile(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_take_plugin(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_finish_inputs(struct cc_parser *p);

/* Options that carry arguments of another program: they are opened, and what is not known makes a bypass. Those that
 * are known are added to the key. (opened.c) */
void cc_parser_open_preprocessor(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_open_assembler(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_open_xclang(struct cc_parser *p, const struct cc_arg *arg);
void cc_parser_open_mllvm(struct cc_parser *p, const struct cc_arg *arg);

/* The kind and the length before the file name when `text` is exactly -Wp,-MD,FILE or -Wp,-MMD,FILE; NONE otherwise. */
enum cc_deps_kind cc_wp_deps(const char *text, const char **ret_file);

/* Appends the argument to a list of the invocation in its unified spelling. (key.c) */
void cc_key_add(struct hp_strv *key, const struct cc_arg *arg);

/* Whether the argument belongs into the key. (key.c) */
bool cc_key_wants(enum cc_family family, const struct cc_arg *arg);
