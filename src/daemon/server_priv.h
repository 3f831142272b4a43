/* What the server's parts share. */
#pragma once

#include <poll.h>
#include <pthread.h>

#include "base/limits.h"
#include "client/handshake.h"
#include "daemon/server.h"
#include "proto/local.h"
#include "sys/fs.h"

enum daemon_conn_state {
	DAEMON_CONN_FRESH = 1, /* no request yet */
	DAEMON_CONN_RUNNING,   /* its client compiles; a report will come */
	DAEMON_CONN_WAITING,   /* for the leader of its flight */
};

/* Whoever has set `held` under the server's lock may touch a connection; everyone else only its slot. */
struct daemon_conn {
	uint32_t slot;       /* in server->slots */
	uint32_t generation; /* tells this connection's events from those of the slot's last one */
	int fd;
	enum daemon_conn_state state;
	bool in_epoll;
	bool greeted; /* it has shown the token */
	bool held;    /* under server->lock */
	bool woken;   /* under server->lock: its flight ended */
	bool retry_alone;
	int64_t since_ns; /* of the state */
	struct daemon_request request;
	struct daemon_ticket *ticket; /* RUNNING */
	struct hp_buf frame;
	size_t taken; /* bytes of `frame` that were the last frame */
	struct daemon_conn *woken_next;
};

struct daemon_server {
	int listen_fd; /* on 127.0.0.1 */
	int unix_fd;   /* on a Unix socket beside the handshake file; -1: none */
	int epoll;
	int wake_fd;
	int quit_fd;
	uint16_t port;
	unsigned threads_len;
	unsigned busy;   /* atomic: threads at work */
	bool quit;       /* atomic */
	bool stop_asked; /* atomic: by a client's control message */
	struct client_handshake handshake;
	char *handshake_path; /* NULL: not ours (yet) */
	int lock_fd;
	struct sys_surroundings here; /* what a client must share with us for paths to mean the same */
	struct daemon_service *service;
	pthread_mutex_t lock; /* of the lists */
	struct daemon_conn *slots[HP_DAEMON_CONNECTIONS_MAX];
	size_t conns_len;
	int64_t warned_ns; /* atomic: when a wrong token was last logged */
	uint32_t generation;
	struct daemon_conn *woken; /* at rest and woken: to be held by whoever takes them from here */
};

/* Serves what has arrived. True: the connection rests; false: it is closed. */
bool daemon_conn_serve(struct daemon_server *server, struct daemon_conn *conn);
/* Serves a waiting connection again whose flight has ended. The same result. */
bool daemon_conn_retry(struct daemon_server *server, struct daemon_conn *conn);
void daemon_conn_close(struct daemon_server *server, struct daemon_conn *conn);

/* Writes the handshake file unless another daemon holds it, and opens the Unix socket beside it. */
int daemon_handshake_claim(struct daemon_server *server, const char *path, struct hp_err *err);
void daemon_handshake_release(struct daemon_server *server);
