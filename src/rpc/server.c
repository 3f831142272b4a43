#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/address_priv.h"
#include "rpc/server_priv.h"
#include "sys/clock.h"
#include "sys/entropy.h"

#define NS_PER_MS 1000000LL
/* When there are no descriptors left for new connections: how long until the next try. */
#define ACCEPT_PAUSE_NS (100 * NS_PER_MS)

static int64_t ms_or(int ms, int fallback_ms)
{
	return (ms ? ms : fallback_ms) * NS_PER_MS;
}

int rpc_server_new(struct rpc_loop *loop, const struct rpc_server_options *o, struct rpc_server **ret_server,
                   struct hp_err *err)
{
	static const struct rpc_server_options none;
	struct rpc_server *server;

	o = o ? o : &none;
	if (o->stream_window > INT32_MAX / 16 || o->recv_message_max > UINT32_MAX || o->send_message_max > UINT32_MAX)
		return hp_err_set(err, HP_INVALID, "a limit is larger than the protocol can say");
	server = hp_zalloc(sizeof *server);
	server->loop = loop;
	server->settings = (struct rpc_settings){
	        .recv_message_max = o->recv_message_max ? o->recv_message_max : HP_RPC_MESSAGE_SIZE_MAX,
	        .send_message_max = o->send_message_max ? o->send_message_max : HP_RPC_MESSAGE_SIZE_MAX,
	        .stream_window = o->stream_window ? o->stream_window : HP_RPC_STREAM_WINDOW_SIZE,
	        .memory_max = o->memory_max ? o->memory_max : HP_RPC_CONNECTION_MEMORY_SIZE,
	        .streams_max = o->streams_max ? o->streams_max : HP_RPC_STREAMS_MAX,
	        .handshake_ns = ms_or(o->handshake_ms, HP_RPC_HANDSHAKE_MS),
	        .idle_ns = o->idle_ms * NS_PER_MS,
	        .age_ns = o->age_ms * NS_PER_MS,
	        .age_grace_ns = ms_or(o->age_grace_ms, HP_RPC_AGE_GRACE_MS),
	        .keepalive_ns = ms_or(o->keepalive_ms, HP_RPC_SERVER_KEEPALIVE_MS),
	        .keepalive_timeout_ns = ms_or(o->keepalive_timeout_ms, HP_RPC_KEEPALIVE_TIMEOUT_MS),
	        .stall_ns = ms_or(o->stall_ms, HP_RPC_STALL_MS),
	        .codings = o->codings,
	        .on_abuse = o->on_abuse,
	        .abuse_ctx = o->abuse_ctx,
	};
	server->connections_max = o->connections_max ? o->connections_max : HP_RPC_CONNECTIONS_MAX;
	server->encoding = o->codings ? o->encoding : RPC_IDENTITY;
	(void)pthread_mutex_init(&server->lock, NULL);
	rpc_cond_init(&server->cond);
	rpc_loop_serving(loop, true);
	*ret_server = server;
	return 0;
}

void rpc_server_add(struct rpc_server *server, const struct rpc_method *methods, void *ctx)
{
	for (const struct rpc_method *m = methods; m->path; m++) {
		struct hp_map_slot *slot = hp_map_put(&server->methods, m->path, strlen(m->path));
		struct rpc_bound *bound = slot->value ? slot->value : hp_alloc(sizeof *bound);

		*bound = (struct rpc_bound){.method = m, .ctx = ctx};
		slot->value = bound;
	}
}

int rpc_server_serve(struct rpc_server *server, struct rpc_transport *take_transport, const char *peer,
                     struct hp_err *err)
{
	struct rpc_conn *conn;
	int r;

	(void)pthread_mutex_lock(&server->lock);
	if (server->draining || server->conns_len >= server->connections_max) {
		(void)pthread_mutex_unlock(&server->lock);
		take_transport->ops->free(take_transport);
		return hp_err_set(err, HP_EXHAUSTED, "too many connections");
	}
	server->conns_len++;
	(void)pthread_mutex_unlock(&server->lock);
	r = rpc_conn_new(server->loop, &rpc_server_role, &server->settings, server, take_transport, peer, &conn, err);
	if (r == 0) {
		if (server->settings.age_ns) {
			/* ±10 %, so that clients that came together do not come back together. */
			int64_t tenth = server->settings.age_ns / 10;

			conn->age_ns = conn->created_ns + server->settings.age_ns - tenth +
			               (int64_t)(sys_random_u64() % (uint64_t)(2 * tenth + 1));
		}
		(void)pthread_mutex_lock(&server->lock);
		conn->next = server->conns;
		if (conn->next)
			conn->next->prev = conn;
		server->conns = conn;
		rpc_conn_ref(conn);
		(void)pthread_mutex_unlock(&server->lock);
		r = rpc_conn_start(conn, err);
		if (r < 0)
			rpc_server_role.closed(conn);
		rpc_conn_unref(conn);
		return r;
	}
	(void)pthread_mutex_lock(&server->lock);
	server->conns_len--;
	(void)pthread_mutex_unlock(&server->lock);
	return r;
}

/* ---- Listening. */

static void accepted(struct rpc_listener *listener, int fd, const struct sockaddr_storage *from)
{
	struct rpc_server *server = listener->server;
	struct rpc_transport *transport = NULL;
	char peer[RPC_ADDRESS_TEXT_SIZE];
	int on = 1;

	rpc_address_text(from, peer);
	if (listener->tcp) {
		int timeout_ms =
		        (int)((server->settings.keepalive_ns + server->settings.keepalive_timeout_ns) / NS_PER_MS);

		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
	}
	if (!listener->secure)
		transport = rpc_transport_socket(fd);
	else if (listener->secure->ops->wrap(listener->secure, fd, true, NULL, &transport, NULL) < 0)
		return;
	(void)rpc_server_serve(server, transport, peer, NULL);
}

static void listener_event(struct rpc_source *source, uint32_t events)
{
	struct rpc_listener *listener = (struct rpc_listener *)source;
	struct rpc_server *server = listener->server;

	(void)events;
	while (!__atomic_load_n(&server->draining, __ATOMIC_ACQUIRE)) {
		struct sockaddr_storage from = {0};
		socklen_t from_len = sizeof from;
		int fd = accept4(source->fd, (struct sockaddr *)&from, &from_len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accepted(listener, fd, &from);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* Out of descriptors or memory: those that wait stay in the kernel's queue, and no edge will tell. */
		if (errno != EAGAIN)
			rpc_loop_arm(server->loop, source, sys_monotonic_ns() + ACCEPT_PAUSE_NS);
		return;
	}
	rpc_loop_remove(server->loop, source);
	(void)close(source->fd);
	if (listener->unix_path)
		(void)unlink(listener->unix_path);
	free(listener->unix_path);
	(void)pthread_mutex_lock(&server->lock);
	for (struct rpc_listener **at = &server->listeners; *at; at = &(*at)->next) {
		if (*at == listener) {
			*at = listener->next;
			break;
		}
	}
	free(listener);
	server->listeners_len--;
	(void)pthread_cond_broadcast(&server->cond);
	(void)pthread_mutex_unlock(&server->lock);
}

int rpc_server_listen(struct rpc_server *server, const char *address, struct rpc_secure *secure, uint16_t *ret_port,
                      struct hp_err *err)
{
	struct rpc_listener *listener;
	struct rpc_address where;
	uint16_t port = 0;
	int fd;
	int r = rpc_address_parse(address, &where, err);

	if (r < 0)
		return r;
	fd = rpc_address_listen(&where, &port, err);
	if (fd < 0) {
		(void)hp_err_wrap(err, "listen on %.100s", address);
		return fd;
	}
	listener = hp_zalloc(sizeof *listener);
	listener->source = (struct rpc_source){.event = listener_event, .fd = fd, .when_ns = RPC_NEVER};
	listener->server = server;
	listener->secure = secure;
	listener->tcp = !where.unix_path[0];
	listener->unix_path = listener->tcp ? NULL : hp_strdup(where.unix_path);
	(void)pthread_mutex_lock(&server->lock);
	listener->next = server->listeners;
	server->listeners = listener;
	server->listeners_len++;
	(void)pthread_mutex_unlock(&server->lock);
	r = rpc_loop_add(server->loop, &listener->source, err);
	if (r < 0) {
		(void)pthread_mutex_lock(&server->lock);
		server->listeners = listener->next;
		server->listeners_len--;
		(void)pthread_mutex_unlock(&server->lock);
		(void)close(fd);
		free(listener->unix_path);
		free(listener);
		return r;
	}
	if (ret_port)
		*ret_port = port;
	return 0;
}

int rpc_server_adopt(struct rpc_server *server, int take_fd, const char *peer, struct hp_err *err)
{
	struct rpc_transport *transport;
	int r = rpc_transport_adopt(take_fd, &transport, err);

	return r < 0 ? r : rpc_server_serve(server, transport, peer, err);
}

/* ---- The end. */

static bool wait_until(struct rpc_server *server, int64_t until_ns)
{
	/* A look every 50 ms at most: the last call's signal may come between our look and our wait. */
	int64_t now = sys_monotonic_ns();
	int64_t next = now + 50 * NS_PER_MS < until_ns ? now + 50 * NS_PER_MS : until_ns;
	struct timespec ts = {.tv_sec = next / 1000000000, .tv_nsec = next % 1000000000};

	if (now >= until_ns)
		return false;
	(void)pthread_cond_timedwait(&server->cond, &server->lock, &ts);
	return true;
}

/* Under the server's lock, which is taken before a connection's. */
static void for_each(struct rpc_server *server, void (*fn)(struct rpc_conn *conn, int64_t arg), int64_t arg)
{
	for (struct rpc_conn *conn = server->conns; conn; conn = conn->next) {
		(void)pthread_mutex_lock(&conn->lock);
		fn(conn, arg);
		(void)pthread_mutex_unlock(&conn->lock);
	}
}

static void break_one(struct rpc_conn *conn, int64_t arg)
{
	struct hp_err why = {0};

	(void)arg;
	(void)hp_err_set(&why, HP_UNAVAILABLE, "the server has ended");
	rpc_conn_fail(conn, &why);
}

int rpc_server_drain(struct rpc_server *server, int timeout_ms)
{
	int64_t until = sys_monotonic_ns() + timeout_ms * NS_PER_MS;
	bool in_time = true;

	(void)pthread_mutex_lock(&server->lock);
	__atomic_store_n(&server->draining, true, __ATOMIC_RELEASE);
	for (struct rpc_listener *l = server->listeners; l; l = l->next)
		rpc_loop_attend(server->loop, &l->source);
	for_each(server, rpc_conn_goaway, RPC_NEVER); /* what lives on is broken by rpc_server_free */
	while (in_time && (server->listeners_len || server->conns_len))
		in_time = wait_until(server, until);
	(void)pthread_mutex_unlock(&server->lock);
	return in_time ? 0 : -HP_DEADLINE;
}

unsigned rpc_server_connections(struct rpc_server *server)
{
	unsigned n;

	(void)pthread_mutex_lock(&server->lock);
	n = server->conns_len;
	(void)pthread_mutex_unlock(&server->lock);
	return n;
}

void rpc_server_free(struct rpc_server *server)
{
	if (!server)
		return;
	(void)rpc_server_drain(server, 0);
	(void)pthread_mutex_lock(&server->lock);
	for_each(server, break_one, 0);
	while (server->conns_len || server->listeners_len || __atomic_load_n(&server->calls, __ATOMIC_ACQUIRE))
		(void)wait_until(server, RPC_NEVER);
	(void)pthread_mutex_unlock(&server->lock);
	rpc_loop_serving(server->loop, false);
	for (size_t i = 0; i < server->methods.cap; i++) {
		if (server->methods.slots[i].key)
			free(server->methods.slots[i].value);
	}
	hp_map_done(&server->methods);
	(void)pthread_cond_destroy(&server->cond);
	(void)pthread_mutex_destroy(&server->lock);
	free(server);
}
