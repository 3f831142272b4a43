#include "sys/entropy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void sys_random(void *dst, size_t len)
{
	unsigned char *p = dst;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			abort();
		p += n;
		len -= (size_t)n;
	}
}

uint64_t sys_random_u64(void)
{
	uint64_t v;

	sys_random(&v, sizeof v);
	return v;
}
