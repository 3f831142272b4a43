/* The handshake file: what is believed and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "client/handshake.h"
#include "lib/require.h"
#include "lib/scratch.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PROOF "fedcba9876543210fedcba9876543210"

/* A proper file for process `pid`, private. */
static const char *proper(void **state, int pid)
{
	HP_AUTO_FREE char *text = hp_asprintf("{\"port\": 4711, \"pid\": %d, \"protocol\": 1, \"token\": \"" TOKEN
	                                      "\", \"proof\": \"" PROOF "\"}\n",
	                                      pid);
	const char *path = scratch_write(state, "daemon.json", text);

	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

static enum client_handshake_result read_text(void **state, const char *text, size_t len)
{
	const char *path = scratch_path(state, "daemon.json");
	struct client_handshake h = {.port = 1};
	enum client_handshake_result r;

	scratch_write_at(path, text, len);
	assert_int_equal(chmod(path, 0600), 0);
	r = client_handshake_read(path, &h);
	if (r != CLIENT_HANDSHAKE_OK)
		assert_int_equal(h.port, 1);
	return r;
}

static void a_proper_file_of_a_living_daemon_is_read(void **state)
{
	struct client_handshake h;

	assert_int_equal(client_handshake_read(proper(state, getpid()), &h), CLIENT_HANDSHAKE_OK);
	assert_int_equal(h.port, 4711);
	assert_int_equal(h.pid, getpid());
	assert_int_equal(h.protocol, 1);
	assert_string_equal(h.token, TOKEN);
	assert_string_equal(h.proof, PROOF);
}

static void no_file_is_told_from_a_refused_one(void **state)
{
	struct client_handshake h;

	assert_int_equal(client_handshake_read(scratch_path(state, "none"), &h), CLIENT_HANDSHAKE_NONE);
	(void)scratch_write(state, "file", "");
	assert_int_equal(client_handshake_read(scratch_path(state, "file/none"), &h), CLIENT_HANDSHAKE_NONE);
}

static void a_dead_process_makes_it_stale(void **state)
{
	struct client_handshake h;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(client_handshake_read(proper(state, pid), &h), CLIENT_HANDSHAKE_STALE);
}

static void a_file_that_others_may_read_or_write_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0660, 0644, 0610, 0601};
	const char *path = proper(state, getpid());
	struct client_handshake h;

	for (size_t i = 0; i < HP_ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(client_handshake_read(path, &h), CLIENT_HANDSHAKE_REFUSED);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(client_handshake_read(path, &h), CLIENT_HANDSHAKE_OK);
}

static void another_users_file_is_refused(void **state)
{
	const char *path = proper(state, getpid());
	struct client_handshake h;

	test_require("root", geteuid() == 0);
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
	assert_int_equal(client_handshake_read(path, &h), CLIENT_HANDSHAKE_REFUSED);
}

static void links_folders_and_pipes_are_refused(void **state)
{
	const char *path = proper(state, getpid());
	const char *link = scratch_path(state, "link");
	const char *fifo = scratch_path(state, "fifo");
	struct client_handshake h;

	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(client_handshake_read(link, &h), CLIENT_HANDSHAKE_REFUSED);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(client_handshake_read(fifo, &h), CLIENT_HANDSHAKE_REFUSED);
	assert_int_equal(mkdir(scratch_path(state, "dir"), 0700), 0);
	assert_int_equal(client_handshake_read(scratch_path(state, "dir"), &h), CLIENT_HANDSHAKE_REFUSED);
}

static void garbage_is_refused(void **state)
{
	static const char *const rows[] = {
	        "",
	        "{}",
	        "garbage",
	        "\"port\"",
	        "{\"port\": 1}",
	        "{\"port\": 0, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 65536, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": -1, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 1x, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 1, \"pid\": 0, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 1, \"pid\": 2147483648, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF
	        "\"}",
	        "{\"port\": 1, \"pid\": 99999999999999999999, \"protocol\": 1, \"token\": \"" TOKEN
	        "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 1, \"pid\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 1, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\"}",
	        "{\"port\": 1, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "0\", \"proof\": \"" PROOF "\"}",
	        "{\"port\": 1, \"pid\": 1, \"protocol\": 1, \"token\": \"0123456789abcdef0123456789abcde\", "
	        "\"proof\": \"" PROOF "\"}",
	        "{\"port\": 1, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF,
	        "{\"port\": 1, \"pid\": 1, \"protocol\": 1, \"token\": \"ABCDEF6789abcdef0123456789abcdef\", "
	        "\"proof\": \"" PROOF "\"}",
	};

	for (size_t i = 0; i < HP_ARRAY_SIZE(rows); i++) {
		if (read_text(state, rows[i], strlen(rows[i])) != CLIENT_HANDSHAKE_REFUSED)
			fail_msg("accepted: %s", rows[i]);
	}
}

static void size_and_zero_bytes_are_bounded(void **state)
{
	static const char proper_text[] =
	        "{\"port\": 1, \"pid\": 1, \"protocol\": 1, \"token\": \"" TOKEN "\", \"proof\": \"" PROOF "\"}";
	char text[4097];

	memset(text, ' ', sizeof text);
	memcpy(text, proper_text, sizeof proper_text - 1);
	assert_int_equal(read_text(state, text, 4096), CLIENT_HANDSHAKE_OK);
	assert_int_equal(read_text(state, text, 4097), CLIENT_HANDSHAKE_REFUSED);
	text[4000] = '\0';
	assert_int_equal(read_text(state, text, 4096), CLIENT_HANDSHAKE_REFUSED);
}

static void the_first_absolute_directory_names_the_path(void **state)
{
	struct hp_buf path HP_AUTO_BUF = {0};

	(void)state;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/7", 1), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/conf", 1), 0);
	assert_int_equal(setenv("HOME", "/home/u", 1), 0);
	assert_true(client_handshake_path(&path));
	assert_string_equal(path.data, "/run/user/7/hpcc/daemon.json");
	hp_buf_reset(&path);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
	assert_true(client_handshake_path(&path));
	assert_string_equal(path.data, "/conf/hpcc/daemon.json");
	hp_buf_reset(&path);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "", 1), 0);
	assert_true(client_handshake_path(&path));
	assert_string_equal(path.data, "/home/u/.config/hpcc/daemon.json");
	hp_buf_reset(&path);
	assert_int_equal(unsetenv("HOME"), 0);
	assert_false(client_handshake_path(&path));
	assert_int_equal(path.len, 0);
}

static void tokens_are_equal_only_when_they_are(void **state)
{
	(void)state;
	assert_true(client_token_eq("abc", 3, "abc", 3));
	assert_false(client_token_eq("abc", 3, "abd", 3));
	assert_false(client_token_eq("abc", 3, "xbc", 3));
	assert_false(client_token_eq("abc", 3, "ab", 2));
	assert_false(client_token_eq("ab", 2, "abc", 3));
	assert_false(client_token_eq(NULL, 0, "abc", 3));
	assert_false(client_token_eq("abc", 3, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(a_proper_file_of_a_living_daemon_is_read),
	        SCRATCH_TEST(no_file_is_told_from_a_refused_one),
	        SCRATCH_TEST(a_dead_process_makes_it_stale),
	        SCRATCH_TEST(a_file_that_others_may_read_or_write_is_refused),
	        SCRATCH_TEST(another_users_file_is_refused),
	        SCRATCH_TEST(links_folders_and_pipes_are_refused),
	        SCRATCH_TEST(garbage_is_refused),
	        SCRATCH_TEST(size_and_zero_bytes_are_bounded),
	        cmocka_unit_test(the_first_absolute_directory_names_the_path),
	        cmocka_unit_test(tokens_are_equal_only_when_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
