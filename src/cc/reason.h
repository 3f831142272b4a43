/* Why a compile did not come from the cache: one row per reason, with its counter's name and a sentence for people.
 * docs/compilers.md lists the same rows (a test compares). Names are stable: they are keys of `hpcc stats --json`. */
#pragma once

#include <stddef.h>

/* kind: BYPASS = the compiler runs without the cache; MISS = it runs, and its result may be stored;
 * UNSTORED = it ran on a miss and its result could not be kept. */
#define CC_REASONS(X)                                                                                            \
	X(BYPASS, NO_COMPILE, "not-a-compile", "no -c on the command line: linking or another mode")             \
	X(BYPASS, NO_INPUT, "no-input", "the command line names no source file")                                 \
	X(BYPASS, MULTIPLE_INPUTS, "multiple-inputs", "more than one source file in one command")                \
	X(BYPASS, PREPROCESS_ONLY, "preprocess-only", "-M or -MM, or -E of a source that is not preprocessed")   \
	X(BYPASS, ASSEMBLY_OUTPUT, "assembly-output", "-S of an assembler source")                               \
	X(BYPASS, SYNTAX_ONLY, "syntax-only", "-fsyntax-only of an assembler source")                            \
	X(BYPASS, STDIN_INPUT, "stdin-input", "the source comes from standard input")                            \
	X(BYPASS, SPECIAL_INPUT, "special-input", "the source is not a regular file")                            \
	X(BYPASS, SPECIAL_OUTPUT, "special-output",                                                              \
	  "an output is standard output, a device, a link or odd, or cannot be written")                         \
	X(BYPASS, UNKNOWN_OPTION, "unknown-option", "an option that the option table does not have")             \
	X(BYPASS, UNSUPPORTED_OPTION, "unsupported-option", "an option whose effects are not handled yet")       \
	X(BYPASS, UNKNOWN_LANGUAGE, "unknown-language", "a source language that is not handled")                 \
	X(BYPASS, RESPONSE_FILE, "response-file", "a response file that cannot be read or is malformed")         \
	X(BYPASS, PCH, "pch", "a precompiled header is made or used")                                            \
	X(BYPASS, MODULES, "modules", "C++20 or Clang modules are in use")                                       \
	X(BYPASS, COVERAGE, "coverage", "coverage instrumentation of a kind that is not handled")                \
	X(BYPASS, PROFILE, "profile", "profile-guided optimisation")                                             \
	X(BYPASS, SPLIT_DWARF, "split-dwarf", "-gsplit-dwarf makes a second object")                             \
	X(BYPASS, SIDE_FILES, "side-files", "an option that writes further files beside the object")             \
	X(BYPASS, PLUGIN, "plugin", "a compiler plugin is loaded")                                               \
	X(BYPASS, MULTIPLE_ARCH, "multiple-arch", "more than one -arch")                                         \
	X(BYPASS, RECORD_SWITCHES, "record-switches", "the object records the command line")                     \
	X(BYPASS, TOO_MANY_ARGS, "too-many-args", "the command line exceeds the limit")                          \
	X(BYPASS, UNKNOWN_COMPILER, "unknown-compiler", "the program is no compiler that is handled")            \
	X(BYPASS, ENVIRONMENT, "environment", "an environment variable that changes the compiler's outputs")     \
	X(BYPASS, DEPFILE_OPTION, "depfile-option", "a dependency-file option that is not handled")              \
	X(BYPASS, DATE_TIME, "date-time", "the source uses __DATE__ or __TIME__")                                \
	X(BYPASS, TIMESTAMP, "timestamp", "the source uses __TIMESTAMP__")                                       \
	X(BYPASS, INCBIN, "incbin", "the assembler reads a file whose name cannot be told")                      \
	X(BYPASS, EMBED, "embed", "the source uses #embed or __has_embed")                                       \
	X(BYPASS, HAS_INCLUDE_MACRO, "has-include-macro", "__has_include of a name that a macro makes")          \
	X(BYPASS, PRAGMA_DEPENDENCY, "pragma-dependency", "#pragma GCC dependency compares file times")          \
	X(BYPASS, MMD_AMBIGUOUS, "mmd-ambiguous", "which headers -MMD lists cannot be told from the full list")  \
	X(BYPASS, HOLDS_COMMAND, "command-in-object",                                                            \
	  "the object holds the command line, to which nothing can be added")                                    \
	X(BYPASS, SHARED_PDB, "shared-pdb", "debug information goes to a database that other units share")       \
	X(BYPASS, NAMESPACE, "namespace", "the client sees other mounts than the daemon")                        \
	X(BYPASS, INTERNAL, "internal", "something of ours failed; the log says what")                           \
	X(MISS, NEW_UNIT, "new", "this source was never compiled with these options")                            \
	X(MISS, INPUT_DIFFERS, "input-differs", "a file that the compile reads has another content")             \
	X(MISS, HEADER_APPEARED, "header-appeared", "a file now exists where the compile found none")            \
	X(MISS, EVICTED, "evicted", "the result was known but its entry is gone")                                \
	X(MISS, COLOR_MODE, "color-mode", "the entry's diagnostics were made for another colour mode")           \
	X(MISS, CORRUPT, "corrupt-entry", "the entry was damaged and has been removed")                          \
	X(UNSTORED, COMPILE_FAILED, "compile-failed", "the compiler's exit code was not 0")                      \
	X(UNSTORED, INPUT_CHANGED, "input-changed", "an input changed while the compiler ran")                   \
	X(UNSTORED, COMPILER_CHANGED, "compiler-changed", "the compiler changed while it ran")                   \
	X(UNSTORED, OUTPUT_MISSING, "output-missing", "the compiler left no object")                             \
	X(UNSTORED, DEPFILE_MISMATCH, "depfile-mismatch", "the dependency file is not as we would print it")     \
	X(UNSTORED, OBJECT_TIME, "object-time", "the time stamp in the object is not the clock's")               \
	X(UNSTORED, LINE_DIAGNOSTICS, "line-diagnostics", "diagnostics quote a file named by a #line directive") \
	X(UNSTORED, TOO_LARGE, "too-large", "outputs, diagnostics or inputs exceed a limit")                     \
	X(UNSTORED, READ_ONLY, "read-only", "the cache is read-only")                                            \
	X(UNSTORED, STORE_FAILED, "store-failed", "the store could not keep the entry; the log says why")        \
	X(UNSTORED, CLIENT_GONE, "client-gone", "the client ended before it reported")

enum cc_reason_kind {
	CC_REASON_KIND_NONE = 0,
	CC_REASON_KIND_BYPASS,
	CC_REASON_KIND_MISS,
	CC_REASON_KIND_UNSTORED,
};

enum cc_reason {
	CC_REASON_NONE = 0,
#define X(kind, id, name, text) CC_REASON_##id,
	CC_REASONS(X)
#undef X
	CC_REASON_COUNT
};

const char *cc_reason_name(enum cc_reason reason); /* "unknown-option"; "none" for CC_REASON_NONE */
const char *cc_reason_text(enum cc_reason reason);
enum cc_reason_kind cc_reason_kind(enum cc_reason reason);
