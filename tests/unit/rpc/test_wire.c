/* The small formats of gRPC: known values, limits, and that what is written can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/rpc.h"
#include "rpc/wire_priv.h"

#define S (1000LL * 1000 * 1000)

static int64_t timeout(const char *text)
{
	return rpc_timeout_parse(text, strlen(text));
}

static void timeouts_are_digits_and_a_unit(void **state)
{
	(void)state;
	assert_int_equal(timeout("1n"), 1);
	assert_int_equal(timeout("2u"), 2000);
	assert_int_equal(timeout("3m"), 3000000);
	assert_int_equal(timeout("4S"), 4 * S);
	assert_int_equal(timeout("5M"), 300 * S);
	assert_int_equal(timeout("6H"), 6 * 3600 * S);
	assert_int_equal(timeout("00000007S"), 7 * S);
	assert_int_equal(timeout("99999999H"), 30LL * 365 * 86400 * S); /* saturates */
}

static void other_timeouts_are_refused(void **state)
{
	static const char *const wrong[] = {"",    "S",   "1",    "1s",         "-1S", "+1S",
	                                    " 1S", "1 S", "1.5S", "123456789S", "1SS", "0x1S"};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(wrong); i++)
		assert_int_equal(timeout(wrong[i]), -1);
}

static void a_timeout_is_never_written_shorter_than_it_is(void **state)
{
	static const int64_t values[] = {
	        0, 1, 99999999, 100000000, 123456789, 5 * S, 86400 * S, 100000000 * S / 7, 20LL * 365 * 86400 * S};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(values); i++) {
		char text[24];
		int64_t back;

		rpc_timeout_format(values[i], text);
		assert_true(strlen(text) <= 9);
		back = timeout(text);
		assert_true(back >= values[i]);
		assert_true(back - values[i] <= values[i] / 10000 + 1);
	}
}

static void percent_encoding_keeps_every_text(void **state)
{
	static const char text[] = "50 % caf\xc3\xa9 ~\"";
	HP_AUTO_BUF struct hp_buf wire = {0};
	HP_AUTO_BUF struct hp_buf back = {0};

	(void)state;
	rpc_percent_encode(text, sizeof text - 1, SIZE_MAX, &wire);
	assert_string_equal(hp_buf_cstr(&wire), "50 %25 caf%C3%A9 ~\"");
	rpc_percent_decode(wire.data, wire.len, SIZE_MAX, &back);
	assert_string_equal(hp_buf_cstr(&back), text);
}

static void percent_decoding_takes_what_is_no_escape_for_itself(void **state)
{
	HP_AUTO_BUF struct hp_buf back = {0};

	(void)state;
	rpc_percent_decode("%zz%4%41%0a%", 12, SIZE_MAX, &back);
	assert_string_equal(hp_buf_cstr(&back), "%zz%4A?%");
	hp_buf_reset(&back);
	rpc_percent_decode("abcdef", 6, 3, &back);
	assert_string_equal(hp_buf_cstr(&back), "abc");
}

static void base64_is_that_of_the_rfc(void **state)
{
	static const char *const pairs[][2] = {
	        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
	        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(pairs); i++) {
		HP_AUTO_BUF struct hp_buf wire = {0};
		HP_AUTO_BUF struct hp_buf back = {0};

		rpc_base64_encode(pairs[i][0], strlen(pairs[i][0]), &wire);
		assert_string_equal(hp_buf_cstr(&wire), pairs[i][1]);
		assert_true(rpc_base64_decode(wire.data, wire.len, &back));
		assert_string_equal(hp_buf_cstr(&back), pairs[i][0]);
	}
}

static void base64_may_be_padded_but_not_wrong(void **state)
{
	static const char *const right[] = {"Zg==", "Zm8=", "Zm9v"};
	static const char *const wrong[] = {"Z",    "Zg=",   "Zg===", "Zh",   "Zm9",
	                                    "Z-_v", "Zm9v=", "Zm 8",  "====", "Zg==Zg=="};
	HP_AUTO_BUF struct hp_buf back = {0};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(right); i++)
		assert_true(rpc_base64_decode(right[i], strlen(right[i]), &back));
	for (size_t i = 0; i < HP_ARRAY_SIZE(wrong); i++)
		assert_false(rpc_base64_decode(wrong[i], strlen(wrong[i]), &back));
}

static void statuses_beyond_the_known_are_unknown(void **state)
{
	(void)state;
	assert_int_equal(rpc_status_parse("0", 1), 0);
	assert_int_equal(rpc_status_parse("16", 2), 16);
	assert_int_equal(rpc_status_parse("17", 2), HP_UNKNOWN);
	assert_int_equal(rpc_status_parse("999999", 6), HP_UNKNOWN);
	assert_int_equal(rpc_status_parse("", 0), -1);
	assert_int_equal(rpc_status_parse("-1", 2), -1);
	assert_int_equal(rpc_status_parse("1x", 2), -1);
	assert_int_equal(rpc_status_parse("0000000", 7), -1);
}

static void lists_of_encodings_may_hold_anything(void **state)
{
	(void)state;
	assert_int_equal(rpc_encodings_parse("", 0), 1);
	assert_int_equal(rpc_encodings_parse("gzip", 4), 1 | 1 << RPC_GZIP);
	assert_int_equal(rpc_encodings_parse("identity, deflate ,zstd,,gzi", 28), 1 | 1 << RPC_ZSTD);
}

static void metadata_names_are_checked(void **state)
{
	static const char *const wrong[] = {"",    "Upper", "grpc-status",  ":path",
	                                    "a b", "te",    "content-type", "umlaut\xc3\xa4"};
	RPC_AUTO_METADATA struct rpc_metadata md = {0};

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(wrong); i++)
		assert_int_equal(rpc_metadata_add(&md, wrong[i], "v", 1, NULL), -HP_INVALID);
	assert_int_equal(rpc_metadata_add(&md, "a", "new\nline", 8, NULL), -HP_INVALID);
	assert_int_equal(rpc_metadata_add(&md, "a", " spaced", 7, NULL), -HP_INVALID);
	assert_int_equal(rpc_metadata_add(&md, "a-bin", "\0\n\xff", 3, NULL), 0);
	assert_int_equal(rpc_metadata_add(&md, "x-trace_id.1", "v", 1, NULL), 0);
	assert_int_equal(md.len, 2);
	assert_int_equal(rpc_metadata_find(&md, "a-bin")->value_len, 3);
	assert_null(rpc_metadata_find(&md, "a"));
}

static void metadata_is_bounded(void **state)
{
	RPC_AUTO_METADATA struct rpc_metadata md = {0};
	HP_AUTO_FREE char *value = hp_zalloc(HP_RPC_METADATA_SIZE_MAX);
	size_t fits = HP_RPC_METADATA_SIZE_MAX - 32 - 1;

	(void)state;
	memset(value, 'v', HP_RPC_METADATA_SIZE_MAX);
	assert_int_equal(rpc_metadata_add(&md, "a", value, fits + 1, NULL), -HP_EXHAUSTED);
	assert_int_equal(rpc_metadata_add(&md, "a", value, fits, NULL), 0);
	assert_int_equal(rpc_metadata_add(&md, "b", "", 0, NULL), -HP_EXHAUSTED);
}

static void binary_headers_are_unpacked_and_split(void **state)
{
	RPC_AUTO_METADATA struct rpc_metadata md = {0};

	(void)state;
	assert_int_equal(rpc_metadata_take_header(&md, "x-bin", 5, "Zm9v,YmFy", 9), 0);
	assert_int_equal(md.len, 2);
	assert_string_equal(md.v[0].value, "foo");
	assert_string_equal(md.v[1].value, "bar");
	assert_int_equal(rpc_metadata_take_header(&md, "x-bin", 5, "Zm9v,*", 6), -HP_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(timeouts_are_digits_and_a_unit),
	        cmocka_unit_test(other_timeouts_are_refused),
	        cmocka_unit_test(a_timeout_is_never_written_shorter_than_it_is),
	        cmocka_unit_test(percent_encoding_keeps_every_text),
	        cmocka_unit_test(percent_decoding_takes_what_is_no_escape_for_itself),
	        cmocka_unit_test(base64_is_that_of_the_rfc),
	        cmocka_unit_test(base64_may_be_padded_but_not_wrong),
	        cmocka_unit_test(statuses_beyond_the_known_are_unknown),
	        cmocka_unit_test(lists_of_encodings_may_hold_anything),
	        cmocka_unit_test(metadata_names_are_checked),
	        cmocka_unit_test(metadata_is_bounded),
	        cmocka_unit_test(binary_headers_are_unpacked_and_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
