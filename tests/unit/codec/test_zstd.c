#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "codec/zstd.h"

static void fill(char *dst, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		dst[i] = (char)(i % 7 == 0 ? x >> 24 : 'a' + i % 13);
	}
}

static void bytes_go_there_and_back_at_every_level(void **unused)
{
	static const size_t sizes[] = {0, 1, 100, 4096, 300000};
	static const int levels[] = {-5, 1, 3, 9, 19};
	static char data[300000];
	static char back[300000];

	(void)unused;
	fill(data, sizeof data);
	for (size_t i = 0; i < HP_ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < HP_ARRAY_SIZE(levels); j++) {
			HP_AUTO_BUF struct hp_buf out = {0};
			struct hp_err err;

			hp_buf_str(&out, "before");
			assert_int_equal(codec_zstd_pack(data, sizes[i], levels[j], &out, &err), 0);
			assert_memory_equal(out.data, "before", 6);
			memset(back, 0, sizeof back);
			assert_int_equal(codec_zstd_unpack(out.data + 6, out.len - 6, back, sizes[i], &err), 0);
			assert_memory_equal(back, data, sizes[i]);
		}
	}
}

static void a_frame_of_another_size_is_refused(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	char data[1000];
	char back[1001];
	struct hp_err err;

	(void)unused;
	fill(data, sizeof data);
	assert_int_equal(codec_zstd_pack(data, sizeof data, 3, &out, &err), 0);
	assert_int_equal(codec_zstd_unpack(out.data, out.len, back, 999, &err), -HP_DATA_LOSS);
	assert_int_equal(codec_zstd_unpack(out.data, out.len, back, 1001, &err), -HP_DATA_LOSS);
	hp_buf_char(&out, 'x');
	assert_int_equal(codec_zstd_unpack(out.data, out.len, back, 1000, &err), -HP_DATA_LOSS);
}

static void every_truncation_is_refused(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	char data[1000];
	char back[1000];
	struct hp_err err;

	(void)unused;
	fill(data, sizeof data);
	assert_int_equal(codec_zstd_pack(data, sizeof data, 3, &out, &err), 0);
	for (size_t len = 0; len < out.len; len++) {
		char *exact = hp_memdup(out.data, len); /* so that ASan sees a read past the end */

		assert_int_equal(codec_zstd_unpack(exact, len, back, sizeof back, &err), -HP_DATA_LOSS);
		free(exact);
	}
}

static void frames_that_zstd_would_skip_are_refused(void **unused)
{
	static const char skippable[] = "\x50\x2a\x4d\x18\4\0\0\0abcd";
	char back[1];
	struct hp_err err;

	(void)unused;
	assert_int_equal(codec_zstd_unpack(skippable, sizeof skippable - 1, back, 0, &err), -HP_DATA_LOSS);
}

static void a_dictionary_makes_what_resembles_it_small(void **unused)
{
	HP_AUTO_BUF struct hp_buf plain = {0};
	HP_AUTO_BUF struct hp_buf with = {0};
	char data[1000];
	char dict[1000]; /* memory of its own: zstd ignores the part of a dictionary that overlaps the input */
	char back[1000];
	struct hp_err err;

	(void)unused;
	fill(data, sizeof data);
	memcpy(dict, data, sizeof dict);
	assert_int_equal(codec_zstd_pack(data, sizeof data, 6, &plain, &err), 0);
	assert_int_equal(codec_zstd_pack_dict(data, sizeof data, 6, dict, sizeof dict, &with, &err), 0);
	assert_true(with.len < plain.len / 4);
	assert_int_equal(codec_zstd_unpack_dict(with.data, with.len, dict, sizeof dict, back, sizeof back, &err), 0);
	assert_memory_equal(back, data, sizeof data);
	assert_int_equal(codec_zstd_unpack(with.data, with.len, back, sizeof back, &err), -HP_DATA_LOSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bytes_go_there_and_back_at_every_level),
	        cmocka_unit_test(a_frame_of_another_size_is_refused),
	        cmocka_unit_test(every_truncation_is_refused),
	        cmocka_unit_test(a_dictionary_makes_what_resembles_it_small),
	        cmocka_unit_test(frames_that_zstd_would_skip_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
