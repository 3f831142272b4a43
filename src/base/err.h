/* Error values: a code, the errno behind it, and one line a person can act on.
 *
 * A function that can fail returns 0 (or a documented positive value) on success and -code on failure; its last
 * parameter is `struct hp_err *err`, which lives on the caller's stack and may be NULL. Nothing here allocates.
 * Codes are the 17 canonical gRPC status codes, so that mapping to the wire is the identity. */
#pragma once

#include <stdbool.h>

enum hp_code {
	HP_OK = 0,
	HP_CANCELLED = 1,
	HP_UNKNOWN = 2,
	HP_INVALID = 3, /* the caller's or the user's input is malformed */
	HP_DEADLINE = 4,
	HP_NOT_FOUND = 5,
	HP_EXISTS = 6,
	HP_DENIED = 7,
	HP_EXHAUSTED = 8, /* a limit of ours, memory, disk space */
	HP_PRECONDITION = 9,
	HP_ABORTED = 10,
	HP_RANGE = 11,
	HP_UNIMPLEMENTED = 12,
	HP_INTERNAL = 13,
	HP_UNAVAILABLE = 14,
	HP_DATA_LOSS = 15, /* bytes at rest or on the wire are not what was written */
	HP_UNAUTHENTICATED = 16,
};

struct hp_err {
	int code;      /* enum hp_code */
	int sys_errno; /* 0 when no system call failed */
	char msg[256];
};

/* Fills *err and returns -code. The message is cut, never overrun. */
int hp_err_set(struct hp_err *err, enum hp_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As hp_err_set, from an errno: the code follows from it and ": strerror" is appended. */
int hp_err_sys(struct hp_err *err, int sys_errno, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prepends "what: " to the message already in *err and returns -err->code (-HP_UNKNOWN when err is NULL). */
int hp_err_wrap(struct hp_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The analyzer sees one file at a time; this tells it that these return less than 0. */
#ifdef __clang_analyzer__
#define hp_err_set(err, code, ...) ((void)hp_err_set(err, code, __VA_ARGS__), -(int)HP_UNKNOWN)
#define hp_err_sys(err, sys_errno, ...) ((void)hp_err_sys(err, sys_errno, __VA_ARGS__), -(int)HP_UNKNOWN)
#define hp_err_wrap(err, ...) ((void)hp_err_wrap(err, __VA_ARGS__), -(int)HP_UNKNOWN)
#endif

/* The canonical code for an errno. */
enum hp_code hp_code_from_errno(int sys_errno);

/* "invalid-argument" and the like; never NULL. */
const char *hp_code_name(int code);
