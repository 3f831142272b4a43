/* The pool: every thread waits on one epoll set that holds the listening socket and all connections at rest, takes one
 * that is ready, serves it with plain blocking code, and puts it back. So a hit costs one wake-up, and a client that
 * compiles for minutes, waits for another or says nothing costs a descriptor, not a thread.
 *
 * A connection is in one of these states; `ready` is only ever held by one thread (EPOLLONESHOT):
 *
 *            accept ──► FRESH ──request──► (served) ──HIT/BYPASS──► closed
 *                         │                   ├─RUN──► RUNNING ──report──► (acknowledged, stored) ──► closed
 *                         └ 10 s silent       └─WAIT─► WAITING ──woken───► (served again)
 *                              └► closed                RUNNING, WAITING: closed when the client is gone
 */
#define HP_LOG_TOPIC "server"
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/dirs.h"
#include "daemon/server_priv.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/net.h"

/* What an epoll event names: one of the server's own descriptors, or a connection by slot and generation, since the
 * connection may be gone, and its memory another's, by the time the event is looked at. */
enum {
	EVENT_LISTEN,
	EVENT_LISTEN_UNIX,
	EVENT_WAKE,
	EVENT_QUIT,
	EVENT_CONN, /* + slot, generation in the upper half */
};

static uint64_t event_of(const struct daemon_conn *conn)
{
	return (uint64_t)conn->generation << 32 | (EVENT_CONN + conn->slot);
}

/* A held connection in a free slot, or NULL when there is none. */
static struct daemon_conn *conn_new(struct daemon_server *server, int fd)
{
	struct daemon_conn *conn = hp_zalloc(sizeof *conn);
	uint32_t slot = 0;

	conn->fd = fd;
	conn->state = DAEMON_CONN_FRESH;
	conn->since_ns = sys_monotonic_ns();
	conn->held = true;
	(void)pthread_mutex_lock(&server->lock);
	while (slot < HP_DAEMON_CONNECTIONS_MAX && server->slots[slot])
		slot++;
	if (slot < HP_DAEMON_CONNECTIONS_MAX) {
		conn->slot = slot;
		conn->generation = ++server->generation;
		server->slots[slot] = conn;
		server->conns_len++;
	}
	(void)pthread_mutex_unlock(&server->lock);
	if (slot < HP_DAEMON_CONNECTIONS_MAX)
		return conn;
	free(conn);
	return NULL;
}

void daemon_conn_close(struct daemon_server *server, struct daemon_conn *conn)
{
	/* While it is held a wake-up only sets a flag; after leaving there is none any more. */
	daemon_service_leave(server->service, conn);
	(void)pthread_mutex_lock(&server->lock);
	server->slots[conn->slot] = NULL;
	server->conns_len--;
	(void)pthread_mutex_unlock(&server->lock);
	if (conn->ticket)
		daemon_service_abandon(server->service, conn->ticket);
	(void)close(conn->fd);
	daemon_request_done(&conn->request);
	hp_buf_done(&conn->frame);
	free(conn);
}

/* Gives a held connection back to the epoll set, unless it was woken meanwhile: then it is served again. */
static void conn_rest(struct daemon_server *server, struct daemon_conn *conn)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.u64 = event_of(conn)};
	int op = conn->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	for (;;) {
		bool woken;
		int r = 0;

		(void)pthread_mutex_lock(&server->lock);
		woken = conn->woken;
		conn->woken = false;
		if (!woken) {
			conn->in_epoll = true;
			r = epoll_ctl(server->epoll, op, conn->fd, &ev);
			conn->held = r < 0;
		}
		(void)pthread_mutex_unlock(&server->lock);
		if (r < 0)
			daemon_conn_close(server, conn);
		if (!woken || !daemon_conn_retry(server, conn))
			return;
	}
}

/* Called under the flights' lock: it must only hand the connection over. The socket of a waiting client is not readable
 * (it has nothing to say), so the wake-up goes through a list and an eventfd. */
static void wake(void *ctx, void *waiter, bool retry_alone)
{
	struct daemon_server *server = ctx;
	struct daemon_conn *conn = waiter;
	uint64_t one = 1;
	bool at_rest;

	(void)pthread_mutex_lock(&server->lock);
	at_rest = !conn->held;
	conn->retry_alone = retry_alone;
	conn->woken = true;
	if (at_rest) {
		conn->held = true; /* by the list */
		conn->woken_next = server->woken;
		server->woken = conn;
	}
	(void)pthread_mutex_unlock(&server->lock);
	if (at_rest && write(server->wake_fd, &one, sizeof one) < 0)
		hp_error("eventfd: %s", strerror(errno));
}

/* The next connection that is waiting and that there is room for, or NULL when none is. */
static struct daemon_conn *accept_one(struct daemon_server *server, int listen_fd)
{
	int one = 1;

	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct daemon_conn *conn;

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return NULL;
		if (listen_fd == server->listen_fd)
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		conn = conn_new(server, fd);
		if (conn)
			return conn;
		daemon_service_count(server->service, "error.too-many-connections", 1);
		(void)close(fd);
	}
}

/* The listening sockets are edge-triggered: level-triggered, one connection would wake every thread of the pool in turn.
 * So one thread takes all that is there, leaves all but the first to the others, and serves that one: its request is
 * usually there already (TCP_DEFER_ACCEPT; on the Unix socket it is sent at once). */
static void accept_all(struct daemon_server *server, int listen_fd)
{
	struct daemon_conn *first = accept_one(server, listen_fd);
	struct daemon_conn *conn;

	if (!first)
		return;
	while ((conn = accept_one(server, listen_fd)))
		conn_rest(server, conn);
	if (daemon_conn_serve(server, first))
		conn_rest(server, first);
}

static struct daemon_conn *take_woken(struct daemon_server *server)
{
	struct daemon_conn *conn;

	(void)pthread_mutex_lock(&server->lock);
	conn = server->woken;
	if (conn) {
		server->woken = conn->woken_next;
		conn->woken = false;
	}
	(void)pthread_mutex_unlock(&server->lock);
	return conn;
}

static void serve_woken(struct daemon_server *server)
{
	struct daemon_conn *conn;
	uint64_t count;

	(void)!read(server->wake_fd, &count, sizeof count);
	while ((conn = take_woken(server))) {
		if (daemon_conn_retry(server, conn))
			conn_rest(server, conn);
	}
}

static void serve_ready(struct daemon_server *server, uint64_t event)
{
	uint32_t slot = (uint32_t)event - EVENT_CONN;
	struct daemon_conn *conn;

	(void)pthread_mutex_lock(&server->lock);
	conn = slot < HP_DAEMON_CONNECTIONS_MAX ? server->slots[slot] : NULL;
	if (conn && (conn->generation != event >> 32 || conn->held))
		conn = NULL;
	if (conn)
		conn->held = true;
	(void)pthread_mutex_unlock(&server->lock);
	if (!conn)
		return;
	/* A waiting client has nothing to say: readable means gone. */
	if (conn->state == DAEMON_CONN_WAITING)
		daemon_conn_close(server, conn);
	else if (daemon_conn_serve(server, conn))
		conn_rest(server, conn);
}

/* Shuts the sockets of fresh connections that have said nothing for too long; epoll then reports them. */
static void expire(struct daemon_server *server)
{
	int64_t now = sys_monotonic_ns();

	(void)pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < HP_DAEMON_CONNECTIONS_MAX; i++) {
		const struct daemon_conn *c = server->slots[i];
		int64_t max_ms;

		if (!c || c->held)
			continue;
		max_ms = c->state == DAEMON_CONN_FRESH ? HP_DAEMON_SILENCE_MAX_MS : HP_DAEMON_COMPILE_MAX_MS;
		if (now - c->since_ns > max_ms * 1000000)
			(void)shutdown(c->fd, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&server->lock);
}

static void *pool_thread(void *arg)
{
	struct daemon_server *server = arg;

	while (!__atomic_load_n(&server->quit, __ATOMIC_ACQUIRE)) {
		struct epoll_event ev;
		int n = epoll_wait(server->epoll, &ev, 1, -1);

		if (n <= 0)
			continue;
		(void)__atomic_add_fetch(&server->busy, 1, __ATOMIC_ACQ_REL);
		if (ev.data.u64 == EVENT_LISTEN)
			accept_all(server, server->listen_fd);
		else if (ev.data.u64 == EVENT_LISTEN_UNIX)
			accept_all(server, server->unix_fd);
		else if (ev.data.u64 == EVENT_WAKE)
			serve_woken(server);
		else if (ev.data.u64 != EVENT_QUIT)
			serve_ready(server, ev.data.u64);
		(void)__atomic_sub_fetch(&server->busy, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

static int watch(struct daemon_server *server, int fd, uint64_t event, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = event};

	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static int open_listener(struct daemon_server *server, uint16_t port, int listen_fd, struct hp_err *err)
{
	struct sockaddr_in addr = {
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof addr;
	int one = 1;

	server->listen_fd = listen_fd >= 0 ? listen_fd : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return hp_err_sys(err, errno, "socket");
	if (listen_fd < 0) {
		(void)setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(server->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
		    listen(server->listen_fd, SOMAXCONN) < 0)
			return hp_err_sys(err, errno, "127.0.0.1:%u", port);
	}
	if (getsockname(server->listen_fd, (struct sockaddr *)&addr, &len) < 0 || addr.sin_family != AF_INET ||
	    addr.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return hp_err_set(err, HP_INVALID, "the listening socket is not on 127.0.0.1; see ListenStream=");
	(void)fcntl(server->listen_fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(server->listen_fd, F_SETFD, FD_CLOEXEC);
	/* Wakes us with the request already there: one wake-up a hit instead of two. */
	one = 10;
	(void)setsockopt(server->listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one);
	server->port = ntohs(addr.sin_port);
	return 0;
}

static int open_set(struct daemon_server *server, struct hp_err *err)
{
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->epoll < 0 || server->wake_fd < 0 || server->quit_fd < 0 ||
	    watch(server, server->listen_fd, EVENT_LISTEN, EPOLLIN | EPOLLET) < 0 ||
	    (server->unix_fd >= 0 && watch(server, server->unix_fd, EVENT_LISTEN_UNIX, EPOLLIN | EPOLLET) < 0) ||
	    watch(server, server->wake_fd, EVENT_WAKE, EPOLLIN | EPOLLET) < 0 ||
	    watch(server, server->quit_fd, EVENT_QUIT, EPOLLIN) < 0)
		return hp_err_sys(err, errno, "epoll");
	return 0;
}

/* Room for all connections and for directories kept open. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	rlim_t want = HP_DAEMON_CONNECTIONS_MAX + DAEMON_DIR_FDS_MAX + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int daemon_server_new(const struct daemon_server_options *opt, struct daemon_server **ret_server, struct hp_err *err)
{
	struct daemon_server *server = hp_zalloc(sizeof *server);
	struct daemon_service_options service = opt->service;
	int r;

	server->listen_fd = server->epoll = server->wake_fd = server->quit_fd = server->lock_fd = server->unix_fd = -1;
	server->threads_len = opt->threads;
	(void)pthread_mutex_init(&server->lock, NULL);
	r = open_listener(server, opt->port, opt->listen_fd, err);
	if (r == 0)
		r = daemon_handshake_claim(server, opt->handshake_path, err);
	if (r == 0)
		r = open_set(server, err);
	if (r < 0) {
		daemon_server_free(server);
		return r;
	}
	service.wake = wake;
	service.wake_ctx = server;
	server->service = daemon_service_new(&service);
	sys_surroundings_get(&server->here);
	/* Somebody opened an output while we wrote it (outputs.c): the kernel makes him wait, we need not know. */
	(void)sigaction(SIGIO, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	raise_descriptors();
	/* Outputs get exactly the mode that the client's umask gives them. */
	(void)umask(0);
	*ret_server = server;
	return 0;
}

/* After this no new connection is served; what runs may end. */
static void wind_down(struct daemon_server *server, int grace_ms)
{
	int64_t deadline_ns = sys_monotonic_ns() + (int64_t)grace_ms * 1000000;

	(void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->listen_fd, NULL);
	if (server->unix_fd >= 0)
		(void)epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->unix_fd, NULL);
	daemon_handshake_release(server);
	(void)close(server->listen_fd);
	server->listen_fd = -1;
	for (;;) {
		size_t left;

		(void)pthread_mutex_lock(&server->lock);
		left = server->conns_len;
		/* Those that never asked for anything are not waited for. */
		for (size_t i = 0; i < HP_DAEMON_CONNECTIONS_MAX; i++)
			left -= server->slots[i] && !server->slots[i]->held &&
			                        server->slots[i]->state == DAEMON_CONN_FRESH
			                ? 1
			                : 0;
		(void)pthread_mutex_unlock(&server->lock);
		if ((left == 0 && __atomic_load_n(&server->busy, __ATOMIC_ACQUIRE) == 0) ||
		    sys_monotonic_ns() > deadline_ns)
			return;
		(void)poll(NULL, 0, 10);
	}
}

/* An edge that could not be used, since the process was out of descriptors, comes again. */
static void rearm_listeners(struct daemon_server *server)
{
	struct epoll_event tcp = {.events = EPOLLIN | EPOLLET, .data.u64 = EVENT_LISTEN};
	struct epoll_event local = {.events = EPOLLIN | EPOLLET, .data.u64 = EVENT_LISTEN_UNIX};

	(void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listen_fd, &tcp);
	if (server->unix_fd >= 0)
		(void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->unix_fd, &local);
}

void daemon_server_run(struct daemon_server *server, int stop_fd, int grace_ms)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned count = server->threads_len;
	pthread_t *threads;
	uint64_t one = 1;

	/* Handlers spend their time in system calls and in hashing; twice the processors keep both busy. */
	if (count == 0)
		count = processors < 2 ? 4 : (unsigned)processors * 2;
	threads = hp_alloc(count * sizeof *threads);
	server->threads_len = 0;
	for (unsigned i = 0; i < count; i++) {
		if (pthread_create(&threads[server->threads_len], NULL, pool_thread, server) == 0)
			server->threads_len++;
	}
	hp_info("serving on 127.0.0.1:%u with %u threads", server->port, server->threads_len);
	for (;;) {
		int r = sys_wait_readable(stop_fd, 1000);

		if (r != 0 || __atomic_load_n(&server->stop_asked, __ATOMIC_ACQUIRE))
			break;
		daemon_service_flush(server->service);
		expire(server);
		rearm_listeners(server);
	}
	hp_info("stopping");
	wind_down(server, grace_ms);
	__atomic_store_n(&server->quit, true, __ATOMIC_RELEASE);
	(void)!write(server->quit_fd, &one, sizeof one);
	for (unsigned i = 0; i < server->threads_len; i++)
		(void)pthread_join(threads[i], NULL);
	free(threads);
}

void daemon_server_free(struct daemon_server *take_server)
{
	struct daemon_server *server = take_server;
	int *fds[] = {&server->listen_fd, &server->unix_fd, &server->epoll, &server->wake_fd, &server->quit_fd};

	daemon_handshake_release(server);
	for (size_t i = 0; i < HP_DAEMON_CONNECTIONS_MAX; i++) {
		if (server->slots[i])
			daemon_conn_close(server, server->slots[i]);
	}
	daemon_service_free(server->service);
	for (size_t i = 0; i < HP_ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
	}
	free(server->handshake_path);
	(void)pthread_mutex_destroy(&server->lock);
	free(server);
}
