/* The server's half of a call: from headers to status.
 *
 *	NEW ──request complete (or headers, for streams of requests)──► QUEUED ──thread──► LIVE ──handler returns──► OVER
 *	 └── refused: trailers only ──► OVER        cancelled while QUEUED: never run ──► OVER ◄── deadline, reset ──┘
 *
 * A handler that still runs when its call is over keeps the stream's memory and its place among streams_max. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/server_priv.h"

static nghttp2_nv nv_of(const char *name, const char *value, size_t value_len)
{
	return (nghttp2_nv){
	        .name = (uint8_t *)(uintptr_t)name,
	        .namelen = strlen(name),
	        .value = (uint8_t *)(uintptr_t)value,
	        .valuelen = value_len,
	        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME,
	};
}

static nghttp2_nv nv_str(const char *name, const char *value)
{
	return nv_of(name, value, strlen(value));
}

struct rpc_nvs rpc_nvs_new(const struct rpc_metadata *md, size_t more)
{
	struct rpc_nvs nvs = {.v = hp_alloc((md->len + more) * sizeof *nvs.v)};

	nvs.bins = md->len ? hp_zalloc(md->len * sizeof *nvs.bins) : NULL;
	nvs.bins_len = md->len;
	return nvs;
}

void rpc_nvs_add(struct rpc_nvs *nvs, const char *name, const char *value, size_t len)
{
	nvs->v[nvs->len++] = nv_of(name, value, len);
}

void rpc_nvs_metadata(struct rpc_nvs *nvs, const struct rpc_metadata *md)
{
	for (size_t i = 0; i < md->len; i++) {
		const struct rpc_entry *e = &md->v[i];

		if (rpc_name_is_bin(e->name, strlen(e->name))) {
			rpc_base64_encode(e->value, e->value_len, &nvs->bins[i]);
			rpc_nvs_add(nvs, e->name, hp_buf_cstr(&nvs->bins[i]), nvs->bins[i].len);
		} else {
			rpc_nvs_add(nvs, e->name, e->value, e->value_len);
		}
		nvs->v[nvs->len - 1].flags = NGHTTP2_NV_FLAG_NONE;
	}
}

void rpc_nvs_done(struct rpc_nvs *nvs)
{
	for (size_t i = 0; i < nvs->bins_len; i++)
		hp_buf_done(&nvs->bins[i]);
	free(nvs->bins);
	free(nvs->v);
}

const char *rpc_accept_list(const struct rpc_codings *codings)
{
	return codings ? codings->accept : "identity";
}

int rpc_stream_submit_headers(struct rpc_stream *s)
{
	const struct rpc_settings *set = s->conn->settings;
	nghttp2_data_provider data = {.source.ptr = s, .read_callback = rpc_stream_read_out};
	struct rpc_nvs nvs = rpc_nvs_new(&s->out_initial, 4);
	int r;

	rpc_nvs_add(&nvs, ":status", "200", 3);
	rpc_nvs_add(&nvs, "content-type", "application/grpc", 16);
	if (s->encoding != RPC_IDENTITY && s->accepts & 1u << s->encoding)
		nvs.v[nvs.len++] = nv_str("grpc-encoding", rpc_encoding_names[s->encoding]);
	if (set->codings)
		nvs.v[nvs.len++] = nv_str("grpc-accept-encoding", rpc_accept_list(set->codings));
	rpc_nvs_metadata(&nvs, &s->out_initial);
	r = nghttp2_submit_response(s->conn->session, s->id, nvs.v, nvs.len, &data);
	s->headers_sent = true;
	rpc_nvs_done(&nvs);
	return r;
}

int rpc_stream_submit_status(struct rpc_stream *s, int code, const char *text)
{
	struct rpc_nvs nvs = rpc_nvs_new(&s->out_trailing, 8 + s->out_initial.len);
	struct rpc_nvs initial = rpc_nvs_new(&s->out_initial, 0);
	HP_AUTO_BUF struct hp_buf message = {0};
	HP_AUTO_BUF struct hp_buf details = {0};
	char number[4] = {0};
	bool only = !s->headers_sent;
	int r;

	if (only) {
		rpc_nvs_add(&nvs, ":status", s->http_status == 415 ? "415" : s->http_status == 405 ? "405" : "200", 3);
		rpc_nvs_add(&nvs, "content-type", "application/grpc", 16);
		if (s->conn->settings->codings)
			nvs.v[nvs.len++] = nv_str("grpc-accept-encoding", rpc_accept_list(s->conn->settings->codings));
		rpc_nvs_metadata(&initial, &s->out_initial);
		memcpy(nvs.v + nvs.len, initial.v, initial.len * sizeof *nvs.v);
		nvs.len += initial.len;
	}
	if (code >= 10)
		number[0] = (char)('0' + code / 10);
	number[code >= 10] = (char)('0' + code % 10);
	nvs.v[nvs.len++] = nv_str("grpc-status", number);
	nvs.v[nvs.len - 1].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
	if (code && text[0]) {
		rpc_percent_encode(text, strlen(text), HP_RPC_STATUS_MESSAGE_SIZE_MAX, &message);
		rpc_nvs_add(&nvs, "grpc-message", message.data, message.len);
	}
	if (s->details.len) {
		rpc_base64_encode(s->details.data, s->details.len, &details);
		rpc_nvs_add(&nvs, "grpc-status-details-bin", details.data, details.len);
	}
	rpc_nvs_metadata(&nvs, &s->out_trailing);
	s->headers_sent = true;
	r = only ? nghttp2_submit_response(s->conn->session, s->id, nvs.v, nvs.len, NULL)
	         : nghttp2_submit_trailer(s->conn->session, s->id, nvs.v, nvs.len);
	rpc_nvs_done(&initial);
	rpc_nvs_done(&nvs);
	return r;
}

/* ---- From headers to a handler. */

/* Ends a call that no handler has seen. */
static void refuse(struct rpc_stream *s, int code, const char *text)
{
	s->finished = true;
	rpc_stream_over(s, code, text);
}

/* It no longer counts among streams_max. */
static void unwork(struct rpc_stream *s)
{
	if (s->working)
		s->conn->working--;
	s->working = false;
}

/* A call that was queued will not run. Nothing of the server is touched after the count: it may be waited for. */
static void call_dropped(struct rpc_stream *s)
{
	struct rpc_server *server = s->conn->owner;

	unwork(s);
	(void)__atomic_sub_fetch(&server->calls, 1, __ATOMIC_ACQ_REL);
}

static void run(struct rpc_job *job)
{
	struct rpc_stream *s = (struct rpc_stream *)job;
	struct rpc_conn *conn = s->conn;
	struct rpc_server *server = conn->owner;
	struct hp_err err = {0};
	int r;

	rpc_conn_ref(conn);
	(void)pthread_mutex_lock(&conn->lock);
	if (!s->over) {
		s->phase = RPC_STREAM_LIVE;
		(void)pthread_mutex_unlock(&conn->lock);
		r = s->method->handle(s, s->method_ctx, &err);
		(void)pthread_mutex_lock(&conn->lock);
		s->finished = true;
		s->cancel_fn = NULL;
		rpc_stream_over(s, r < 0 ? -r : 0, r < 0 && err.code ? err.msg : "");
	}
	unwork(s);
	if (!rpc_loop_hand_over(conn->loop, &conn->source))
		rpc_conn_pump(conn);
	rpc_stream_unref(s);
	(void)pthread_mutex_unlock(&conn->lock);
	rpc_conn_unref(conn);
	(void)pthread_mutex_lock(&server->lock);
	if (__atomic_sub_fetch(&server->calls, 1, __ATOMIC_ACQ_REL) == 0)
		(void)pthread_cond_broadcast(&server->cond);
	(void)pthread_mutex_unlock(&server->lock);
}

static void start(struct rpc_stream *s)
{
	struct rpc_server *server = s->conn->owner;

	s->phase = RPC_STREAM_QUEUED;
	s->job.run = run;
	s->refs++;
	(void)__atomic_add_fetch(&server->calls, 1, __ATOMIC_ACQ_REL);
	if (rpc_loop_queue(s->conn->loop, &s->job))
		return;
	s->refs--;
	call_dropped(s);
	refuse(s, HP_UNAVAILABLE, "the server is busy");
}

/* What is wrong with a request by its headers alone. 0: nothing. */
static int check_request(struct rpc_stream *s, const struct rpc_bound *bound, const char **ret_text)
{
	if (!s->has_method_post) {
		s->http_status = 405;
		*ret_text = "the method is not POST";
		return HP_INTERNAL;
	}
	if (!s->has_content_type) {
		s->http_status = 415;
		*ret_text = "the content type is not application/grpc";
		return HP_INTERNAL;
	}
	if (s->headers_over) {
		*ret_text = "too much metadata";
		return HP_EXHAUSTED;
	}
	if (!bound) {
		*ret_text = "there is no such method";
		return HP_UNIMPLEMENTED;
	}
	if (s->bad_timeout || s->bad_metadata) {
		*ret_text = s->bad_timeout ? "grpc-timeout is malformed" : "binary metadata is not base64";
		return HP_INTERNAL;
	}
	if (s->in_encoding < 0 || (s->in_encoding > 0 && (!s->conn->settings->codings ||
	                                                  !(s->conn->settings->codings->set & 1u << s->in_encoding)))) {
		*ret_text = "grpc-encoding is not supported";
		return HP_UNIMPLEMENTED;
	}
	return 0;
}

static void server_headers(struct rpc_stream *s, bool trailers)
{
	struct rpc_server *server = s->conn->owner;
	const struct rpc_bound *bound;
	const char *text = "";
	int code;

	if (trailers)
		return;
	bound = s->has_path ? hp_map_find(&server->methods, hp_buf_cstr(&s->message), s->message.len) : NULL;
	hp_buf_done(&s->message);
	code = check_request(s, bound, &text);
	if (code == 0 && __atomic_load_n(&server->draining, __ATOMIC_ACQUIRE) && s->conn->state != RPC_CONN_DRAINING)
		code = HP_UNAVAILABLE, text = "the server is going away";
	if (code) {
		unwork(s);
		refuse(s, code, text);
		return;
	}
	s->method = bound->method;
	s->method_ctx = bound->ctx;
	s->encoding = server->encoding;
	if (s->deadline_ns)
		rpc_conn_arm(s->conn, s->deadline_ns);
	if (s->method->kind & RPC_CLIENT_STREAM)
		start(s);
}

static void server_readable(struct rpc_stream *s)
{
	struct hp_err err = {0};
	size_t len;
	bool packed;
	int r;

	if (s->over || s->phase != RPC_STREAM_NEW)
		return;
	r = rpc_stream_peek(s, &len, &packed, &err);
	if (r == 0 && s->peer_ended) {
		unwork(s);
		refuse(s, HP_INTERNAL, s->in.len ? "the request ends within a message" : "there is no request");
	} else if (r > 0) {
		start(s);
	}
}

static void server_ended(struct rpc_stream *s)
{
	/* Reset by the client, or torn down: the handler learns it by its token. */
	if (!s->over)
		rpc_stream_over(s, HP_CANCELLED, "the client has cancelled the call");
	if (!s->job.run) {
		unwork(s);
	} else if (rpc_loop_unqueue(s->conn->loop, &s->job)) {
		call_dropped(s);
		s->refs--;
	}
}

static void server_draining(struct rpc_conn *conn)
{
	(void)conn;
}

static void server_closed(struct rpc_conn *conn)
{
	struct rpc_server *server = conn->owner;

	(void)pthread_mutex_lock(&server->lock);
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		server->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	server->conns_len--;
	(void)pthread_cond_broadcast(&server->cond);
	(void)pthread_mutex_unlock(&server->lock);
}

const struct rpc_role rpc_server_role = {
        .server = true,
        .headers = server_headers,
        .readable = server_readable,
        .ended = server_ended,
        .draining = server_draining,
        .closed = server_closed,
};
