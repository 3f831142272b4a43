/* rpc-echo's calls. */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/rpc_echo.h"
#include "proto/echo.pb-c.h"
#include "sys/clock.h"

static const struct {
	const char *name;
	const char *path;
	enum rpc_kind kind;
} methods[] = {
        {"unary", "/hpcc.test.v1.Echo/Unary", RPC_UNARY},
        {"server-stream", "/hpcc.test.v1.Echo/ServerStream", RPC_SERVER_STREAM},
        {"client-stream", "/hpcc.test.v1.Echo/ClientStream", RPC_CLIENT_STREAM},
        {"bidi", "/hpcc.test.v1.Echo/Bidi", RPC_BIDI},
        {"nothing", "/hpcc.test.v1.Echo/Nothing", RPC_UNARY},
};

static void print_metadata(const char *what, const struct rpc_metadata *md)
{
	for (size_t i = 0; i < md->len; i++) {
		(void)printf("%s %s=", what, md->v[i].name);
		for (size_t b = 0; b < md->v[i].value_len; b++) {
			unsigned char c = (unsigned char)md->v[i].value[b];

			(void)printf(isprint(c) && c != '\\' ? "%c" : "\\x%02x", c);
		}
		(void)putchar('\n');
	}
}

static int print_reply(const struct hp_buf *message, struct hp_err *err)
{
	Hpcc__Test__V1__EchoReply *reply =
	        hpcc__test__v1__echo_reply__unpack(NULL, message->len, (const uint8_t *)hp_buf_cstr(message));

	if (!reply)
		return hp_err_set(err, HP_INTERNAL, "not an EchoReply");
	(void)printf("reply %u %zu %08lx\n", reply->index, reply->payload.len,
	             crc32(0, reply->payload.data, (uInt)reply->payload.len));
	hpcc__test__v1__echo_reply__free_unpacked(reply, NULL);
	return 1;
}

static void make_request(const struct cmd_echo_call *call, struct hp_buf *out)
{
	Hpcc__Test__V1__EchoRequest request = HPCC__TEST__V1__ECHO_REQUEST__INIT;
	HP_AUTO_BUF struct hp_buf payload = {0};
	size_t size;

	if (call->payload)
		hp_buf_str(&payload, call->payload);
	for (unsigned i = 0; !call->payload && i < call->size; i++)
		hp_buf_char(&payload, (char)(i * 7 % 251));
	request.payload = (ProtobufCBinaryData){.data = (uint8_t *)payload.data, .len = payload.len};
	request.repeat = call->repeat;
	request.delay_ms = call->delay_ms;
	request.fail_code = call->fail_code;
	request.fail_message = (char *)(uintptr_t)call->fail_message;
	size = hpcc__test__v1__echo_request__get_packed_size(&request);
	(void)hpcc__test__v1__echo_request__pack(&request, (uint8_t *)hp_buf_reserve(out, size));
	hp_buf_added(out, size);
}

struct sender {
	struct rpc_stream *stream;
	const struct cmd_echo_call *call;
	const struct hp_buf *request;
};

static void *send_all(void *arg)
{
	struct sender *sender = arg;
	struct timespec pause = {.tv_sec = sender->call->cancel_ms / 1000,
	                         .tv_nsec = sender->call->cancel_ms % 1000 * 1000000L};
	int r = 0;

	for (unsigned i = 0; r == 0 && i < sender->call->messages; i++)
		r = rpc_stream_send(sender->stream, sender->request->data, sender->request->len, NULL);
	if (sender->call->cancel_ms) {
		(void)nanosleep(&pause, NULL);
		rpc_stream_cancel(sender->stream);
	} else {
		(void)rpc_stream_close_send(sender->stream, NULL);
	}
	return NULL;
}

/* Sends on another thread while this one receives, so that neither direction can block the other. */
static int run_stream(struct rpc_channel *channel, const struct cmd_echo_call *call, const char *path,
                      const struct rpc_call_options *options, const struct hp_buf *request, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	struct sender sender = {.call = call, .request = request};
	pthread_t thread;
	int r = rpc_call_start(channel, path, options, &sender.stream, err);

	if (r < 0)
		return r;
	if (pthread_create(&thread, NULL, send_all, &sender) != 0) {
		rpc_stream_free(sender.stream);
		return hp_err_set(err, HP_EXHAUSTED, "cannot start a thread");
	}
	while ((r = rpc_stream_recv(sender.stream, &message, err)) > 0) {
		r = print_reply(&message, err);
		if (r < 0)
			break;
	}
	(void)pthread_join(thread, NULL);
	print_metadata("initial", rpc_stream_metadata(sender.stream));
	print_metadata("trailing", rpc_stream_trailing(sender.stream));
	rpc_stream_free(sender.stream);
	return r;
}

int cmd_echo_run(struct rpc_channel *channel, const struct cmd_echo_call *call)
{
	HP_AUTO_BUF struct hp_buf request = {0};
	HP_AUTO_BUF struct hp_buf message = {0};
	size_t m = 0;
	int worst = 0;

	while (m < HP_ARRAY_SIZE(methods) && !hp_streq(methods[m].name, call->method))
		m++;
	if (m == HP_ARRAY_SIZE(methods)) {
		(void)fprintf(stderr, "rpc-echo: there is no method %s\n", call->method);
		return -HP_INVALID;
	}
	make_request(call, &request);
	for (unsigned i = 0; i < call->calls; i++) {
		struct rpc_call_options options = {
		        .deadline_ns = call->deadline_ms ? sys_monotonic_ns() + call->deadline_ms * 1000000LL : 0,
		        .metadata = &call->metadata,
		        .encoding = call->encoding,
		        .retries = call->retries,
		};
		struct hp_err err = {0};
		int r;

		if (call->metadata.len == 0 && !call->cancel_ms && methods[m].kind == RPC_UNARY) {
			r = rpc_call(channel, methods[m].path, &options, request.data, request.len, &message, &err);
			if (r == 0 && print_reply(&message, &err) < 0)
				r = -err.code;
		} else {
			r = run_stream(channel, call, methods[m].path, &options, &request, &err);
		}
		(void)printf("status %d %s\n", r < 0 ? -r : 0, r < 0 ? err.msg : "");
		worst = r < 0 ? r : worst;
	}
	return worst;
}
