/* The conversation: what is asked, and that no daemon, however odd, holds a build up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "client/session.h"
#include "sys/clock.h"
#include "sys/net.h"

static void pair(struct client_session *s, int *ret_peer)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*s = (struct client_session){.fd = fds[0]};
	*ret_peer = fds[1];
}

static bool has(const struct proto_list *list, const char *s)
{
	for (size_t i = 0; i < list->len; i++) {
		if (list->v[i].len == strlen(s) && memcmp(list->v[i].data, s, strlen(s)) == 0)
			return true;
	}
	return false;
}

static void the_request_has_what_matters_and_nothing_else(void **state)
{
	char *argv[] = {(char *)"cc", (char *)"-c", (char *)"", (char *)"a.c", NULL};
	struct client_compile c = {.compiler = "/usr/bin/cc", .argv = argv, .cwd = "/work"};
	struct proto_compile request;
	mode_t old = umask(027);

	(void)state;
	assert_int_equal(setenv("CPATH", "/inc", 1), 0);
	assert_int_equal(setenv("MY_SECRET", "token", 1), 0);
	client_request_fill(&c, &request);
	assert_int_equal(umask(old), 027); /* put back */
	assert_int_equal(request.umask, 027);
	assert_int_equal(request.args.len, 3);
	assert_memory_equal(request.args.v[0].data, "-c", 2);
	assert_int_equal(request.args.v[1].len, 0);
	assert_true(has(&request.env, "CPATH=/inc"));
	assert_false(has(&request.env, "MY_SECRET=token"));
	assert_true(request.mount_ns && request.root_ino);
	proto_done(&proto_compile_desc, &request);
}

static void a_message_of_the_wanted_kind_is_received(void **state)
{
	struct proto_ack ack = {.rerun = 1, .reason = proto_str("new")};
	struct hp_buf out HP_AUTO_BUF = {0};
	struct client_session s;
	struct proto_ack got;
	int peer;

	(void)state;
	pair(&s, &peer);
	proto_frame(PROTO_ACK, &ack, &out);
	proto_frame(PROTO_ACK, &ack, &out);
	assert_int_equal(write(peer, out.data, out.len), out.len);
	for (int i = 0; i < 2; i++) {
		assert_true(client_session_receive(&s, PROTO_ACK, 5000, &got));
		assert_int_equal(got.rerun, 1);
		assert_memory_equal(got.reason.data, "new", 3);
	}
	(void)close(peer);
	assert_false(client_session_receive(&s, PROTO_ACK, -1, &got));
	client_session_close(&s);
	client_session_close(&s);
}

static void odd_answers_end_the_conversation(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
	        {"\0\0\0\0", 4},                   /* no length */
	        {"\xff\xff\xff\xff", 4},           /* beyond the limit */
	        {"\0\0\0\x02\x0a\0", 6},           /* another kind */
	        {"\0\0\0\x02\x28\x01", 6},         /* no message at all */
	        {"\0\0\0\x04\x2a\x02\x08\x80", 8}, /* half a number */
	        {"\0\0\0\x02\x2a", 5},             /* half a frame */
	        {"\0\0", 2},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		struct client_session s;
		struct proto_ack got;
		int peer;

		pair(&s, &peer);
		assert_int_equal(write(peer, rows[i].bytes, rows[i].len), rows[i].len);
		(void)shutdown(peer, SHUT_WR);
		assert_false(client_session_receive(&s, PROTO_ACK, 5000, &got));
		(void)close(peer);
		client_session_close(&s);
	}
}

static void silence_costs_the_deadline(void **state)
{
	int64_t start_ns = sys_monotonic_ns();
	struct client_session s;
	struct proto_ack got;
	int peer;

	(void)state;
	pair(&s, &peer);
	assert_false(client_session_receive(&s, PROTO_ACK, 50, &got));
	assert_true(sys_monotonic_ns() - start_ns >= 50000000);
	(void)close(peer);
	client_session_close(&s);
}

static void hello_comes_first_with_the_token(void **state)
{
	struct proto_control control = {.kind = PROTO_CONTROL_FLUSH};
	struct client_handshake h = {.token = "secret"};
	struct client_session s;
	struct client_session server = {0};
	struct proto_control got;
	struct proto_hello hello;

	(void)state;
	pair(&s, &server.fd);
	assert_true(client_session_send_first(&s, &h, PROTO_CONTROL, &control));
	assert_true(client_session_receive(&server, PROTO_HELLO, 5000, &hello));
	assert_int_equal(hello.protocol, PROTO_LOCAL_VERSION);
	assert_memory_equal(hello.token.data, "secret", hello.token.len);
	assert_true(client_session_receive(&server, PROTO_CONTROL, 5000, &got));
	assert_int_equal(got.kind, PROTO_CONTROL_FLUSH);
	client_session_close(&s);
	client_session_close(&server);
}

static void nobody_listening_is_told_at_once(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof addr;
	int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct client_handshake h = {0};
	struct client_session s;

	(void)state;
	assert_int_equal(bind(bound, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(bound, (struct sockaddr *)&addr, &len), 0);
	h.port = ntohs(addr.sin_port);
	assert_false(client_session_open(&s, &h));
	client_session_close(&s);
	(void)close(bound);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_request_has_what_matters_and_nothing_else),
	        cmocka_unit_test(a_message_of_the_wanted_kind_is_received),
	        cmocka_unit_test(odd_answers_end_the_conversation),
	        cmocka_unit_test(silence_costs_the_deadline),
	        cmocka_unit_test(hello_comes_first_with_the_token),
	        cmocka_unit_test(nobody_listening_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
