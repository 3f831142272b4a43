/* Extended attributes: sets, each stored once. A set is its names (without the prefix, which is a number) and values. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "sqfs/sqfs_priv.h"

static int prefix_of(const char *name, const char **ret_rest)
{
	static const char *const prefixes[] = {"user.", "trusted.", "security."};

	for (size_t i = 0; i < HP_ARRAY_SIZE(prefixes); i++) {
		if (hp_startswith(name, prefixes[i]) && name[strlen(prefixes[i])]) {
			*ret_rest = name + strlen(prefixes[i]);
			return (int)i;
		}
	}
	return -1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct sqfs_xattr *)a)->name, ((const struct sqfs_xattr *)b)->name);
}

static int encode(const struct sqfs_xattr *sorted, size_t len, struct hp_buf *out, uint32_t *ret_names_size,
                  struct hp_err *err)
{
	size_t names_size = 0;

	for (size_t i = 0; i < len; i++) {
		const char *rest;
		int prefix = prefix_of(sorted[i].name, &rest);

		if (prefix < 0 || strlen(rest) > HP_SQFS_NAME_MAX)
			return hp_err_set(err, HP_INVALID, "extended attribute '%.64s' cannot be stored",
			                  sorted[i].name);
		if (i > 0 && strcmp(sorted[i].name, sorted[i - 1].name) == 0)
			return hp_err_set(err, HP_INVALID, "extended attribute '%.64s' twice", sorted[i].name);
		if (sorted[i].len > HP_SQFS_XATTR_SIZE_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "extended attribute '%.64s' has more than %u bytes",
			                  sorted[i].name, HP_SQFS_XATTR_SIZE_MAX);
		sqfs_le16(out, (uint32_t)prefix);
		sqfs_le16(out, (uint32_t)strlen(rest));
		hp_buf_str(out, rest);
		sqfs_le32(out, (uint32_t)sorted[i].len);
		hp_buf_append(out, sorted[i].value, sorted[i].len);
		names_size += strlen(sorted[i].name) + 1;
	}
	*ret_names_size = (uint32_t)names_size;
	return 0;
}

int sqfs_xattr_add(struct sqfs_writer *w, const struct sqfs_xattr *xattrs, size_t len, uint32_t *ret_set,
                   struct hp_err *err)
{
	HP_AUTO_FREE struct sqfs_xattr *sorted = NULL;
	HP_AUTO_BUF struct hp_buf bytes = {0};
	struct hp_map_slot *slot;
	struct sqfs_xattr_set *set;
	uint32_t names_size = 0;
	int r;

	*ret_set = SQFS_NONE;
	if (len == 0)
		return 0;
	if (len > HP_SQFS_XATTRS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u extended attributes", HP_SQFS_XATTRS_MAX);
	sorted = hp_memdup(xattrs, len * sizeof *xattrs);
	qsort(sorted, len, sizeof *sorted, compare_names);
	r = encode(sorted, len, &bytes, &names_size, err);
	if (r < 0)
		return r;
	slot = hp_map_put(&w->xattr_sets, bytes.data, bytes.len);
	if (slot->value) {
		*ret_set = (uint32_t)((uintptr_t)slot->value - 1);
		return 0;
	}
	w->xattr_size += bytes.len;
	if (w->xattr_size > HP_SQFS_XATTRS_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u bytes of extended attributes",
		                  HP_SQFS_XATTRS_SIZE_MAX);
	set = hp_alloc(sizeof *set + bytes.len);
	*set = (struct sqfs_xattr_set){.count = (uint32_t)len, .names_size = names_size, .len = bytes.len};
	memcpy(set->bytes, hp_buf_cstr(&bytes), bytes.len);
	*w->xattr_next = set;
	w->xattr_next = &set->next;
	*ret_set = w->xattr_len++;
	slot->value = (void *)((uintptr_t)*ret_set + 1);
	return 0;
}

int sqfs_xattr_write(struct sqfs_writer *w, uint64_t *ret_start, struct hp_err *err)
{
	struct sqfs_meta pairs = {0};
	struct sqfs_meta sets = {0};
	HP_AUTO_BUF struct hp_buf head = {0};
	HP_AUTO_BUF struct hp_buf entry = {0};
	uint64_t pairs_start = w->pos;
	uint64_t sets_start;
	int r;

	for (const struct sqfs_xattr_set *s = w->xattr_first; s; s = s->next) {
		hp_buf_reset(&entry);
		sqfs_le64(&entry, sqfs_meta_ref(&pairs));
		sqfs_le32(&entry, s->count);
		sqfs_le32(&entry, s->names_size);
		sqfs_meta_put(&sets, w->packers[0], entry.data, entry.len);
		sqfs_meta_put(&pairs, w->packers[0], s->bytes, s->len);
	}
	sqfs_meta_flush(&pairs, w->packers[0]);
	sqfs_meta_flush(&sets, w->packers[0]);
	sets_start = pairs_start + pairs.out.len;
	sqfs_le64(&head, pairs_start);
	sqfs_le32(&head, w->xattr_len);
	sqfs_le32(&head, 0);
	for (size_t i = 0; i < sets.starts_len; i++)
		sqfs_le64(&head, sets_start + sets.starts[i]);
	r = sqfs_emit(w, pairs.out.data, pairs.out.len, err);
	if (r == 0)
		r = sqfs_emit(w, sets.out.data, sets.out.len, err);
	*ret_start = w->pos;
	if (r == 0)
		r = sqfs_emit(w, head.data, head.len, err);
	sqfs_meta_done(&pairs);
	sqfs_meta_done(&sets);
	return r;
}
