/* Sockets with deadlines: exact counts, silent peers, peers that leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/net.h"

static int64_t in_ms(int ms)
{
	return sys_monotonic_ns() + (int64_t)ms * 1000000;
}

static void pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_both(const int fds[2])
{
	(void)close(fds[0]);
	(void)close(fds[1]);
}

struct sender {
	int fd;
	const char *data;
	size_t len;
};

static void *send_in_bits(void *arg)
{
	struct sender *s = arg;

	for (size_t at = 0; at < s->len;) {
		size_t n = s->len - at < 1000 ? s->len - at : 1000;

		assert_int_equal(sys_send_all(s->fd, s->data + at, n, in_ms(10000)), 0);
		at += n;
	}
	return NULL;
}

static void bytes_come_in_bits_and_arrive_whole(void **state)
{
	enum {
		LEN = 1000003
	};
	HP_AUTO_FREE char *src = hp_alloc(LEN);
	HP_AUTO_FREE char *dst = hp_zalloc(LEN);
	struct sender sender;
	pthread_t thread;
	int fds[2];

	(void)state;
	for (size_t i = 0; i < LEN; i++)
		src[i] = (char)(i * 7 + i / 251);
	pair(fds);
	sender = (struct sender){fds[0], src, LEN};
	assert_int_equal(pthread_create(&thread, NULL, send_in_bits, &sender), 0);
	assert_int_equal(sys_recv_all(fds[1], dst, LEN, in_ms(20000)), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_memory_equal(src, dst, LEN);
	close_both(fds);
}

static void a_silent_peer_costs_the_deadline_and_no_more(void **state)
{
	int64_t start_ns = sys_monotonic_ns();
	char byte;
	int fds[2];

	(void)state;
	pair(fds);
	assert_int_equal(sys_recv_all(fds[0], &byte, 1, in_ms(50)), -ETIMEDOUT);
	assert_true(sys_monotonic_ns() - start_ns >= 50000000);
	/* A deadline that has passed still takes what is there. */
	assert_int_equal(write(fds[1], "xy", 2), 2);
	assert_int_equal(sys_recv_all(fds[0], &byte, 1, in_ms(-1000)), 0);
	assert_int_equal(sys_recv_all(fds[0], &byte, 1, in_ms(-1000)), 0);
	assert_int_equal(sys_recv_all(fds[0], &byte, 1, in_ms(-1000)), -ETIMEDOUT);
	close_both(fds);
}

static void half_a_message_is_not_waited_for_for_ever(void **state)
{
	char bytes[4];
	int fds[2];

	(void)state;
	pair(fds);
	assert_int_equal(write(fds[1], "xy", 2), 2);
	assert_int_equal(sys_recv_all(fds[0], bytes, 4, in_ms(30)), -ETIMEDOUT);
	close_both(fds);
}

static void a_peer_that_left_is_noticed_at_once(void **state)
{
	char bytes[4];
	int fds[2];

	(void)state;
	pair(fds);
	assert_int_equal(write(fds[1], "xy", 2), 2);
	(void)close(fds[1]);
	assert_int_equal(sys_recv_all(fds[0], bytes, 4, in_ms(60000)), -ECONNRESET);
	/* And no signal ends us when we talk to it. */
	assert_int_equal(sys_send_all(fds[0], bytes, 4, in_ms(60000)), -EPIPE);
	(void)close(fds[0]);
}

static void a_peer_that_does_not_read_costs_the_deadline(void **state)
{
	HP_AUTO_FREE char *much = hp_zalloc(16u << 20);
	int fds[2];

	(void)state;
	pair(fds);
	assert_int_equal(sys_send_all(fds[0], much, 16u << 20, in_ms(100)), -ETIMEDOUT);
	close_both(fds);
}

static void nothing_is_sent_and_received_at_once(void **state)
{
	(void)state;
	assert_int_equal(sys_recv_all(-1, NULL, 0, 0), 0);
	assert_int_equal(sys_send_all(-1, NULL, 0, 0), 0);
	assert_int_equal(sys_recv_all(-1, &(char){0}, 1, in_ms(1000)), -EBADF);
}

static void readable_means_data_or_end(void **state)
{
	int fds[2];

	(void)state;
	pair(fds);
	assert_int_equal(sys_wait_readable(fds[0], 0), 0);
	assert_int_equal(sys_wait_readable(fds[0], 20), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(sys_wait_readable(fds[0], 0), 1);
	assert_int_equal(sys_wait_readable(fds[0], -1), 1);
	(void)close(fds[1]);
	assert_int_equal(sys_wait_readable(fds[0], 60000), 1);
	(void)close(fds[0]);
}

static void the_loopback_port_is_connected_or_refused_at_once(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof addr;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t port;
	int fd;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	port = ntohs(addr.sin_port);
	assert_int_equal(sys_connect_loopback(port), -ECONNREFUSED);
	assert_int_equal(listen(listener, 1), 0);
	fd = sys_connect_loopback(port);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	(void)close(listener);
}

/* A daemon that is stopped, with its backlog full. */
static void a_peer_that_takes_no_connections_is_given_up(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_un here = {.sun_family = AF_UNIX};
	socklen_t len = sizeof addr;
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fds[16];
	int64_t start;
	int r = 0;
	int n = 0;

	(void)state;
	assert_int_equal(bind(tcp, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(listen(tcp, 0), 0);
	start = sys_monotonic_ns();
	while (n < 8 && (r = sys_connect_loopback(ntohs(addr.sin_port))) >= 0)
		fds[n++] = r;
	assert_int_equal(r, -ETIMEDOUT);

	(void)snprintf(here.sun_path, sizeof here.sun_path, "/tmp/hpcc-test-net-%d", (int)getpid());
	(void)unlink(here.sun_path);
	assert_int_equal(bind(local, (struct sockaddr *)&here, sizeof here), 0);
	assert_int_equal(listen(local, 0), 0);
	while (n < 16 && (r = sys_connect_unix(here.sun_path)) >= 0)
		fds[n++] = r;
	assert_int_equal(r, -ETIMEDOUT);
	assert_true(sys_monotonic_ns() - start < 20000000000);

	(void)unlink(here.sun_path);
	while (n > 0)
		(void)close(fds[--n]);
	(void)close(tcp);
	(void)close(local);
}

static void random_bytes_differ(void **state)
{
	unsigned char a[300];
	unsigned char b[300];

	(void)state;
	sys_random(a, sizeof a);
	sys_random(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a + 256, b + 256, 44);
	assert_true(sys_random_u64() != sys_random_u64());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bytes_come_in_bits_and_arrive_whole),
	        cmocka_unit_test(a_silent_peer_costs_the_deadline_and_no_more),
	        cmocka_unit_test(half_a_message_is_not_waited_for_for_ever),
	        cmocka_unit_test(a_peer_that_left_is_noticed_at_once),
	        cmocka_unit_test(a_peer_that_does_not_read_costs_the_deadline),
	        cmocka_unit_test(nothing_is_sent_and_received_at_once),
	        cmocka_unit_test(readable_means_data_or_end),
	        cmocka_unit_test(the_loopback_port_is_connected_or_refused_at_once),
	        cmocka_unit_test(a_peer_that_takes_no_connections_is_given_up),
	        cmocka_unit_test(random_bytes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
