#include "base/strv.h"

#include <string.h>

#include "base/mem.h"

void hp_strv_done(struct hp_strv *sv)
{
	for (size_t i = 0; i < sv->len; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct hp_strv){0};
}

void hp_strv_take(struct hp_strv *sv, char *take_s)
{
	if (sv->len + 2 > sv->cap) {
		sv->cap = sv->cap ? sv->cap * 2 : 8;
		sv->v = hp_realloc(sv->v, sv->cap * sizeof *sv->v);
	}
	sv->v[sv->len++] = take_s;
	sv->v[sv->len] = NULL;
}

void hp_strv_add(struct hp_strv *sv, const char *s)
{
	hp_strv_take(sv, hp_strdup(s));
}

void hp_strv_addn(struct hp_strv *sv, const char *s, size_t len)
{
	hp_strv_take(sv, hp_strndup(s, len));
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
