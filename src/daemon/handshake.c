/* The daemon's side of the handshake file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/server_priv.h"
#include "sys/entropy.h"
#include "sys/fs.h"

static void make_token(char dst[CLIENT_TOKEN_SIZE_MAX + 1])
{
	unsigned char raw[CLIENT_TOKEN_SIZE_MAX / 2];

	sys_random(raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		(void)snprintf(dst + 2 * i, 3, "%02x", raw[i]);
}

/* The folder must be ours alone: whoever can rename in it can put a file of his own in our place. */
static int check_dir(const char *dir, struct hp_err *err)
{
	struct stat st;

	if (sys_mkdirs(dir, 0700, err) < 0)
		return hp_err_wrap(err, "handshake");
	if (stat(dir, &st) < 0)
		return hp_err_sys(err, errno, "%s", dir);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return hp_err_set(err, HP_DENIED, "%s: must belong to you and be writable by you alone (chmod go-w)",
		                  dir);
	return 0;
}

/* Two daemons starting at once must not both win: the winner holds a lock beside the file for as long as it lives. */
static int lock_dir(struct daemon_server *server, const char *dir, const char *path, struct hp_err *err)
{
	HP_AUTO_FREE char *lock = hp_asprintf("%s/daemon.lock", dir);
	struct client_handshake other;

	server->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (server->lock_fd < 0)
		return hp_err_sys(err, errno, "%s", lock);
	if (flock(server->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (client_handshake_read(path, &other) == CLIENT_HANDSHAKE_OK)
		return hp_err_set(err, HP_EXISTS, "a daemon is already running with PID %d (%s)", (int)other.pid, path);
	return hp_err_set(err, HP_EXISTS, "a daemon is already running (%s is locked)", lock);
}

/* The cheaper way in for clients, where the path fits. Only we can write in the folder, and hold its lock: what is there
 * is left over from a daemon that was killed. */
static void open_unix(struct daemon_server *server, const char *dir)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n = snprintf(addr.sun_path, sizeof addr.sun_path, "%s/daemon.sock", dir);
	mode_t mask;
	int r;

	if (n < 0 || (size_t)n >= sizeof addr.sun_path || strpbrk(dir, "\"\\") || dir[0] != '/')
		return;
	server->unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->unix_fd < 0)
		return;
	(void)unlink(addr.sun_path);
	mask = umask(077);
	r = bind(server->unix_fd, (struct sockaddr *)&addr, sizeof addr);
	(void)umask(mask);
	if (r == 0 && listen(server->unix_fd, SOMAXCONN) == 0) {
		(void)snprintf(server->handshake.socket, sizeof server->handshake.socket, "%s", addr.sun_path);
		return;
	}
	(void)close(server->unix_fd);
	server->unix_fd = -1;
}

int daemon_handshake_claim(struct daemon_server *server, const char *path, struct hp_err *err)
{
	HP_AUTO_FREE char *dir = hp_strndup(path, (size_t)(strrchr(path, '/') - path));
	HP_AUTO_BUF struct hp_buf text = {0};
	int r = check_dir(dir, err);

	if (r == 0)
		r = lock_dir(server, dir, path, err);
	if (r < 0)
		return r;
	open_unix(server, dir);
	make_token(server->handshake.token);
	make_token(server->handshake.proof);
	hp_buf_printf(&text, "{\"port\": %u, \"pid\": %d, \"protocol\": %d, \"token\": \"%s\", \"proof\": \"%s\"",
	              server->port, (int)getpid(), PROTO_LOCAL_VERSION, server->handshake.token,
	              server->handshake.proof);
	if (server->handshake.socket[0])
		hp_buf_printf(&text, ", \"socket\": \"%s\"", server->handshake.socket);
	hp_buf_str(&text, "}\n");
	/* A directory or the like in its place is not ours to remove; rename says so. */
	r = sys_write_file_atomic(path, 0600, text.data, text.len, err);
	if (r == 0)
		server->handshake_path = hp_strdup(path);
	return r;
}

void daemon_handshake_release(struct daemon_server *server)
{
	if (server->handshake_path) {
		(void)unlink(server->handshake_path);
		if (server->handshake.socket[0])
			(void)unlink(server->handshake.socket);
		free(hp_steal(server->handshake_path));
	}
	if (server->lock_fd >= 0)
		(void)close(server->lock_fd);
	server->lock_fd = -1;
}
