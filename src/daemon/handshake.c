/* The daemon's side of the handshake file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

int daemon_handshake_claim(struct daemon_server *server, const char *path, struct hp_err *err)
{
	HP_AUTO_FREE char *dir = hp_strndup(path, (size_t)(strrchr(path, '/') - path));
	HP_AUTO_BUF struct hp_buf text = {0};
	int r = check_dir(dir, err);

	if (r == 0)
		r = lock_dir(server, dir, path, err);
	if (r < 0)
		return r;
	make_token(server->handshake.token);
	make_token(server->handshake.proof);
	hp_buf_printf(&text, "{\"port\": %u, \"pid\": %d, \"protocol\": %d, \"token\": \"%s\", \"proof\": \"%s\"}\n",
	              server->port, (int)getpid(), PROTO_LOCAL_VERSION, server->handshake.token,
	              server->handshake.proof);
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
		free(hp_steal(server->handshake_path));
	}
	if (server->lock_fd >= 0)
		(void)close(server->lock_fd);
	server->lock_fd = -1;
}
