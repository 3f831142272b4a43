/* Messages of peers into protobuf-c's structs, within bounds. protobuf-c itself believes what it reads: two bytes on the
 * wire can become a hundred in memory, unknown fields are kept, and strings may hold NUL or no text at all. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/err.h"

/* Looks the bytes over first, without allocating, then unpacks. memory_max bounds what the structs will take, everything
 * counted; it also bounds the number of fields. The caller frees *ret_message with protobuf_c_message_free_unpacked.
 * -HP_INVALID: malformed, nested deeper than HP_PROTO_DEPTH_MAX, a wrong wire type, a string that is not UTF-8 or holds
 * NUL; -HP_EXHAUSTED: more memory, or more unknown fields than HP_PROTO_UNKNOWN_MAX. */
int proto_unpack(const ProtobufCMessageDescriptor *desc, const void *data, size_t len, size_t memory_max,
                 ProtobufCMessage **ret_message, struct hp_err *err);

/* The first half of it. *ret_memory may be NULL. */
int proto_check(const ProtobufCMessageDescriptor *desc, const void *data, size_t len, size_t memory_max,
                size_t *ret_memory, struct hp_err *err);
