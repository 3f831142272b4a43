/* Both ends in one process: what only the C interface shows. How others see it: tests/interop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/rpc.h"
#include "sys/clock.h"

#define MS 1000000LL

struct world {
	struct rpc_loop *loop;
	struct rpc_loop *client_loop;
	struct rpc_server *server;
	struct rpc_channel *channel;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned started, ended, cancelled;
	bool go;
};

static void note(struct world *w, unsigned *counter)
{
	(void)pthread_mutex_lock(&w->lock);
	(*counter)++;
	(void)pthread_cond_broadcast(&w->cond);
	(void)pthread_mutex_unlock(&w->lock);
}

static void wait_for(struct world *w, const unsigned *counter, unsigned value)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	(void)pthread_mutex_lock(&w->lock);
	while (*counter < value)
		assert_int_equal(pthread_cond_timedwait(&w->cond, &w->lock, &until), 0);
	(void)pthread_mutex_unlock(&w->lock);
}

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

static int one(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	int r = rpc_stream_recv(stream, &message, err);

	(void)ctx;
	return r < 0 ? r : rpc_stream_send(stream, message.data, message.len, err);
}

static void on_cancel(void *arg)
{
	note(arg, &((struct world *)arg)->cancelled);
}

/* Waits for a second message that never comes. */
static int wait_handler(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	struct world *w = ctx;
	int r;

	rpc_stream_on_cancel(stream, on_cancel, w);
	note(w, &w->started);
	r = rpc_stream_recv(stream, &message, err);
	rpc_stream_on_cancel(stream, NULL, NULL);
	assert_true(rpc_stream_cancelled(stream));
	note(w, &w->ended);
	return r;
}

/* Receives nothing until it is told to, then all, and answers with the count. */
static int slow_reader(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	struct world *w = ctx;
	uint32_t count = 0;
	int r;

	note(w, &w->started);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->go)
		(void)pthread_cond_wait(&w->cond, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	while ((r = rpc_stream_recv(stream, &message, err)) > 0)
		count++;
	return r < 0 ? r : rpc_stream_send(stream, &count, sizeof count, err);
}

static int with_details(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	(void)ctx;
	rpc_stream_set_details(stream, "\x01\x02\x00", 3);
	return hp_err_set(err, HP_PRECONDITION, "see the details");
}

static const struct rpc_method methods[] = {
        {"/t/Echo", RPC_BIDI, echo},
        {"/t/One", RPC_UNARY, one},
        {"/t/Wait", RPC_BIDI, wait_handler},
        {"/t/Slow", RPC_CLIENT_STREAM, slow_reader},
        {"/t/Details", RPC_BIDI, with_details},
        {0},
};

static struct world *world_new(const struct rpc_server_options *options)
{
	struct world *w = hp_zalloc(sizeof *w);

	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->cond, NULL);
	assert_int_equal(rpc_loop_new(NULL, &w->loop, NULL), 0);
	assert_int_equal(rpc_loop_new(NULL, &w->client_loop, NULL), 0);
	assert_int_equal(rpc_server_new(w->loop, options, &w->server, NULL), 0);
	rpc_server_add(w->server, methods, w);
	return w;
}

static void world_free(struct world *w)
{
	rpc_channel_free(w->channel);
	rpc_server_free(w->server);
	rpc_loop_free(w->client_loop);
	rpc_loop_free(w->loop);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->cond);
	free(w);
}

/* A connection by a socket pair. */
static void join(struct world *w, const struct rpc_channel_options *options)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(rpc_server_adopt(w->server, pair[0], "test", NULL), 0);
	assert_int_equal(rpc_channel_adopt(w->client_loop, pair[1], options, &w->channel, NULL), 0);
}

static void a_call_over_a_descriptor(void **state)
{
	struct world *w = world_new(NULL);
	HP_AUTO_BUF struct hp_buf reply = {0};

	(void)state;
	join(w, NULL);
	assert_int_equal(rpc_call(w->channel, "/t/One", NULL, "hello", 5, &reply, NULL), 0);
	assert_string_equal(hp_buf_cstr(&reply), "hello");
	assert_int_equal(rpc_call(w->channel, "/t/One", NULL, NULL, 0, &reply, NULL), 0);
	assert_int_equal(reply.len, 0);
	world_free(w);
}

/* A pseudo-terminal in raw mode: a character device that blocks and knows no end of file. */
static void a_call_over_a_character_device(void **state)
{
	struct world *w = world_new(NULL);
	HP_AUTO_BUF struct hp_buf reply = {0};
	HP_AUTO_FREE char *big = hp_zalloc(300000);
	struct termios raw;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	assert_int_equal(rpc_server_adopt(w->server, slave, "device", NULL), 0);
	assert_int_equal(rpc_channel_adopt(w->client_loop, master, NULL, &w->channel, NULL), 0);
	memset(big, 'b', 300000);
	assert_int_equal(rpc_call(w->channel, "/t/One", NULL, big, 300000, &reply, NULL), 0);
	assert_int_equal(reply.len, 300000);
	assert_memory_equal(reply.data, big, 300000);
	world_free(w);
}

static void a_cancel_reaches_the_handler(void **state)
{
	struct world *w = world_new(NULL);
	HP_AUTO_BUF struct hp_buf message = {0};
	struct rpc_stream *stream;
	struct hp_err err = {0};

	(void)state;
	join(w, NULL);
	assert_int_equal(rpc_call_start(w->channel, "/t/Wait", NULL, &stream, &err), 0);
	wait_for(w, &w->started, 1);
	rpc_stream_cancel(stream);
	assert_int_equal(rpc_stream_recv(stream, &message, &err), -HP_CANCELLED);
	wait_for(w, &w->cancelled, 1);
	wait_for(w, &w->ended, 1);
	rpc_stream_free(stream);
	world_free(w);
}

static void a_deadline_reaches_the_handler(void **state)
{
	struct world *w = world_new(NULL);
	struct rpc_call_options options = {.deadline_ns = sys_monotonic_ns() + 100 * MS};
	struct rpc_stream *stream;
	struct hp_err err = {0};

	(void)state;
	join(w, NULL);
	assert_int_equal(rpc_call_start(w->channel, "/t/Wait", &options, &stream, &err), 0);
	assert_int_equal(rpc_stream_finish(stream, &err), -HP_DEADLINE);
	wait_for(w, &w->ended, 1);
	rpc_stream_free(stream);
	world_free(w);
}

static void a_lost_connection_reaches_both(void **state)
{
	struct world *w = world_new(NULL);
	struct rpc_stream *stream;
	struct hp_err err = {0};

	(void)state;
	join(w, NULL);
	assert_int_equal(rpc_call_start(w->channel, "/t/Wait", NULL, &stream, &err), 0);
	wait_for(w, &w->started, 1);
	assert_int_equal(rpc_server_drain(w->server, 50), -HP_DEADLINE); /* it does not end by itself */
	rpc_server_free(w->server);
	w->server = NULL;
	assert_int_equal(w->ended, 1);
	assert_int_equal(rpc_stream_finish(stream, &err), -HP_UNAVAILABLE);
	rpc_stream_free(stream);
	assert_int_equal(rpc_call_start(w->channel, "/t/One", NULL, &stream, &err), -HP_UNAVAILABLE);
	world_free(w);
}

struct pusher {
	struct rpc_stream *stream;
	unsigned sent; /* atomic */
};

static void *push(void *arg)
{
	struct pusher *p = arg;
	HP_AUTO_FREE char *block = hp_zalloc(100000);

	while (__atomic_load_n(&p->sent, __ATOMIC_RELAXED) < 200 &&
	       rpc_stream_send(p->stream, block, 100000, NULL) == 0)
		(void)__atomic_add_fetch(&p->sent, 1, __ATOMIC_RELAXED);
	(void)rpc_stream_close_send(p->stream, NULL);
	return NULL;
}

static void a_handler_that_does_not_read_holds_its_client_up(void **state)
{
	struct world *w = world_new(NULL);
	HP_AUTO_BUF struct hp_buf reply = {0};
	struct pusher p = {0};
	unsigned before = 0;
	uint32_t count;
	pthread_t thread;

	(void)state;
	join(w, NULL);
	assert_int_equal(rpc_call_start(w->channel, "/t/Slow", NULL, &p.stream, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, push, &p), 0);
	wait_for(w, &w->started, 1);
	/* It stands still when what the window and both buffers hold is full: until nothing moves for a while. */
	for (int still = 0; still < 20;) {
		struct timespec pause = {.tv_nsec = 10 * MS};
		unsigned now = __atomic_load_n(&p.sent, __ATOMIC_RELAXED);

		still = now && now == before ? still + 1 : 0;
		before = now;
		(void)nanosleep(&pause, NULL);
	}
	assert_true(before * 100000ul <= HP_RPC_STREAM_WINDOW_SIZE + HP_RPC_SEND_BUFFER_SIZE + 300000);
	(void)pthread_mutex_lock(&w->lock);
	w->go = true;
	(void)pthread_cond_broadcast(&w->cond);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(thread, NULL);
	assert_int_equal(rpc_stream_recv(p.stream, &reply, NULL), 1);
	memcpy(&count, reply.data, sizeof count);
	assert_int_equal(count, 200);
	rpc_stream_free(p.stream);
	world_free(w);
}

static void *big_echo(void *arg)
{
	struct world *w = arg;
	HP_AUTO_BUF struct hp_buf reply = {0};
	HP_AUTO_FREE char *big = hp_zalloc(3000000);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(rpc_call(w->channel, "/t/One", NULL, big, 3000000, &reply, NULL), 0);
		assert_int_equal(reply.len, 3000000);
	}
	return NULL;
}

static void many_large_messages_pass_through_little_memory(void **state)
{
	struct rpc_server_options options = {.memory_max =
	                                             1000000}; /* less than one message: one stream goes at a time */
	struct world *w = world_new(&options);
	pthread_t threads[8];

	(void)state;
	join(w, NULL);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, big_echo, w), 0);
	for (size_t i = 0; i < 8; i++)
		(void)pthread_join(threads[i], NULL);
	world_free(w);
}

static void details_and_metadata_come_with_the_status(void **state)
{
	struct world *w = world_new(NULL);
	struct rpc_stream *stream;
	struct hp_err err = {0};
	const void *data;
	size_t len;

	(void)state;
	join(w, NULL);
	assert_int_equal(rpc_call_start(w->channel, "/t/Details", NULL, &stream, NULL), 0);
	assert_int_equal(rpc_stream_finish(stream, &err), -HP_PRECONDITION);
	assert_string_equal(err.msg, "see the details");
	rpc_stream_details(stream, &data, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "\x01\x02\x00", 3);
	rpc_stream_free(stream);
	world_free(w);
}

/* Counts what passes between the ends. */
struct tap {
	int from, to;
	size_t bytes;
};

static void *tap_run(void *arg)
{
	struct tap *tap = arg;
	char chunk[65536];
	ssize_t n;

	while ((n = read(tap->from, chunk, sizeof chunk)) > 0) {
		(void)__atomic_add_fetch(&tap->bytes, (size_t)n, __ATOMIC_RELAXED);
		if (send(tap->to, chunk, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	(void)shutdown(tap->to, SHUT_WR);
	return NULL;
}

static void zstd_is_on_the_wire(void **state)
{
	struct rpc_server_options options = {.codings = &rpc_codings_all, .encoding = RPC_ZSTD};
	struct rpc_channel_options channel_options = {.codings = &rpc_codings_all};
	struct rpc_call_options call = {.encoding = RPC_ZSTD};
	struct world *w = world_new(&options);
	HP_AUTO_FREE char *big = hp_zalloc(1000000);
	HP_AUTO_BUF struct hp_buf reply = {0};
	int client[2], server[2];
	struct tap up, down;
	pthread_t threads[2];
	size_t first;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, server), 0);
	up = (struct tap){.from = client[1], .to = server[1]};
	down = (struct tap){.from = server[1], .to = client[1]};
	assert_int_equal(pthread_create(&threads[0], NULL, tap_run, &up), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, tap_run, &down), 0);
	assert_int_equal(rpc_server_adopt(w->server, server[0], "tapped", NULL), 0);
	assert_int_equal(rpc_channel_adopt(w->client_loop, client[0], &channel_options, &w->channel, NULL), 0);
	memset(big, 'z', 1000000);
	/* The first request goes plain: nobody has said yet what the server takes. */
	assert_int_equal(rpc_call(w->channel, "/t/One", &call, big, 1000000, &reply, NULL), 0);
	first = __atomic_load_n(&up.bytes, __ATOMIC_RELAXED);
	assert_true(first > 1000000);
	assert_int_equal(rpc_call(w->channel, "/t/One", &call, big, 1000000, &reply, NULL), 0);
	assert_true(__atomic_load_n(&up.bytes, __ATOMIC_RELAXED) - first < 10000);
	assert_true(__atomic_load_n(&down.bytes, __ATOMIC_RELAXED) < 20000);
	assert_int_equal(reply.len, 1000000);
	assert_memory_equal(reply.data, big, 1000000);
	world_free(w);
	(void)pthread_join(threads[0], NULL);
	(void)pthread_join(threads[1], NULL);
	(void)close(client[1]);
	(void)close(server[1]);
}

static void addresses_that_are_none(void **state)
{
	static const char *const wrong[] = {"", "x", ":1", "host:", "host:x", "host:65536", "unix:", "::1:80", "[]:1"};
	struct world *w = world_new(NULL);

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(wrong); i++) {
		struct hp_err err = {0};

		assert_int_equal(rpc_channel_new(w->client_loop, wrong[i], NULL, &w->channel, &err), -HP_INVALID);
		assert_int_equal(rpc_server_listen(w->server, wrong[i], NULL, NULL, &err), -HP_INVALID);
	}
	assert_int_equal(rpc_server_listen(w->server, "example.org:1", NULL, NULL, NULL), -HP_INVALID);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_call_over_a_descriptor),
	        cmocka_unit_test(a_call_over_a_character_device),
	        cmocka_unit_test(a_cancel_reaches_the_handler),
	        cmocka_unit_test(a_deadline_reaches_the_handler),
	        cmocka_unit_test(a_lost_connection_reaches_both),
	        cmocka_unit_test(a_handler_that_does_not_read_holds_its_client_up),
	        cmocka_unit_test(many_large_messages_pass_through_little_memory),
	        cmocka_unit_test(details_and_metadata_come_with_the_status),
	        cmocka_unit_test(zstd_is_on_the_wire),
	        cmocka_unit_test(addresses_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
