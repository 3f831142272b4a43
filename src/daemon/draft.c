#include "daemon/draft.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"

/* Some hundred names, as a compile of a few headers looks for in vain. */
#define ARENA_SIZE 4096

void daemon_draft_done(struct daemon_draft *draft)
{
	hp_strv_done(&draft->files);
	free(draft->flags);
	free(draft->probes);
	free(draft->probe_dirs);
	free(draft->dirs);
	hp_map_done(&draft->numbers);
	hp_arena_free(draft->names);
	*draft = (struct daemon_draft){0};
}

/* Room for one more in a list that doubles: `len` before it is added. */
static void *grown(void *take_list, size_t len, size_t size)
{
	return (len & (len - 1)) == 0 ? hp_realloc(take_list, (len ? len * 2 : 1) * size) : take_list;
}

uint32_t daemon_draft_dir(struct daemon_draft *draft, const char *path, size_t len)
{
	struct hp_map_slot *slot = hp_map_put(&draft->numbers, path, len);

	if (!slot->value) {
		draft->dirs = grown(draft->dirs, draft->dirs_len, sizeof *draft->dirs);
		draft->dirs[draft->dirs_len++] = slot->key;
		slot->value = (void *)(uintptr_t)draft->dirs_len;
	}
	return (uint32_t)(uintptr_t)slot->value - 1;
}

void daemon_draft_add_absent(struct daemon_draft *draft, const char *name, uint32_t dir)
{
	struct daemon_draft_probe *last = draft->probes_len ? &draft->probes[draft->probes_len - 1] : NULL;

	if (!last || strcmp(last->name, name) != 0) {
		draft->probes = grown(draft->probes, draft->probes_len, sizeof *draft->probes);
		if (!draft->names)
			draft->names = hp_arena_new(ARENA_SIZE);
		last = &draft->probes[draft->probes_len++];
		*last = (struct daemon_draft_probe){.name = hp_arena_strndup(draft->names, name, strlen(name)),
		                                    .from = draft->absent_len};
	}
	draft->probe_dirs = grown(draft->probe_dirs, draft->absent_len, sizeof *draft->probe_dirs);
	draft->probe_dirs[draft->absent_len++] = dir;
	last->len++;
}

/* Writes DIR//NAME and a NUL; returns where the NUL is. */
static char *spell(char *at, const char *dir, size_t dir_len, const char *name, size_t name_len)
{
	memcpy(at, dir, dir_len);
	memcpy(at + dir_len, "//", 2);
	memcpy(at + dir_len + 2, name, name_len + 1);
	return at + dir_len + 2 + name_len;
}

static size_t *dir_lengths(const struct daemon_draft *draft)
{
	size_t *lengths = hp_alloc(draft->dirs_len * sizeof *lengths);

	for (size_t i = 0; i < draft->dirs_len; i++)
		lengths[i] = strlen(draft->dirs[i]);
	return lengths;
}

const char **daemon_draft_absent_paths(const struct daemon_draft *draft, struct hp_arena *arena)
{
	HP_AUTO_FREE size_t *lengths = dir_lengths(draft);
	const char **paths = hp_arena_alloc(arena, draft->absent_len * sizeof *paths);
	size_t n = 0;

	for (size_t i = 0; i < draft->probes_len; i++) {
		const struct daemon_draft_probe *p = &draft->probes[i];
		size_t name_len = strlen(p->name);

		for (size_t k = p->from; k < p->from + p->len; k++) {
			uint32_t dir = draft->probe_dirs[k];
			char *path = hp_arena_alloc(arena, lengths[dir] + name_len + 3);

			(void)spell(path, draft->dirs[dir], lengths[dir], p->name, name_len);
			paths[n++] = path;
		}
	}
	return paths;
}

static void put_u64(struct hp_buf *out, uint64_t v)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	hp_buf_append(out, bytes, sizeof bytes);
}

static void put_lstr(struct hp_buf *out, const char *s)
{
	size_t len = strlen(s);

	put_u64(out, len);
	hp_buf_append(out, s, len);
}

/* Put together first and hashed at once: BLAKE3 is ten times faster on one long piece than on thousands of short ones. */
void daemon_draft_shape(const struct daemon_draft *draft, struct codec_digest *ret_shape)
{
	HP_AUTO_FREE size_t *lengths = dir_lengths(draft);
	HP_AUTO_BUF struct hp_buf all = {0};

	put_lstr(&all, "hpcc closure 1");
	put_u64(&all, draft->files.len);
	for (size_t i = 0; i < draft->files.len; i++) {
		put_lstr(&all, draft->files.v[i]);
		put_u64(&all, draft->flags[i]);
	}
	for (size_t i = 0; i < draft->probes_len; i++) {
		const struct daemon_draft_probe *p = &draft->probes[i];
		size_t name_len = strlen(p->name);

		for (size_t k = p->from; k < p->from + p->len; k++) {
			uint32_t dir = draft->probe_dirs[k];
			size_t len = lengths[dir] + 2 + name_len;

			put_u64(&all, len);
			(void)spell(hp_buf_reserve(&all, len), draft->dirs[dir], lengths[dir], p->name, name_len);
			hp_buf_added(&all, len);
		}
	}
	codec_blake3(all.data, all.len, ret_shape);
}

/* What a path is called in a place, or which path a name has there. */
typedef bool (*rename_fn)(const struct cc_place *place, const char *text, struct hp_buf *out);

/* Directories keep their numbers, since no two come to have one name. */
static bool renamed(const struct daemon_draft *draft, const struct cc_place *place, rename_fn rename,
                    struct daemon_draft *ret_draft)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	bool all = true;

	*ret_draft = (struct daemon_draft){.flags = hp_memdup(draft->flags, draft->files.len)};
	for (size_t i = 0; i < draft->files.len; i++) {
		hp_buf_reset(&text);
		all = rename(place, draft->files.v[i], &text) && all;
		hp_strv_addn(&ret_draft->files, hp_buf_cstr(&text), text.len);
	}
	for (size_t i = 0; i < draft->dirs_len; i++) {
		hp_buf_reset(&text);
		all = rename(place, draft->dirs[i], &text) && all;
		(void)daemon_draft_dir(ret_draft, hp_buf_cstr(&text), text.len);
	}
	for (size_t i = 0; i < draft->probes_len && all; i++) {
		const struct daemon_draft_probe *p = &draft->probes[i];

		for (size_t k = p->from; k < p->from + p->len; k++)
			daemon_draft_add_absent(ret_draft, p->name, draft->probe_dirs[k]);
	}
	return all;
}

static bool name_of(const struct cc_place *place, const char *path, struct hp_buf *out)
{
	(void)cc_place_name(place, path, out);
	return true;
}

void daemon_draft_to_names(const struct daemon_draft *draft, const struct cc_place *place,
                           struct daemon_draft *ret_draft)
{
	(void)renamed(draft, place, name_of, ret_draft);
}

bool daemon_draft_to_paths(const struct daemon_draft *draft, const struct cc_place *place,
                           struct daemon_draft *ret_draft)
{
	return renamed(draft, place, cc_place_path, ret_draft);
}

/* Probes -------------------------------------------------------------------------------------------------------- */

struct daemon_probe {
	struct daemon_probe *next;
	const char *name; /* the map's */
	uint32_t *dirs;
	size_t len;
	size_t cap;
};

void daemon_probes_done(struct daemon_probes *probes)
{
	hp_map_done(&probes->by_name);
	hp_arena_free(probes->arena);
	*probes = (struct daemon_probes){0};
}

static struct daemon_probe *probe_of(struct daemon_probes *probes, const char *name)
{
	struct hp_map_slot *slot = hp_map_put(&probes->by_name, name, strlen(name));
	struct daemon_probe *p = slot->value;

	if (!p) {
		if (!probes->arena)
			probes->arena = hp_arena_new(ARENA_SIZE);
		p = hp_arena_alloc(probes->arena, sizeof *p);
		*p = (struct daemon_probe){.name = slot->key};
		slot->value = p;
		*(probes->first ? probes->end : &probes->first) = p;
		probes->end = &p->next;
	}
	return p;
}

static void add_dir(struct daemon_probes *probes, struct daemon_probe *p, uint32_t dir)
{
	for (size_t i = 0; i < p->len; i++) {
		if (p->dirs[i] == dir)
			return;
	}
	if (probes->count > HP_CLOSURE_ABSENT_MAX) /* too many: no more are needed to say so */
		return;
	if (p->len == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 8;
		uint32_t *dirs = hp_arena_alloc(probes->arena, cap * sizeof *dirs);

		if (p->len)
			memcpy(dirs, p->dirs, p->len * sizeof *dirs);
		p->dirs = dirs;
		p->cap = cap;
	}
	p->dirs[p->len++] = dir;
	probes->count++;
}

void daemon_probes_add(struct daemon_probes *probes, const char *name, const uint32_t *dirs, size_t dirs_len)
{
	struct daemon_probe *p = dirs_len ? probe_of(probes, name) : NULL;

	for (size_t i = 0; i < dirs_len; i++)
		add_dir(probes, p, dirs[i]);
}

void daemon_probes_into(const struct daemon_probes *probes, struct daemon_draft *draft)
{
	for (const struct daemon_probe *p = probes->first; p; p = p->next) {
		for (size_t i = 0; i < p->len; i++)
			daemon_draft_add_absent(draft, p->name, p->dirs[i]);
	}
}
