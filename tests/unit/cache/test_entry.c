#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cache/entry.h"
#include "cache/entry_priv.h"
#include "lib/entry_sample.h"

#define ALL (CACHE_WANT_META | CACHE_WANT_PAYLOAD)

static const int levels[] = {CACHE_PACK_RAW, 1, 3, -3};

static void encode(const struct cache_entry *e, int level, struct hp_buf *out)
{
	struct hp_err err = {0};

	if (cache_entry_encode(e, level, out, &err) != 0)
		fail_msg("%s", err.msg);
}

static void decode(const struct hp_buf *in, unsigned want, struct cache_entry *ret_entry)
{
	struct hp_err err = {0};

	if (cache_entry_decode(in->data, in->len, want, ret_entry, &err) != 0)
		fail_msg("%s", err.msg);
}

static void round_trip(const struct cache_entry *e)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(levels); i++) {
		HP_AUTO_BUF struct hp_buf out = {0};
		struct cache_entry back;

		encode(e, levels[i], &out);
		decode(&out, ALL, &back);
		assert_true(entry_head_eq(e, &back));
		assert_true(entry_meta_eq(e, &back));
		assert_true(entry_payload_eq(e, &back));
		cache_entry_done(&back);
	}
}

static void what_was_encoded_comes_back(void **unused)
{
	struct cache_entry e = entry_sample();

	(void)unused;
	round_trip(&e);
}

static void an_empty_entry_comes_back(void **unused)
{
	struct cache_entry e = {0};

	(void)unused;
	round_trip(&e);
}

static void large_outputs_come_back(void **unused)
{
	static char data[3000000];
	struct cache_output output = {.role = CC_ROLE_MAIN, .data = data, .len = sizeof data};
	struct cache_entry e = entry_sample();
	uint32_t x = 7;

	(void)unused;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i % 5 ? 'a' : (x = x * 1664525u + 1013904223u) >> 24);
	e.outputs = &output;
	e.outputs_len = 1;
	round_trip(&e);
}

static void only_the_wanted_section_is_unpacked(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	struct cache_entry e = entry_sample();
	struct cache_entry back;

	(void)unused;
	encode(&e, 1, &out);
	decode(&out, CACHE_WANT_META, &back);
	assert_true(entry_meta_eq(&e, &back));
	assert_null(back.outputs);
	cache_entry_done(&back);
	decode(&out, CACHE_WANT_PAYLOAD, &back);
	assert_true(entry_payload_eq(&e, &back));
	assert_null(back.files);
	cache_entry_done(&back);
	decode(&out, 0, &back);
	assert_true(entry_head_eq(&e, &back));
	cache_entry_done(&back);
	cache_entry_done(&back); /* harmless */
}

static void raw_outputs_are_not_copied(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	struct cache_entry e = entry_sample();
	struct cache_entry back;

	(void)unused;
	encode(&e, CACHE_PACK_RAW, &out);
	decode(&out, CACHE_WANT_PAYLOAD, &back);
	assert_true(back.err >= out.data && back.err < out.data + out.len);
	cache_entry_done(&back);
}

static void every_flipped_byte_is_refused(void **unused)
{
	struct cache_entry e = entry_sample();

	(void)unused;
	for (size_t l = 0; l < 2; l++) {
		HP_AUTO_BUF struct hp_buf out = {0};

		encode(&e, levels[l], &out);
		for (size_t i = 0; i < out.len; i++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				struct cache_entry back;

				out.data[i] = (char)(out.data[i] ^ 1 << bit);
				assert_int_equal(cache_entry_decode(out.data, out.len, ALL, &back, NULL),
				                 -HP_DATA_LOSS);
				out.data[i] = (char)(out.data[i] ^ 1 << bit);
			}
		}
	}
}

static void every_other_length_is_refused(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	struct cache_entry e = entry_sample();
	struct cache_entry back;

	(void)unused;
	encode(&e, 1, &out);
	for (size_t len = 0; len < out.len; len++) {
		HP_AUTO_FREE char *exact = hp_memdup(out.data, len);

		assert_int_equal(cache_entry_decode(exact, len, ALL, &back, NULL), -HP_DATA_LOSS);
	}
	hp_buf_char(&out, '\0');
	assert_int_equal(cache_entry_decode(out.data, out.len, ALL, &back, NULL), -HP_DATA_LOSS);
}

/* The same with the checksum made right (or not asked for): nothing may crash, and what is accepted must be an entry. */
static void a_right_checksum_does_not_make_bytes_trusted(void **unused)
{
	struct cache_entry e = entry_sample();

	(void)unused;
	for (size_t l = 0; l < 2; l++) {
		HP_AUTO_BUF struct hp_buf out = {0};

		encode(&e, levels[l], &out);
		for (size_t i = 0; i < out.len; i++) {
			for (unsigned v = 0; v < 256; v += 15) {
				HP_AUTO_BUF struct hp_buf again = {0};
				HP_AUTO_FREE char *exact = hp_memdup(out.data, out.len);
				struct cache_entry back;

				exact[i] = (char)v;
				if (cache_entry_decode(exact, out.len, ALL | CACHE_TRUSTED, &back, NULL) < 0)
					continue;
				encode(&back, 1, &again);
				cache_entry_done(&back);
			}
		}
	}
}

static void a_peek_finds_the_keys(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	struct cache_entry e = entry_sample();
	struct codec_digest action_key;
	struct codec_digest closure_key;

	(void)unused;
	encode(&e, 1, &out);
	assert_int_equal(cache_entry_peek(out.data, CACHE_ENTRY_HEAD_SIZE, &action_key, &closure_key, NULL), 0);
	assert_true(codec_digest_eq(&action_key, &e.action_key));
	assert_true(codec_digest_eq(&closure_key, &e.closure_key));
	assert_int_equal(cache_entry_peek(out.data, CACHE_ENTRY_HEAD_SIZE - 1, &action_key, &closure_key, NULL),
	                 -HP_DATA_LOSS);
	out.data[0] = 'X';
	assert_int_equal(cache_entry_peek(out.data, out.len, &action_key, &closure_key, NULL), -HP_DATA_LOSS);
}

static void the_smallest_entry_is_as_long_as_a_peek_needs(void **unused)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	struct cache_entry e = {0};

	(void)unused;
	encode(&e, CACHE_PACK_RAW, &out);
	assert_true(out.len >= CACHE_ENTRY_HEAD_SIZE);
}

static int try_encode(const struct cache_entry *e)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	int rc;

	hp_buf_str(&out, "kept");
	rc = cache_entry_encode(e, 1, &out, NULL);
	if (rc < 0)
		assert_string_equal(hp_buf_cstr(&out), "kept");
	return rc;
}

/* A typical closure: 300 files, 1,000 absent paths. */
static void metadata_is_small(void **unused)
{
	static char paths[1300][128];
	struct cache_file files[300] = {0};
	const char *absent[1000];
	struct cache_entry e = entry_sample();
	HP_AUTO_BUF struct hp_buf out = {0};

	(void)unused;
	for (unsigned i = 0; i < 300; i++) {
		(void)snprintf(paths[i], sizeof paths[i], "%s%c%c%u-%s.h", i % 7 ? "lib/" : "/usr/include/sys/",
		               'a' + i % 23, 'a' + i % 19, i % 29, i % 2 ? "list" : "tree");
		files[i] = (struct cache_file){.path = paths[i], .digest8 = 0x9e3779b97f4a7c15u * (i + 1)};
	}
	for (unsigned i = 0; i < 1000; i++) {
		static const char *const dirs[] = {"src/", "inc/", "third/party/"};
		const char *name = strrchr(paths[i / 3 % 300], '/') + 1;

		(void)snprintf(paths[300 + i], sizeof paths[0], "%s%s", dirs[i % 3], name);
		absent[i] = paths[300 + i];
	}
	e.files = files;
	e.files_len = HP_ARRAY_SIZE(files);
	e.absent = absent;
	e.absent_len = HP_ARRAY_SIZE(absent);
	e.outputs_len = 0;
	encode(&e, 1, &out);
	if (out.len > 4600)
		fail_msg("%zu bytes", out.len);
	round_trip(&e);
}

/* The dictionary is part of the format: change it together with CACHE_ENTRY_VERSION. */
static void the_dictionary_is_that_of_version_2(void **unused)
{
	struct codec_digest d;
	char hex[CODEC_DIGEST_HEX_SIZE];

	(void)unused;
	assert_int_equal(CACHE_ENTRY_VERSION, 2);
	codec_blake3(cache_entry_dict, cache_entry_dict_len, &d);
	codec_digest_hex(&d, hex);
	assert_string_equal(hex, "1bcd9a90c3b5f4f5257d564b37aaa740d382f8c1b1a9094b32185969779cd793");
}

static void limits_hold_at_the_limit_and_one_past_it(void **unused)
{
	HP_AUTO_FREE struct cache_file *files = hp_zalloc((HP_CLOSURE_FILES_MAX + 1) * sizeof *files);
	HP_AUTO_FREE const char **absent = hp_zalloc((HP_CLOSURE_ABSENT_MAX + 1) * sizeof *absent);
	HP_AUTO_FREE struct cache_output *outputs = hp_zalloc((HP_ENTRY_OUTPUTS_MAX + 1) * sizeof *outputs);
	struct cache_entry e = {0};

	(void)unused;
	for (size_t i = 0; i < HP_ENTRY_OUTPUTS_MAX + 1; i++)
		outputs[i].role = CC_ROLE_MAIN;
	e.files = files;
	e.absent = absent;
	e.outputs = outputs;
	e.files_len = HP_CLOSURE_FILES_MAX;
	e.absent_len = HP_CLOSURE_ABSENT_MAX;
	e.outputs_len = HP_ENTRY_OUTPUTS_MAX;
	round_trip(&e);
	e.files_len++;
	assert_int_equal(try_encode(&e), -HP_EXHAUSTED);
	e.files_len--;
	e.absent_len++;
	assert_int_equal(try_encode(&e), -HP_EXHAUSTED);
	e.absent_len--;
	e.outputs_len++;
	assert_int_equal(try_encode(&e), -HP_EXHAUSTED);
}

static void paths_may_be_as_long_as_the_kernel_takes(void **unused)
{
	static char path[HP_PATH_SIZE_MAX + 1];
	const char *absent[] = {path};
	struct cache_entry e = {.absent = absent, .absent_len = 1};

	(void)unused;
	memset(path, 'a', HP_PATH_SIZE_MAX - 1);
	round_trip(&e);
	path[HP_PATH_SIZE_MAX - 1] = 'a';
	assert_int_equal(try_encode(&e), -HP_EXHAUSTED);
}

static void few_bytes_cannot_ask_for_gigabytes(void **unused)
{
	static char path[HP_PATH_SIZE_MAX];
	HP_AUTO_FREE const char **absent = hp_zalloc(HP_CLOSURE_ABSENT_MAX * sizeof *absent);
	struct cache_entry e = {.absent = absent, .absent_len = HP_CLOSURE_ABSENT_MAX};

	(void)unused;
	memset(path, 'a', HP_PATH_SIZE_MAX - 1);
	for (size_t i = 0; i < HP_CLOSURE_ABSENT_MAX; i++)
		absent[i] = path;
	assert_int_equal(try_encode(&e), -HP_EXHAUSTED);
	e.absent_len = HP_ENTRY_META_SIZE_MAX / HP_PATH_SIZE_MAX;
	round_trip(&e);
	e.absent_len++;
	assert_int_equal(try_encode(&e), -HP_EXHAUSTED);
}

static void an_output_needs_a_role_and_a_plain_mode(void **unused)
{
	struct cache_output output = {.role = 0};
	struct cache_entry e = {.outputs = &output, .outputs_len = 1};

	(void)unused;
	assert_int_equal(try_encode(&e), -HP_INVALID);
	output = (struct cache_output){.role = 1, .mode_extra = 04111};
	assert_int_equal(try_encode(&e), -HP_INVALID);
	e = (struct cache_entry){.flags = 1u << 31};
	assert_int_equal(try_encode(&e), -HP_INVALID);
}

/* An entry is foreign bytes: a name must not lead out of the directory that the command line names. */
static void an_output_s_name_is_the_rest_of_a_file_name(void **unused)
{
	static const char *const bad[] = {"..", ".", "/", "../x", "a/b", "/etc/passwd"};
	static const char *const good[] = {"", ".dwo", "..x", "...", ".c.252t.optimized"};
	char longest[HP_OUTPUT_NAME_SIZE_MAX + 1] = "";
	struct cache_output output = {.role = CC_ROLE_DWO};
	struct cache_entry e = {.outputs = &output, .outputs_len = 1};

	(void)unused;
	for (size_t i = 0; i < HP_ARRAY_SIZE(good); i++) {
		output.name = good[i];
		round_trip(&e);
	}
	for (size_t i = 0; i < HP_ARRAY_SIZE(bad); i++) {
		HP_AUTO_BUF struct hp_buf out = {0};
		struct cache_entry back;
		char *at;

		output.name = bad[i];
		assert_int_equal(try_encode(&e), -HP_INVALID);
		/* The same written by somebody else. */
		output.name = "xxxxxxxxxxxxxxxxxxxx";
		output.name += 20 - strlen(bad[i]);
		encode(&e, CACHE_PACK_RAW, &out);
		at = memmem(out.data, out.len, output.name, strlen(output.name) + 1);
		assert_non_null(at);
		memcpy(at, bad[i], strlen(bad[i]));
		assert_int_equal(cache_entry_decode(out.data, out.len, ALL | CACHE_TRUSTED, &back, NULL),
		                 -HP_DATA_LOSS);
	}
	memset(longest, 'n', HP_OUTPUT_NAME_SIZE_MAX - 1);
	output.name = longest;
	round_trip(&e);
	longest[HP_OUTPUT_NAME_SIZE_MAX - 1] = 'n';
	assert_int_equal(try_encode(&e), -HP_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_encoded_comes_back),
	        cmocka_unit_test(an_empty_entry_comes_back),
	        cmocka_unit_test(large_outputs_come_back),
	        cmocka_unit_test(only_the_wanted_section_is_unpacked),
	        cmocka_unit_test(raw_outputs_are_not_copied),
	        cmocka_unit_test(every_flipped_byte_is_refused),
	        cmocka_unit_test(every_other_length_is_refused),
	        cmocka_unit_test(a_right_checksum_does_not_make_bytes_trusted),
	        cmocka_unit_test(a_peek_finds_the_keys),
	        cmocka_unit_test(the_smallest_entry_is_as_long_as_a_peek_needs),
	        cmocka_unit_test(metadata_is_small),
	        cmocka_unit_test(the_dictionary_is_that_of_version_2),
	        cmocka_unit_test(limits_hold_at_the_limit_and_one_past_it),
	        cmocka_unit_test(paths_may_be_as_long_as_the_kernel_takes),
	        cmocka_unit_test(few_bytes_cannot_ask_for_gigabytes),
	        cmocka_unit_test(an_output_needs_a_role_and_a_plain_mode),
	        cmocka_unit_test(an_output_s_name_is_the_rest_of_a_file_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
