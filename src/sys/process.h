/* Running a program to the end and keeping what it says. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Runs argv[0] (a path) with exactly `env` and standard input from /dev/null, in directory `cwd`, and appends both of
 * its output streams to `out`, at most out_max bytes (the rest is read and dropped). Kills it after deadline_ms:
 * -HP_DEADLINE. On success *ret_status is what waitpid gave. */
int sys_process_capture(char *const *argv, char *const *env, const char *cwd, int deadline_ms, size_t out_max,
                        struct hp_buf *out, int *ret_status, struct hp_err *err);
