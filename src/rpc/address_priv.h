/* Addresses as text, and the sockets they lead to. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

#define RPC_ADDRESS_TEXT_SIZE 80

/* "HOST:PORT", "[V6]:PORT" or "unix:PATH". */
struct rpc_address {
	char host[256];
	char port[6];
	char unix_path[sizeof((struct sockaddr_un *)0)->sun_path]; /* "" when it is none */
};

int rpc_address_parse(const char *text, struct rpc_address *ret_address, struct hp_err *err);
void rpc_address_text(const struct sockaddr_storage *address, char ret_text[RPC_ADDRESS_TEXT_SIZE]);
/* A listening, non-blocking descriptor, or -code. Only numbers are taken as hosts, "localhost" and "*" beside. */
int rpc_address_listen(const struct rpc_address *address, uint16_t *ret_port, struct hp_err *err);
/* connect.c. A connected, non-blocking descriptor, or -code. Resolves names. */
int rpc_address_connect(const struct rpc_address *address, int64_t until_ns, struct hp_err *err);
