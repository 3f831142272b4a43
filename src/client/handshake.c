#include "client/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fs.h"

/* The daemon writes about 250 bytes. */
#define FILE_SIZE_MAX 4096

static const char *absolute_env(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

bool client_handshake_path(struct hp_buf *out)
{
	const char *dir = absolute_env("XDG_RUNTIME_DIR");
	const char *infix = "";

	if (!dir)
		dir = absolute_env("XDG_CONFIG_HOME");
	if (!dir) {
		dir = absolute_env("HOME");
		infix = "/.config";
	}
	if (!dir)
		return false;
	hp_buf_str(out, dir);
	hp_buf_str(out, infix);
	hp_buf_str(out, "/hpcc/daemon.json");
	return true;
}

/* The value after "key": in our own flat JSON, or NULL. */
static const char *value_of(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	if (!p)
		return NULL;
	p += strlen(key);
	while (*p == ' ' || *p == ':')
		p++;
	return p;
}

static bool number_of(const char *text, const char *key, unsigned long max, unsigned long *ret_v)
{
	const char *p = value_of(text, key);
	char *end;

	if (!p || *p < '0' || *p > '9')
		return false;
	errno = 0;
	*ret_v = strtoul(p, &end, 10);
	return errno == 0 && *ret_v <= max && (*end == ',' || *end == '}' || *end == ' ' || *end == '\n');
}

static bool token_of(const char *text, const char *key, char dst[CLIENT_TOKEN_SIZE_MAX + 1])
{
	const char *p = value_of(text, key);
	size_t n;

	if (!p || *p++ != '"')
		return false;
	n = strspn(p, "0123456789abcdef");
	if (n < 32 || n > CLIENT_TOKEN_SIZE_MAX || p[n] != '"')
		return false;
	memcpy(dst, p, n);
	dst[n] = '\0';
	return true;
}

/* The path of the Unix socket, if there is one: without quotes and escapes, or it is left out. */
static void socket_of(const char *text, char dst[sizeof((struct client_handshake *)0)->socket])
{
	const char *p = value_of(text, "\"socket\"");
	size_t n;

	dst[0] = '\0';
	if (!p || *p++ != '"' || *p != '/')
		return;
	n = strcspn(p, "\"\\");
	if (p[n] != '"' || n >= sizeof((struct client_handshake *)0)->socket)
		return;
	memcpy(dst, p, n);
	dst[n] = '\0';
}

static enum client_handshake_result parse(const char *text, struct client_handshake *ret_handshake)
{
	struct client_handshake h = {0};
	unsigned long port;
	unsigned long pid;
	unsigned long protocol;

	if (!number_of(text, "\"port\"", 65535, &port) || port == 0 || !number_of(text, "\"pid\"", 0x7fffffff, &pid) ||
	    pid == 0 || !number_of(text, "\"protocol\"", 0xffffffff, &protocol) ||
	    !token_of(text, "\"token\"", h.token) || !token_of(text, "\"proof\"", h.proof))
		return CLIENT_HANDSHAKE_REFUSED;
	socket_of(text, h.socket);
	h.port = (uint16_t)port;
	h.pid = (pid_t)pid;
	h.protocol = (unsigned)protocol;
	if (kill(h.pid, 0) < 0 && errno == ESRCH)
		return CLIENT_HANDSHAKE_STALE;
	*ret_handshake = h;
	return CLIENT_HANDSHAKE_OK;
}

enum client_handshake_result client_handshake_read(const char *path, struct client_handshake *ret_handshake)
{
	HP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char text[FILE_SIZE_MAX + 1];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? CLIENT_HANDSHAKE_NONE : CLIENT_HANDSHAKE_REFUSED;
	/* Another user's file could name a daemon that answers "run this". */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return CLIENT_HANDSHAKE_REFUSED;
	n = read(fd, text, sizeof text);
	if (n <= 0 || n > FILE_SIZE_MAX || memchr(text, '\0', (size_t)n))
		return CLIENT_HANDSHAKE_REFUSED;
	text[n] = '\0';
	return parse(text, ret_handshake);
}

bool client_token_eq(const char *a, size_t a_len, const char *b, size_t b_len)
{
	volatile unsigned char diff = a_len != b_len;

	for (size_t i = 0; i < a_len && i < b_len; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}
