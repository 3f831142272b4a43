#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct block {
	struct block *older;
};

struct hp_arena {
	struct block *newest; /* of the further ones */
	char *next;
	char *end;
	size_t block_size; /* of the next one: each is twice as large as the one before */
};

/* Ends the doubling: beyond it, memory that is never used costs more than the calls that it saves. */
#define BLOCK_SIZE_MAX ((size_t)1 << 20)

struct hp_arena *hp_arena_new(size_t size)
{
	struct hp_arena *arena = hp_alloc(sizeof *arena + size);

	*arena = (struct hp_arena){.next = (char *)(arena + 1), .block_size = size < 1024 ? 1024 : size};
	arena->end = arena->next + size;
	return arena;
}

void hp_arena_free(struct hp_arena *take_arena)
{
	struct block *block = take_arena ? take_arena->newest : NULL;

	while (block) {
		struct block *older = block->older;

		free(block);
		block = older;
	}
	free(take_arena);
}

/* Strings need no alignment, and most of what is taken is strings. */
static char *take(struct hp_arena *arena, size_t size)
{
	struct block *block;

	if (size > (size_t)(arena->end - arena->next)) {
		size_t room = size > arena->block_size ? size : arena->block_size;

		block = hp_alloc(sizeof *block + room);
		block->older = arena->newest;
		arena->newest = block;
		arena->next = (char *)(block + 1);
		arena->end = arena->next + room;
		if (arena->block_size < BLOCK_SIZE_MAX)
			arena->block_size *= 2;
	}
	arena->next += size;
	return arena->next - size;
}

void *hp_arena_alloc(struct hp_arena *arena, size_t size)
{
	size_t align = _Alignof(void *);
	char *p = take(arena, size + align - 1);

	return p + (-(uintptr_t)p & (align - 1));
}

char *hp_arena_strndup(struct hp_arena *arena, const char *s, size_t len)
{
	char *p = take(arena, len + 1);

	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *hp_arena_join(struct hp_arena *arena, const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	char *p = take(arena, a_len + b_len + 1);

	memcpy(p, a, a_len);
	memcpy(p + a_len, b, b_len + 1);
	return p;
}
