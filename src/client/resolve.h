/* Which program a compiler's name means. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* Appends the absolute path of the program that `name` means when hpcc itself is left out: a name with a slash is
 * taken relative to `cwd`, any other is looked for on $PATH, skipping every candidate that is hpcc (this one, or a link
 * that ends at a program called hpcc). *ret_skipped tells that a candidate was skipped. False: not found. */
bool client_resolve(const char *name, const char *cwd, struct hp_buf *out, bool *ret_skipped);
