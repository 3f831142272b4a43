/* The parts of identity: asking, and the record on disk. */
#pragma once

#include <pthread.h>

#include "daemon/identity.h"

struct daemon_identity *daemon_identity_new(void);

/* Runs the compiler and hashes what it would run. Same results as daemon_identity_get. */
int daemon_identity_ask(const struct daemon_identity_query *q, struct daemon_identity **ret_id, struct hp_err *err);

/* The record on disk (docs/formats.md): a protobuf message and its BLAKE3. Decode gives NULL for anything else. */
void daemon_identity_encode(const struct daemon_identity *id, struct hp_buf *out);
struct daemon_identity *daemon_identity_decode(const void *data, size_t len);
