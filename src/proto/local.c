#include "proto/local.h"

#include "base/limits.h"
#include "base/mem.h"

#define DESC(name)                                                                                         \
	const struct proto_desc proto_##name##_desc = {#name, name##_fields, HP_ARRAY_SIZE(name##_fields), \
	                                               sizeof(struct proto_##name)}
#define AT(name, member) offsetof(struct proto_##name, member)

static const struct proto_field hello_fields[] = {
        {1, PROTO_U64, AT(hello, protocol)},
        {2, PROTO_BYTES, AT(hello, token)},
};
DESC(hello);

static const struct proto_field compile_fields[] = {
        {1, PROTO_BYTES, AT(compile, compiler)}, {2, PROTO_BYTES, AT(compile, argv0)},
        {3, PROTO_LIST, AT(compile, args)},      {4, PROTO_BYTES, AT(compile, cwd)},
        {5, PROTO_LIST, AT(compile, env)},       {6, PROTO_U64, AT(compile, umask)},
        {7, PROTO_U64, AT(compile, stderr_tty)}, {8, PROTO_U64, AT(compile, mount_ns)},
        {9, PROTO_U64, AT(compile, root_dev)},   {10, PROTO_U64, AT(compile, root_ino)},
};
DESC(compile);

static const struct proto_field reply_fields[] = {
        {1, PROTO_U64, AT(reply, kind)},          {2, PROTO_BYTES, AT(reply, out)},
        {3, PROTO_BYTES, AT(reply, err)},         {4, PROTO_LIST, AT(reply, args)},
        {5, PROTO_U64, AT(reply, rewrites_deps)}, {6, PROTO_BYTES, AT(reply, reason)},
        {7, PROTO_BYTES, AT(reply, proof)},
};
DESC(reply);

static const struct proto_field report_fields[] = {
        {1, PROTO_U64, AT(report, status)},      {2, PROTO_BYTES, AT(report, out)},
        {3, PROTO_BYTES, AT(report, err)},       {4, PROTO_U64, AT(report, truncated)},
        {5, PROTO_U64, AT(report, duration_ms)},
};
DESC(report);

static const struct proto_field ack_fields[] = {
        {1, PROTO_U64, AT(ack, rerun)},
        {2, PROTO_BYTES, AT(ack, reason)},
};
DESC(ack);

static const struct proto_field control_fields[] = {
        {1, PROTO_U64, AT(control, kind)},
};
DESC(control);

static const struct proto_field control_reply_fields[] = {
        {1, PROTO_U64, AT(control_reply, ok)},
        {2, PROTO_BYTES, AT(control_reply, text)},
};
DESC(control_reply);

const struct proto_desc *proto_local_desc(uint32_t kind)
{
	static const struct proto_desc *const table[] = {
	        [PROTO_HELLO] = &proto_hello_desc,
	        [PROTO_COMPILE] = &proto_compile_desc,
	        [PROTO_REPLY] = &proto_reply_desc,
	        [PROTO_REPORT] = &proto_report_desc,
	        [PROTO_ACK] = &proto_ack_desc,
	        [PROTO_CONTROL] = &proto_control_desc,
	        [PROTO_CONTROL_REPLY] = &proto_control_reply_desc,
	};

	return kind < HP_ARRAY_SIZE(table) ? table[kind] : NULL;
}

void proto_frame(enum proto_local_kind kind, const void *msg, struct hp_buf *out)
{
	HP_AUTO_BUF struct hp_buf body = {0};
	size_t start = out->len;
	uint32_t len;

	hp_buf_append(out, "\0\0\0\0", 4);
	proto_encode(proto_local_desc(kind), msg, &body);
	proto_put_bytes(out, kind, body.data, body.len);
	len = (uint32_t)(out->len - start - 4);
	for (int i = 0; i < 4; i++)
		out->data[start + (size_t)i] = (char)(len >> (24 - 8 * i));
}

int64_t proto_frame_len(const unsigned char head[4])
{
	uint32_t len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];

	return len == 0 || len > HP_FRAME_SIZE_MAX ? -1 : (int64_t)len;
}
