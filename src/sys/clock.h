/* Clocks, in nanoseconds. */
#pragma once

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int64_t sys_clock_ns(clockid_t id)
{
	struct timespec ts;

#ifdef HPCC_CLIENT
	/* The client reads the clock once or twice: finding the kernel's fast function would cost it ten system calls. */
	(void)syscall(SYS_clock_gettime, id, &ts);
#else
	(void)clock_gettime(id, &ts);
#endif
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* For measuring and for deadlines. */
static inline int64_t sys_monotonic_ns(void)
{
	return sys_clock_ns(CLOCK_MONOTONIC);
}

/* The clock that local file systems stamp with: wall time at the last tick. A stamp made after this call is never
 * smaller than its result (kernels with fine-grained stamps only ever hand out later ones). */
static inline int64_t sys_file_clock_ns(void)
{
	return sys_clock_ns(CLOCK_REALTIME_COARSE);
}
