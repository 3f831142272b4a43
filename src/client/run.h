/* Running the compiler as our own child: its environment, directory, limits, terminal, process group and job-server
 * descriptors are the user's own; what it prints is forwarded as it comes and kept. Shared by the client and by
 * `hpcc local`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct client_run {
	int status;        /* as waitpid gives it */
	struct hp_buf out; /* what it wrote to standard output, at most HP_FRAME_SIZE_MAX / 4 bytes */
	struct hp_buf err;
	bool truncated; /* it wrote more than is kept; all of it was forwarded */
	bool out_lost;  /* standard output did not take all of it: the compiler writing itself would have failed */
	uint32_t duration_ms;
};

enum client_run_mode {
	CLIENT_RUN_TEE,   /* forward and keep */
	CLIENT_RUN_KEEP,  /* keep */
	CLIENT_RUN_QUIET, /* discard */
};

/* Runs path with argv (argv[0] included, NULL-terminated) and waits for it. Signals that would end us are passed on to
 * it. Returns 0 and fills *ret_run (release with client_run_done), or -code when it could not be started. */
int client_run(const char *path, char *const *argv, enum client_run_mode mode, struct client_run *ret_run,
               struct hp_err *err);
/* The same with our own standard streams: nothing is kept. *ret_status as waitpid gives it. */
int client_run_through(const char *path, char *const *argv, int *ret_status);
void client_run_done(struct client_run *run);

/* Ends this process as the compiler ended: same exit code, or death by the same signal. */
_Noreturn void client_exit_like(int status);

/* As shells have it. */
#define CLIENT_EXIT_NOT_FOUND 127
#define CLIENT_EXIT_NOT_RUN 126

/* Becomes the program. Returns only on failure, with errno set. */
void client_exec(const char *path, char *const *argv);

/* Becomes the compiler, or says why that is impossible and ends as a shell would: 127 not found, 126 not to be run. */
_Noreturn void client_become(const char *path, char *const *argv);
