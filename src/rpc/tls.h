/* TLS 1.3 with ALPN "h2" for servers and channels. Credentials are made once and shared by any number of connections;
 * they must outlive the server or channel that they were given to. */
#pragma once

#include <stdint.h>

#include "rpc/rpc.h"

#define RPC_PIN_SIZE 32

/* PEM files: the chain, leaf first, and its key. -HP_INVALID: what is in them is of no use. */
int rpc_tls_server_new(const char *cert_file, const char *key_file, struct rpc_secure **ret_secure, struct hp_err *err);

/* Accepts exactly the server whose certificate (DER) has this SHA-256; no authority, name or date is asked. */
int rpc_tls_pinned_new(const uint8_t pin[RPC_PIN_SIZE], struct rpc_secure **ret_secure, struct hp_err *err);

/* Accepts servers with a chain to an authority of the PEM file (NULL: the system's), valid now, for the host of the
 * channel's address. */
int rpc_tls_verified_new(const char *ca_file, struct rpc_secure **ret_secure, struct hp_err *err);

void rpc_tls_free(struct rpc_secure *secure);

/* 64 hexadecimal digits, colons between bytes allowed. */
int rpc_tls_pin_parse(const char *text, uint8_t ret_pin[RPC_PIN_SIZE], struct hp_err *err);
/* The pin of a server's certificate. */
int rpc_tls_pin_of(const char *cert_file, uint8_t ret_pin[RPC_PIN_SIZE], struct hp_err *err);
