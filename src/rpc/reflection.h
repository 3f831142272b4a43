/* Server reflection (grpc.reflection.v1 and v1alpha): buf curl, grpcurl and the like learn from it what a server offers. */
#pragma once

#include "rpc/rpc.h"

struct rpc_reflection;

/* A FileDescriptorSet as protoc writes it, imports included. */
struct rpc_descriptors {
	const void *data;
	size_t len;
};

/* The sets are kept, not copied: they are constants of the program. -HP_INVALID: not what protoc writes. */
int rpc_reflection_new(const struct rpc_descriptors *sets, size_t sets_len, struct rpc_reflection **ret_reflection,
                       struct hp_err *err);
/* The server that uses it must be freed before. NULL is fine. */
void rpc_reflection_free(struct rpc_reflection *reflection);
void rpc_reflection_serve(struct rpc_reflection *reflection, struct rpc_server *server);
