/* Streams as handlers and callers see them. */
#include "rpc/rpc.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/conn_priv.h"
#include "sys/clock.h"

/* Messages from this size on are handed over with their memory instead of copied. */
#define STEAL_SIZE_MIN 4096

struct rpc_stream *rpc_stream_new(struct rpc_conn *conn, int32_t id)
{
	struct rpc_stream *s = hp_zalloc(sizeof *s);

	rpc_conn_ref(conn);
	s->conn = conn;
	s->id = id;
	s->refs = 1;
	s->phase = RPC_STREAM_NEW;
	s->grpc_status = -1;
	s->accepts = 1u << RPC_IDENTITY;
	rpc_cond_init(&s->cond);
	s->next = conn->streams;
	if (s->next)
		s->next->prev = s;
	conn->streams = s;
	conn->streams_len++;
	return s;
}

static void forget_inbox(struct rpc_stream *s)
{
	s->conn->memory -= s->in.len;
	hp_buf_done(&s->in);
	s->in_at = 0;
	s->in_since_ns = 0;
}

void rpc_stream_unref(struct rpc_stream *s)
{
	struct rpc_conn *conn = s->conn;

	if (--s->refs > 0)
		return;
	forget_inbox(s);
	if (s->prev)
		s->prev->next = s->next;
	else
		conn->streams = s->next;
	if (s->next)
		s->next->prev = s->prev;
	if (--conn->streams_len == 0) {
		conn->idle_ns = sys_monotonic_ns();
		if (conn->settings->idle_ns)
			rpc_conn_arm(conn, conn->idle_ns + conn->settings->idle_ns);
	}
	(void)pthread_cond_destroy(&s->cond);
	rpc_metadata_done(&s->initial);
	rpc_metadata_done(&s->trailing);
	rpc_metadata_done(&s->out_initial);
	rpc_metadata_done(&s->out_trailing);
	hp_buf_done(&s->message);
	hp_buf_done(&s->details);
	hp_buf_done(&s->out);
	free(s);
	/* The caller holds conn->lock, and the loop or its own reference holds the connection. */
	rpc_conn_unref(conn);
}

void rpc_stream_wake(struct rpc_stream *s)
{
	(void)__atomic_add_fetch(&s->seq, 1, __ATOMIC_RELEASE);
	(void)pthread_cond_broadcast(&s->cond);
	if (!s->conn->role->server)
		rpc_loop_kick_guest(s->conn->loop);
}

struct wake_check {
	struct rpc_stream *stream;
	unsigned seq;
};

static bool woken(void *arg)
{
	const struct wake_check *check = arg;

	return __atomic_load_n(&check->stream->seq, __ATOMIC_ACQUIRE) != check->seq;
}

void rpc_stream_wait(struct rpc_stream *s, unsigned seq)
{
	struct rpc_conn *conn = s->conn;
	int64_t until = s->deadline_ns ? s->deadline_ns : RPC_NEVER;
	struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
	struct wake_check check = {s, seq};
	bool led = false;

	if (s->seq != seq)
		return;
	if (!conn->role->server) {
		/* A caller has nothing better to do than to fetch its own answer. */
		(void)pthread_mutex_unlock(&conn->lock);
		led = rpc_loop_lead(conn->loop, woken, &check, until);
		(void)pthread_mutex_lock(&conn->lock);
		if (led)
			return;
	}
	while (s->seq == seq) {
		if (pthread_cond_timedwait(&s->cond, &conn->lock, &ts) != 0)
			break;
	}
	if (!conn->role->server)
		rpc_loop_waited(conn->loop);
}

/* ---- What came. */

int rpc_stream_peek(struct rpc_stream *s, size_t *ret_len, bool *ret_packed, struct hp_err *err)
{
	const unsigned char *p = (const unsigned char *)hp_buf_cstr(&s->in) + s->in_at;
	size_t have = s->in.len - s->in_at;
	size_t max = s->conn->settings->recv_message_max;
	size_t len;

	if (have < RPC_PREFIX_SIZE)
		return 0;
	len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (p[0] > 1)
		return hp_err_set(err, HP_INTERNAL, "a message with unknown flags %u", p[0]);
	if (p[0] == 1 && s->in_encoding <= RPC_IDENTITY)
		return hp_err_set(err, HP_INTERNAL, "a packed message without grpc-encoding");
	if (len > max)
		return hp_err_set(err, HP_EXHAUSTED, "a message of %zu bytes; at most %zu are taken", len, max);
	if (have - RPC_PREFIX_SIZE < len)
		return 0;
	*ret_len = len;
	*ret_packed = p[0] == 1;
	return 1;
}

/* Of all streams with a message under assembly the oldest: it may finish whatever the others hold. */
static bool favoured(const struct rpc_stream *s)
{
	for (const struct rpc_stream *o = s->conn->streams; o; o = o->next) {
		if (o->owed && o->in_since_ns && !o->closed && o->id < s->id)
			return false;
	}
	return true;
}

void rpc_stream_credit(struct rpc_stream *s)
{
	size_t unread = s->in.len - s->in_at;
	size_t give = s->owed > unread ? s->owed - unread : 0;

	if (s->closed || s->peer_ended || s->owed == 0)
		return;
	if (s->in_since_ns) {
		if (s->conn->memory <= s->conn->settings->memory_max || favoured(s))
			give = s->owed;
		else
			s->conn->withheld = true;
	}
	if (give == 0)
		return;
	s->owed -= give;
	(void)nghttp2_session_consume_stream(s->conn->session, s->id, give);
}

/* Memory has become free: streams that were held back go on. */
static void credit_withheld(struct rpc_conn *conn)
{
	if (!conn->withheld)
		return;
	conn->withheld = false;
	for (struct rpc_stream *s = conn->streams; s; s = s->next)
		rpc_stream_credit(s);
}

/* Whether the inbox ends within a message. */
static void note_assembly(struct rpc_stream *s, int peeked)
{
	s->in_since_ns = peeked == 0 && s->in.len > s->in_at ? s->conn->read_ns : 0;
	if (s->in_since_ns)
		rpc_conn_arm(s->conn, s->in_since_ns + s->conn->settings->stall_ns);
}

/* A message that begins here gets its room at once, as far as the window reaches: beyond, room grows with what comes. */
static void make_room(struct rpc_stream *s, const uint8_t *data, size_t len)
{
	size_t message_len;

	if (s->in.len || len < RPC_PREFIX_SIZE)
		return;
	message_len = (size_t)data[1] << 24 | (size_t)data[2] << 16 | (size_t)data[3] << 8 | data[4];
	if (message_len > s->conn->settings->stream_window)
		message_len = s->conn->settings->stream_window;
	if (message_len + RPC_PREFIX_SIZE > len)
		(void)hp_buf_reserve(&s->in, message_len + RPC_PREFIX_SIZE);
}

void rpc_stream_data(struct rpc_stream *s, const uint8_t *data, size_t len)
{
	struct hp_err err = {0};
	size_t message_len;
	bool packed;
	int r;

	if (s->over) {
		/* Nobody will read it; the peer gets nothing back, so at most one window comes. */
		return;
	}
	s->owed += len;
	make_room(s, data, len);
	hp_buf_append(&s->in, data, len);
	s->conn->memory += len;
	r = rpc_stream_peek(s, &message_len, &packed, &err);
	note_assembly(s, r);
	if (r < 0) {
		forget_inbox(s);
		rpc_stream_over(s, err.code, err.msg);
		if (!s->conn->role->server)
			rpc_stream_reset(s, NGHTTP2_CANCEL);
		return;
	}
	if (r > 0) {
		s->conn->role->readable(s);
		rpc_stream_wake(s);
	}
	rpc_stream_credit(s);
}

/* Takes the first message out of the inbox; wholly when it is all there is. */
static void take(struct rpc_stream *s, size_t len, struct hp_buf *ret)
{
	struct hp_err err;
	size_t next_len;
	bool packed;

	if (len >= STEAL_SIZE_MIN && s->in_at == 0 && s->in.len == RPC_PREFIX_SIZE + len) {
		hp_buf_done(ret);
		*ret = s->in;
		s->in = (struct hp_buf){0};
		memmove(ret->data, ret->data + RPC_PREFIX_SIZE, len + 1);
		ret->len = len;
		s->conn->memory -= RPC_PREFIX_SIZE + len;
	} else {
		hp_buf_reset(ret);
		hp_buf_append(ret, s->in.data + s->in_at + RPC_PREFIX_SIZE, len);
		s->in_at += RPC_PREFIX_SIZE + len;
	}
	if (s->in.len == 0) {
		s->in_at = 0;
	} else if (s->in_at == s->in.len) {
		s->conn->memory -= s->in.len;
		s->in_at = 0;
		if (s->in.cap > HP_RPC_OUT_SIZE)
			hp_buf_done(&s->in);
		else
			hp_buf_reset(&s->in);
	} else if (s->in_at >= s->in.len / 2) {
		s->conn->memory -= s->in_at;
		s->in.len -= s->in_at;
		memmove(s->in.data, s->in.data + s->in_at, s->in.len);
		s->in_at = 0;
	}
	note_assembly(s, rpc_stream_peek(s, &next_len, &packed, &err));
	rpc_stream_credit(s);
	credit_withheld(s->conn);
}

static int unpack(struct rpc_stream *s, bool packed, struct hp_buf *message, struct hp_err *err)
{
	const struct rpc_codings *codings = s->conn->settings->codings;
	HP_AUTO_BUF struct hp_buf raw = {0};
	int r;

	if (!packed)
		return 1;
	if (!codings || !(codings->set & 1u << s->in_encoding))
		return hp_err_set(err, HP_INTERNAL, "a message in an encoding that we did not offer");
	r = codings->unpack((enum rpc_encoding)s->in_encoding, message->data, message->len,
	                    s->conn->settings->recv_message_max, &raw, err);
	if (r < 0)
		return r;
	hp_buf_done(message);
	*message = raw;
	raw = (struct hp_buf){0};
	return 1;
}

/* -code of a call that is over, 0 when that is OK. */
static int over_result(const struct rpc_stream *s, struct hp_err *err)
{
	if (s->status.code == 0)
		return 0;
	if (err)
		*err = s->status;
	return -s->status.code;
}

static void expire(struct rpc_stream *s)
{
	if (!s->over && s->deadline_ns && sys_monotonic_ns() >= s->deadline_ns) {
		rpc_stream_over(s, HP_DEADLINE, "the deadline has passed");
		if (!s->conn->role->server)
			rpc_stream_reset(s, NGHTTP2_CANCEL);
		rpc_conn_pump(s->conn);
	}
}

int rpc_stream_recv(struct rpc_stream *s, struct hp_buf *ret_message, struct hp_err *err)
{
	struct rpc_conn *conn = s->conn;
	struct hp_err local = {0};
	size_t len = 0;
	bool packed = false;
	int r;

	hp_buf_reset(ret_message);
	(void)pthread_mutex_lock(&conn->lock);
	for (;;) {
		unsigned seq = s->seq;

		/* A status does not overtake the messages before it, unless it is our own. */
		r = s->cancelled ? 0 : rpc_stream_peek(s, &len, &packed, &local);
		if (r > 0) {
			take(s, len, ret_message);
			if (conn->role->server || s->owed == 0)
				rpc_conn_pump(conn);
			break;
		}
		if (s->over) {
			r = over_result(s, err);
			break;
		}
		if (r < 0 || (s->peer_ended && s->in.len > s->in_at)) {
			if (r == 0)
				(void)hp_err_set(&local, HP_INTERNAL, "the stream ends within a message");
			rpc_stream_over(s, local.code, local.msg);
			continue;
		}
		if (s->peer_ended && conn->role->server) {
			r = 0;
			break;
		}
		rpc_stream_wait(s, seq);
		expire(s);
	}
	(void)pthread_mutex_unlock(&conn->lock);
	if (r > 0)
		r = unpack(s, packed, ret_message, err);
	return r;
}

const struct rpc_metadata *rpc_stream_metadata(const struct rpc_stream *s)
{
	return &s->initial;
}

const struct rpc_metadata *rpc_stream_trailing(const struct rpc_stream *s)
{
	return &s->trailing;
}

void rpc_stream_details(const struct rpc_stream *s, const void **ret_data, size_t *ret_len)
{
	*ret_data = s->details.data;
	*ret_len = s->details.len;
}

int64_t rpc_stream_deadline_ns(const struct rpc_stream *s)
{
	return s->deadline_ns;
}

const char *rpc_stream_peer(const struct rpc_stream *s)
{
	return s->conn->peer;
}

bool rpc_stream_cancelled(struct rpc_stream *s)
{
	bool cancelled;

	(void)pthread_mutex_lock(&s->conn->lock);
	expire(s);
	cancelled = s->cancelled;
	(void)pthread_mutex_unlock(&s->conn->lock);
	return cancelled;
}

void rpc_stream_on_cancel(struct rpc_stream *s, void (*fn)(void *arg), void *arg)
{
	(void)pthread_mutex_lock(&s->conn->lock);
	s->cancel_fn = fn;
	s->cancel_arg = arg;
	if (fn && s->cancelled) {
		s->cancel_fn = NULL;
		fn(arg);
	}
	(void)pthread_mutex_unlock(&s->conn->lock);
}

/* ---- What goes. */

void rpc_stream_set_encoding(struct rpc_stream *s, enum rpc_encoding encoding)
{
	const struct rpc_codings *codings = s->conn->settings->codings;

	(void)pthread_mutex_lock(&s->conn->lock);
	if (encoding == RPC_IDENTITY || (codings && (codings->set & 1u << encoding) && !s->headers_sent))
		s->encoding = encoding;
	(void)pthread_mutex_unlock(&s->conn->lock);
}

int rpc_stream_set_initial(struct rpc_stream *s, const char *name, const void *value, size_t len, struct hp_err *err)
{
	int r;

	(void)pthread_mutex_lock(&s->conn->lock);
	if (s->headers_sent)
		r = hp_err_set(err, HP_PRECONDITION, "the headers have been sent");
	else
		r = rpc_metadata_add(&s->out_initial, name, value, len, err);
	(void)pthread_mutex_unlock(&s->conn->lock);
	return r;
}

int rpc_stream_set_trailing(struct rpc_stream *s, const char *name, const void *value, size_t len, struct hp_err *err)
{
	int r;

	(void)pthread_mutex_lock(&s->conn->lock);
	r = rpc_metadata_add(&s->out_trailing, name, value, len, err);
	(void)pthread_mutex_unlock(&s->conn->lock);
	return r;
}

void rpc_stream_set_details(struct rpc_stream *s, const void *data, size_t len)
{
	assert(len <= HP_RPC_DETAILS_SIZE_MAX);
	(void)pthread_mutex_lock(&s->conn->lock);
	hp_buf_reset(&s->details);
	hp_buf_append(&s->details, data, len);
	(void)pthread_mutex_unlock(&s->conn->lock);
}

void rpc_stream_resume(struct rpc_stream *s)
{
	if (s->deferred && !s->closed) {
		s->deferred = false;
		s->out_since_ns = sys_monotonic_ns();
		(void)nghttp2_session_resume_data(s->conn->session, s->id);
	}
}

int rpc_stream_append(struct rpc_stream *s, const void *data, size_t len, bool packed)
{
	unsigned char prefix[RPC_PREFIX_SIZE] = {packed, (unsigned char)(len >> 24), (unsigned char)(len >> 16),
	                                         (unsigned char)(len >> 8), (unsigned char)len};

	if (s->out_at && s->out_at >= s->out.len / 2) {
		s->out.len -= s->out_at;
		memmove(s->out.data, s->out.data + s->out_at, s->out.len);
		s->out_at = 0;
	}
	if (s->out.len == 0)
		s->out_since_ns = sys_monotonic_ns();
	(void)hp_buf_reserve(&s->out, len + sizeof prefix);
	hp_buf_append(&s->out, prefix, sizeof prefix);
	hp_buf_append(&s->out, data, len);
	rpc_conn_arm(s->conn, s->out_since_ns + s->conn->settings->stall_ns);
	return 0;
}

int rpc_stream_pack(struct rpc_stream *s, const void *data, size_t len, struct hp_buf *packed, struct hp_err *err)
{
	const struct rpc_settings *set = s->conn->settings;

	if (len > set->send_message_max)
		return hp_err_set(err, HP_EXHAUSTED, "a message of %zu bytes; at most %zu are sent", len,
		                  set->send_message_max);
	if (s->encoding == RPC_IDENTITY || !(s->accepts & 1u << s->encoding) || !set->codings)
		return 0;
	return set->codings->pack(s->encoding, data, len, packed, err) < 0 ? -err->code : 1;
}

int rpc_stream_send(struct rpc_stream *s, const void *data, size_t len, struct hp_err *err)
{
	struct rpc_conn *conn = s->conn;
	HP_AUTO_BUF struct hp_buf packed = {0};
	struct hp_err local = {0};
	int is_packed = rpc_stream_pack(s, data, len, &packed, &local);
	int r = 0;

	if (is_packed < 0) {
		if (err)
			*err = local;
		return is_packed;
	}
	(void)pthread_mutex_lock(&conn->lock);
	for (;;) {
		unsigned seq = s->seq;

		if (s->over || s->closed) {
			r = s->over && s->status.code ? over_result(s, err)
			                              : hp_err_set(err, HP_CANCELLED, "the call is over");
			break;
		}
		if (s->end_sent) {
			r = hp_err_set(err, HP_PRECONDITION, "no message may follow the end");
			break;
		}
		if (s->out.len - s->out_at <= HP_RPC_SEND_BUFFER_SIZE) {
			(void)rpc_stream_append(s, is_packed ? packed.data : data, is_packed ? packed.len : len,
			                        is_packed);
			r = conn->role->server && !s->headers_sent ? rpc_stream_submit_headers(s) : 0;
			if (r < 0)
				r = hp_err_set(err, HP_INTERNAL, "cannot send headers: %s", nghttp2_strerror(r));
			rpc_stream_resume(s);
			/* A single reply goes out together with the status. */
			if (!conn->role->server || (s->method->kind & RPC_SERVER_STREAM))
				rpc_conn_pump(conn);
			break;
		}
		rpc_conn_pump(conn);
		rpc_stream_wait(s, seq);
		expire(s);
	}
	(void)pthread_mutex_unlock(&conn->lock);
	return r;
}

/* ---- The end. */

void rpc_stream_reset(struct rpc_stream *s, uint32_t error_code)
{
	if (!s->closed && s->id > 0)
		(void)nghttp2_submit_rst_stream(s->conn->session, NGHTTP2_FLAG_NONE, s->id, error_code);
}

void rpc_stream_over(struct rpc_stream *s, int code, const char *text)
{
	void (*fn)(void *) = s->cancel_fn;

	if (s->over)
		return;
	s->over = true;
	s->phase = RPC_STREAM_OVER;
	if (code)
		(void)hp_err_set(&s->status, (enum hp_code)code, "%s", text);
	if (!s->finished) {
		s->cancelled = true;
		s->cancel_fn = NULL;
		if (fn)
			fn(s->cancel_arg);
	}
	if (s->conn->role->server && !s->closed) {
		s->end_sent = true;
		s->out_since_ns = sys_monotonic_ns();
		rpc_conn_arm(s->conn, s->out_since_ns + s->conn->settings->stall_ns);
		if (!s->finished) {
			/* What has not gone out yet goes no more. */
			hp_buf_done(&s->out);
			s->out_at = 0;
		}
		if (s->headers_sent)
			rpc_stream_resume(s);
		else
			(void)rpc_stream_submit_status(s, code, text);
	}
	rpc_stream_wake(s);
}
