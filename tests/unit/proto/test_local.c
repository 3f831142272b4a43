/* The wire format: known bytes, what is skipped, what is refused, the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/local.h"

static int decode_ack(const char *data, size_t len, struct proto_ack *ret_ack)
{
	return proto_decode(&proto_ack_desc, data, len, 8, ret_ack, NULL);
}

static void the_bytes_are_those_of_the_specification(void **state)
{
	struct proto_ack ack = {.rerun = 150, .reason = proto_str("testing")};
	struct hp_buf out HP_AUTO_BUF = {0};

	(void)state;
	proto_encode(&proto_ack_desc, &ack, &out);
	assert_int_equal(out.len, 12);
	assert_memory_equal(out.data, "\x08\x96\x01\x12\x07testing", 12);
	hp_buf_reset(&out);
	proto_frame(PROTO_ACK, &ack, &out);
	assert_int_equal(out.len, 18);
	assert_memory_equal(out.data, "\0\0\0\x0e\x2a\x0c\x08\x96\x01\x12\x07testing", 18);
}

static void empty_members_take_no_bytes(void **state)
{
	struct proto_ack ack = {0};
	struct hp_buf out HP_AUTO_BUF = {0};

	(void)state;
	proto_encode(&proto_ack_desc, &ack, &out);
	assert_int_equal(out.len, 0);
	proto_frame(PROTO_ACK, &ack, &out);
	assert_int_equal(out.len, 6);
	assert_memory_equal(out.data, "\0\0\0\x02\x2a\0", 6);
}

static void unknown_fields_of_every_type_are_skipped(void **state)
{
	static const char data[] = "\xf8\x07\x05"                             /* 127: varint */
	                           "\xf9\x07\x01\x02\x03\x04\x05\x06\x07\x08" /* fixed64 */
	                           "\xfa\x07\x02xy"                           /* bytes */
	                           "\xfd\x07\x01\x02\x03\x04"                 /* fixed32 */
	                           "\x08\x01"
	                           "\xfa\xff\xff\xff\x0f\x00"; /* the highest number there is */
	struct proto_ack ack;

	(void)state;
	assert_int_equal(decode_ack(data, sizeof data - 1, &ack), 0);
	assert_int_equal(ack.rerun, 1);
	assert_int_equal(ack.reason.len, 0);
}

static void the_last_of_a_repeated_scalar_counts(void **state)
{
	struct proto_ack ack;

	(void)state;
	assert_int_equal(decode_ack("\x08\x01\x12\x01"
	                            "a\x08\x02\x12\x01"
	                            "b",
	                            10, &ack),
	                 0);
	assert_int_equal(ack.rerun, 2);
	assert_memory_equal(ack.reason.data, "b", 1);
}

static void malformed_messages_are_refused(void **state)
{
	static const struct {
		const char *what;
		const char *data;
		size_t len;
	} rows[] = {
	        {"no value", "\x08", 1},
	        {"half a varint", "\x08\x80", 2},
	        {"eleven bytes of varint", "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},
	        {"more than 64 bits", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},
	        {"number 0", "\x00\x01", 2},
	        {"number above 2^29 - 1", "\x80\x80\x80\x80\x10\x01", 6},
	        {"bytes where a number is", "\x0a\x01x", 3},
	        {"a number where bytes are", "\x10\x01", 2},
	        {"bytes beyond the end", "\x12\x02x", 3},
	        {"a huge length", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
	        {"half a fixed32", "\xfd\x07\x01\x02\x03", 5},
	        {"half a fixed64", "\xf9\x07\x01\x02\x03\x04\x05\x06\x07", 9},
	        {"a group", "\x0b\x0c", 2},
	        {"wire type 6", "\x0e\x01", 2},
	        {"wire type 7", "\x0f\x01", 2},
	};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		/* Memory of the exact size: a sanitizer sees a read past it. */
		HP_AUTO_FREE char *copy = hp_memdup(rows[i].data, rows[i].len);
		struct hp_err err = {0};
		struct proto_ack ack;

		if (proto_decode(&proto_ack_desc, copy, rows[i].len, 8, &ack, &err) != -HP_INVALID)
			fail_msg("accepted: %s", rows[i].what);
		assert_string_equal(err.msg, "ack: malformed message");
	}
}

static void the_largest_number_survives(void **state)
{
	struct proto_ack ack;

	(void)state;
	assert_int_equal(decode_ack("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, &ack), 0);
	assert_true(ack.rerun == UINT64_MAX);
}

static void a_list_at_its_limit_is_read_and_one_past_it_refused(void **state)
{
	HP_AUTO_FREE struct proto_bytes *args = hp_zalloc((HP_ARGS_MAX + 1) * sizeof *args);
	struct proto_reply reply = {.args = {args, HP_ARGS_MAX}};
	struct hp_buf out HP_AUTO_BUF = {0};
	struct proto_reply again;

	(void)state;
	args[HP_ARGS_MAX - 1] = proto_str("last");
	proto_encode(&proto_reply_desc, &reply, &out);
	assert_int_equal(proto_decode(&proto_reply_desc, out.data, out.len, HP_ARGS_MAX, &again, NULL), 0);
	assert_int_equal(again.args.len, HP_ARGS_MAX);
	assert_memory_equal(again.args.v[HP_ARGS_MAX - 1].data, "last", 4);
	proto_done(&proto_reply_desc, &again);
	reply.args.len++;
	hp_buf_reset(&out);
	proto_encode(&proto_reply_desc, &reply, &out);
	assert_int_equal(proto_decode(&proto_reply_desc, out.data, out.len, HP_ARGS_MAX, &again, NULL), -HP_INVALID);
	assert_null(again.args.v);
}

static void an_envelope_holds_exactly_one_message(void **state)
{
	struct proto_bytes body;
	uint32_t number;

	(void)state;
	assert_int_equal(proto_take_envelope("\x2a\x00", 2, &number, &body, NULL), 0);
	assert_int_equal(number, PROTO_ACK);
	assert_int_equal(body.len, 0);
	assert_int_equal(proto_take_envelope("", 0, &number, &body, NULL), -HP_INVALID);
	assert_int_equal(proto_take_envelope("\x2a\x00\x2a\x00", 4, &number, &body, NULL), -HP_INVALID);
	assert_int_equal(proto_take_envelope("\x2a\x00x", 3, &number, &body, NULL), -HP_INVALID);
	assert_int_equal(proto_take_envelope("\x28\x01", 2, &number, &body, NULL), -HP_INVALID);
	assert_int_equal(proto_take_envelope("\x2a\x01", 2, &number, &body, NULL), -HP_INVALID);
}

static void only_our_kinds_have_a_table(void **state)
{
	(void)state;
	assert_null(proto_local_desc(0));
	for (uint32_t kind = PROTO_HELLO; kind <= PROTO_CONTROL_REPLY; kind++) {
		const struct proto_desc *desc = proto_local_desc(kind);

		assert_non_null(desc);
		for (size_t i = 1; i < desc->fields_len; i++)
			assert_true(desc->fields[i].number > desc->fields[i - 1].number);
	}
	assert_null(proto_local_desc(PROTO_CONTROL_REPLY + 1));
	assert_null(proto_local_desc(UINT32_MAX));
}

static void a_frame_announces_its_length_within_the_limit(void **state)
{
	const unsigned char none[4] = {0};
	const unsigned char one[4] = {0, 0, 0, 1};
	const unsigned char limit[4] = {HP_FRAME_SIZE_MAX >> 24, HP_FRAME_SIZE_MAX >> 16 & 0xff, 0, 0};
	const unsigned char past[4] = {limit[0], limit[1], 0, 1};
	const unsigned char most[4] = {0xff, 0xff, 0xff, 0xff};

	(void)state;
	assert_int_equal(proto_frame_len(none), -1);
	assert_int_equal(proto_frame_len(one), 1);
	assert_int_equal(proto_frame_len(limit), HP_FRAME_SIZE_MAX);
	assert_int_equal(proto_frame_len(past), -1);
	assert_int_equal(proto_frame_len(most), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_bytes_are_those_of_the_specification),
	        cmocka_unit_test(empty_members_take_no_bytes),
	        cmocka_unit_test(unknown_fields_of_every_type_are_skipped),
	        cmocka_unit_test(the_last_of_a_repeated_scalar_counts),
	        cmocka_unit_test(malformed_messages_are_refused),
	        cmocka_unit_test(the_largest_number_survives),
	        cmocka_unit_test(a_list_at_its_limit_is_read_and_one_past_it_refused),
	        cmocka_unit_test(an_envelope_holds_exactly_one_message),
	        cmocka_unit_test(only_our_kinds_have_a_table),
	        cmocka_unit_test(a_frame_announces_its_length_within_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
