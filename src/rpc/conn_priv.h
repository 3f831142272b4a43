/* A connection: an HTTP/2 session on a transport, and its streams. Shared by both sides; what differs is behind
 * `struct rpc_role`.
 *
 *	HANDSHAKE ──transport ready──► OPEN ──GOAWAY sent or received──► DRAINING
 *	    └────────────┴───────────────┴──── error, peer closed, time ────┴──────► CLOSED
 *
 * One lock guards the session and all streams. It is held for protocol work and for one write to the kernel, never
 * while a handler runs, a message is packed, or anybody waits. References: the loop's registration and each stream. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <pthread.h>

#include "rpc/loop_priv.h"
#include "rpc/transport_priv.h"
#include "rpc/wire_priv.h"

struct rpc_conn;

enum rpc_conn_state {
	RPC_CONN_HANDSHAKE = 1,
	RPC_CONN_OPEN,
	RPC_CONN_DRAINING,
	RPC_CONN_CLOSED,
};

/* What a server and a channel each make of a connection's events; called under its lock. */
struct rpc_role {
	bool server;
	/* All headers of a block are there. */
	void (*headers)(struct rpc_stream *stream, bool trailers);
	/* Messages have become complete, or the peer has ended its side. */
	void (*readable)(struct rpc_stream *stream);
	/* The call is over: `stream->status` says how. */
	void (*ended)(struct rpc_stream *stream);
	/* The peer will take no new calls, or the connection is closed (without the lock in that case). */
	void (*draining)(struct rpc_conn *conn);
	void (*closed)(struct rpc_conn *conn);
};

/* Both sides' settings, resolved: no zero means default any more. */
struct rpc_settings {
	size_t recv_message_max;
	size_t send_message_max;
	size_t stream_window;
	size_t memory_max;
	unsigned streams_max;
	int64_t handshake_ns;
	int64_t idle_ns; /* 0: none */
	int64_t age_ns;  /* 0: none */
	int64_t age_grace_ns;
	int64_t keepalive_ns; /* 0: none */
	int64_t keepalive_timeout_ns;
	int64_t stall_ns;
	const struct rpc_codings *codings;
	void (*on_abuse)(void *ctx, const char *peer, const char *what);
	void *abuse_ctx;
};

struct rpc_conn {
	struct rpc_source source; /* first: what the loop knows */
	struct rpc_loop *loop;
	const struct rpc_role *role;
	const struct rpc_settings *settings;
	void *owner;                  /* struct rpc_server or struct rpc_channel */
	struct rpc_conn *prev, *next; /* the owner's list */
	char *peer;
	int refs; /* atomic */

	pthread_mutex_t lock;
	enum rpc_conn_state state;
	struct rpc_transport *transport;
	nghttp2_session *session;
	struct hp_err why;          /* CLOSED: what streams are told */
	struct rpc_stream *streams; /* all with a struct, in no order */
	unsigned streams_len;
	unsigned working;  /* streams whose handler has not ended */
	struct hp_buf out; /* frames for the kernel from out_at on */
	size_t out_at;
	bool hung_up;      /* the peer sends no more than what is in the socket */
	bool blocked;      /* the kernel takes no more */
	bool in_session;   /* within nghttp2: no calls into it that send */
	bool more_to_read; /* its turn was over before its bytes were */
	bool peer_goaway;
	unsigned accepts; /* client: encodings that the server has said it takes, a bit set */
	bool settings_seen;
	size_t memory; /* bytes of all streams' inboxes */
	bool withheld; /* a stream waits for memory */

	int64_t created_ns;
	int64_t read_ns;  /* when bytes last came */
	int64_t moved_ns; /* when the kernel last took bytes, or there was nothing to take */
	int64_t idle_ns;  /* since when no stream lives */
	int64_t ping_ns;  /* 0, or when a ping went out that has not come back */
	int64_t age_ns;   /* when it is too old; RPC_NEVER */
	int64_t doom_ns;  /* when what drains is closed; RPC_NEVER */
	int64_t flood_at_ns;
	int64_t flood;     /* RPC_FLOOD_TOKENs left */
	size_t frame_left; /* of the frame under way, what is to come */
	unsigned char frame_head[9];
	size_t frame_head_len;
};

enum rpc_stream_phase {
	RPC_STREAM_NEW = 1, /* server: waits for its request; client: waits for the answer's headers */
	RPC_STREAM_QUEUED,  /* server: waits for a thread */
	RPC_STREAM_LIVE,    /* server: its handler runs; client: headers are there */
	RPC_STREAM_OVER,    /* status known (client) or sent (server) */
};

struct rpc_stream {
	struct rpc_job job; /* first: what the loop's queue knows */
	struct rpc_conn *conn;
	struct rpc_stream *prev, *next;
	int32_t id; /* -1: never got one */
	int refs;   /* under the lock: the HTTP/2 session's, and the handler's or caller's */
	enum rpc_stream_phase phase;
	pthread_cond_t cond;
	unsigned seq; /* atomic: counts wake-ups */

	/* Server: the method. */
	bool working; /* counts in conn->working */
	const struct rpc_method *method;
	void *method_ctx;

	/* What came. */
	struct hp_buf in; /* DATA from in_at on: messages with their prefixes */
	size_t in_at;
	size_t owed;         /* bytes of the stream's window not given back */
	int64_t in_since_ns; /* when the message under assembly last grew */
	bool peer_ended;
	bool closed; /* the HTTP/2 stream is */
	uint32_t reset_code;
	struct rpc_metadata initial, trailing;
	size_t block_size; /* of the header block under way, before anything is dropped */
	size_t drop_size;  /* of DATA after the call was over */
	bool headers_over; /* too much metadata */
	bool bad_metadata;
	bool has_method_post, has_content_type, has_te, has_path;
	bool bad_timeout;
	int http_status;
	int grpc_status; /* -1: none */
	struct hp_buf message, details;
	int in_encoding;  /* of the peer's messages; -1: one we do not know */
	unsigned accepts; /* encodings that the peer takes, a bit set */
	int64_t deadline_ns;

	/* Client. */
	const char *path; /* until the request has been submitted */

	/* What goes. */
	struct hp_buf out; /* messages with their prefixes from out_at on */
	size_t out_at;
	bool headers_sent;
	bool end_sent;        /* no more messages will be appended */
	bool deferred;        /* the session waits for more of `out` */
	int64_t out_since_ns; /* when the peer last took something of `out` */
	struct rpc_metadata out_initial, out_trailing;
	enum rpc_encoding encoding;

	/* How it ended, for whoever waits. */
	struct hp_err status; /* code 0 and `over`: OK */
	bool over;
	bool finished;  /* the handler has returned, or the peer sent its status: no cancelling any more */
	bool cancelled; /* the handler's token; on a client: ended by ourselves */
	void (*cancel_fn)(void *arg);
	void *cancel_arg;
};

/* Takes the transport. The connection has one reference, the loop's. Its events begin with this call. */
int rpc_conn_new(struct rpc_loop *loop, const struct rpc_role *role, const struct rpc_settings *settings, void *owner,
                 struct rpc_transport *take_transport, const char *peer, struct rpc_conn **ret_conn,
                 struct hp_err *err);
/* Registers with the loop; on failure the connection is freed. */
int rpc_conn_start(struct rpc_conn *conn, struct hp_err *err);
void rpc_conn_ref(struct rpc_conn *conn);
void rpc_conn_unref(struct rpc_conn *conn);

/* All below are called with conn->lock held. */
/* Sends what there is to send, as far as the kernel takes it. */
void rpc_conn_pump(struct rpc_conn *conn);
/* CLOSED from now on: streams end with that error; the leader releases it soon. */
void rpc_conn_fail(struct rpc_conn *conn, const struct hp_err *why);
void rpc_conn_goaway(struct rpc_conn *conn, int64_t doom_ns);
/* Arms the timer for the next thing that is due. */
void rpc_conn_arm(struct rpc_conn *conn, int64_t when_ns);
void rpc_conn_abuse(struct rpc_conn *conn, const char *what);
/* One frame without content: -1 when there were too many, and the connection is to be closed. */
int rpc_conn_spend(struct rpc_conn *conn);
#define RPC_FLOOD_TOKEN 1000
void rpc_conn_earn(struct rpc_conn *conn, int64_t tokens);

/* session.c: nghttp2's callbacks. */
int rpc_session_new(struct rpc_conn *conn, struct hp_err *err);

/* stream.c, with the lock held unless they say otherwise. */
struct rpc_stream *rpc_stream_new(struct rpc_conn *conn, int32_t id);
void rpc_stream_unref(struct rpc_stream *stream);
void rpc_stream_wake(struct rpc_stream *stream);
/* DATA has come. */
void rpc_stream_data(struct rpc_stream *stream, const uint8_t *data, size_t len);
/* Gives the peer back what it may send again. */
void rpc_stream_credit(struct rpc_stream *stream);
/* 1: a whole message is in the inbox; 0: not yet; -code: it is too large or its prefix is wrong. */
int rpc_stream_peek(struct rpc_stream *stream, size_t *ret_len, bool *ret_packed, struct hp_err *err);
/* The status is known: whoever waits is told, a server's handler by its cancel token, and a server sends it. The first one
 * counts. */
void rpc_stream_over(struct rpc_stream *stream, int code, const char *text);
/* Resets the HTTP/2 stream. */
void rpc_stream_reset(struct rpc_stream *stream, uint32_t error_code);
/* Waits under the lock (which is let go meanwhile) until seq, read before the condition was looked at, is no longer
 * stream->seq, or the deadline has passed. */
void rpc_stream_wait(struct rpc_stream *stream, unsigned seq);
/* Server: trailers with this status, headers before them where none went. */
int rpc_stream_submit_status(struct rpc_stream *stream, int code, const char *text);
int rpc_stream_submit_headers(struct rpc_stream *stream);
ssize_t rpc_stream_read_out(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                            nghttp2_data_source *source, void *user);
void rpc_stream_resume(struct rpc_stream *stream);
int rpc_stream_append(struct rpc_stream *stream, const void *data, size_t len, bool packed);
/* Without the lock. 1: packed; 0: goes as it is; -code. */
int rpc_stream_pack(struct rpc_stream *stream, const void *data, size_t len, struct hp_buf *packed, struct hp_err *err);

/* Headers to send. Values stay the caller's until nghttp2 has copied them. */
struct rpc_nvs {
	nghttp2_nv *v;
	size_t len;
	struct hp_buf *bins; /* base64 of binary metadata */
	size_t bins_len;
};
/* Room for the metadata and `more` headers. */
struct rpc_nvs rpc_nvs_new(const struct rpc_metadata *md, size_t more);
void rpc_nvs_add(struct rpc_nvs *nvs, const char *name, const char *value, size_t len);
void rpc_nvs_metadata(struct rpc_nvs *nvs, const struct rpc_metadata *md);
void rpc_nvs_done(struct rpc_nvs *nvs);
const char *rpc_accept_list(const struct rpc_codings *codings);

/* coding.c */
struct rpc_codings {
	unsigned set;       /* of 1 << enum rpc_encoding */
	const char *accept; /* the same as grpc-accept-encoding */
	int (*pack)(enum rpc_encoding encoding, const void *data, size_t len, struct hp_buf *out, struct hp_err *err);
	/* At most `limit` bytes: -HP_EXHAUSTED. */
	int (*unpack)(enum rpc_encoding encoding, const void *data, size_t len, size_t limit, struct hp_buf *out,
	              struct hp_err *err);
};
extern const char *const rpc_encoding_names[RPC_ENCODINGS];
