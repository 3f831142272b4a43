/* The handshake file: how a client finds its daemon and each proves itself to the other. docs/protocol.md. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define CLIENT_TOKEN_SIZE_MAX 64

struct client_handshake {
	uint16_t port;    /* on 127.0.0.1 */
	char socket[108]; /* the same daemon on a Unix socket, which is cheaper; "": none */
	pid_t pid;
	unsigned protocol;
	char token[CLIENT_TOKEN_SIZE_MAX + 1]; /* shows the daemon that we could read the file */
	char proof[CLIENT_TOKEN_SIZE_MAX + 1]; /* what the daemon must answer with: nobody else knows it */
};

/* Appends the path of the handshake file: $XDG_RUNTIME_DIR/hpcc/daemon.json, else $XDG_CONFIG_HOME/hpcc/daemon.json,
 * else $HOME/.config/hpcc/daemon.json. False when none of the variables is an absolute path. */
bool client_handshake_path(struct hp_buf *out);

enum client_handshake_result {
	CLIENT_HANDSHAKE_OK = 0,
	CLIENT_HANDSHAKE_NONE,    /* no file */
	CLIENT_HANDSHAKE_REFUSED, /* not a private regular file of this user, or malformed */
	CLIENT_HANDSHAKE_STALE,   /* its daemon is dead */
};

/* Reads and checks the file. */
enum client_handshake_result client_handshake_read(const char *path, struct client_handshake *ret_handshake);

/* Compares in time that does not depend on where they differ. */
bool client_token_eq(const char *a, size_t a_len, const char *b, size_t b_len);
