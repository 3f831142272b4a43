/* The client's allocator: memory is taken from a fixed block, then from the kernel in large pieces, and never given back.
 * The client lives for less than a millisecond on a hit; the libc's allocator would cost it four system calls. On a miss
 * the compiler's output is all that grows, and that is bounded (client/run.c). Linked into the client program only. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_SIZE (64u << 10)
#define PIECE_SIZE (1u << 20)

/* Before each allocation, so that realloc knows how much to copy. */
struct head {
	size_t size;
	size_t pad; /* keeps what follows aligned to 16 */
};

/* What a malloc needs is process-wide by its interface. */
static _Alignas(16) char first[FIRST_SIZE];
static char *at = first;
static char *end = first + FIRST_SIZE;

void *malloc(size_t size)
{
	size_t need = sizeof(struct head) + ((size + 15) & ~(size_t)15);
	struct head *h;

	if (size > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	if (need > (size_t)(end - at)) {
		size_t piece = need > PIECE_SIZE ? need : PIECE_SIZE;
		void *p = mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return NULL;
		at = p;
		end = at + piece;
	}
	h = (struct head *)at;
	h->size = size;
	at += need;
	return h + 1;
}

void free(void *p)
{
	(void)p;
}

void *calloc(size_t count, size_t size)
{
	size_t total;

	/* Fresh memory of both kinds is zero. */
	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return malloc(total);
}

void *realloc(void *p, size_t size)
{
	const struct head *old = p ? (struct head *)p - 1 : NULL;
	void *q;

	if (old && size <= old->size)
		return p;
	q = malloc(size);
	if (q && old)
		memcpy(q, p, old->size);
	return q;
}
