/* Byte buffers: always terminated, never lose bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static void an_empty_buffer_reads_as_an_empty_string(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};

	(void)state;
	assert_string_equal(hp_buf_cstr(&buf), "");
	hp_buf_reset(&buf);
	hp_buf_append(&buf, NULL, 0);
	assert_int_equal(buf.len, 0);
	assert_string_equal(hp_buf_cstr(&buf), "");
}

static void it_is_terminated_after_every_step(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};
	char expect[2001] = "";

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		char c = (char)('a' + i % 26);

		hp_buf_char(&buf, c);
		expect[i] = c;
		assert_int_equal(buf.len, i + 1);
		assert_int_equal(buf.data[buf.len], '\0');
	}
	assert_string_equal(buf.data, expect);
}

static void zero_bytes_are_bytes(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};

	(void)state;
	hp_buf_append(&buf, "a\0b", 3);
	hp_buf_str(&buf, "c");
	assert_int_equal(buf.len, 4);
	assert_memory_equal(buf.data, "a\0bc", 5);
}

static void printing_grows_as_far_as_needed(void **state)
{
	static const size_t lengths[] = {0, 1, 254, 255, 256, 257, 5000};
	char text[5001];

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(lengths); i++) {
		struct hp_buf buf HP_AUTO_BUF = {0};

		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		hp_buf_str(&buf, "<");
		hp_buf_printf(&buf, "%s", text);
		hp_buf_printf(&buf, "%s%c", "", '>');
		assert_int_equal(buf.len, lengths[i] + 2);
		assert_memory_equal(buf.data + 1, text, lengths[i]);
		assert_string_equal(buf.data + 1 + lengths[i], ">");
	}
}

static void room_reserved_can_be_written_directly(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};

	(void)state;
	hp_buf_str(&buf, "head ");
	memcpy(hp_buf_reserve(&buf, 100), "tail", 4);
	assert_int_equal(buf.len, 5);
	hp_buf_added(&buf, 4);
	assert_string_equal(buf.data, "head tail");
}

static void room_that_is_not_used_changes_nothing(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};
	struct hp_buf filled HP_AUTO_BUF = {0};

	(void)state;
	memset(hp_buf_reserve(&filled, 100), 'x', 100);
	hp_buf_done(&filled); /* memory that is not zero */
	(void)hp_buf_reserve(&buf, 100);
	assert_string_equal(hp_buf_cstr(&buf), "");
	hp_buf_str(&buf, "text");
	(void)hp_buf_reserve(&buf, 10000);
	assert_string_equal(hp_buf_cstr(&buf), "text");
}

static void stealing_gives_a_string_even_from_nothing(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};
	HP_AUTO_FREE char *none = hp_buf_steal(&buf);
	char *some;

	(void)state;
	assert_string_equal(none, "");
	hp_buf_str(&buf, "text");
	some = hp_buf_steal(&buf);
	assert_string_equal(some, "text");
	free(some);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
}

static void reset_keeps_the_memory(void **state)
{
	struct hp_buf buf HP_AUTO_BUF = {0};
	const char *data;

	(void)state;
	hp_buf_str(&buf, "text");
	data = buf.data;
	hp_buf_reset(&buf);
	assert_ptr_equal(buf.data, data);
	assert_string_equal(hp_buf_cstr(&buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_empty_buffer_reads_as_an_empty_string),
	        cmocka_unit_test(it_is_terminated_after_every_step),
	        cmocka_unit_test(zero_bytes_are_bytes),
	        cmocka_unit_test(printing_grows_as_far_as_needed),
	        cmocka_unit_test(room_reserved_can_be_written_directly),
	        cmocka_unit_test(room_that_is_not_used_changes_nothing),
	        cmocka_unit_test(stealing_gives_a_string_even_from_nothing),
	        cmocka_unit_test(reset_keeps_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
