/* The small formats inside of gRPC's headers and its message framing. Pure: bytes in, bytes out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rpc/metadata.h"

/* A message on the wire: one byte of flags, a big-endian length, the bytes. */
#define RPC_PREFIX_SIZE 5

/* grpc-timeout: at most eight digits and a unit. -1: ill-formed. Saturates far beyond any deadline. */
int64_t rpc_timeout_parse(const char *text, size_t len);
/* Rounded up, so that a server never gives up before its client; "0n" when nothing is left. At most 9 bytes and NUL. */
void rpc_timeout_format(int64_t timeout_ns, char ret_text[24]);

/* grpc-message. Decoding never fails: what is not an escape stands for itself; control characters, which a terminal
 * would obey, become '?'. Both append at most `limit` bytes of the message. */
void rpc_percent_encode(const char *text, size_t len, size_t limit, struct hp_buf *out);
void rpc_percent_decode(const char *text, size_t len, size_t limit, struct hp_buf *out);

/* Standard alphabet, padding optional when read and left out when written. false: ill-formed, `out` holds rubbish. */
void rpc_base64_encode(const void *data, size_t len, struct hp_buf *out);
bool rpc_base64_decode(const char *text, size_t len, struct hp_buf *out);

/* grpc-status: 0…16; a larger number is HP_UNKNOWN, what is no number -1. */
int rpc_status_parse(const char *text, size_t len);
/* What a response without grpc-status means, by its HTTP status. */
enum hp_code rpc_code_from_http(int status);
/* What a reset stream means, by its HTTP/2 error code. */
enum hp_code rpc_code_from_reset(uint32_t error_code);

/* A bit set of 1 << enum rpc_encoding from a list such as "identity, gzip,x"; identity is always in. */
unsigned rpc_encodings_parse(const char *text, size_t len);

bool rpc_name_is_bin(const char *name, size_t len);
/* Appends an entry; false when there would be too much. The value is consumed either way. */
bool rpc_metadata_put(struct rpc_metadata *md, const char *name, size_t name_len, char *take_value, size_t value_len);
/* Appends a header as it came. 0, -HP_INVALID (base64), -HP_EXHAUSTED. */
int rpc_metadata_take_header(struct rpc_metadata *md, const char *name, size_t name_len, const char *value,
                             size_t value_len);
