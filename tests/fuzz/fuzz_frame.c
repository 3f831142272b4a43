/* Frames between client and daemon: what is decoded and encoded anew decodes to the same, unknown fields change nothing,
 * and the canonical form is never longer than what came. Input without a proper envelope is tried as each message. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/local.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union message {
	struct proto_hello hello;
	struct proto_compile compile;
	struct proto_reply reply;
	struct proto_report report;
	struct proto_ack ack;
	struct proto_control control;
	struct proto_control_reply control_reply;
};

/* Appends the canonical form; false when the bytes are no such message. */
static bool recode(const struct proto_desc *desc, const void *data, size_t len, struct hp_buf *out)
{
	union message m;

	if (proto_decode(desc, data, len, HP_ARGS_MAX, &m, NULL) < 0)
		return false;
	proto_encode(desc, &m, out);
	proto_done(desc, &m);
	return true;
}

static void check(const struct proto_desc *desc, const char *data, size_t len)
{
	static const char unknown[] = "\xc2\x3e\x03xyz\xc0\x3e\x07\xc1\x3e"
	                              "12345678\xc5\x3e"
	                              "1234";
	struct hp_buf once HP_AUTO_BUF = {0};
	struct hp_buf twice HP_AUTO_BUF = {0};
	struct hp_buf more HP_AUTO_BUF = {0};

	if (!recode(desc, data, len, &once))
		return;
	assert(once.len <= len);
	assert(recode(desc, hp_buf_cstr(&once), once.len, &twice));
	assert(once.len == twice.len && memcmp(hp_buf_cstr(&once), hp_buf_cstr(&twice), once.len) == 0);
	hp_buf_append(&more, unknown, sizeof unknown - 1);
	hp_buf_append(&more, data, len);
	hp_buf_append(&more, unknown, sizeof unknown - 1);
	hp_buf_reset(&twice);
	assert(recode(desc, more.data, more.len, &twice));
	assert(once.len == twice.len && memcmp(hp_buf_cstr(&once), hp_buf_cstr(&twice), once.len) == 0);
}

static void check_whole(enum proto_local_kind kind, const struct proto_bytes *body)
{
	const struct proto_desc *desc = proto_local_desc(kind);
	struct hp_buf frame HP_AUTO_BUF = {0};
	struct proto_bytes again;
	uint32_t number;
	union message m;

	if (proto_decode(desc, body->data, body->len, HP_ARGS_MAX, &m, NULL) < 0)
		return;
	proto_frame(kind, &m, &frame);
	proto_done(desc, &m);
	assert(proto_frame_len((const unsigned char *)frame.data) == (int64_t)frame.len - 4);
	assert(proto_take_envelope(frame.data + 4, frame.len - 4, &number, &again, NULL) == 0);
	assert(number == kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_bytes body;
	uint32_t kind;

	if (proto_take_envelope(data, size, &kind, &body, NULL) == 0 && proto_local_desc(kind)) {
		check_whole((enum proto_local_kind)kind, &body);
		check(proto_local_desc(kind), body.data, body.len);
	}
	for (kind = PROTO_HELLO; kind <= PROTO_CONTROL_REPLY; kind++)
		check(proto_local_desc(kind), (const char *)data, size);
	return 0;
}
