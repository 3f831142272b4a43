/* How bytes travel: one ops table a kind. Everything above is the same over TCP, TLS, a Unix socket or a descriptor.
 *
 * Contract: calls never block and are made under the connection's lock by one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct rpc_transport;
struct rpc_secure;

struct rpc_transport_ops {
	const char *name;
	/* NULL: there is nothing to do. 1: done; 0: call again when the descriptor is ready; -code: failed. */
	int (*handshake)(struct rpc_transport *t, struct hp_err *err);
	/* > 0 bytes; 0: the peer has closed; -EAGAIN: later; another -errno: broken. Edge-triggered: callers read on
	 * until -EAGAIN. */
	ssize_t (*recv)(struct rpc_transport *t, void *dst, size_t size);
	/* ≥ 0 bytes taken, perhaps fewer than len; -EAGAIN; -errno. */
	ssize_t (*send)(struct rpc_transport *t, const void *src, size_t len);
	/* Closes the descriptor and frees. Must not wait for the peer. */
	void (*free)(struct rpc_transport *t);
};

struct rpc_transport {
	const struct rpc_transport_ops *ops;
	int fd; /* what epoll waits for */
};

/* Credentials know how to put a transport on a connected socket. */
struct rpc_secure_ops {
	/* The descriptor is consumed, also on failure. host: whom a client wants, for SNI and names. */
	int (*wrap)(struct rpc_secure *secure, int take_fd, bool server, const char *host,
	            struct rpc_transport **ret_transport, struct hp_err *err);
};
struct rpc_secure {
	const struct rpc_secure_ops *ops;
};

/* A connected, non-blocking socket as it is. */
struct rpc_transport *rpc_transport_socket(int take_fd);
/* Any connected descriptor: a socket as above, all else through two threads and a socket pair. */
int rpc_transport_adopt(int take_fd, struct rpc_transport **ret_transport, struct hp_err *err);
