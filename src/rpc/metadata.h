/* Metadata of calls: what travels in HTTP/2 headers beside the messages. Pure.
 *
 * Names are lower case; a name that ends in "-bin" has any bytes as its value (base64 on the wire), every other only
 * printable ASCII. Several entries may have one name; order is kept. A zeroed struct is empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct rpc_entry {
	char *name;
	char *value; /* NUL-terminated beyond value_len */
	size_t value_len;
};

struct rpc_metadata {
	struct rpc_entry *v;
	size_t len;
	size_t cap;
	size_t size; /* of names and values, 32 bytes more an entry (as HTTP/2 counts) */
};

void rpc_metadata_done(struct rpc_metadata *md);
/* Copies. -HP_INVALID: a name that is reserved ("grpc-…", ":…", HTTP's own) or ill-formed, or a value that HTTP/2 cannot
 * carry; -HP_EXHAUSTED: more than HP_RPC_METADATA_SIZE_MAX in all. */
int rpc_metadata_add(struct rpc_metadata *md, const char *name, const void *value, size_t len, struct hp_err *err);
/* The first entry of that name, or NULL. */
const struct rpc_entry *rpc_metadata_find(const struct rpc_metadata *md, const char *name);
#define RPC_AUTO_METADATA __attribute__((cleanup(rpc_metadata_done)))
