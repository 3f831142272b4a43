#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/address_priv.h"
#include "rpc/conn_priv.h"
#include "sys/clock.h"
#include "sys/entropy.h"

#define NS_PER_MS 1000000LL
/* Tries of a call that the server has surely not seen. */
#define SAFE_RETRIES_MAX 3

/* Locks: a connection's may be held when the channel's is taken, never the other way round. */
struct rpc_channel {
	struct rpc_loop *loop;
	struct rpc_settings settings;
	struct rpc_address address;
	char *authority;
	struct rpc_secure *secure;
	bool adopted; /* its one connection cannot be made again */

	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct rpc_conn *conn;  /* takes new calls; NULL: none; a reference */
	struct rpc_conn *conns; /* all that live */
	unsigned conns_len;
	bool connecting;
	unsigned failures; /* in a row */
	int64_t not_before_ns;
	struct hp_err last;
};

/* ---- What a connection tells. */

/* How the peer, or the lack of it, ended the call. */
static void conclude(struct rpc_stream *s)
{
	char text[64] = "";

	s->finished = true;
	if (s->headers_over) {
		rpc_stream_over(s, HP_EXHAUSTED, "the server sent too much metadata");
	} else if (s->bad_metadata) {
		rpc_stream_over(s, HP_INTERNAL, "the server's binary metadata is not base64");
	} else if (s->grpc_status >= 0) {
		rpc_stream_over(s, s->grpc_status, hp_buf_cstr(&s->message));
	} else if (s->http_status && s->http_status != 200) {
		(void)snprintf(text, sizeof text, "HTTP status %d", s->http_status);
		rpc_stream_over(s, rpc_code_from_http(s->http_status), text);
	} else if (s->closed && s->reset_code) {
		(void)snprintf(text, sizeof text, "the server has reset the call: %s",
		               nghttp2_http2_strerror(s->reset_code));
		rpc_stream_over(s, rpc_code_from_reset(s->reset_code), text);
	} else {
		rpc_stream_over(s, HP_INTERNAL, "the server ended the call without a status");
	}
}

static void client_headers(struct rpc_stream *s, bool trailers)
{
	(void)trailers;
	s->conn->accepts |= s->accepts;
	if (s->peer_ended || s->headers_over || s->bad_metadata) {
		conclude(s);
		if (!s->peer_ended || !s->end_sent)
			rpc_stream_reset(s, s->peer_ended ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
	} else if (s->phase == RPC_STREAM_NEW) {
		s->phase = RPC_STREAM_LIVE;
	}
}

static void client_readable(struct rpc_stream *s)
{
	(void)s;
}

static void client_ended(struct rpc_stream *s)
{
	if (!s->over)
		conclude(s);
}

/* The channel no longer gives new calls to it. */
static void retire(struct rpc_channel *channel, struct rpc_conn *conn)
{
	bool current;

	(void)pthread_mutex_lock(&channel->lock);
	current = channel->conn == conn;
	if (current)
		channel->conn = NULL;
	(void)pthread_mutex_unlock(&channel->lock);
	if (current)
		rpc_conn_unref(conn); /* the loop holds it still */
}

static void client_draining(struct rpc_conn *conn)
{
	if (conn->state == RPC_CONN_OPEN)
		conn->state = RPC_CONN_DRAINING;
	retire(conn->owner, conn);
}

static void client_closed(struct rpc_conn *conn)
{
	struct rpc_channel *channel = conn->owner;

	retire(channel, conn);
	(void)pthread_mutex_lock(&channel->lock);
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		channel->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	channel->conns_len--;
	channel->last = conn->why;
	if (conn->settings_seen) {
		channel->failures = 0;
	} else {
		int64_t pause = HP_RPC_BACKOFF_MIN_MS << (channel->failures < 16 ? channel->failures : 16);

		pause = pause < HP_RPC_BACKOFF_MAX_MS ? pause : HP_RPC_BACKOFF_MAX_MS;
		pause = pause / 2 + (int64_t)(sys_random_u64() % (uint64_t)pause);
		channel->failures++;
		channel->not_before_ns = sys_monotonic_ns() + pause * NS_PER_MS;
	}
	(void)pthread_cond_broadcast(&channel->cond);
	(void)pthread_mutex_unlock(&channel->lock);
}

static const struct rpc_role client_role = {
        .headers = client_headers,
        .readable = client_readable,
        .ended = client_ended,
        .draining = client_draining,
        .closed = client_closed,
};

/* ---- Channels. */

static int64_t ms_or(int ms, int fallback_ms)
{
	return (ms ? ms : fallback_ms) * NS_PER_MS;
}

static struct rpc_channel *channel_new(struct rpc_loop *loop, const struct rpc_channel_options *o,
                                       const char *authority)
{
	struct rpc_channel *channel = hp_zalloc(sizeof *channel);

	channel->loop = loop;
	channel->authority = hp_strdup(o->authority ? o->authority : authority);
	channel->secure = o->secure;
	(void)hp_err_set(&channel->last, HP_UNAVAILABLE, "not connected");
	channel->settings = (struct rpc_settings){
	        .recv_message_max = o->recv_message_max ? o->recv_message_max : HP_RPC_MESSAGE_SIZE_MAX,
	        .send_message_max = o->send_message_max ? o->send_message_max : HP_RPC_MESSAGE_SIZE_MAX,
	        .stream_window = o->stream_window ? o->stream_window : HP_RPC_STREAM_WINDOW_SIZE,
	        .memory_max = HP_RPC_CONNECTION_MEMORY_SIZE,
	        .handshake_ns = ms_or(o->connect_ms, HP_RPC_HANDSHAKE_MS),
	        .keepalive_ns = ms_or(o->keepalive_ms, HP_RPC_KEEPALIVE_MS),
	        .keepalive_timeout_ns = ms_or(o->keepalive_timeout_ms, HP_RPC_KEEPALIVE_TIMEOUT_MS),
	        .stall_ns = HP_RPC_STALL_MS * NS_PER_MS,
	        .codings = o->codings,
	};
	(void)pthread_mutex_init(&channel->lock, NULL);
	rpc_cond_init(&channel->cond);
	return channel;
}

/* A connected transport becomes the channel's connection. */
static int attach(struct rpc_channel *channel, struct rpc_transport *take_transport, struct hp_err *err)
{
	struct rpc_conn *conn;
	int r = rpc_conn_new(channel->loop, &client_role, &channel->settings, channel, take_transport,
	                     channel->authority, &conn, err);

	if (r < 0)
		return r;
	rpc_conn_ref(conn); /* the channel's */
	rpc_conn_ref(conn); /* ours */
	(void)pthread_mutex_lock(&channel->lock);
	conn->next = channel->conns;
	if (conn->next)
		conn->next->prev = conn;
	channel->conns = conn;
	channel->conns_len++;
	channel->conn = conn;
	(void)pthread_mutex_unlock(&channel->lock);
	r = rpc_conn_start(conn, err);
	if (r < 0)
		client_closed(conn);
	rpc_conn_unref(conn);
	return r;
}

static int check_options(const struct rpc_channel_options *o, struct hp_err *err)
{
	if (o->stream_window > INT32_MAX / 16 || o->recv_message_max > UINT32_MAX || o->send_message_max > UINT32_MAX)
		return hp_err_set(err, HP_INVALID, "a limit is larger than the protocol can say");
	return 0;
}

int rpc_channel_new(struct rpc_loop *loop, const char *address, const struct rpc_channel_options *options,
                    struct rpc_channel **ret_channel, struct hp_err *err)
{
	static const struct rpc_channel_options none;
	struct rpc_address where;
	int r = check_options(options ? options : &none, err);

	if (r == 0)
		r = rpc_address_parse(address, &where, err);
	if (r < 0)
		return r;
	*ret_channel = channel_new(loop, options ? options : &none, where.unix_path[0] ? "localhost" : address);
	(*ret_channel)->address = where;
	return 0;
}

int rpc_channel_adopt(struct rpc_loop *loop, int take_fd, const struct rpc_channel_options *options,
                      struct rpc_channel **ret_channel, struct hp_err *err)
{
	static const struct rpc_channel_options none;
	struct rpc_transport *transport;
	struct rpc_channel *channel;
	int r = check_options(options ? options : &none, err);

	if (r == 0)
		r = rpc_transport_adopt(take_fd, &transport, err);
	if (r < 0)
		return r;
	channel = channel_new(loop, options ? options : &none, "localhost");
	channel->adopted = true;
	r = attach(channel, transport, err);
	if (r < 0) {
		rpc_channel_free(channel);
		return r;
	}
	*ret_channel = channel;
	return 0;
}

void rpc_channel_free(struct rpc_channel *channel)
{
	struct hp_err why = {0};

	if (!channel)
		return;
	(void)hp_err_set(&why, HP_CANCELLED, "the channel has been closed");
	(void)pthread_mutex_lock(&channel->lock);
	while (channel->conns_len) {
		struct rpc_conn *conn = channel->conns;

		rpc_conn_ref(conn);
		(void)pthread_mutex_unlock(&channel->lock);
		(void)pthread_mutex_lock(&conn->lock);
		rpc_conn_fail(conn, &why);
		(void)pthread_mutex_unlock(&conn->lock);
		rpc_conn_unref(conn);
		(void)pthread_mutex_lock(&channel->lock);
		if (channel->conns == conn)
			(void)pthread_cond_wait(&channel->cond, &channel->lock);
	}
	(void)pthread_mutex_unlock(&channel->lock);
	(void)pthread_cond_destroy(&channel->cond);
	(void)pthread_mutex_destroy(&channel->lock);
	free(channel->authority);
	free(channel);
}

/* Connects, without the lock. */
static int connect_now(struct rpc_channel *channel, int64_t until_ns, struct hp_err *err)
{
	int64_t latest = sys_monotonic_ns() + channel->settings.handshake_ns;
	struct rpc_transport *transport = NULL;
	int fd = rpc_address_connect(&channel->address, until_ns < latest ? until_ns : latest, err);
	int r = 0;

	if (fd < 0)
		return fd;
	if (channel->secure)
		r = channel->secure->ops->wrap(channel->secure, fd, false,
		                               channel->address.unix_path[0] ? "localhost" : channel->address.host,
		                               &transport, err);
	else
		transport = rpc_transport_socket(fd);
	return r < 0 ? r : attach(channel, transport, err);
}

/* A connection for one more call, referenced. */
static int get_conn(struct rpc_channel *channel, int64_t until_ns, struct rpc_conn **ret_conn, struct hp_err *err)
{
	int r = 0;

	(void)pthread_mutex_lock(&channel->lock);
	while (!channel->conn && r == 0) {
		int64_t now = sys_monotonic_ns();

		if (now >= until_ns) {
			r = hp_err_set(err, HP_DEADLINE, "no connection before the deadline");
		} else if (channel->connecting) {
			struct timespec ts = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};

			(void)pthread_cond_timedwait(&channel->cond, &channel->lock, &ts);
		} else if (channel->adopted || now < channel->not_before_ns) {
			r = hp_err_set(err, (enum hp_code)channel->last.code, "%s", channel->last.msg);
		} else {
			struct hp_err local = {0};

			channel->connecting = true;
			(void)pthread_mutex_unlock(&channel->lock);
			r = connect_now(channel, until_ns, &local);
			(void)pthread_mutex_lock(&channel->lock);
			channel->connecting = false;
			(void)pthread_cond_broadcast(&channel->cond);
			if (r < 0) {
				int64_t pause = HP_RPC_BACKOFF_MIN_MS
				                << (channel->failures < 8 ? channel->failures : 8);

				channel->failures++;
				channel->last = local;
				channel->not_before_ns = sys_monotonic_ns() + pause * NS_PER_MS;
				if (err)
					*err = local;
			}
		}
	}
	if (r == 0) {
		*ret_conn = channel->conn;
		rpc_conn_ref(channel->conn);
	}
	(void)pthread_mutex_unlock(&channel->lock);
	if (r < 0)
		(void)hp_err_wrap(err, "%s", channel->authority);
	return r;
}

/* ---- Calls. */

static int submit(struct rpc_channel *channel, struct rpc_stream *s, const char *path, const struct rpc_call_options *o,
                  struct hp_err *err)
{
	static const struct rpc_metadata none;
	const struct rpc_metadata *md = o->metadata ? o->metadata : &none;
	nghttp2_data_provider data = {.source.ptr = s, .read_callback = rpc_stream_read_out};
	struct rpc_nvs nvs = rpc_nvs_new(md, 10);
	const char *scheme = channel->secure ? "https" : "http";
	char timeout[24];

	rpc_nvs_add(&nvs, ":method", "POST", 4);
	rpc_nvs_add(&nvs, ":scheme", scheme, strlen(scheme));
	rpc_nvs_add(&nvs, ":path", path, strlen(path));
	rpc_nvs_add(&nvs, ":authority", channel->authority, strlen(channel->authority));
	rpc_nvs_add(&nvs, "te", "trailers", 8);
	rpc_nvs_add(&nvs, "content-type", "application/grpc", 16);
	rpc_nvs_add(&nvs, "user-agent", "hpcc-rpc", 8);
	if (o->deadline_ns) {
		rpc_timeout_format(o->deadline_ns - sys_monotonic_ns(), timeout);
		rpc_nvs_add(&nvs, "grpc-timeout", timeout, strlen(timeout));
	}
	if (s->encoding != RPC_IDENTITY)
		rpc_nvs_add(&nvs, "grpc-encoding", rpc_encoding_names[s->encoding],
		            strlen(rpc_encoding_names[s->encoding]));
	if (channel->settings.codings)
		rpc_nvs_add(&nvs, "grpc-accept-encoding", channel->settings.codings->accept,
		            strlen(channel->settings.codings->accept));
	rpc_nvs_metadata(&nvs, md);
	s->id = nghttp2_submit_request(s->conn->session, NULL, nvs.v, nvs.len, &data, s);
	rpc_nvs_done(&nvs);
	if (s->id < 0)
		return hp_err_set(err, HP_UNAVAILABLE, "cannot start a call: %s", nghttp2_strerror(s->id));
	s->headers_sent = true;
	s->refs++; /* the session's */
	return 0;
}

/* first: the one request of a unary call, which goes out in one piece with the headers; NULL: none. */
static int call_start(struct rpc_channel *channel, const char *path, const struct rpc_call_options *o,
                      const void *first, size_t first_len, struct rpc_stream **ret_stream, struct hp_err *err)
{
	int64_t until = o->deadline_ns ? o->deadline_ns : RPC_NEVER;
	const struct rpc_codings *codings = channel->settings.codings;
	HP_AUTO_BUF struct hp_buf packed = {0};
	struct rpc_conn *conn = NULL;
	struct rpc_stream *s;
	int is_packed = 0;
	int r = get_conn(channel, until, &conn, err);

	if (r < 0)
		return r;
	assert(conn);
	(void)pthread_mutex_lock(&conn->lock);
	if (conn->streams_len >= HP_RPC_CALLS_MAX) {
		(void)pthread_mutex_unlock(&conn->lock);
		rpc_conn_unref(conn);
		return hp_err_set(err, HP_EXHAUSTED, "more than %u calls at once", HP_RPC_CALLS_MAX);
	}
	s = rpc_stream_new(conn, -1);
	s->accepts = conn->accepts;
	s->deadline_ns = o->deadline_ns;
	/* Only what the server has said it takes: some take what they cannot read for the message itself. So the first call
	 * of a connection goes plain. */
	s->encoding = codings && codings->set & s->accepts & 1u << o->encoding ? o->encoding : RPC_IDENTITY;
	(void)pthread_mutex_unlock(&conn->lock);
	if (first) {
		is_packed = rpc_stream_pack(s, first, first_len, &packed, err);
		r = is_packed < 0 ? is_packed : 0;
	}
	(void)pthread_mutex_lock(&conn->lock);
	if (r == 0 && conn->state == RPC_CONN_CLOSED)
		r = hp_err_set(err, (enum hp_code)conn->why.code, "%s", conn->why.msg);
	if (r == 0) {
		if (first) {
			rpc_stream_append(s, is_packed ? packed.data : first, is_packed ? packed.len : first_len,
			                  is_packed);
			s->end_sent = true;
		}
		r = submit(channel, s, path, o, err);
	}
	if (r == 0) {
		if (s->deadline_ns)
			rpc_conn_arm(conn, s->deadline_ns);
		rpc_conn_arm(conn, sys_monotonic_ns() + conn->settings->keepalive_ns);
		rpc_conn_pump(conn);
	} else {
		s->closed = true;
		rpc_stream_unref(s);
	}
	(void)pthread_mutex_unlock(&conn->lock);
	rpc_conn_unref(conn);
	if (r == 0)
		*ret_stream = s;
	return r;
}

int rpc_call_start(struct rpc_channel *channel, const char *path, const struct rpc_call_options *options,
                   struct rpc_stream **ret_stream, struct hp_err *err)
{
	static const struct rpc_call_options none;

	return call_start(channel, path, options ? options : &none, NULL, 0, ret_stream, err);
}

int rpc_stream_close_send(struct rpc_stream *s, struct hp_err *err)
{
	int r = 0;

	(void)pthread_mutex_lock(&s->conn->lock);
	if (s->over && s->status.code)
		r = hp_err_set(err, (enum hp_code)s->status.code, "%s", s->status.msg);
	s->end_sent = true;
	rpc_stream_resume(s);
	rpc_conn_pump(s->conn);
	(void)pthread_mutex_unlock(&s->conn->lock);
	return r;
}

int rpc_stream_finish(struct rpc_stream *s, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	int r;

	do
		r = rpc_stream_recv(s, &message, err);
	while (r > 0);
	return r;
}

void rpc_stream_cancel(struct rpc_stream *s)
{
	(void)pthread_mutex_lock(&s->conn->lock);
	if (!s->over) {
		rpc_stream_over(s, HP_CANCELLED, "cancelled by the caller");
		rpc_stream_reset(s, NGHTTP2_CANCEL);
		rpc_conn_pump(s->conn);
	}
	(void)pthread_mutex_unlock(&s->conn->lock);
}

void rpc_stream_free(struct rpc_stream *s)
{
	struct rpc_conn *conn;

	if (!s)
		return;
	conn = s->conn;
	rpc_conn_ref(conn);
	rpc_stream_cancel(s);
	(void)pthread_mutex_lock(&conn->lock);
	rpc_stream_unref(s);
	(void)pthread_mutex_unlock(&conn->lock);
	rpc_conn_unref(conn);
}

/* ---- Unary calls. */

/* Waits before another try; false when the deadline does not allow it. */
static bool pause_before(unsigned attempt, int64_t deadline_ns)
{
	int64_t pause = (50LL << (attempt < 6 ? attempt : 6)) * NS_PER_MS;
	struct timespec ts;

	pause = pause / 2 + (int64_t)(sys_random_u64() % (uint64_t)pause);
	if (deadline_ns && sys_monotonic_ns() + pause >= deadline_ns)
		return false;
	ts = (struct timespec){.tv_sec = pause / 1000000000, .tv_nsec = pause % 1000000000};
	(void)nanosleep(&ts, NULL);
	return true;
}

static int call_once(struct rpc_channel *channel, const char *path, const struct rpc_call_options *o, const void *data,
                     size_t len, struct hp_buf *ret_reply, bool *ret_unseen, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf more = {0};
	struct rpc_stream *s = NULL;
	int r = call_start(channel, path, o, data, len, &s, err);

	*ret_unseen = false;
	if (r < 0)
		return r;
	assert(s);
	r = rpc_stream_recv(s, ret_reply, err);
	if (r > 0) {
		r = rpc_stream_recv(s, &more, err);
		if (r > 0)
			r = hp_err_set(err, HP_INTERNAL, "more than one reply");
	} else if (r == 0) {
		r = hp_err_set(err, HP_INTERNAL, "no reply");
	} else {
		*ret_unseen = s->reset_code == NGHTTP2_REFUSED_STREAM;
	}
	rpc_stream_free(s);
	return r;
}

int rpc_call(struct rpc_channel *channel, const char *path, const struct rpc_call_options *options, const void *data,
             size_t len, struct hp_buf *ret_reply, struct hp_err *err)
{
	static const struct rpc_call_options none;
	const struct rpc_call_options *o = options ? options : &none;
	struct hp_err local = {0};
	unsigned unseen_count = 0;
	unsigned retried = 0;
	bool unseen;
	int r;

	for (;;) {
		r = call_once(channel, path, o, data ? data : "", len, ret_reply, &unseen, &local);
		if (r != -HP_UNAVAILABLE)
			break;
		if (unseen && unseen_count < SAFE_RETRIES_MAX)
			unseen_count++;
		else if (retried < o->retries)
			retried++;
		else
			break;
		if (!pause_before(unseen_count + retried - 1, o->deadline_ns))
			break;
	}
	if (r < 0 && err)
		*err = local;
	return r;
}
