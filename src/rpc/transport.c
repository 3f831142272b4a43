#include "rpc/transport_priv.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static ssize_t socket_recv(struct rpc_transport *t, void *dst, size_t size)
{
	ssize_t n;

	do
		n = recv(t->fd, dst, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t socket_send(struct rpc_transport *t, const void *src, size_t len)
{
	ssize_t n;

	do
		n = send(t->fd, src, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void plain_free(struct rpc_transport *t)
{
	(void)close(t->fd);
	free(t);
}

static const struct rpc_transport_ops socket_ops = {
        .name = "socket",
        .recv = socket_recv,
        .send = socket_send,
        .free = plain_free,
};

struct rpc_transport *rpc_transport_socket(int take_fd)
{
	struct rpc_transport *t = hp_zalloc(sizeof *t);

	t->ops = &socket_ops;
	t->fd = take_fd;
	return t;
}

/* ---- Descriptors that are no sockets: epoll cannot wait for all of them, and a device's own idea of not blocking is not
 * to be relied on. Two threads move the bytes between them and a socket pair. The threads own the descriptor; they end when either side does. A read that blocks for ever
 * in a device keeps its thread until the device ends: nothing can be done about it but closing the device elsewhere. */

struct relay {
	int device;
	int socket;
	int refs; /* atomic: the two threads */
};

static void relay_unref(struct relay *relay)
{
	if (__atomic_sub_fetch(&relay->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	(void)close(relay->device);
	(void)close(relay->socket);
	free(relay);
}

static void relay_copy(int from, int to)
{
	char chunk[16384];
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL); /* SIGPIPE above all */
	for (;;) {
		ssize_t n = read(from, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		for (ssize_t at = 0; at < n;) {
			ssize_t m = write(to, chunk + at, (size_t)(n - at));

			if (m < 0 && errno == EINTR)
				continue;
			if (m <= 0)
				return;
			at += m;
		}
	}
}

static void *relay_in(void *arg)
{
	struct relay *relay = arg;

	relay_copy(relay->device, relay->socket);
	(void)shutdown(relay->socket, SHUT_RDWR);
	relay_unref(relay);
	return NULL;
}

static void *relay_out(void *arg)
{
	struct relay *relay = arg;

	relay_copy(relay->socket, relay->device);
	(void)shutdown(relay->socket, SHUT_RDWR);
	relay_unref(relay);
	return NULL;
}

static int relay_new(int take_fd, struct rpc_transport **ret_transport, struct hp_err *err)
{
	struct relay *relay;
	pthread_t threads[2];
	pthread_attr_t attr;
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)close(take_fd);
		return hp_err_sys(err, errno, "cannot make a socket pair");
	}
	relay = hp_zalloc(sizeof *relay);
	relay->device = take_fd;
	relay->socket = pair[1];
	relay->refs = 2;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, 128u << 10);
	r = pthread_create(&threads[0], &attr, relay_in, relay);
	if (r == 0) {
		r = pthread_create(&threads[1], &attr, relay_out, relay);
		if (r != 0) {
			(void)shutdown(relay->socket, SHUT_RDWR);
			relay_unref(relay);
		}
	} else {
		relay->refs = 1;
		relay_unref(relay);
	}
	(void)pthread_attr_destroy(&attr);
	if (r != 0) {
		(void)close(pair[0]);
		return hp_err_sys(err, r, "cannot start a thread");
	}
	*ret_transport = rpc_transport_socket(pair[0]);
	return 0;
}

int rpc_transport_adopt(int take_fd, struct rpc_transport **ret_transport, struct hp_err *err)
{
	struct stat st;

	if (fstat(take_fd, &st) < 0)
		return hp_err_sys(err, errno, "descriptor %d", take_fd);
	if (S_ISSOCK(st.st_mode)) {
		*ret_transport = rpc_transport_socket(take_fd);
		return 0;
	}
	return relay_new(take_fd, ret_transport, err);
}
