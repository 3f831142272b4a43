/* Connecting, with names. Apart from listening because the resolver is large, and a server does not need it. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "rpc/address_priv.h"
#include "sys/clock.h"

static int connect_one(int family, const struct sockaddr *to, socklen_t len, int64_t until_ns, struct hp_err *err)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	int r = 0;

	if (fd < 0)
		return hp_err_sys(err, errno, "socket");
	if (family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, to, len) < 0)
		r = errno;
	if (r == EINPROGRESS) {
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};
		int64_t left_ms = (until_ns - sys_monotonic_ns()) / 1000000;
		socklen_t size = sizeof r;
		int n = poll(&pfd, 1, left_ms < 0 ? 0 : (int)left_ms);

		if (n == 0)
			r = ETIMEDOUT;
		else if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &r, &size) < 0)
			r = errno;
	}
	if (r == 0)
		return fd;
	(void)close(fd);
	(void)hp_err_sys(err, r, "connect");
	if (err)
		err->code = HP_UNAVAILABLE;
	return -HP_UNAVAILABLE;
}

int rpc_address_connect(const struct rpc_address *a, int64_t until_ns, struct hp_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int r;

	if (a->unix_path[0]) {
		struct sockaddr_un sun = {.sun_family = AF_UNIX};

		memcpy(sun.sun_path, a->unix_path, sizeof sun.sun_path);
		return connect_one(AF_UNIX, (struct sockaddr *)&sun, sizeof sun, until_ns, err);
	}
	r = getaddrinfo(a->host, a->port, &hints, &list);
	if (r != 0)
		return hp_err_set(err, HP_UNAVAILABLE, "cannot resolve %.100s: %s", a->host, gai_strerror(r));
	r = -HP_UNAVAILABLE;
	for (struct addrinfo *ai = list; ai && r < 0; ai = ai->ai_next)
		r = connect_one(ai->ai_family, ai->ai_addr, ai->ai_addrlen, until_ns, err);
	freeaddrinfo(list);
	return r;
}
