/* One conversation with the daemon about one compile. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "client/handshake.h"
#include "proto/local.h"

struct client_session {
	int fd;
	struct hp_buf frame; /* the last frame received, and perhaps more; decoded messages point into it */
	size_t taken;        /* bytes of `frame` that were that frame */
};

/* What is compiled: everything the daemon has to know. */
struct client_compile {
	const char *compiler; /* absolute path */
	char *const *argv;    /* as the compiler gets it; argv[0] included, NULL-terminated */
	const char *cwd;
};

/* Fills the request from this process's surroundings: environment, umask, terminal, namespace. The lists are heap
 * memory (proto_done with proto_compile_desc). */
void client_request_fill(const struct client_compile *c, struct proto_compile *ret_request);

/* How long a daemon may take to answer before the compile goes on without it. Generous, because a loaded machine is no
 * reason to lose the cache; finite, because a stuck daemon must not stop a build. */
#define CLIENT_REPLY_DEADLINE_MS 5000
/* After the report it reads the outputs, which can be hundreds of megabytes. */
#define CLIENT_ACK_DEADLINE_MS 60000

/* Connects. False with errno when nobody listens. */
bool client_session_open(struct client_session *s, const struct client_handshake *h);
void client_session_close(struct client_session *s);

/* Sends hello and one more message in one write. */
bool client_session_send_first(struct client_session *s, const struct client_handshake *h, enum proto_local_kind kind,
                               const void *msg);
bool client_session_send(struct client_session *s, enum proto_local_kind kind, const void *msg);

/* Receives one message of exactly this kind into *ret_msg (proto_done). deadline_ms < 0: as long as the daemon lives.
 * False: late, closed, malformed, or another kind. */
bool client_session_receive(struct client_session *s, enum proto_local_kind kind, int deadline_ms, void *ret_msg);

/* Asks a running daemon for PROTO_CONTROL_*. 1 done, 0 no daemon, -1 it failed. */
int client_control(enum proto_control_kind kind);
