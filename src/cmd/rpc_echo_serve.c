/* The service of proto/hpcc/test/v1/echo.proto. */
#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/rpc_echo.h"
#include "proto/echo.pb-c.h"
#include "proto/message.h"
#include "sys/net.h"

#define DELAY_MAX_MS 60000

static int decode(const struct hp_buf *message, Hpcc__Test__V1__EchoRequest **ret, struct hp_err *err)
{
	ProtobufCMessage *base;
	/* One payload, and little else. */
	int r = proto_unpack(&hpcc__test__v1__echo_request__descriptor, hp_buf_cstr(message), message->len,
	                     message->len + 16384, &base, err);

	if (r < 0)
		return r;
	*ret = (Hpcc__Test__V1__EchoRequest *)base;
	return 0;
}

static void done_request(Hpcc__Test__V1__EchoRequest **request)
{
	if (*request)
		hpcc__test__v1__echo_request__free_unpacked(*request, NULL);
}
#define AUTO_REQUEST __attribute__((cleanup(done_request))) Hpcc__Test__V1__EchoRequest

static void cancel_pipe(void *arg)
{
	(void)!write(*(int *)arg, "x", 1);
}

/* Waits for delay_ms unless the call is cancelled. */
static int delay(struct rpc_stream *stream, uint32_t delay_ms, struct hp_err *err)
{
	int pipe_fds[2];
	int r;

	if (delay_ms == 0)
		return 0;
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return hp_err_set(err, HP_EXHAUSTED, "no descriptors");
	rpc_stream_on_cancel(stream, cancel_pipe, &pipe_fds[1]);
	r = sys_wait_readable(pipe_fds[0], (int)(delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS));
	rpc_stream_on_cancel(stream, NULL, NULL);
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
	return r > 0 ? hp_err_set(err, HP_CANCELLED, "cancelled") : 0;
}

static int fail_or_delay(struct rpc_stream *stream, const Hpcc__Test__V1__EchoRequest *request, struct hp_err *err)
{
	if (request->fail_code)
		return hp_err_set(err, request->fail_code <= HP_UNAUTHENTICATED ? request->fail_code : HP_UNKNOWN, "%s",
		                  request->fail_message);
	return delay(stream, request->delay_ms, err);
}

static int reply(struct rpc_stream *stream, const void *payload, size_t len, uint32_t index, struct hp_err *err)
{
	Hpcc__Test__V1__EchoReply message = HPCC__TEST__V1__ECHO_REPLY__INIT;
	HP_AUTO_BUF struct hp_buf packed = {0};
	size_t size;

	message.payload = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)payload, .len = len};
	message.index = index;
	size = hpcc__test__v1__echo_reply__get_packed_size(&message);
	(void)hpcc__test__v1__echo_reply__pack(&message, (uint8_t *)hp_buf_reserve(&packed, size));
	hp_buf_added(&packed, size);
	return rpc_stream_send(stream, packed.data, packed.len, err);
}

static void echo_metadata(struct rpc_stream *stream)
{
	const struct rpc_metadata *md = rpc_stream_metadata(stream);

	for (size_t i = 0; i < md->len; i++) {
		const struct rpc_entry *e = &md->v[i];

		if (hp_streq(e->name, "x-echo"))
			(void)rpc_stream_set_initial(stream, e->name, e->value, e->value_len, NULL);
		else if (hp_streq(e->name, "x-echo-bin"))
			(void)rpc_stream_set_trailing(stream, e->name, e->value, e->value_len, NULL);
	}
}

/* The only message of a call that takes one. */
static int receive_one(struct rpc_stream *stream, Hpcc__Test__V1__EchoRequest **ret_request, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	int r = rpc_stream_recv(stream, &message, err);

	echo_metadata(stream);
	if (r == 0)
		return hp_err_set(err, HP_INTERNAL, "no request");
	return r < 0 ? r : decode(&message, ret_request, err);
}

static int echo_unary(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	AUTO_REQUEST *request = NULL;
	int r = receive_one(stream, &request, err);

	(void)ctx;
	if (r < 0 || !request)
		return r;
	r = fail_or_delay(stream, request, err);
	return r < 0 ? r : reply(stream, request->payload.data, request->payload.len, 0, err);
}

static int echo_server_stream(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	AUTO_REQUEST *request = NULL;
	int r = receive_one(stream, &request, err);

	(void)ctx;
	if (r < 0 || !request)
		return r;
	for (uint32_t i = 0; r == 0 && i < request->repeat; i++) {
		r = delay(stream, request->delay_ms, err);
		if (r == 0)
			r = reply(stream, request->payload.data, request->payload.len, i, err);
	}
	return r < 0 || !request->fail_code ? r : fail_or_delay(stream, request, err);
}

static int echo_client_stream(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	HP_AUTO_BUF struct hp_buf joined = {0};
	int r;

	(void)ctx;
	echo_metadata(stream);
	while ((r = rpc_stream_recv(stream, &message, err)) > 0) {
		AUTO_REQUEST *request = NULL;

		r = decode(&message, &request, err);
		if (r < 0)
			return r;
		assert(request);
		r = fail_or_delay(stream, request, err);
		if (r < 0)
			return r;
		if (joined.len + request->payload.len > HP_RPC_MESSAGE_SIZE_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "the payloads together are too large");
		hp_buf_append(&joined, request->payload.data, request->payload.len);
	}
	return r < 0 ? r : reply(stream, joined.data, joined.len, 0, err);
}

static int echo_bidi(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	uint32_t index = 0;
	int r;

	(void)ctx;
	echo_metadata(stream);
	while ((r = rpc_stream_recv(stream, &message, err)) > 0) {
		AUTO_REQUEST *request = NULL;

		r = decode(&message, &request, err);
		if (r == 0)
			r = fail_or_delay(stream, request, err);
		if (r == 0)
			r = reply(stream, request->payload.data, request->payload.len, index++, err);
		if (r < 0)
			return r;
	}
	return r;
}

const struct rpc_method cmd_echo_methods[] = {
        {"/hpcc.test.v1.Echo/Unary", RPC_UNARY, echo_unary},
        {"/hpcc.test.v1.Echo/ServerStream", RPC_SERVER_STREAM, echo_server_stream},
        {"/hpcc.test.v1.Echo/ClientStream", RPC_CLIENT_STREAM, echo_client_stream},
        {"/hpcc.test.v1.Echo/Bidi", RPC_BIDI, echo_bidi},
        {0},
};
