#include "base/strv.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct hp_strv hp_strv_in(struct hp_arena *arena, size_t len)
{
	struct hp_strv sv = {.cap = len + 1, .arena = arena};

	sv.v = hp_arena_alloc(arena, sv.cap * sizeof *sv.v);
	sv.v[0] = NULL;
	return sv;
}

void hp_strv_done(struct hp_strv *sv)
{
	if (!sv->arena) {
		for (size_t i = 0; i < sv->len; i++)
			free(sv->v[i]);
		free(sv->v);
	}
	*sv = (struct hp_strv){0};
}

static void grow(struct hp_strv *sv)
{
	sv->cap = sv->cap ? sv->cap * 2 : 8;
	if (sv->arena) {
		char **bigger = hp_arena_alloc(sv->arena, sv->cap * sizeof *sv->v);

		if (sv->len)
			memcpy(bigger, sv->v, sv->len * sizeof *sv->v);
		sv->v = bigger;
	} else {
		sv->v = hp_realloc(sv->v, sv->cap * sizeof *sv->v);
	}
}

static inline void append(struct hp_strv *sv, char *s)
{
	if (sv->len + 2 > sv->cap)
		grow(sv);
	sv->v[sv->len++] = s;
	sv->v[sv->len] = NULL;
}

void hp_strv_ref(struct hp_strv *sv, char *s)
{
	assert(sv->arena);
	append(sv, s);
}

void hp_strv_take(struct hp_strv *sv, char *take_s)
{
	if (sv->arena) {
		hp_strv_add(sv, take_s);
		free(take_s);
	} else {
		append(sv, take_s);
	}
}

void hp_strv_add(struct hp_strv *sv, const char *s)
{
	hp_strv_addn(sv, s, strlen(s));
}

void hp_strv_addn(struct hp_strv *sv, const char *s, size_t len)
{
	append(sv, sv->arena ? hp_arena_strndup(sv->arena, s, len) : hp_strndup(s, len));
}

void hp_strv_copy(struct hp_strv *dst, const struct hp_strv *src)
{
	for (size_t i = 0; i < src->len; i++)
		hp_strv_add(dst, src->v[i]);
}

bool hp_strv_has(const struct hp_strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->len; i++) {
		if (strcmp(sv->v[i], s) == 0)
			return true;
	}
	return false;
}
