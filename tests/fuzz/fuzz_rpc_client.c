/* A server that answers a call with any bytes and closes: the client ends the call, in time. Inputs are HTTP/2 frames. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "rpc/rpc.h"
#include "sys/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The leak check after an input stops all threads for seconds, and takes what they have not freed yet for a leak. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

#define END_WITHIN_NS (30LL * 1000 * 1000 * 1000)

static struct rpc_loop *loop(void)
{
	static struct rpc_loop *the_loop;

	if (!the_loop)
		assert(rpc_loop_new(NULL, &the_loop, NULL) == 0);
	return the_loop;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_channel_options options = {.codings = &rpc_codings_all, .recv_message_max = 65536};
	HP_AUTO_BUF struct hp_buf message = {0};
	struct rpc_channel *channel;
	struct rpc_stream *stream;
	struct hp_err err = {0};
	int64_t until = sys_monotonic_ns() + END_WITHIN_NS;
	int pair[2];
	int r;

	if (size > 65536)
		return 0;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	assert(rpc_channel_adopt(loop(), pair[0], &options, &channel, NULL) == 0);
	r = rpc_call_start(channel, "/t/U", NULL, &stream, &err);
	(void)send(pair[1], data, size, MSG_NOSIGNAL);
	(void)shutdown(pair[1], SHUT_WR);
	if (r == 0) {
		while ((r = rpc_stream_recv(stream, &message, &err)) > 0)
			assert(message.len <= 65536);
		assert(r == 0 || (r == -err.code && err.msg[0] != '\0') ||
		       (r == -err.code && r >= -HP_UNAUTHENTICATED));
		rpc_stream_free(stream);
	}
	rpc_channel_free(channel);
	(void)close(pair[1]);
	assert(sys_monotonic_ns() < until);
	return 0;
}
