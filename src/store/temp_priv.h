/* Files being written: DIR/tmp/<pid>.<random>, on the same file system as the entries. Each is locked (flock) by its
 * writer, so that whoever opens the store can tell those of the dead from those of the living. Private to the store. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* Zero with fd = -1 is the initial state. */
struct store_temp {
	int fd;
	char *path; /* NULL: nothing there to remove */
};

/* Makes the file and writes all of it. -HP_EXHAUSTED when the medium is full; -HP_NOT_FOUND when it vanished while being
 * made (try again). store_temp_done removes it in any case. */
int store_temp_write(struct store_temp *temp, const char *dir, const void *data, size_t len, struct hp_err *err);
/* Moves it to `path`, replacing what is there. Returns 0 or -errno. */
int store_temp_rename(struct store_temp *temp, const char *path);
void store_temp_done(struct store_temp *temp);

/* Removes the temporary files that no living process holds. */
void store_temp_clean(const char *dir);
