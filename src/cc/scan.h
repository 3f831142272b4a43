/* What a source file mentions that the cache must know of, found on real tokens: not in comments, not in string or
 * character literals, not inside longer identifiers; line splices and trigraph-free phase-2 text as the standard says.
 * Run once per file content, when it is first hashed; must cost little more than the hash (target: 1 GB/s on text that
 * mentions nothing, by memchr-like skipping). Conditional blocks are not evaluated: what stands in #if 0 counts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum cc_scan_flag {
	CC_SCAN_DATE = 1u << 0,              /* __DATE__ */
	CC_SCAN_TIME = 1u << 1,              /* __TIME__ */
	CC_SCAN_TIMESTAMP = 1u << 2,         /* __TIMESTAMP__ */
	CC_SCAN_HAS_INCLUDE_MACRO = 1u << 3, /* __has_include of something not a literal "x" or <x> */
	CC_SCAN_INCBIN = 1u << 4, /* .incbin or .include inside a string literal (inline asm) or in assembler text */
	CC_SCAN_HAS_INCLUDE_WRAPPER = 1u << 13, /* a macro is defined as __has_include of its parameter */
	CC_SCAN_INCBIN_UNKNOWN = 1u << 12, /* one of those names a file that only the assembler knows, or may do so */
	CC_SCAN_EMBED = 1u << 5,           /* #embed, __has_embed */
	CC_SCAN_INCLUDE_MACRO = 1u << 6,   /* #include whose operand is not a literal */
	CC_SCAN_SYSTEM_HEADER =
	        1u << 7, /* #pragma GCC|clang system_header (also in _Pragma), or a line marker with flag 3 */
	CC_SCAN_PRAGMA_DEPENDENCY = 1u << 8, /* #pragma GCC dependency */
	CC_SCAN_PCH_PREPROCESS = 1u << 9,    /* #pragma GCC pch_preprocess */
	CC_SCAN_LINE_FILE = 1u << 10,        /* #line N "file" or a line marker # N "file" */
	CC_SCAN_LINE_ABSOLUTE = 1u << 16,    /* such a name is absolute, or cannot be told */
	CC_SCAN_MODULE =
	        1u << 11, /* a line that starts with import, module, export import, export module (C++20), or @import */
};

enum cc_include_kind {
	CC_INCLUDE_QUOTE, /* #include "x", #import "x", __has_include("x") */
	CC_INCLUDE_ANGLE,
};

struct cc_include {
	enum cc_include_kind kind;
	bool next;       /* include_next or __has_include_next */
	bool probe;      /* __has_include: asked for, perhaps not read */
	uint32_t offset; /* of the name in cc_scan.names, NUL-terminated */
};

struct cc_scan {
	uint32_t flags;              /* of enum cc_scan_flag */
	struct cc_include *includes; /* distinct, in order of first appearance */
	size_t includes_len;
	char *names;
	size_t names_len;
	char *wrappers; /* the macros of CC_SCAN_HAS_INCLUDE_WRAPPER, each with a NUL */
	size_t wrappers_len;
	char *asm_names; /* files that .include and .incbin name: each CC_SCAN_ASM_*, the name and a NUL */
	size_t asm_names_len;
	/* With CC_SCAN_INCLUDE_MACRO: the first of those stands behind the names of lower offset. */
	uint32_t computed_at;
};

#define CC_SCAN_ASM_TEXT 't'   /* .include: assembler text */
#define CC_SCAN_ASM_BINARY 'b' /* .incbin */

void cc_scan_done(struct cc_scan *scan);

enum cc_scan_syntax {
	CC_SCAN_C,   /* C, C++, Objective-C and headers */
	CC_SCAN_ASM, /* assembler text, preprocessed or not: also looks for .incbin/.include as directives */
};

/* What the macro `name`, a CC_SCAN_HAS_INCLUDE_WRAPPER of some file, is used with in this text: appends each name with its
 * opening '"' or '<' and a NUL. False: one of the uses cannot be told. */
bool cc_scan_wrapped(const char *data, size_t len, const char *name, struct hp_buf *probes);

/* Scans `len` bytes. Fills *ret_scan (release with cc_scan_done). Cannot fail: every byte string is some source. */
void cc_scan_source(enum cc_scan_syntax syntax, const char *data, size_t len, struct cc_scan *ret_scan);
