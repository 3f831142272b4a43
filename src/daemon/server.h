/* hpcc-daemon's outside: the loopback socket, its clients, the pool that serves them. docs/protocol.md. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "daemon/service.h"

struct daemon_server_options {
	uint16_t port;                         /* on 127.0.0.1; 0: the kernel chooses */
	int listen_fd;                         /* a listening socket from systemd, owned from now on; -1: none */
	unsigned threads;                      /* 0: chosen from the number of processors */
	const char *handshake_path;            /* written when listening, removed at the end */
	struct daemon_service_options service; /* wake and wake_ctx are filled in by the server */
};

struct daemon_server;

/* Listens and writes the handshake file. -HP_EXISTS when another daemon of this user is alive (the message names it). */
int daemon_server_new(const struct daemon_server_options *opt, struct daemon_server **ret_server, struct hp_err *err);

/* Serves until stop_fd becomes readable, then lets running requests finish (at most grace_ms) and returns. */
void daemon_server_run(struct daemon_server *server, int stop_fd, int grace_ms);

void daemon_server_free(struct daemon_server *take_server);
