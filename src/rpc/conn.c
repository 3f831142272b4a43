#define HP_LOG_TOPIC "rpc"
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "rpc/conn_priv.h"
#include "sys/clock.h"

#define NS_PER_MS 1000000LL
/* How much is read from one connection before the others have their turn. */
#define READ_TURN_SIZE (256u << 10)
/* What a connection without calls may keep of its output's memory. */
#define IDLE_OUT_SIZE_MAX 4096
/* After the first GOAWAY, how long a client without an answer to our ping may still open streams. */
#define GOAWAY_FINAL_NS (1000 * NS_PER_MS)

void rpc_conn_ref(struct rpc_conn *conn)
{
	(void)__atomic_add_fetch(&conn->refs, 1, __ATOMIC_RELAXED);
}

void rpc_conn_unref(struct rpc_conn *conn)
{
	if (__atomic_sub_fetch(&conn->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (conn->transport)
		conn->transport->ops->free(conn->transport);
	nghttp2_session_del(conn->session);
	hp_buf_done(&conn->out);
	(void)pthread_mutex_destroy(&conn->lock);
	free(conn->peer);
	free(conn);
}

void rpc_conn_abuse(struct rpc_conn *conn, const char *what)
{
	hp_warn("security event: peer %s: %s", conn->peer, what);
	if (conn->settings->on_abuse)
		conn->settings->on_abuse(conn->settings->abuse_ctx, conn->peer, what);
}

void rpc_conn_earn(struct rpc_conn *conn, int64_t tokens)
{
	conn->flood += tokens;
	if (conn->flood > (int64_t)HP_RPC_FLOOD_BURST * RPC_FLOOD_TOKEN)
		conn->flood = (int64_t)HP_RPC_FLOOD_BURST * RPC_FLOOD_TOKEN;
}

int rpc_conn_spend(struct rpc_conn *conn)
{
	conn->flood -= RPC_FLOOD_TOKEN;
	if (conn->flood >= 0)
		return 0;
	/* Only now does the clock matter: read_ns is that of the bytes being looked at. */
	conn->flood += (conn->read_ns - conn->flood_at_ns) / NS_PER_MS * HP_RPC_FLOOD_PER_SECOND;
	conn->flood_at_ns = conn->read_ns;
	if (conn->flood > (int64_t)HP_RPC_FLOOD_BURST * RPC_FLOOD_TOKEN)
		conn->flood = (int64_t)HP_RPC_FLOOD_BURST * RPC_FLOOD_TOKEN;
	if (conn->flood >= 0)
		return 0;
	rpc_conn_abuse(conn, "flood of frames without content");
	return -1;
}

void rpc_conn_arm(struct rpc_conn *conn, int64_t when_ns)
{
	if (when_ns != RPC_NEVER && conn->state != RPC_CONN_CLOSED)
		rpc_loop_arm(conn->loop, &conn->source, when_ns);
}

void rpc_conn_fail(struct rpc_conn *conn, const struct hp_err *why)
{
	if (conn->state == RPC_CONN_CLOSED)
		return;
	conn->state = RPC_CONN_CLOSED;
	conn->why = *why;
	hp_debug("peer %s: closed: %s", conn->peer, why->msg);
	rpc_loop_attend(conn->loop, &conn->source);
}

static void fail(struct rpc_conn *conn, enum hp_code code, const char *text)
{
	struct hp_err why = {0};

	(void)hp_err_set(&why, code, "%s", text);
	rpc_conn_fail(conn, &why);
}

void rpc_conn_goaway(struct rpc_conn *conn, int64_t doom_ns)
{
	if (conn->state == RPC_CONN_CLOSED)
		return;
	if (doom_ns < conn->doom_ns)
		conn->doom_ns = doom_ns;
	rpc_conn_arm(conn, conn->doom_ns);
	if (conn->state == RPC_CONN_HANDSHAKE || !conn->settings_seen) {
		fail(conn, HP_UNAVAILABLE, "the server is going away");
		return;
	}
	if (conn->state != RPC_CONN_DRAINING) {
		conn->state = RPC_CONN_DRAINING;
		/* The client may have opened streams that we have not seen: those still count. The answer to the ping
		 * comes after all of them. */
		(void)nghttp2_submit_shutdown_notice(conn->session);
		(void)nghttp2_submit_ping(conn->session, NGHTTP2_FLAG_NONE, NULL);
		rpc_conn_arm(conn, sys_monotonic_ns() + GOAWAY_FINAL_NS);
	}
	rpc_conn_pump(conn);
}

/* Hands gathered frames to the kernel. false: it takes no more now. */
static bool flush(struct rpc_conn *conn)
{
	while (conn->out_at < conn->out.len && !conn->blocked) {
		ssize_t n = conn->transport->ops->send(conn->transport, conn->out.data + conn->out_at,
		                                       conn->out.len - conn->out_at);

		if (n == -EAGAIN) {
			conn->blocked = true;
			rpc_conn_arm(conn, conn->moved_ns + conn->settings->stall_ns);
		} else if (n < 0) {
			struct hp_err why = {0};

			(void)hp_err_sys(&why, (int)-n, "send");
			why.code = HP_UNAVAILABLE;
			rpc_conn_fail(conn, &why);
			return false;
		} else {
			conn->out_at += (size_t)n;
			conn->moved_ns = sys_monotonic_ns();
		}
	}
	if (conn->out_at < conn->out.len)
		return false;
	hp_buf_reset(&conn->out);
	conn->out_at = 0;
	if (conn->streams_len == 0 && conn->out.cap > IDLE_OUT_SIZE_MAX)
		hp_buf_done(&conn->out); /* an idle connection holds no memory that it need not */
	return true;
}

void rpc_conn_pump(struct rpc_conn *conn)
{
	if (conn->in_session || conn->state == RPC_CONN_CLOSED || conn->state == RPC_CONN_HANDSHAKE)
		return;
	while (flush(conn)) {
		int r;

		if (!nghttp2_session_want_write(conn->session))
			break;
		if (conn->moved_ns == 0 || conn->out.len == 0)
			conn->moved_ns = sys_monotonic_ns();
		conn->in_session = true;
		r = nghttp2_session_send(conn->session);
		conn->in_session = false;
		if (r < 0) {
			fail(conn, HP_INTERNAL, nghttp2_strerror(r));
			return;
		}
		if (conn->out.len == 0)
			break;
	}
	if (conn->state != RPC_CONN_CLOSED && conn->out.len == 0 && !nghttp2_session_want_read(conn->session) &&
	    !nghttp2_session_want_write(conn->session))
		fail(conn, HP_UNAVAILABLE,
		     conn->peer_goaway ? "the peer has closed the connection" : "connection closed");
}

/* Looks at the frames' heads in what has come, before nghttp2 does: it tells of frames that it knows, not of others. */
static int count_frames(struct rpc_conn *conn, const unsigned char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t n;

		if (conn->frame_left) {
			n = len - at < conn->frame_left ? len - at : conn->frame_left;
			conn->frame_left -= n;
			at += n;
			continue;
		}
		conn->frame_head[conn->frame_head_len++] = data[at++];
		if (conn->frame_head_len < sizeof conn->frame_head)
			continue;
		conn->frame_head_len = 0;
		conn->frame_left =
		        (size_t)conn->frame_head[0] << 16 | (size_t)conn->frame_head[1] << 8 | conn->frame_head[2];
		switch (conn->frame_head[3]) {
		case NGHTTP2_HEADERS:      /* counted when refused */
		case NGHTTP2_CONTINUATION: /* nghttp2 takes eight in a row */
			continue;
		case NGHTTP2_DATA:
			if (conn->frame_left && !(conn->frame_head[4] & NGHTTP2_FLAG_PADDED))
				continue;
			if (conn->frame_head[4] & NGHTTP2_FLAG_END_STREAM)
				continue;
			break;
		default:
			break;
		}
		if (rpc_conn_spend(conn) < 0)
			return -1;
	}
	return 0;
}

/* true: there may be more to read at once. */
static bool read_some(struct rpc_conn *conn)
{
	char chunk[32768];
	size_t total = 0;

	while (conn->state != RPC_CONN_CLOSED && total < READ_TURN_SIZE) {
		ssize_t n = conn->transport->ops->recv(conn->transport, chunk, sizeof chunk);
		ssize_t used;

		if (n == -EAGAIN)
			return false;
		if (n <= 0) {
			struct hp_err why = {0};

			if (n == 0)
				(void)hp_err_set(&why, HP_UNAVAILABLE, "the peer has closed the connection");
			else
				(void)hp_err_sys(&why, (int)-n, "recv");
			why.code = HP_UNAVAILABLE;
			rpc_conn_fail(conn, &why);
			return false;
		}
		total += (size_t)n;
		conn->read_ns = sys_monotonic_ns();
		conn->ping_ns = 0;
		if (count_frames(conn, (const unsigned char *)chunk, (size_t)n) < 0) {
			fail(conn, HP_UNAVAILABLE, "flood of frames without content");
			return false;
		}
		conn->in_session = true;
		used = nghttp2_session_mem_recv(conn->session, (const uint8_t *)chunk, (size_t)n);
		conn->in_session = false;
		if (used < 0) {
			if (used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
				rpc_conn_abuse(conn, nghttp2_strerror((int)used));
			fail(conn, HP_UNAVAILABLE, nghttp2_strerror((int)used));
			return false;
		}
		/* A short read has emptied the socket, for those transports that read straight from it; an edge follows
		 * when more comes. The end of what is sent may have come along with the bytes: then it has no edge. */
		if ((size_t)n < sizeof chunk && !conn->transport->ops->handshake && !conn->hung_up)
			return false;
	}
	return conn->state != RPC_CONN_CLOSED;
}

/* ---- What is due. */

static void due(int64_t when, int64_t *next)
{
	if (when < *next)
		*next = when;
}

static void check_streams(struct rpc_conn *conn, int64_t now, int64_t *next)
{
	for (struct rpc_stream *s = conn->streams, *after; s; s = after) {
		after = s->next;
		if (s->deadline_ns && !s->over) {
			if (now >= s->deadline_ns) {
				rpc_stream_over(s, HP_DEADLINE, "the deadline has passed");
				if (!conn->role->server)
					rpc_stream_reset(s, NGHTTP2_CANCEL);
				continue;
			}
			due(s->deadline_ns, next);
		}
		if (s->closed)
			continue;
		/* Messages that the peer does not take, or a status behind its closed window. */
		if (s->headers_sent && (s->out.len > s->out_at || (conn->role->server && s->over))) {
			if (now >= s->out_since_ns + conn->settings->stall_ns) {
				rpc_stream_over(s, HP_UNAVAILABLE, "the peer takes nothing");
				rpc_stream_reset(s, NGHTTP2_CANCEL);
				continue;
			}
			due(s->out_since_ns + conn->settings->stall_ns, next);
		}
		if (s->in_since_ns && !s->over) {
			if (now >= s->in_since_ns + conn->settings->stall_ns) {
				rpc_stream_over(s, HP_UNAVAILABLE, "the peer stopped within a message");
				if (!conn->role->server)
					rpc_stream_reset(s, NGHTTP2_CANCEL);
				continue;
			}
			due(s->in_since_ns + conn->settings->stall_ns, next);
		}
	}
}

static void check_keepalive(struct rpc_conn *conn, int64_t now, int64_t *next)
{
	const struct rpc_settings *set = conn->settings;

	if (set->keepalive_ns == 0 || (!conn->role->server && conn->streams_len == 0))
		return;
	if (conn->ping_ns) {
		if (now >= conn->ping_ns + set->keepalive_timeout_ns)
			fail(conn, HP_UNAVAILABLE, "the peer does not answer (keepalive)");
		else
			due(conn->ping_ns + set->keepalive_timeout_ns, next);
	} else if (now >= conn->read_ns + set->keepalive_ns) {
		conn->ping_ns = now;
		(void)nghttp2_submit_ping(conn->session, NGHTTP2_FLAG_NONE, NULL);
		due(now + set->keepalive_timeout_ns, next);
	} else {
		due(conn->read_ns + set->keepalive_ns, next);
	}
}

static void check_life(struct rpc_conn *conn, int64_t now, int64_t *next)
{
	const struct rpc_settings *set = conn->settings;

	if (conn->state == RPC_CONN_HANDSHAKE || !conn->settings_seen) {
		if (now >= conn->created_ns + set->handshake_ns)
			fail(conn, HP_UNAVAILABLE, "no HTTP/2 handshake in time");
		else
			due(conn->created_ns + set->handshake_ns, next);
		return;
	}
	if (now >= conn->doom_ns) {
		fail(conn, HP_UNAVAILABLE, "the connection is too old");
		return;
	}
	due(conn->doom_ns, next);
	if (conn->state == RPC_CONN_DRAINING) {
		(void)nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE,
		                            nghttp2_session_get_last_proc_stream_id(conn->session), NGHTTP2_NO_ERROR,
		                            NULL, 0);
	} else if (now >= conn->age_ns) {
		rpc_conn_goaway(conn, now + set->age_grace_ns);
	} else {
		due(conn->age_ns, next);
	}
	if (set->idle_ns && conn->streams_len == 0 && conn->state == RPC_CONN_OPEN) {
		if (now >= conn->idle_ns + set->idle_ns)
			rpc_conn_goaway(conn, now + set->keepalive_timeout_ns);
		else
			due(conn->idle_ns + set->idle_ns, next);
	}
	if (conn->blocked) {
		if (now >= conn->moved_ns + set->stall_ns)
			fail(conn, HP_UNAVAILABLE, "the peer takes nothing");
		else
			due(conn->moved_ns + set->stall_ns, next);
	}
}

static void tick(struct rpc_conn *conn)
{
	int64_t now = sys_monotonic_ns();
	int64_t next = RPC_NEVER;

	check_life(conn, now, &next);
	if (conn->state == RPC_CONN_CLOSED)
		return;
	check_streams(conn, now, &next);
	if (conn->state != RPC_CONN_HANDSHAKE)
		check_keepalive(conn, now, &next);
	rpc_conn_arm(conn, next);
}

/* ---- Events. */

/* The end of a connection, once, by the leader. */
static void release(struct rpc_conn *conn)
{
	rpc_loop_remove(conn->loop, &conn->source);
	conn->in_session = true; /* nothing is sent any more */
	for (struct rpc_stream *s = conn->streams, *after; s; s = after) {
		after = s->next;
		if (s->closed)
			continue;
		s->closed = true;
		if (!conn->role->server)
			s->finished = true; /* messages that have come can still be taken */
		rpc_stream_over(s, conn->why.code, conn->why.msg);
		conn->role->ended(s);
		rpc_stream_wake(s);
		if (s->id > 0)
			rpc_stream_unref(s); /* the session's */
	}
	conn->transport->ops->free(conn->transport);
	conn->transport = NULL;
	conn->source.fd = -1;
	(void)pthread_mutex_unlock(&conn->lock);
	conn->role->closed(conn);
	rpc_conn_unref(conn);
}

static void handshake(struct rpc_conn *conn)
{
	const struct rpc_transport_ops *ops = conn->transport->ops;
	struct hp_err why = {0};
	int r = ops->handshake ? ops->handshake(conn->transport, &why) : 1;

	if (r < 0) {
		if (r == -HP_DATA_LOSS || r == -HP_UNAUTHENTICATED)
			rpc_conn_abuse(conn, why.msg);
		rpc_conn_fail(conn, &why);
	} else if (r > 0) {
		conn->state = RPC_CONN_OPEN;
	}
}

static void on_event(struct rpc_source *source, uint32_t events)
{
	struct rpc_conn *conn = (struct rpc_conn *)source;

	(void)pthread_mutex_lock(&conn->lock);
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		conn->blocked = false;
	if (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
		conn->hung_up = true;
	if (conn->state == RPC_CONN_HANDSHAKE)
		handshake(conn);
	if (conn->state == RPC_CONN_OPEN || conn->state == RPC_CONN_DRAINING) {
		if ((events & ~(uint32_t)EPOLLOUT) || conn->more_to_read) {
			conn->more_to_read = read_some(conn);
			if (conn->more_to_read)
				rpc_loop_attend(conn->loop, &conn->source);
		}
		/* Attention may be the timer's, whatever else there was to do. */
		if (events == 0 && conn->state != RPC_CONN_CLOSED)
			tick(conn);
		rpc_conn_pump(conn);
	} else if (conn->state == RPC_CONN_HANDSHAKE && events == 0) {
		tick(conn);
	}
	if (conn->state == RPC_CONN_CLOSED)
		release(conn);
	else
		(void)pthread_mutex_unlock(&conn->lock);
}

int rpc_conn_new(struct rpc_loop *loop, const struct rpc_role *role, const struct rpc_settings *settings, void *owner,
                 struct rpc_transport *take_transport, const char *peer, struct rpc_conn **ret_conn, struct hp_err *err)
{
	struct rpc_conn *conn = hp_zalloc(sizeof *conn);
	int64_t now = sys_monotonic_ns();
	int r;

	conn->source.event = on_event;
	conn->source.fd = take_transport->fd;
	conn->source.when_ns = RPC_NEVER;
	conn->loop = loop;
	conn->role = role;
	conn->settings = settings;
	conn->owner = owner;
	conn->peer = hp_strdup(peer);
	conn->refs = 1;
	conn->transport = take_transport;
	conn->state = RPC_CONN_HANDSHAKE;
	conn->created_ns = conn->read_ns = conn->moved_ns = conn->idle_ns = conn->flood_at_ns = now;
	conn->flood = (int64_t)HP_RPC_FLOOD_BURST * RPC_FLOOD_TOKEN;
	conn->age_ns = conn->doom_ns = RPC_NEVER;
	conn->frame_left = role->server ? NGHTTP2_CLIENT_MAGIC_LEN : 0;
	conn->accepts = 1u << RPC_IDENTITY;
	(void)pthread_mutex_init(&conn->lock, NULL);
	r = rpc_session_new(conn, err);
	if (r < 0) {
		rpc_conn_unref(conn);
		return r;
	}
	*ret_conn = conn;
	return 0;
}

int rpc_conn_start(struct rpc_conn *conn, struct hp_err *err)
{
	int r;

	/* Edge-triggered: the first event comes at once, since a socket can be written. */
	rpc_loop_arm(conn->loop, &conn->source, conn->created_ns + conn->settings->handshake_ns);
	r = rpc_loop_add(conn->loop, &conn->source, err);
	if (r < 0) {
		rpc_loop_remove(conn->loop, &conn->source);
		rpc_conn_unref(conn);
	}
	return r;
}
