/* rpc-echo: hpcc's gRPC, both sides, for interoperability tests, measurements and an operator's first try. */
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/rpc_echo.h"
#include "proto/descriptors.h"
#include "rpc/health.h"
#include "rpc/reflection.h"
#include "rpc/tls.h"

static const char usage_text[] =
        "usage: rpc-echo serve --listen HOST:PORT|unix:PATH [--tls-cert FILE --tls-key FILE] [--max-message BYTES]\n"
        "                [--encoding gzip|zstd] [--age-ms N] [--idle-ms N] [--keepalive-ms N] [--stall-ms N]\n"
        "                [--handshake-ms N] [--streams N] [--handlers N] [--memory BYTES]\n"
        "       rpc-echo call ADDRESS [--method unary|server-stream|client-stream|bidi] [--payload TEXT | --size BYTES]\n"
        "                [--messages N] [--repeat N] [--delay-ms N] [--fail-code N] [--fail-message TEXT]\n"
        "                [--pin SHA256 | --ca FILE] [--deadline MS] [--encoding gzip|zstd] [--metadata NAME=VALUE]…\n"
        "                [--calls N] [--retries N] [--cancel-ms N] [--keepalive-ms N] [--max-message BYTES]\n"
        "`call` prints one line each of metadata, replies (index, bytes, CRC-32) and status, and exits with 0, or with 1\n"
        "when a status is not OK.\n";

struct options {
	const char *listen;
	const char *tls_cert;
	const char *tls_key;
	const char *pin;
	const char *ca;
	const char *encoding;
	unsigned max_message;
	unsigned age_ms, idle_ms, keepalive_ms, stall_ms, handshake_ms;
	unsigned streams, handlers, memory;
	struct cmd_echo_call call;
};

/* What follows an option is a text or a number at this place. */
static const struct {
	const char *name;
	bool text;
	size_t offset;
} rows[] = {
        {"listen", true, offsetof(struct options, listen)},
        {"tls-cert", true, offsetof(struct options, tls_cert)},
        {"tls-key", true, offsetof(struct options, tls_key)},
        {"pin", true, offsetof(struct options, pin)},
        {"ca", true, offsetof(struct options, ca)},
        {"encoding", true, offsetof(struct options, encoding)},
        {"max-message", false, offsetof(struct options, max_message)},
        {"age-ms", false, offsetof(struct options, age_ms)},
        {"idle-ms", false, offsetof(struct options, idle_ms)},
        {"keepalive-ms", false, offsetof(struct options, keepalive_ms)},
        {"stall-ms", false, offsetof(struct options, stall_ms)},
        {"handshake-ms", false, offsetof(struct options, handshake_ms)},
        {"streams", false, offsetof(struct options, streams)},
        {"handlers", false, offsetof(struct options, handlers)},
        {"memory", false, offsetof(struct options, memory)},
        {"method", true, offsetof(struct options, call.method)},
        {"payload", true, offsetof(struct options, call.payload)},
        {"size", false, offsetof(struct options, call.size)},
        {"messages", false, offsetof(struct options, call.messages)},
        {"repeat", false, offsetof(struct options, call.repeat)},
        {"delay-ms", false, offsetof(struct options, call.delay_ms)},
        {"fail-code", false, offsetof(struct options, call.fail_code)},
        {"fail-message", true, offsetof(struct options, call.fail_message)},
        {"deadline", false, offsetof(struct options, call.deadline_ms)},
        {"retries", false, offsetof(struct options, call.retries)},
        {"calls", false, offsetof(struct options, call.calls)},
        {"cancel-ms", false, offsetof(struct options, call.cancel_ms)},
};

static bool take_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > INT_MAX)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool take_metadata(struct rpc_metadata *md, const char *text)
{
	const char *equals = strchr(text, '=');
	HP_AUTO_FREE char *name = NULL;
	struct hp_err err = {0};

	if (!equals)
		return false;
	name = hp_strndup(text, (size_t)(equals - text));
	if (rpc_metadata_add(md, name, equals + 1, strlen(equals + 1), &err) == 0)
		return true;
	(void)fprintf(stderr, "rpc-echo: %s\n", err.msg);
	return false;
}

static bool parse(int argc, char **argv, struct options *o)
{
	struct option table[HP_ARRAY_SIZE(rows) + 2] = {0};
	int at;

	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++)
		table[i] = (struct option){rows[i].name, required_argument, NULL, 0};
	table[HP_ARRAY_SIZE(rows)] = (struct option){"metadata", required_argument, NULL, 0};
	for (int r; (r = getopt_long(argc, argv, "", table, &at)) != -1;) {
		char *base = (char *)o;

		if (r != 0)
			return false;
		if ((size_t)at == HP_ARRAY_SIZE(rows)) {
			if (!take_metadata(&o->call.metadata, optarg))
				return false;
		} else if (rows[at].text) {
			*(const char **)(void *)(base + rows[at].offset) = optarg;
		} else if (!take_number(optarg, (unsigned *)(void *)(base + rows[at].offset))) {
			return false;
		}
	}
	if (o->encoding) {
		int encoding = rpc_encoding_parse(o->encoding);

		if (encoding < 0)
			return false;
		o->call.encoding = (enum rpc_encoding)encoding;
	}
	return true;
}

static int serve(const struct options *o, struct hp_err *err)
{
	struct rpc_server_options server_options = {
	        .codings = &rpc_codings_all,
	        .recv_message_max = o->max_message,
	        .send_message_max = o->max_message,
	        .encoding = o->call.encoding,
	        .age_ms = (int)o->age_ms,
	        .idle_ms = (int)o->idle_ms,
	        .keepalive_ms = (int)o->keepalive_ms,
	        .keepalive_timeout_ms = (int)o->keepalive_ms,
	        .stall_ms = (int)o->stall_ms,
	        .handshake_ms = (int)o->handshake_ms,
	        .streams_max = o->streams,
	        .memory_max = o->memory,
	};
	struct rpc_loop_options loop_options = {.handlers_max = o->handlers};
	struct rpc_descriptors descriptors = {proto_echo_descriptors, proto_echo_descriptors_len};
	struct rpc_health *health = rpc_health_new();
	struct rpc_reflection *reflection = NULL;
	struct rpc_secure *secure = NULL;
	struct rpc_server *server = NULL;
	struct rpc_loop *loop = NULL;
	uint16_t port = 0;
	sigset_t stop;
	int sig;
	int r = o->tls_cert ? rpc_tls_server_new(o->tls_cert, o->tls_key, &secure, err) : 0;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)sigaddset(&stop, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
	if (r == 0)
		r = rpc_loop_new(&loop_options, &loop, err);
	if (r == 0)
		r = rpc_server_new(loop, &server_options, &server, err);
	if (r == 0) {
		rpc_server_add(server, cmd_echo_methods, NULL);
		rpc_health_serve(health, server);
		r = rpc_reflection_new(&descriptors, 1, &reflection, err);
	}
	if (r == 0) {
		rpc_reflection_serve(reflection, server);
		r = rpc_server_listen(server, o->listen, secure, &port, err);
	}
	if (r == 0) {
		rpc_health_set(health, "", true);
		rpc_health_set(health, "hpcc.test.v1.Echo", true);
		(void)printf("listening on port %u\n", port);
		(void)fflush(stdout);
		(void)sigwait(&stop, &sig);
		rpc_health_shutdown(health);
		(void)rpc_server_drain(server, 5000);
	}
	rpc_server_free(server);
	rpc_health_free(health);
	rpc_reflection_free(reflection);
	rpc_loop_free(loop);
	rpc_tls_free(secure);
	return r;
}

static int call(const char *address, const struct options *o, struct hp_err *err)
{
	struct rpc_channel_options channel_options = {
	        .codings = &rpc_codings_all,
	        .recv_message_max = o->max_message,
	        .send_message_max = o->max_message,
	        .keepalive_ms = (int)o->keepalive_ms,
	        .keepalive_timeout_ms = (int)o->keepalive_ms,
	};
	struct rpc_channel *channel = NULL;
	struct rpc_loop *loop = NULL;
	uint8_t pin[RPC_PIN_SIZE];
	int r = 0;

	if (o->pin) {
		r = rpc_tls_pin_parse(o->pin, pin, err);
		if (r == 0)
			r = rpc_tls_pinned_new(pin, &channel_options.secure, err);
	} else if (o->ca) {
		r = rpc_tls_verified_new(o->ca, &channel_options.secure, err);
	}
	if (r == 0)
		r = rpc_loop_new(NULL, &loop, err);
	if (r == 0)
		r = rpc_channel_new(loop, address, &channel_options, &channel, err);
	if (r == 0)
		r = cmd_echo_run(channel, &o->call);
	rpc_channel_free(channel);
	rpc_loop_free(loop);
	rpc_tls_free(channel_options.secure);
	return r;
}

int main(int argc, char **argv)
{
	struct options o = {.call = {.method = "unary", .messages = 1, .calls = 1, .fail_message = ""}};
	struct hp_err err = {0};
	int r = -1;

	hp_log_init(STDERR_FILENO, HP_LOG_WARN, false);
	if (argc >= 2 && parse(argc - 1, argv + 1, &o)) {
		int left = argc - 1 - optind;

		if (hp_streq(argv[1], "serve") && left == 0 && o.listen && !o.tls_cert == !o.tls_key)
			r = serve(&o, &err) < 0 ? 1 : 0;
		else if (hp_streq(argv[1], "call") && left == 1 && !(o.pin && o.ca))
			r = call(argv[1 + optind], &o, &err) < 0 ? 1 : 0;
	}
	rpc_metadata_done(&o.call.metadata);
	if (r < 0) {
		(void)fputs(usage_text, stderr);
		return 2;
	}
	if (err.code)
		(void)fprintf(stderr, "rpc-echo: %s\n", err.msg);
	return r;
}
