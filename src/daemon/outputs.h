/* Writing what a compile would have written, and reading what it wrote. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Whether the object at `path` is a case where writing it ourselves is surely what the compiler would do: nothing there,
 * or a regular, non-empty file that its owner may write. Links, devices, empty and read-only files are the compiler's. */
bool daemon_output_plain(const char *path);

/* The same for a side file, which some compilers write in place and others replace: nothing there, or a regular file that
 * nobody could tell from a new one: no other name, and the mode that a new one gets. */
bool daemon_side_plain(const char *path, mode_t mask, mode_t extra);

/* The same for a dependency file, which compilers write in place: nothing there, or a regular file of any size. */
bool daemon_deps_plain(const char *path);

/* Writes an object as compilers do: a new file with mode 0666 & ~mask | extra; what was there is replaced (other hard
 * links keep the old content). Atomic when something was there. Returns 0 or -code; nothing half-written stays. */
int daemon_output_write_object(const char *path, mode_t mask, mode_t extra, const void *data, size_t len,
                               struct hp_err *err);

/* Writes a dependency file as compilers do: in place, keeping the mode and inode of what was there. */
int daemon_output_write_deps(const char *path, mode_t mask, const void *data, size_t len, struct hp_err *err);
