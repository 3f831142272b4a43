/* Randomness from the kernel. (Headers here must not be named like one of the libc's <sys/…>: -Isrc would shadow it.) */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fills len bytes; aborts when the kernel has no getrandom (Linux ≥ 3.17 always has). */
void sys_random(void *dst, size_t len);
uint64_t sys_random_u64(void);
