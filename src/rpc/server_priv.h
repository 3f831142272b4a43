/* What the server's parts share. */
#pragma once

#include "base/map.h"
#include "rpc/conn_priv.h"

struct rpc_bound {
	const struct rpc_method *method;
	void *ctx;
};

struct rpc_listener {
	struct rpc_source source; /* first */
	struct rpc_server *server;
	struct rpc_secure *secure;
	char *unix_path; /* removed when the listener goes */
	bool tcp;
	struct rpc_listener *next;
};

struct rpc_server {
	struct rpc_loop *loop;
	struct rpc_settings settings;
	unsigned connections_max;
	enum rpc_encoding encoding;
	struct hp_map methods; /* path → struct rpc_bound */
	pthread_mutex_t lock;  /* of the lists; taken before a connection's */
	pthread_cond_t cond;   /* something of them went */
	struct rpc_listener *listeners;
	unsigned listeners_len;
	struct rpc_conn *conns;
	unsigned conns_len;
	unsigned calls; /* handlers that run or wait: atomic */
	bool draining;
	bool closing;
};

extern const struct rpc_role rpc_server_role;
/* A connected transport becomes a connection of the server. The transport is consumed. */
int rpc_server_serve(struct rpc_server *server, struct rpc_transport *take_transport, const char *peer,
                     struct hp_err *err);
