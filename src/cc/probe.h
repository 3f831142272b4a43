/* Reading what a compiler says about itself: the outputs of `-v`, `-v -E` and `-###`. Pure; the caller runs it, with
 * LC_ALL=C, since the search list's headings are translated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/strv.h"
#include "cc/invocation.h"

/* Whether a program of this name is asked at all: (prefix-)(gcc|g++|cc|c++|clang|clang++|clang-cl|cl)(-version). Others pass
 * straight through, since running an unknown program with options of ours could do anything. */
bool cc_probe_name(const char *program);

/* Whether the name says that MSVC's command line is meant: Clang's driver decides by it. */
bool cc_probe_name_is_cl(const char *program);

/* Whether this is what a driver of that grammar answers to "/?". */
bool cc_probe_help_is_cl(const char *text);

/* Family and one-line version from `-v`. False: neither GCC nor Clang. */
bool cc_probe_version(const char *text, enum cc_family *ret_family, struct hp_buf *ret_version);

/* Whether a compiler of this version line may know #embed: GCC from 15 on, Clang from 19 on, and any that cannot be told.
 * To older ones it is an error where it counts. */
bool cc_probe_knows_embed(enum cc_family family, const char *version);

/* The include search from `-v -E`: directories in order for "..." and <...>, and those that were named but do not
 * exist (which would join the search if they appeared). False when the listing is not there. */
bool cc_probe_search(const char *text, struct hp_strv *ret_quote, struct hp_strv *ret_angle,
                     struct hp_strv *ret_missing);

/* From `-###`: the programs that would run, as written (with or without a slash), the directories that the driver
 * searches for them (COMPILER_PATH=), and the commands with temporary file names taken out, for the identity. */
void cc_probe_commands(const char *text, struct hp_strv *ret_programs, struct hp_strv *ret_path,
                       struct hp_buf *ret_commands);

/* From `-print-search-dirs`: the places of one kind ("programs", "libraries"), and the installation's own directory. Each is
 * a prefix that a name is put behind; one that names no directory now has no slash at its end. */
void cc_probe_prefixes(const char *text, const char *kind, struct hp_strv *ret_prefixes);
void cc_probe_install(const char *text, struct hp_buf *ret_install);

/* The files of options that the driver says it has read: "Reading specs from FILE" and "Configuration file: FILE". */
void cc_probe_option_files(const char *text, struct hp_strv *ret_files);

/* What of /proc/cpuinfo decides -march=native: the lines that say what the processors are, not how they are just now. */
void cc_probe_cpu(const char *text, struct hp_buf *ret_cpu);

/* The files from a dynamic loader's trace (LD_TRACE_LOADED_OBJECTS=1). */
void cc_probe_libraries(const char *text, struct hp_strv *ret_files);
