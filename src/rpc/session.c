/* What nghttp2 calls back, under the connection's lock: frames become changes of streams. */
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/conn_priv.h"
#include "sys/clock.h"

/* The connection's window, in windows of streams. It bounds nothing, being given back at once; it must only be wide enough
 * that a sender with many streams need not wait for that. */
#define CONN_WINDOW_STREAMS 16

static struct rpc_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

/* The session is done with it. A request that could not be sent comes here twice: as such, and as a stream. */
static void stream_closed(struct rpc_stream *stream, uint32_t error_code)
{
	struct rpc_conn *conn = stream->conn;

	(void)nghttp2_session_set_stream_user_data(conn->session, stream->id, NULL);
	if (stream->closed)
		return;
	stream->closed = true;
	stream->reset_code = error_code;
	conn->role->ended(stream);
	rpc_stream_wake(stream);
	rpc_stream_unref(stream);
}

/* ---- Sending: frames gather in conn->out; payload is copied there straight from the stream. */

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags, void *user)
{
	struct rpc_conn *conn = user;

	(void)session;
	(void)flags;
	if (conn->out.len - conn->out_at >= HP_RPC_OUT_SIZE)
		return NGHTTP2_ERR_WOULDBLOCK;
	hp_buf_append(&conn->out, data, len);
	return (ssize_t)len;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t len,
                        nghttp2_data_source *source, void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream = source->ptr;

	(void)session;
	(void)frame;
	hp_buf_append(&conn->out, framehd, 9);
	hp_buf_append(&conn->out, stream->out.data + stream->out_at, len);
	stream->out_at += len;
	if (stream->out_at == stream->out.len) {
		if (stream->out.cap > HP_RPC_OUT_SIZE)
			hp_buf_done(&stream->out);
		else
			hp_buf_reset(&stream->out);
		stream->out_at = 0;
	}
	stream->out_since_ns = conn->moved_ns;
	if (stream->out.len - stream->out_at <= HP_RPC_SEND_BUFFER_SIZE)
		rpc_stream_wake(stream);
	return 0;
}

ssize_t rpc_stream_read_out(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream = source->ptr;
	size_t left = stream->out.len - stream->out_at;

	(void)buf;
	/* Between here and on_send_data nothing may touch stream->out: so the way out is here, not there. */
	if (conn->out.len - conn->out_at >= HP_RPC_OUT_SIZE)
		return NGHTTP2_ERR_PAUSE;
	if (left == 0 && !stream->end_sent) {
		stream->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (len >= left) {
		len = left;
		if (stream->end_sent) {
			*flags |= NGHTTP2_DATA_FLAG_EOF;
			if (conn->role->server) {
				*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
				if (rpc_stream_submit_status(stream, stream->status.code, stream->status.msg) < 0)
					(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
					                                NGHTTP2_INTERNAL_ERROR);
			}
		}
	}
	if (len)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	return (ssize_t)len;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream;

	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		rpc_conn_earn(conn, 2LL * RPC_FLOOD_TOKEN); /* they are answered by window updates */
		break;
	case NGHTTP2_HEADERS:
		stream = stream_of(session, frame->hd.stream_id);
		/* We are done and the client is not: it need not go on. */
		if (conn->role->server && stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !stream->peer_ended)
			(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
			                                NGHTTP2_NO_ERROR);
		break;
	default:
		break;
	}
	return 0;
}

static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user)
{
	struct rpc_conn *conn = user;

	(void)session;
	if (frame->hd.type != NGHTTP2_HEADERS || conn->role->server)
		return 0;
	/* A request that could no longer go out: the peer has said GOAWAY. It never got a stream. */
	for (struct rpc_stream *s = conn->streams; s; s = s->next) {
		if (s->id != frame->hd.stream_id || s->closed)
			continue;
		rpc_stream_over(s, HP_UNAVAILABLE, nghttp2_strerror(error));
		stream_closed(s, NGHTTP2_REFUSED_STREAM);
		break;
	}
	return 0;
}

/* ---- Receiving. */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream = stream_of(session, frame->hd.stream_id);

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (stream) {
		stream->block_size = 0;
		return 0;
	}
	if (!conn->role->server || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (conn->working >= conn->settings->streams_max) {
		/* Reset streams count until their handlers have ended: resetting buys nothing. */
		if (rpc_conn_spend(conn) < 0)
			return NGHTTP2_ERR_CALLBACK_FAILURE;
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
		                                 NGHTTP2_REFUSED_STREAM) < 0
		               ? NGHTTP2_ERR_CALLBACK_FAILURE
		               : 0;
	}
	stream = rpc_stream_new(conn, frame->hd.stream_id);
	stream->working = true;
	conn->working++;
	(void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
	return 0;
}

static bool is(const uint8_t *name, size_t len, const char *what)
{
	return strlen(what) == len && memcmp(name, what, len) == 0;
}

/* Headers of the protocol itself. false: it is metadata. */
static bool take_reserved(struct rpc_stream *s, const uint8_t *name, size_t name_len, const char *value, size_t len)
{
	if (is(name, name_len, ":path")) {
		s->has_path = len <= HP_RPC_PATH_SIZE_MAX;
		if (s->has_path)
			hp_buf_append(&s->message, value, len); /* until headers() has looked it up */
	} else if (is(name, name_len, ":method")) {
		s->has_method_post = len == 4 && memcmp(value, "POST", 4) == 0;
	} else if (is(name, name_len, ":status")) {
		s->http_status = len == 3 ? (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0') : 0;
	} else if (is(name, name_len, "content-type")) {
		s->has_content_type = len >= 16 && strncasecmp(value, "application/grpc", 16) == 0 &&
		                      (len == 16 || value[16] == '+' || value[16] == ';');
	} else if (is(name, name_len, "grpc-timeout")) {
		int64_t timeout = rpc_timeout_parse(value, len);

		s->bad_timeout = timeout < 0;
		if (timeout >= 0)
			s->deadline_ns = sys_monotonic_ns() + timeout;
	} else if (is(name, name_len, "grpc-encoding")) {
		char text[16] = {0};

		if (len < sizeof text)
			memcpy(text, value, len);
		s->in_encoding = rpc_encoding_parse(text);
	} else if (is(name, name_len, "grpc-accept-encoding")) {
		s->accepts = rpc_encodings_parse(value, len);
	} else if (is(name, name_len, "grpc-status")) {
		s->grpc_status = rpc_status_parse(value, len);
	} else if (is(name, name_len, "grpc-message")) {
		hp_buf_reset(&s->message);
		rpc_percent_decode(value, len, HP_RPC_STATUS_MESSAGE_SIZE_MAX, &s->message);
	} else if (is(name, name_len, "grpc-status-details-bin")) {
		hp_buf_reset(&s->details);
		if (len > HP_RPC_DETAILS_SIZE_MAX * 4 / 3 + 4 || !rpc_base64_decode(value, len, &s->details))
			hp_buf_reset(&s->details);
	} else {
		return name_len == 0 || name[0] == ':' || is(name, name_len, "te") ||
		       is(name, name_len, "user-agent") || is(name, name_len, "content-length");
	}
	return true;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream = stream_of(session, frame->hd.stream_id);
	const char *text = (const char *)value;
	bool trailers;
	int r;

	(void)flags;
	if (frame->hd.type != NGHTTP2_HEADERS || !stream)
		return 0;
	stream->block_size += name_len + value_len + 32;
	if (stream->block_size > HP_RPC_HEADER_BLOCK_SIZE_MAX) {
		rpc_conn_abuse(conn, "header bomb");
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	if (stream->block_size > HP_RPC_METADATA_SIZE_MAX) {
		stream->headers_over = true;
		return 0;
	}
	if (take_reserved(stream, name, name_len, text, value_len))
		return 0;
	trailers = frame->headers.cat == NGHTTP2_HCAT_HEADERS ||
	           (!conn->role->server && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM));
	r = rpc_metadata_take_header(trailers ? &stream->trailing : &stream->initial, (const char *)name, name_len,
	                             text, value_len);
	if (r == -HP_EXHAUSTED)
		stream->headers_over = true;
	else if (r < 0)
		stream->bad_metadata = true;
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                         void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream = stream_of(session, id);

	(void)flags;
	rpc_conn_earn(conn, RPC_FLOOD_TOKEN / 4);
	/* The connection's window never waits for a handler: streams would block each other. Theirs do the bounding. */
	if (nghttp2_session_consume_connection(session, len) < 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (stream)
		rpc_stream_data(stream, data, len);
	return 0;
}

static void on_end(struct rpc_conn *conn, struct rpc_stream *stream)
{
	stream->peer_ended = true;
	conn->role->readable(stream);
	rpc_stream_wake(stream);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct rpc_conn *conn = user;
	struct rpc_stream *stream = stream_of(session, frame->hd.stream_id);

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (!stream)
			break;
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			stream->peer_ended = true;
		conn->role->headers(stream, frame->headers.cat == NGHTTP2_HCAT_HEADERS);
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			on_end(conn, stream);
		break;
	case NGHTTP2_DATA:
		if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			on_end(conn, stream);
		break;
	case NGHTTP2_SETTINGS:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK) && !conn->settings_seen) {
			conn->settings_seen = true;
			rpc_conn_arm(conn, conn->read_ns); /* from now on other things are due */
		}
		break;
	case NGHTTP2_GOAWAY:
		conn->peer_goaway = true;
		conn->role->draining(conn);
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && conn->state == RPC_CONN_DRAINING && conn->role->server)
			(void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
			                            nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
			                            NULL, 0);
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *user)
{
	struct rpc_stream *stream = stream_of(session, id);

	(void)user;
	if (stream)
		stream_closed(stream, error_code);
	return 0;
}

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_send);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	return cb;
}

int rpc_session_new(struct rpc_conn *conn, struct hp_err *err)
{
	nghttp2_session_callbacks *cb = callbacks_new();
	nghttp2_option *option = NULL;
	nghttp2_settings_entry iv[] = {
	        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)conn->settings->stream_window},
	        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HP_RPC_METADATA_SIZE_MAX},
	        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, conn->settings->streams_max},
	};
	size_t iv_len = conn->role->server ? 4 : 3;
	int window = (int)conn->settings->stream_window * CONN_WINDOW_STREAMS;
	int r = NGHTTP2_ERR_NOMEM;

	if (conn->role->server)
		iv[2] = iv[3], iv_len = 3;
	if (cb && nghttp2_option_new(&option) == 0) {
		nghttp2_option_set_no_auto_window_update(option, 1);
		nghttp2_option_set_no_closed_streams(option, 1);
		nghttp2_option_set_max_outbound_ack(option, HP_RPC_FLOOD_BURST);
		/* Ours counts resets along with other frames, and tells. */
		nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
		r = conn->role->server ? nghttp2_session_server_new2(&conn->session, cb, conn, option)
		                       : nghttp2_session_client_new2(&conn->session, cb, conn, option);
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	if (r == 0)
		r = nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, iv, iv_len);
	if (r == 0)
		r = nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0, window);
	return r == 0 ? 0 : hp_err_set(err, HP_EXHAUSTED, "cannot make an HTTP/2 session: %s", nghttp2_strerror(r));
}
