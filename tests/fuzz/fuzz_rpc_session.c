/* A client that sends any bytes after a correct preface and closes its side: the server ends the connection, in time, and
 * serves the next one. Inputs are HTTP/2 frames; streams of the corpus are whole calls. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "rpc/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The leak check after an input stops all threads for seconds, and takes what they have not freed yet for a leak. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define END_WITHIN_MS 30000

static int echo(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	int r;

	(void)ctx;
	while ((r = rpc_stream_recv(stream, &message, err)) > 0) {
		r = rpc_stream_send(stream, message.data, message.len, err);
		if (r < 0)
			break;
	}
	return r;
}

static const struct rpc_method methods[] = {{"/t/E", RPC_BIDI, echo}, {"/t/U", RPC_UNARY, echo}, {0}};

static struct rpc_server *server(void)
{
	static struct rpc_server *the_server;
	static struct rpc_loop *loop;

	if (!the_server) {
		struct rpc_server_options options = {.codings = &rpc_codings_all, .recv_message_max = 65536};

		assert(rpc_loop_new(NULL, &loop, NULL) == 0);
		assert(rpc_server_new(loop, &options, &the_server, NULL) == 0);
		rpc_server_add(the_server, methods, NULL);
	}
	return the_server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char chunk[65536];
	int pair[2];
	size_t total = 0;

	if (size > 65536)
		return 0;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	assert(rpc_server_adopt(server(), pair[0], "fuzz", NULL) == 0);
	/* The server may have closed already: that is one of the right answers. */
	(void)send(pair[1], PREFACE, strlen(PREFACE), MSG_NOSIGNAL);
	(void)send(pair[1], data, size, MSG_NOSIGNAL);
	(void)shutdown(pair[1], SHUT_WR);
	for (;;) {
		struct pollfd pfd = {.fd = pair[1], .events = POLLIN};
		ssize_t n;
		int ready;

		do
			ready = poll(&pfd, 1, END_WITHIN_MS);
		while (ready < 0 && errno == EINTR); /* libFuzzer has an alarm */
		assert(ready == 1);
		n = recv(pair[1], chunk, sizeof chunk, 0);
		if (n <= 0)
			break;
		total += (size_t)n;
	}
	/* Nothing that is sent may ask for much more: no message here is larger than what came. */
	assert(total <= 64 * size + 65536);
	(void)close(pair[1]);
	return 0;
}
