/* For tests/unit/proto/check_protoc.py: reads one Frame (without its length) from standard input, decodes it with
 * src/proto, and writes it
 *   dump    in protobuf's text format, each field by its C member's name
 *   encode  encoded anew
 * Exit 1: not a frame of ours. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/local.h"

static void print_number(const char *name, uint64_t v)
{
	if (v)
		printf("  %s: %llu\n", name, (unsigned long long)v);
}

/* As protoc escapes. */
static void print_one(const char *name, const struct proto_bytes *b)
{
	printf("  %s: \"", name);
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->data[i];
		static const char plain[] = "\n\r\t\"'\\";
		const char *at = c ? strchr(plain, c) : NULL;

		if (at)
			printf("\\%c", "nrt\"'\\"[at - plain]);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\%03o", c);
		else
			(void)putchar(c);
	}
	printf("\"\n");
}

static void print_bytes(const char *name, const struct proto_bytes *b)
{
	if (b->len)
		print_one(name, b);
}

static void print_list(const char *name, const struct proto_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		print_one(name, &l->v[i]);
}

#define NUMBER(m, member) print_number(#member, (m)->member)
#define BYTES(m, member) print_bytes(#member, &(m)->member)
#define LIST(m, member) print_list(#member, &(m)->member)

static void dump_compile(const struct proto_compile *m)
{
	BYTES(m, compiler);
	BYTES(m, argv0);
	LIST(m, args);
	BYTES(m, cwd);
	LIST(m, env);
	NUMBER(m, umask);
	NUMBER(m, stderr_tty);
	NUMBER(m, mount_ns);
	NUMBER(m, root_dev);
	NUMBER(m, root_ino);
}

static void dump_reply(const struct proto_reply *m)
{
	NUMBER(m, kind);
	BYTES(m, out);
	BYTES(m, err);
	LIST(m, args);
	NUMBER(m, rewrites_deps);
	BYTES(m, reason);
	BYTES(m, proof);
}

static void dump_report(const struct proto_report *m)
{
	NUMBER(m, status);
	BYTES(m, out);
	BYTES(m, err);
	NUMBER(m, truncated);
	NUMBER(m, duration_ms);
}

union message {
	struct proto_hello hello;
	struct proto_compile compile;
	struct proto_reply reply;
	struct proto_report report;
	struct proto_ack ack;
	struct proto_control control;
	struct proto_control_reply control_reply;
};

static void dump(enum proto_local_kind kind, const union message *m)
{
	printf("%s {\n", proto_local_desc(kind)->name);
	switch (kind) {
	case PROTO_HELLO:
		NUMBER(&m->hello, protocol);
		BYTES(&m->hello, token);
		break;
	case PROTO_COMPILE:
		dump_compile(&m->compile);
		break;
	case PROTO_REPLY:
		dump_reply(&m->reply);
		break;
	case PROTO_REPORT:
		dump_report(&m->report);
		break;
	case PROTO_ACK:
		NUMBER(&m->ack, rerun);
		BYTES(&m->ack, reason);
		break;
	case PROTO_CONTROL:
		NUMBER(&m->control, kind);
		break;
	case PROTO_CONTROL_REPLY:
		NUMBER(&m->control_reply, ok);
		BYTES(&m->control_reply, text);
		break;
	}
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct hp_buf in HP_AUTO_BUF = {0};
	struct hp_buf out HP_AUTO_BUF = {0};
	union message m;
	struct proto_bytes body;
	uint32_t kind;
	size_t n;

	if (argc != 2)
		return 2;
	while ((n = fread(hp_buf_reserve(&in, 65536), 1, 65536, stdin)) > 0)
		hp_buf_added(&in, n);
	if (proto_take_envelope(in.data, in.len, &kind, &body, NULL) < 0 || !proto_local_desc(kind) ||
	    proto_decode(proto_local_desc(kind), body.data, body.len, HP_ARGS_MAX, &m, NULL) < 0)
		return 1;
	if (strcmp(argv[1], "dump") == 0) {
		dump((enum proto_local_kind)kind, &m);
	} else {
		proto_frame((enum proto_local_kind)kind, &m, &out);
		(void)fwrite(out.data + 4, 1, out.len - 4, stdout);
	}
	proto_done(proto_local_desc(kind), &m);
	return 0;
}
