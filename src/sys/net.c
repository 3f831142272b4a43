#include "sys/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/clock.h"

/* On loopback a live peer's kernel answers at once. */
#define CONNECT_TIMEOUT_MS 2000

static int wait_for(int fd, short events, int64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left_ms = (deadline_ns - sys_monotonic_ns() + 999999) / 1000000;
		int n = poll(&p, 1, left_ms <= 0 ? 0 : left_ms > 3600000 ? 3600000 : (int)left_ms);

		if (n > 0)
			return 0;
		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int sys_wait_readable(int fd, int timeout_ms)
{
	int r;

	if (timeout_ms < 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		while (poll(&p, 1, -1) < 0) {
			if (errno != EINTR)
				return -errno;
		}
		return 1;
	}
	r = wait_for(fd, POLLIN, sys_monotonic_ns() + (int64_t)timeout_ms * 1000000);
	return r == -ETIMEDOUT ? 0 : r < 0 ? r : 1;
}

/* Data is nearly always there when we look, so the call comes first and the wait only when it would block. */
int sys_recv_all(int fd, void *dst, size_t len, int64_t deadline_ns)
{
	char *p = dst;

	while (len) {
		ssize_t n = recv(fd, p, len, MSG_DONTWAIT);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno == EAGAIN) {
			int r = wait_for(fd, POLLIN, deadline_ns);

			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int sys_send_all(int fd, const void *src, size_t len, int64_t deadline_ns)
{
	const char *p = src;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EAGAIN) {
			int r = wait_for(fd, POLLOUT, deadline_ns);

			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* A peer whose backlog is full leaves connect() waiting: for minutes on TCP, for ever on a Unix socket. SO_SNDTIMEO bounds
 * it and costs one system call; it stays on the socket, whose sends are bounded by their own deadlines. */
static int connect_within(int fd, const struct sockaddr *addr, socklen_t addr_len)
{
	struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_MS / 1000, .tv_usec = CONNECT_TIMEOUT_MS % 1000 * 1000L};
	int saved;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, addr, addr_len) == 0)
		return fd;
	saved = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
	(void)close(fd);
	return -saved;
}

int sys_connect_loopback(uint16_t port)
{
	struct sockaddr_in addr = {
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return connect_within(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&addr, sizeof addr);
}

int sys_connect_unix(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (len >= sizeof addr.sun_path)
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	return connect_within(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&addr, sizeof addr);
}

int64_t sys_recv_some(int fd, void *dst, size_t len, int64_t deadline_ns)
{
	for (;;) {
		ssize_t n = recv(fd, dst, len, MSG_DONTWAIT);
		int r = 0;

		if (n > 0)
			return n;
		if (n == 0)
			return -ECONNRESET;
		if (errno == EAGAIN)
			r = wait_for(fd, POLLIN, deadline_ns);
		else if (errno != EINTR)
			r = -errno;
		if (r < 0)
			return r;
	}
}
