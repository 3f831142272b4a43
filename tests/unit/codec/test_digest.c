#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/digest.h"
#include "lib/require.h"

extern char **environ;

/* The input of BLAKE3's official test vectors: bytes counting 0..250 again and again. */
static void fill(unsigned char *dst, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = (unsigned char)(i % 251);
}

static void known_digests_come_out(void **unused)
{
	struct codec_digest d;
	char hex[CODEC_DIGEST_HEX_SIZE];

	(void)unused;
	codec_blake3("", 0, &d);
	codec_digest_hex(&d, hex);
	assert_string_equal(hex, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
	codec_blake3("abc", 3, &d);
	codec_digest_hex(&d, hex);
	assert_string_equal(hex, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
}

/* What b3sum says of these bytes; false when there is no b3sum. */
static bool b3sum(const unsigned char *data, size_t len, char ret_hex[CODEC_DIGEST_HEX_SIZE])
{
	char file[] = "/tmp/hpcc-b3sum-XXXXXX";
	char no_names[] = "--no-names";
	char name[] = "b3sum";
	char *argv[] = {name, no_names, file, NULL};
	posix_spawn_file_actions_t actions;
	int pipe_fds[2];
	int fd = mkstemp(file);
	ssize_t got;
	int status = -1;
	pid_t pid;
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO), 0);
	rc = posix_spawnp(&pid, name, &actions, NULL, argv, environ);
	assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
	(void)close(pipe_fds[1]);
	memset(ret_hex, 0, CODEC_DIGEST_HEX_SIZE);
	got = read(pipe_fds[0], ret_hex, CODEC_DIGEST_HEX_SIZE - 1);
	(void)close(pipe_fds[0]);
	if (rc == 0)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)unlink(file);
	return rc == 0 && status == 0 && got == CODEC_DIGEST_HEX_SIZE - 1;
}

static void b3sum_agrees_at_the_sizes_of_the_official_vectors(void **unused)
{
	static const size_t sizes[] = {0,    1,    63,   64,   65,   127,   128,   129,   1023,   1024,   1025,
	                               2048, 2049, 3072, 4096, 8192, 16384, 31744, 65537, 102400, 1000003};
	unsigned char *data = hp_alloc(1000003);
	char theirs[CODEC_DIGEST_HEX_SIZE];
	char ours[CODEC_DIGEST_HEX_SIZE];
	struct codec_digest d;

	(void)unused;
	fill(data, 1000003);
	if (!b3sum(data, 0, theirs)) {
		free(data);
		test_require("b3sum", false);
	}
	for (size_t i = 0; i < HP_ARRAY_SIZE(sizes); i++) {
		assert_true(b3sum(data, sizes[i], theirs));
		codec_blake3(data, sizes[i], &d);
		codec_digest_hex(&d, ours);
		assert_string_equal(ours, theirs);
	}
	free(data);
}

static void pieces_give_the_same_digest_as_the_whole(void **unused)
{
	static unsigned char data[10000];
	struct codec_hasher h;
	struct codec_digest whole;
	struct codec_digest pieces;

	(void)unused;
	fill(data, sizeof data);
	codec_blake3(data, sizeof data, &whole);
	for (size_t step = 1; step < sizeof data; step = step * 3 + 1) {
		codec_hasher_init(&h);
		for (size_t at = 0; at < sizeof data; at += step)
			codec_hasher_add(&h, data + at, sizeof data - at < step ? sizeof data - at : step);
		codec_hasher_end(&h, &pieces);
		assert_true(codec_digest_eq(&whole, &pieces));
	}
}

static void a_copied_state_goes_its_own_way(void **unused)
{
	struct codec_hasher a;
	struct codec_hasher b;
	struct codec_digest da;
	struct codec_digest db;
	struct codec_digest expected;

	(void)unused;
	codec_hasher_init(&a);
	codec_hasher_add(&a, "ab", 2);
	b = a;
	codec_hasher_add(&a, "c", 1);
	codec_hasher_add(&b, "d", 1);
	codec_hasher_end(&a, &da);
	codec_hasher_end(&b, &db);
	codec_blake3("abc", 3, &expected);
	assert_true(codec_digest_eq(&da, &expected));
	codec_blake3("abd", 3, &expected);
	assert_true(codec_digest_eq(&db, &expected));
}

static void adjacent_strings_cannot_be_taken_for_others(void **unused)
{
	struct codec_hasher h;
	struct codec_digest a;
	struct codec_digest b;
	static const char spelled[] = "\1\0\0\0\0\0\0\0a\2\0\0\0\0\0\0\0bc\7\1\0\0\0\0\0\0";

	(void)unused;
	codec_hasher_init(&h);
	codec_hasher_add_str(&h, "ab");
	codec_hasher_add_str(&h, "c");
	codec_hasher_end(&h, &a);
	codec_hasher_init(&h);
	codec_hasher_add_str(&h, "a");
	codec_hasher_add_str(&h, "bc");
	codec_hasher_add_u64(&h, 0x107);
	codec_hasher_end(&h, &b);
	assert_false(codec_digest_eq(&a, &b));
	codec_blake3(spelled, sizeof spelled - 1, &a);
	assert_true(codec_digest_eq(&a, &b));
}

static void hexadecimal_goes_there_and_back(void **unused)
{
	struct codec_digest d;
	struct codec_digest back;
	char hex[CODEC_DIGEST_HEX_SIZE];
	char bad[CODEC_DIGEST_HEX_SIZE + 1];

	(void)unused;
	codec_blake3("x", 1, &d);
	codec_digest_hex(&d, hex);
	assert_true(codec_digest_parse(hex, &back));
	assert_true(codec_digest_eq(&d, &back));
	for (size_t i = 0; i < sizeof hex - 1; i++) {
		memcpy(bad, hex, sizeof hex);
		bad[i] = 'g';
		assert_false(codec_digest_parse(bad, &back));
		bad[i] = '\0';
		assert_false(codec_digest_parse(bad, &back));
	}
	(void)snprintf(bad, sizeof bad, "%s0", hex);
	assert_false(codec_digest_parse(bad, &back));
	assert_false(codec_digest_parse("", &back));
	assert_true(codec_digest_parse("ABCDEF0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789", &back));
	assert_int_equal(back.b[0], 0xab);
	assert_int_equal(back.b[31], 0x89);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(known_digests_come_out),
	        cmocka_unit_test(b3sum_agrees_at_the_sizes_of_the_official_vectors),
	        cmocka_unit_test(pieces_give_the_same_digest_as_the_whole),
	        cmocka_unit_test(a_copied_state_goes_its_own_way),
	        cmocka_unit_test(adjacent_strings_cannot_be_taken_for_others),
	        cmocka_unit_test(hexadecimal_goes_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
