/* Threads that run calls, for work whose results are taken in the order in which it was handed out. */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct sys_workers;

#define SYS_WORKERS_MAX 256u

/* `threads` of them, 1 to SYS_WORKERS_MAX; `calls_max` bounds the calls that were started and not waited for.
 * -HP_EXHAUSTED when the system gives no thread. */
int sys_workers_new(unsigned threads, unsigned calls_max, struct sys_workers **ret_workers, struct hp_err *err);
/* Every call that was started has to be waited for before. */
void sys_workers_free(struct sys_workers *take_workers);

/* Runs fn(arg, worker) on some thread, worker < threads, one call at a time a worker; returns its ticket. By one thread
 * only, and at most calls_max tickets may be out. */
uint64_t sys_workers_start(struct sys_workers *w, void (*fn)(void *arg, unsigned worker), void *arg);
/* Until that call has returned. */
void sys_workers_wait(struct sys_workers *w, uint64_t ticket);
