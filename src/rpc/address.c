#include "rpc/address_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

int rpc_address_parse(const char *text, struct rpc_address *ret_address, struct hp_err *err)
{
	struct rpc_address a = {0};
	const char *colon = strrchr(text, ':');
	size_t host_len;

	if (hp_startswith(text, "unix:")) {
		size_t len = strlen(text + 5);

		if (len == 0 || len >= sizeof a.unix_path)
			return hp_err_set(err, HP_INVALID, "%.100s: a path of 1 to %zu bytes is needed", text,
			                  sizeof a.unix_path - 1);
		memcpy(a.unix_path, text + 5, len);
		*ret_address = a;
		return 0;
	}
	if (!colon || colon == text || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return hp_err_set(err, HP_INVALID, "%.100s: not HOST:PORT, [V6]:PORT or unix:PATH", text);
	host_len = (size_t)(colon - text);
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		host_len -= 2;
	} else if (memchr(text, ':', host_len)) {
		return hp_err_set(err, HP_INVALID, "%.100s: IPv6 addresses stand in brackets", text);
	}
	if (host_len == 0 || host_len >= sizeof a.host)
		return hp_err_set(err, HP_INVALID, "%.100s: no host", text);
	memcpy(a.host, text, host_len);
	memcpy(a.port, colon + 1, strlen(colon + 1));
	if (strtoul(a.port, NULL, 10) > UINT16_MAX)
		return hp_err_set(err, HP_INVALID, "%s: no port", a.port);
	*ret_address = a;
	return 0;
}

void rpc_address_text(const struct sockaddr_storage *address, char ret_text[RPC_ADDRESS_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		(void)snprintf(ret_text, RPC_ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(v4->sin_port));
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		(void)snprintf(ret_text, RPC_ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		(void)snprintf(ret_text, RPC_ADDRESS_TEXT_SIZE, "unix");
	}
}

static int listen_unix(const struct rpc_address *a, struct hp_err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return hp_err_sys(err, errno, "socket");
	memcpy(sun.sun_path, a->unix_path, sizeof sun.sun_path);
	/* Nobody else's, from birth: bind gives the file the socket's mode. What an earlier process left there is in the way;
	 * the caller knows whether it may go. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 || listen(fd, 4096) < 0) {
		r = hp_err_sys(err, errno, "bind");
		(void)close(fd);
		return r;
	}
	return fd;
}

int rpc_address_listen(const struct rpc_address *a, uint16_t *ret_port, struct hp_err *err)
{
	struct sockaddr_storage at = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&at;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&at;
	socklen_t len = sizeof *v4;
	uint16_t port = htons((uint16_t)strtoul(a->port, NULL, 10));
	const char *host = hp_streq(a->host, "localhost") ? "127.0.0.1" : hp_streq(a->host, "*") ? "0.0.0.0" : a->host;
	int on = 1;
	int fd;
	int r;

	if (a->unix_path[0])
		return listen_unix(a, err);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		len = sizeof *v6;
	} else {
		return hp_err_set(err, HP_INVALID, "an IP address is needed to listen on, not %.100s", a->host);
	}
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return hp_err_sys(err, errno, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		r = hp_err_sys(err, errno, "bind");
		(void)close(fd);
		return r;
	}
	*ret_port = ntohs(at.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
	return fd;
}
