#include "client/session.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cc/environ.h"
#include "sys/clock.h"
#include "sys/fs.h"
#include "sys/net.h"

extern char **environ;

bool client_session_open(struct client_session *s, const struct client_handshake *h)
{
	*s = (struct client_session){.fd = h->socket[0] ? sys_connect_unix(h->socket) : -1};
	if (s->fd < 0)
		s->fd = sys_connect_loopback(h->port);
	return s->fd >= 0;
}

void client_session_close(struct client_session *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	hp_buf_done(&s->frame);
	s->fd = -1;
}

static int64_t deadline_in(int ms)
{
	return ms < 0 ? INT64_MAX : sys_monotonic_ns() + (int64_t)ms * 1000000;
}

bool client_session_send_first(struct client_session *s, const struct client_handshake *h, enum proto_local_kind kind,
                               const void *msg)
{
	struct proto_hello hello = {.protocol = PROTO_LOCAL_VERSION, .token = proto_str(h->token)};
	HP_AUTO_BUF struct hp_buf out = {0};

	proto_frame(PROTO_HELLO, &hello, &out);
	proto_frame(kind, msg, &out);
	return sys_send_all(s->fd, out.data, out.len, deadline_in(CLIENT_REPLY_DEADLINE_MS)) == 0;
}

bool client_session_send(struct client_session *s, enum proto_local_kind kind, const void *msg)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	int one = 1;

	/* Only now: a hit needs one write, and Nagle only delays the second. */
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	proto_frame(kind, msg, &out);
	return sys_send_all(s->fd, out.data, out.len, deadline_in(CLIENT_REPLY_DEADLINE_MS)) == 0;
}

/* Takes the next frame to the front of `frame`. A reply usually comes in one piece, so what is there is read at once,
 * be it less or more than one frame. */
static bool receive_frame(struct client_session *s, int64_t deadline_ns)
{
	struct hp_buf *frame = &s->frame;
	size_t want = 4;

	if (s->taken) {
		memmove(frame->data, frame->data + s->taken, frame->len - s->taken);
		frame->len -= s->taken;
		s->taken = 0;
	}
	for (;;) {
		int64_t n;

		if (frame->len >= 4) {
			int64_t len = proto_frame_len((const unsigned char *)frame->data);

			if (len < 0)
				return false;
			want = 4 + (size_t)len;
		}
		if (frame->len >= want && want > 4)
			break;
		n = want - frame->len < 4096 ? 4096 : (int64_t)(want - frame->len);
		n = sys_recv_some(s->fd, hp_buf_reserve(frame, (size_t)n), (size_t)n, deadline_ns);
		if (n < 0)
			return false;
		hp_buf_added(frame, (size_t)n);
	}
	s->taken = want;
	return true;
}

bool client_session_receive(struct client_session *s, enum proto_local_kind kind, int deadline_ms, void *ret_msg)
{
	struct proto_bytes body;
	uint32_t got;

	return receive_frame(s, deadline_in(deadline_ms)) &&
	       proto_take_envelope(s->frame.data + 4, s->taken - 4, &got, &body, NULL) == 0 && got == kind &&
	       proto_decode(proto_local_desc(kind), body.data, body.len, HP_ARGS_MAX, ret_msg, NULL) == 0;
}

static void list_of(char *const *strings, bool (*keep)(const char *), struct proto_list *ret_list)
{
	size_t n = 0;

	while (strings[n])
		n++;
	ret_list->v = hp_alloc(n * sizeof *ret_list->v);
	ret_list->len = 0;
	for (size_t i = 0; i < n; i++) {
		if (!keep || keep(strings[i]))
			ret_list->v[ret_list->len++] = proto_str(strings[i]);
	}
}

/* A terminal that compilers colour for. */
static bool is_color_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

static bool env_matters(const char *name_value)
{
	return cc_env_class(name_value) != CC_ENV_NONE;
}

void client_request_fill(const struct client_compile *c, struct proto_compile *ret_request)
{
	mode_t mask = umask(0);
	struct sys_surroundings here;

	(void)umask(mask);
	sys_surroundings_get(&here);
	*ret_request = (struct proto_compile){
	        .compiler = proto_str(c->compiler),
	        .argv0 = proto_str(c->argv[0]),
	        .cwd = proto_str(c->cwd),
	        .umask = mask,
	        .stderr_tty = is_color_terminal(),
	        .mount_ns = here.mount,
	        .root_dev = here.root_dev,
	        .root_ino = here.root_ino,
	};
	list_of(c->argv + 1, NULL, &ret_request->args);
	list_of(environ, env_matters, &ret_request->env);
}

int client_control(enum proto_control_kind kind)
{
	struct proto_control control = {.kind = kind};
	struct proto_control_reply reply = {0};
	HP_AUTO_BUF struct hp_buf path = {0};
	struct client_handshake h;
	struct client_session s;
	bool ok;

	if (!client_handshake_path(&path) || client_handshake_read(path.data, &h) != CLIENT_HANDSHAKE_OK ||
	    h.protocol != PROTO_LOCAL_VERSION || !client_session_open(&s, &h))
		return 0;
	ok = client_session_send_first(&s, &h, PROTO_CONTROL, &control) &&
	     client_session_receive(&s, PROTO_CONTROL_REPLY, CLIENT_ACK_DEADLINE_MS, &reply) && reply.ok;
	client_session_close(&s);
	return ok ? 1 : -1;
}
