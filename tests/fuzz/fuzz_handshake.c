/* The handshake file: whatever it holds, the reader ends, and what it accepts is a usable port, process and two tokens
 * that stand in the file. */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void)
{
	(void)unlink(path);
}

/* A private file of this process with these bytes. */
static void fill(const uint8_t *data, size_t size)
{
	int fd;

	if (!path[0]) {
		(void)snprintf(path, sizeof path, "/tmp/hpcc-fuzz-XXXXXX");
		fd = mkstemp(path);
		(void)atexit(remove_file);
	} else {
		fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	}
	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
}

static void check_token(const char *token, const char *text)
{
	struct hp_buf quoted HP_AUTO_BUF = {0};
	size_t n = strlen(token);

	assert(n >= 32 && n <= CLIENT_TOKEN_SIZE_MAX && strspn(token, "0123456789abcdef") == n);
	hp_buf_printf(&quoted, "\"%s\"", token);
	assert(strstr(text, quoted.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text HP_AUTO_FREE = hp_strndup((const char *)data, size);
	struct client_handshake h = {.port = 1};
	enum client_handshake_result r;

	if (size > 16384)
		return 0;
	fill(data, size);
	r = client_handshake_read(path, &h);
	assert(r == CLIENT_HANDSHAKE_OK || r == CLIENT_HANDSHAKE_REFUSED || r == CLIENT_HANDSHAKE_STALE);
	if (r != CLIENT_HANDSHAKE_OK) {
		assert(h.port == 1 && h.pid == 0);
		return 0;
	}
	assert(size <= 4096 && strlen(text) == size);
	assert(h.port > 0 && h.pid > 0);
	check_token(h.token, text);
	check_token(h.proof, text);
	return 0;
}
