/* grpc.health.v1.Health: Check and Watch, as load balancers, Kubernetes and grpc_health_probe ask it. */
#pragma once

#include <stdbool.h>

#include "rpc/rpc.h"

struct rpc_health;

/* The whole server ("") is NOT_SERVING until told otherwise. */
struct rpc_health *rpc_health_new(void);
/* The server that uses it must be freed before. NULL is fine. */
void rpc_health_free(struct rpc_health *health);

/* Any thread. service: "" or "package.Service", copied. Watchers are told. */
void rpc_health_set(struct rpc_health *health, const char *service, bool serving);
/* All to NOT_SERVING, and Watch calls end: before draining. */
void rpc_health_shutdown(struct rpc_health *health);

/* Adds the service. */
void rpc_health_serve(struct rpc_health *health, struct rpc_server *server);
