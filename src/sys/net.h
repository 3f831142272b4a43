/* Loopback sockets with deadlines. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Waits until fd is readable: 1, or 0 when timeout_ms passed (negative: none), or -errno. */
int sys_wait_readable(int fd, int timeout_ms);

/* Reads or writes exactly len bytes before the deadline (CLOCK_MONOTONIC, ns). Returns 0, -ETIMEDOUT, -ECONNRESET when
 * the peer closed, or -errno. Works on blocking and non-blocking sockets. */
int sys_recv_all(int fd, void *dst, size_t len, int64_t deadline_ns);
int sys_send_all(int fd, const void *src, size_t len, int64_t deadline_ns);

/* Connects to 127.0.0.1:port. Returns a descriptor (blocking, close-on-exec) or -errno; -ETIMEDOUT after 2 s when the
 * peer takes no connections. */
int sys_connect_loopback(uint16_t port);

/* Connects to the Unix socket at `path` (shorter than sun_path). The same results. */
int sys_connect_unix(const char *path);

/* Reads what is there, at most len bytes, waiting for the first until the deadline. The count, or as sys_recv_all. */
int64_t sys_recv_some(int fd, void *dst, size_t len, int64_t deadline_ns);
