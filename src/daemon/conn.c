/* One client's conversation. */
#define HP_LOG_TOPIC "conn"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/server_priv.h"
#include "sys/clock.h"
#include "sys/net.h"

static bool send_message(struct daemon_conn *conn, enum proto_local_kind kind, const void *msg)
{
	HP_AUTO_BUF struct hp_buf out = {0};

	proto_frame(kind, msg, &out);
	return sys_send_all(conn->fd, out.data, out.len,
	                    sys_monotonic_ns() + (int64_t)HP_DAEMON_FRAME_MAX_MS * 1000000) == 0;
}

/* What is read at once: a whole request nearly always. */
#define READ_SIZE 16384u

enum arrival {
	ARRIVED, /* a whole frame */
	NOT_YET, /* the rest will come: the connection rests until then, so a slow peer costs no thread */
	NEVER,   /* closed, too long or malformed */
};

/* One frame's envelope; the body points into conn->frame, where bytes of the next frame may follow. */
static enum arrival receive(struct daemon_conn *conn, size_t len_max, uint32_t *ret_kind, struct proto_bytes *ret_body)
{
	struct hp_buf *frame = &conn->frame;
	size_t want = 4;

	if (conn->taken) {
		memmove(frame->data, frame->data + conn->taken, frame->len - conn->taken);
		frame->len -= conn->taken;
		conn->taken = 0;
	}
	for (;;) {
		size_t room;
		ssize_t n;

		if (frame->len >= 4) {
			int64_t len = proto_frame_len((const unsigned char *)frame->data);

			if (len < 0 || (size_t)len > len_max)
				return NEVER;
			want = 4 + (size_t)len;
		}
		if (want > 4 && frame->len >= want)
			break;
		room = want - frame->len < READ_SIZE ? READ_SIZE : want - frame->len;
		n = recv(conn->fd, hp_buf_reserve(frame, room), room, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return NOT_YET;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NEVER;
		hp_buf_added(frame, (size_t)n);
	}
	conn->taken = want;
	return proto_take_envelope(frame->data + 4, want - 4, ret_kind, ret_body, NULL) == 0 ? ARRIVED : NEVER;
}

static bool take(uint32_t kind, enum proto_local_kind wanted, const struct proto_bytes *body, void *ret_msg)
{
	return kind == wanted &&
	       proto_decode(proto_local_desc(kind), body->data, body->len, HP_ARGS_MAX, ret_msg, NULL) == 0;
}

/* A hello is some hundred bytes: nobody unknown makes us hold more. */
#define HELLO_SIZE_MAX 512u

/* Once a second at most: another user must not be able to fill the log. The counter has them all. */
static void warn_of_wrong_token(struct daemon_server *server)
{
	int64_t now = sys_monotonic_ns();
	int64_t last = __atomic_load_n(&server->warned_ns, __ATOMIC_RELAXED);

	if (now - last < 1000000000 ||
	    !__atomic_compare_exchange_n(&server->warned_ns, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	hp_warn("security: a client came with a wrong token and was turned away");
}

static enum arrival greet(struct daemon_server *server, struct daemon_conn *conn)
{
	struct proto_hello hello;
	struct proto_bytes body;
	enum arrival arrival;
	uint32_t kind;

	if (conn->greeted)
		return ARRIVED;
	arrival = receive(conn, HELLO_SIZE_MAX, &kind, &body);
	if (arrival != ARRIVED)
		return arrival;
	if (!take(kind, PROTO_HELLO, &body, &hello))
		return NEVER;
	if (!client_token_eq(hello.token.data, hello.token.len, server->handshake.token,
	                     strlen(server->handshake.token))) {
		daemon_service_count(server->service, "error.wrong-token", 1);
		warn_of_wrong_token(server);
		return NEVER;
	}
	conn->greeted = hello.protocol == PROTO_LOCAL_VERSION;
	return conn->greeted ? ARRIVED : NEVER;
}

/* A C string of the bytes; false when they hold a NUL, which no path or argument does. */
static bool own(const struct proto_bytes *b, char **ret_s)
{
	if (b->len && memchr(b->data, '\0', b->len))
		return false;
	*ret_s = hp_strndup(b->data, b->len);
	return true;
}

static bool own_list(const struct proto_list *list, struct hp_strv *ret_list)
{
	for (size_t i = 0; i < list->len; i++) {
		char *s;

		if (!own(&list->v[i], &s))
			return false;
		hp_strv_take(ret_list, s);
	}
	return true;
}

static bool request_from(const struct proto_compile *c, struct daemon_request *ret_request)
{
	ret_request->mask = (mode_t)(c->umask & 0777);
	ret_request->stderr_tty = c->stderr_tty != 0;
	return own(&c->compiler, &ret_request->compiler) && own(&c->argv0, &ret_request->argv0) &&
	       own(&c->cwd, &ret_request->cwd) && own_list(&c->args, &ret_request->args) &&
	       own_list(&c->env, &ret_request->env) && ret_request->compiler[0] == '/' && ret_request->cwd[0] == '/';
}

/* Lists of the answer in wire terms. */
static bool send_answer(struct daemon_server *server, struct daemon_conn *conn, const struct daemon_answer *a)
{
	static const enum proto_reply_kind kinds[] = {
	        [DAEMON_HIT] = PROTO_REPLY_HIT,       [DAEMON_RUN] = PROTO_REPLY_RUN,
	        [DAEMON_BYPASS] = PROTO_REPLY_BYPASS, [DAEMON_WAIT] = PROTO_REPLY_WAIT,
	        [DAEMON_SPLIT] = PROTO_REPLY_SPLIT,   [DAEMON_PREPROCESS] = PROTO_REPLY_PREPROCESS,
	};
	HP_AUTO_FREE struct proto_bytes *args = hp_alloc(a->args.len * sizeof *args);
	struct proto_reply reply = {
	        .kind = kinds[a->decision],
	        .out = {a->out.data, a->out.len},
	        .err = {a->err.data, a->err.len},
	        .args = {args, a->args.len},
	        .rewrites_deps = a->rewrites_deps,
	        .reason = proto_str(a->reason ? cc_reason_name(a->reason) : ""),
	        .proof = proto_str(server->handshake.proof),
	};

	for (size_t i = 0; i < a->args.len; i++)
		args[i] = proto_str(a->args.v[i]);
	return send_message(conn, PROTO_REPLY, &reply);
}

/* Looks up and answers. True: a report or a wake-up will come. */
static bool look_up(struct daemon_server *server, struct daemon_conn *conn, bool may_wait)
{
	struct daemon_answer answer;
	bool rests;

	/* Before look_up: the flight may end, and wake us, before it returns. */
	conn->state = may_wait ? DAEMON_CONN_WAITING : DAEMON_CONN_RUNNING;
	conn->since_ns = sys_monotonic_ns();
	daemon_service_look_up(server->service, &conn->request, may_wait ? conn : NULL, &answer, &conn->ticket);
	if (answer.decision != DAEMON_WAIT)
		conn->state = DAEMON_CONN_RUNNING;
	rests = send_answer(server, conn, &answer) &&
	        (answer.decision == DAEMON_RUN || answer.decision == DAEMON_WAIT ||
	         answer.decision == DAEMON_PREPROCESS);
	daemon_answer_done(&answer);
	if (!rests)
		daemon_conn_close(server, conn);
	return rests;
}

static bool serve_compile(struct daemon_server *server, struct daemon_conn *conn, const struct proto_compile *c)
{
	if (!request_from(c, &conn->request)) {
		daemon_conn_close(server, conn);
		return false;
	}
	/* In another mount namespace or root the same path is another file: the client does it by itself. */
	if (c->mount_ns != server->here.mount || c->root_dev != server->here.root_dev ||
	    c->root_ino != server->here.root_ino) {
		daemon_service_count(server->service, "bypass.namespace", 1);
		daemon_conn_close(server, conn);
		return false;
	}
	return look_up(server, conn, true);
}

static bool serve_control(struct daemon_server *server, struct daemon_conn *conn, const struct proto_control *c)
{
	struct proto_control_reply reply = {.ok = 1};

	if (c->kind == PROTO_CONTROL_FLUSH)
		daemon_service_flush(server->service);
	else if (c->kind == PROTO_CONTROL_FORGET)
		daemon_service_forget(server->service);
	else if (c->kind == PROTO_CONTROL_STOP)
		__atomic_store_n(&server->stop_asked, true, __ATOMIC_RELEASE);
	else
		reply.ok = 0;
	(void)send_message(conn, PROTO_CONTROL_REPLY, &reply);
	daemon_conn_close(server, conn);
	return false;
}

static bool serve_request(struct daemon_server *server, struct daemon_conn *conn)
{
	struct proto_control control;
	struct proto_compile compile;
	struct proto_bytes body;
	enum arrival arrival;
	uint32_t kind;
	bool rests;

	arrival = greet(server, conn);
	if (arrival == ARRIVED)
		arrival = receive(conn, HP_FRAME_SIZE_MAX, &kind, &body);
	if (arrival == NEVER)
		daemon_conn_close(server, conn);
	if (arrival != ARRIVED)
		return arrival == NOT_YET;
	if (take(kind, PROTO_CONTROL, &body, &control))
		return serve_control(server, conn, &control);
	if (!take(kind, PROTO_COMPILE, &body, &compile)) {
		daemon_conn_close(server, conn);
		return false;
	}
	rests = serve_compile(server, conn, &compile);
	proto_done(&proto_compile_desc, &compile);
	return rests;
}

/* The preprocessor has ended: its text leads to a result, which is stored after the client was let go, or the compile
 * begins. True: its report will come. */
static bool serve_preprocessed(struct daemon_server *server, struct daemon_conn *conn,
                               const struct daemon_result *result)
{
	struct daemon_answer answer;
	bool rests;

	daemon_service_preprocessed(server->service, conn->ticket, result, &answer);
	conn->since_ns = sys_monotonic_ns();
	rests = send_answer(server, conn, &answer) && answer.decision == DAEMON_RUN;
	if (answer.decision == DAEMON_HIT) {
		(void)shutdown(conn->fd, SHUT_RDWR);
		daemon_service_settle(server->service, hp_steal(conn->ticket));
	}
	daemon_answer_done(&answer);
	if (!rests)
		daemon_conn_close(server, conn);
	return rests;
}

/* The report of a finished compile. The client is let go before anything is packed. True: it has not arrived in full, or
 * it was the preprocessor's. */
static bool serve_report(struct daemon_server *server, struct daemon_conn *conn)
{
	struct daemon_result result;
	struct daemon_verdict verdict;
	struct daemon_ticket *ticket;
	struct proto_report report;
	struct proto_bytes body;
	struct proto_ack ack;
	enum arrival arrival;
	uint32_t kind;

	arrival = receive(conn, HP_FRAME_SIZE_MAX, &kind, &body);
	if (arrival == NOT_YET)
		return true;
	if (arrival == NEVER || !take(kind, PROTO_REPORT, &body, &report)) {
		daemon_conn_close(server, conn);
		return false;
	}
	result = (struct daemon_result){
	        .status = (int)report.status,
	        .out = report.out.data,
	        .out_len = report.out.len,
	        .err = report.err.data,
	        .err_len = report.err.len,
	        .truncated = report.truncated != 0,
	        .duration_ms = (uint32_t)report.duration_ms,
	};
	if (daemon_ticket_preprocesses(conn->ticket))
		return serve_preprocessed(server, conn, &result);
	ticket = hp_steal(conn->ticket);
	daemon_service_report(server->service, ticket, &result, &verdict);
	ack = (struct proto_ack){
	        .rerun = verdict.rerun,
	        .reason = proto_str(verdict.reason ? cc_reason_name(verdict.reason) : "stored"),
	};
	(void)send_message(conn, PROTO_ACK, &ack);
	(void)shutdown(conn->fd, SHUT_RDWR);
	daemon_service_settle(server->service, ticket);
	daemon_conn_close(server, conn);
	return false;
}

bool daemon_conn_serve(struct daemon_server *server, struct daemon_conn *conn)
{
	if (conn->state == DAEMON_CONN_FRESH)
		return serve_request(server, conn);
	return serve_report(server, conn);
}

bool daemon_conn_retry(struct daemon_server *server, struct daemon_conn *conn)
{
	return look_up(server, conn, !conn->retry_alone);
}
