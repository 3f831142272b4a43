/* gRPC over HTTP/2, both sides, for plain blocking code.
 *
 *	loop ──owns──► threads                    one of them at a time waits for all sockets; none is lost to a handler
 *	  ├── server ──► listeners, connections ──► streams ──► handlers, on the loop's threads
 *	  └── channel ─► one connection at a time ─► streams ──► calls, on the caller's own thread
 *
 * A handler and a caller use a stream the same way: rpc_stream_recv() and rpc_stream_send() block until there is a
 * message, or room for one, and end with an error when the call is cancelled, its deadline passes or the connection
 * breaks. One thread may send while another receives; no more than that. Nothing here calls back under a lock of the
 * caller. How it works inside, and what memory it can take: docs/internals/rpc.md.
 *
 * Codes are gRPC's (base/err.h); times are CLOCK_MONOTONIC in nanoseconds, durations in milliseconds, 0 is "the
 * default" in options and "none" in deadlines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "rpc/metadata.h"

struct rpc_loop;
struct rpc_server;
struct rpc_channel;
struct rpc_stream;
struct rpc_secure; /* TLS credentials: rpc/tls.h. Whoever does not include that links no TLS */

/* ---- The loop ------------------------------------------------------------------------------------------------- */

struct rpc_loop_options {
	unsigned handlers_max; /* handlers that run at once; default 64 */
	unsigned queue_max;    /* calls that wait for a thread; more are refused with UNAVAILABLE; default 4096 */
	unsigned stack_kib;    /* of a thread; default 1024 */
};

/* Starts the loop and its first thread. options may be NULL. */
int rpc_loop_new(const struct rpc_loop_options *options, struct rpc_loop **ret_loop, struct hp_err *err);
/* Ends the threads. Every server and channel on it must be freed before. NULL is fine. */
void rpc_loop_free(struct rpc_loop *loop);

/* ---- Message encodings ---------------------------------------------------------------------------------------- */

enum rpc_encoding {
	RPC_IDENTITY = 0,
	RPC_GZIP,
	RPC_ZSTD,
	RPC_ENCODINGS,
};

/* What packs and unpacks messages; a program that names no set links no compressor (the agent). */
struct rpc_codings;
extern const struct rpc_codings rpc_codings_all; /* gzip and zstd */

/* "identity", "gzip", "zstd"; -1 when it is none of them. */
int rpc_encoding_parse(const char *name);

/* ---- Streams, on both sides ----------------------------------------------------------------------------------- */

/* The next message of the peer, unpacked, in *ret_message (emptied first). 1: there is one; 0: the peer has ended its
 * side (on a client that means status OK; the trailers are there); -code: cancelled, deadline, limit exceeded, broken
 * connection, or on a client the peer's status. */
int rpc_stream_recv(struct rpc_stream *stream, struct hp_buf *ret_message, struct hp_err *err);

/* Sends one message; copied, so `data` is free at once. Blocks while more than HP_RPC_SEND_BUFFER_SIZE bytes of this
 * stream wait for the peer's window. -code as above; on a client the peer's status once it has ended the call. */
int rpc_stream_send(struct rpc_stream *stream, const void *data, size_t len, struct hp_err *err);

/* The peer's initial metadata: the request's on a server, at once; the response's on a client, empty until the first
 * rpc_stream_recv() or rpc_stream_finish() has returned. Borrowed. */
const struct rpc_metadata *rpc_stream_metadata(const struct rpc_stream *stream);

/* When the call must be over; 0: never. */
int64_t rpc_stream_deadline_ns(const struct rpc_stream *stream);

/* The handler's cancel token: true when the client has cancelled, gone, or the deadline has passed. */
bool rpc_stream_cancelled(struct rpc_stream *stream);

/* Calls fn(arg) once when that happens, at once when it has, on any thread; fn must be quick and may not use the
 * stream. NULL removes it; after that returns fn is not running. */
void rpc_stream_on_cancel(struct rpc_stream *stream, void (*fn)(void *arg), void *arg);

/* How messages sent from now on are packed (server: within what the client accepts, else they go plain). */
void rpc_stream_set_encoding(struct rpc_stream *stream, enum rpc_encoding encoding);

/* ---- Server --------------------------------------------------------------------------------------------------- */

enum rpc_kind {
	RPC_UNARY = 0,
	RPC_CLIENT_STREAM,
	RPC_SERVER_STREAM,
	RPC_BIDI,
};

/* One method. The handler runs on a thread of the loop. For a call with one request it starts when that is there
 * complete; for streams of requests at once. It returns 0 for OK, or -code with the status message in *err; messages
 * that were sent before count. It may not keep the stream. */
struct rpc_method {
	const char *path; /* "/package.Service/Method" */
	enum rpc_kind kind;
	int (*handle)(struct rpc_stream *stream, void *ctx, struct hp_err *err);
};

/* Metadata that goes out before the first message, and with the status. -HP_INVALID: a name or value that HTTP/2 cannot
 * carry; -HP_PRECONDITION: initial metadata after the first message. */
int rpc_stream_set_initial(struct rpc_stream *stream, const char *name, const void *value, size_t len,
                           struct hp_err *err);
int rpc_stream_set_trailing(struct rpc_stream *stream, const char *name, const void *value, size_t len,
                            struct hp_err *err);
/* grpc-status-details-bin: a google.rpc.Status message, not looked into. */
void rpc_stream_set_details(struct rpc_stream *stream, const void *data, size_t len);

/* Who is there. */
const char *rpc_stream_peer(const struct rpc_stream *stream);

struct rpc_server_options {
	size_t recv_message_max; /* one request, unpacked; default HP_RPC_MESSAGE_SIZE_MAX */
	size_t send_message_max; /* one reply, unpacked; default the same */
	unsigned streams_max;    /* calls at once on one connection; default HP_RPC_STREAMS_MAX */
	unsigned connections_max;
	size_t stream_window;     /* bytes a client may send on one stream that no handler has taken */
	size_t memory_max;        /* bytes of unfinished and unread messages of one connection beyond the windows */
	int handshake_ms;         /* from accept to the peer's SETTINGS; default HP_RPC_HANDSHAKE_MS */
	int idle_ms;              /* a connection without calls is closed after; default none */
	int age_ms;               /* a connection gets GOAWAY after, ±10 %; default none */
	int age_grace_ms;         /* and is closed this much later; default HP_RPC_AGE_GRACE_MS */
	int keepalive_ms;         /* silence after which we ping; default HP_RPC_SERVER_KEEPALIVE_MS */
	int keepalive_timeout_ms; /* and without an answer close; default HP_RPC_KEEPALIVE_TIMEOUT_MS */
	int stall_ms;             /* a peer that takes or gives nothing of a started message; default HP_RPC_STALL_MS */
	const struct rpc_codings *codings;
	enum rpc_encoding encoding; /* of replies, where the client accepts it */
	/* Called for peers that break the rules on purpose (floods, bombs, wrong certificates); quick, any thread. */
	void (*on_abuse)(void *ctx, const char *peer, const char *what);
	void *abuse_ctx;
};

int rpc_server_new(struct rpc_loop *loop, const struct rpc_server_options *options, struct rpc_server **ret_server,
                   struct hp_err *err);
/* Before the first listen or adopt. `methods` ends with a NULL path and is kept, not copied. */
void rpc_server_add(struct rpc_server *server, const struct rpc_method *methods, void *ctx);
/* "HOST:PORT", "[V6]:PORT", "unix:PATH"; port 0 lets the kernel choose. secure may be NULL: no TLS. It is kept and must
 * outlive the server. *ret_port may be NULL. -HP_INVALID, -HP_EXISTS (in use), … */
int rpc_server_listen(struct rpc_server *server, const char *address, struct rpc_secure *secure, uint16_t *ret_port,
                      struct hp_err *err);
/* Serves one connected descriptor: a socket, or anything that reads and writes (a pipe end, a character device). It is
 * closed with the connection. */
int rpc_server_adopt(struct rpc_server *server, int take_fd, const char *peer, struct hp_err *err);
/* No new connections and calls; GOAWAY to all; returns 0 when all calls have ended, -HP_DEADLINE when some live after
 * timeout_ms. */
int rpc_server_drain(struct rpc_server *server, int timeout_ms);
unsigned rpc_server_connections(struct rpc_server *server);
/* Breaks what is left, waits for running handlers (their streams are cancelled), frees. NULL is fine. */
void rpc_server_free(struct rpc_server *server);

/* ---- Client --------------------------------------------------------------------------------------------------- */

struct rpc_channel_options {
	size_t recv_message_max;
	size_t send_message_max;
	size_t stream_window;
	int connect_ms;   /* default HP_RPC_HANDSHAKE_MS: TCP, TLS and SETTINGS together */
	int keepalive_ms; /* silence with calls under way after which we ping; default HP_RPC_KEEPALIVE_MS */
	int keepalive_timeout_ms;
	struct rpc_secure *secure; /* NULL: no TLS */
	const struct rpc_codings *codings;
	const char *authority; /* default: the address */
};

/* A channel connects when a call needs it, and again after a failure or GOAWAY, with growing pauses. address as for
 * rpc_server_listen. */
int rpc_channel_new(struct rpc_loop *loop, const char *address, const struct rpc_channel_options *options,
                    struct rpc_channel **ret_channel, struct hp_err *err);
/* A channel over one connected descriptor: it cannot connect again. */
int rpc_channel_adopt(struct rpc_loop *loop, int take_fd, const struct rpc_channel_options *options,
                      struct rpc_channel **ret_channel, struct hp_err *err);
/* All streams must be freed before. NULL is fine. */
void rpc_channel_free(struct rpc_channel *channel);

struct rpc_call_options {
	int64_t deadline_ns; /* sent as grpc-timeout; 0: none */
	const struct rpc_metadata *metadata;
	enum rpc_encoding encoding; /* once the server has said on this connection that it takes it */
	/* rpc_call only: how often to try again after UNAVAILABLE when no byte of a reply had come; only for methods
	 * that may run twice. What the server surely never saw is tried again in any case. */
	unsigned retries;
};

/* Starts a call; it is on its way when this returns, connected or not. options may be NULL. The caller frees the
 * stream. */
int rpc_call_start(struct rpc_channel *channel, const char *path, const struct rpc_call_options *options,
                   struct rpc_stream **ret_stream, struct hp_err *err);
/* No more messages from us. */
int rpc_stream_close_send(struct rpc_stream *stream, struct hp_err *err);
/* Waits for the end, dropping messages not yet received. 0 or the peer's -code and message. */
int rpc_stream_finish(struct rpc_stream *stream, struct hp_err *err);
/* After the end: trailing metadata, and the details (empty: none). Borrowed. */
const struct rpc_metadata *rpc_stream_trailing(const struct rpc_stream *stream);
void rpc_stream_details(const struct rpc_stream *stream, const void **ret_data, size_t *ret_len);
/* Cancels: the other side sees it, a thread blocked in this stream returns -HP_CANCELLED. */
void rpc_stream_cancel(struct rpc_stream *stream);
/* Cancels what has not ended. No thread may be in the stream. NULL is fine. */
void rpc_stream_free(struct rpc_stream *stream);

/* One request, one reply appended to *ret_reply (emptied first). */
int rpc_call(struct rpc_channel *channel, const char *path, const struct rpc_call_options *options, const void *data,
             size_t len, struct hp_buf *ret_reply, struct hp_err *err);
