/* Protocol Buffers wire format (protobuf.dev, "Encoding") driven by small field tables: the part of it that the frames
 * between client and daemon need. It exists beside protobuf-c because the client is linked against musl, for which the
 * distribution has no protobuf-c, and because strings here are borrowed from the frame, not copied.
 * Property, fuzzed: decode(encode(m)) == m; `protoc --decode` agrees (tests/unit/proto). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Borrowed bytes; not NUL-terminated. */
struct proto_bytes {
	const char *data;
	size_t len;
};

/* repeated bytes/string. `v` is heap memory when decoded (proto_done frees it), the caller's when encoding. */
struct proto_list {
	struct proto_bytes *v;
	size_t len;
};

enum proto_type {
	PROTO_U64,   /* uint64, uint32, bool, enum: varint into a uint64_t member */
	PROTO_BYTES, /* bytes, string into a struct proto_bytes */
	PROTO_LIST,  /* repeated bytes, string into a struct proto_list */
};

struct proto_field {
	uint32_t number;
	enum proto_type type;
	size_t offset; /* of the member */
};

struct proto_desc {
	const char *name;
	const struct proto_field *fields; /* ascending numbers */
	size_t fields_len;
	size_t size; /* of the struct */
};

/* Appends the message; zero and empty members are left out, as proto3 does. */
void proto_encode(const struct proto_desc *desc, const void *msg, struct hp_buf *out);

/* Decodes into *ret_msg (zeroed first). Unknown fields are skipped; a list longer than list_max, a wrong wire type, a
 * truncated or overlong varint: -HP_INVALID and *ret_msg needs no release. */
int proto_decode(const struct proto_desc *desc, const void *data, size_t len, size_t list_max, void *ret_msg,
                 struct hp_err *err);
void proto_done(const struct proto_desc *desc, void *msg);

/* One tag and a length-delimited value, for wrapping a message into an envelope. */
void proto_put_bytes(struct hp_buf *out, uint32_t number, const void *data, size_t len);

/* Takes an envelope apart that holds exactly one length-delimited field. */
int proto_take_envelope(const void *data, size_t len, uint32_t *ret_number, struct proto_bytes *ret_body,
                        struct hp_err *err);

static inline struct proto_bytes proto_str(const char *s)
{
	return (struct proto_bytes){.data = s, .len = s ? __builtin_strlen(s) : 0};
}
