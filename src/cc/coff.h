/* The time stamp in the header of a COFF object: the one thing in it that differs from compile to compile. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the stamp stands in an object that begins with these bytes. False: no COFF object, so it has none (bitcode,
 * another format, too short). */
bool cc_coff_stamp(const void *data, size_t len, size_t *ret_offset, uint32_t *ret_stamp);

/* Writes `stamp` at the offset found above. */
void cc_coff_set_stamp(void *data, size_t offset, uint32_t stamp);
