#include "cache/entry.h"

#include "base/map.h"
#include "base/mem.h"
#include "cache/entry_priv.h"
#include "codec/zstd.h"

/* zstd level of META: one pack of some kilobytes per compile. Level 6 wins one per cent of an entry and costs five times the
 * instructions. */
#define META_LEVEL 1

static const char *text(const char *s)
{
	return s ? s : "";
}

static void put_varint(struct hp_buf *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	hp_buf_append(out, bytes, n);
}

/* Signed: small distances in either direction become small numbers. */
static void put_zigzag(struct hp_buf *out, int64_t v)
{
	put_varint(out, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_str(struct hp_buf *out, const char *s)
{
	hp_buf_append(out, s, strlen(s) + 1);
}

static void put_strs(struct hp_buf *out, const char *const *v, size_t len)
{
	put_varint(out, len);
	for (size_t i = 0; i < len; i++)
		put_str(out, text(v[i]));
}

/* Distinct strings in order of first appearance, borrowed from the entry. */
struct span {
	const char *s;
	size_t len;
};

struct table {
	struct span *items;
	size_t len;
	size_t cap;
	uint32_t *slots; /* item number + 1; 0: free */
	size_t slots_cap;
};

static void table_done(struct table *t)
{
	free(t->items);
	free(t->slots);
}

static uint32_t *table_slot(const struct table *t, const char *s, size_t len)
{
	size_t i = (size_t)hp_hash(s, len) & (t->slots_cap - 1);

	while (t->slots[i]) {
		const struct span *item = &t->items[t->slots[i] - 1];

		if (item->len == len && memcmp(item->s, s, len) == 0)
			break;
		i = (i + 1) & (t->slots_cap - 1);
	}
	return &t->slots[i];
}

static void table_grow(struct table *t)
{
	t->cap = t->cap ? t->cap * 2 : 64;
	t->items = hp_realloc(t->items, t->cap * sizeof *t->items);
	t->slots_cap = t->cap * 2;
	free(t->slots);
	t->slots = hp_zalloc(t->slots_cap * sizeof *t->slots);
	for (size_t i = 0; i < t->len; i++)
		*table_slot(t, t->items[i].s, t->items[i].len) = (uint32_t)i + 1;
}

/* The string's number, given now when it is new. */
static uint32_t table_id(struct table *t, const char *s, size_t len)
{
	uint32_t *slot;

	if (t->len == t->cap)
		table_grow(t);
	slot = table_slot(t, s, len);
	if (*slot == 0) {
		t->items[t->len++] = (struct span){s, len};
		*slot = (uint32_t)t->len;
	}
	return *slot - 1;
}

static void put_table(struct hp_buf *out, const struct table *t)
{
	put_varint(out, t->len);
	for (size_t i = 0; i < t->len; i++) {
		hp_buf_append(out, t->items[i].s, t->items[i].len);
		hp_buf_char(out, '\0');
	}
}

/* The closure, transposed: each column holds one kind of number, which zstd then finds to repeat. */
struct closure {
	struct table dirs;
	struct table names;
	struct hp_buf file_dirs;
	struct hp_buf file_names;
	struct hp_buf file_bits;
	struct hp_buf absent_dirs;
	struct hp_buf absent_names;
	size_t path_bytes; /* what the reader will need to spell the paths out */
};

static void closure_done(struct closure *c)
{
	table_done(&c->dirs);
	table_done(&c->names);
	hp_buf_done(&c->file_dirs);
	hp_buf_done(&c->file_names);
	hp_buf_done(&c->file_bits);
	hp_buf_done(&c->absent_dirs);
	hp_buf_done(&c->absent_names);
}

/* Splits behind the last slash and notes both halves. */
static int add_path(struct closure *c, const char *path, struct hp_buf *dirs, struct hp_buf *names, int64_t *last_name,
                    struct hp_err *err)
{
	size_t len = strlen(path);
	const char *slash = memrchr(path, '/', len);
	size_t dir_len = slash ? (size_t)(slash - path) + 1 : 0;
	int64_t name;

	c->path_bytes += len + 1;
	if (len >= HP_PATH_SIZE_MAX || c->path_bytes > HP_ENTRY_META_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "entry: the closure's paths are too long");
	put_varint(dirs, table_id(&c->dirs, path, dir_len));
	name = table_id(&c->names, path + dir_len, len - dir_len);
	put_zigzag(names, name - *last_name);
	*last_name = name;
	return 0;
}

static int add_closure(struct closure *c, const struct cache_entry *e, struct hp_err *err)
{
	/* −1: names are numbered as they appear, so that the usual distance in the files' column is +1 from the start */
	int64_t last = -1;
	int rc;

	for (size_t i = 0; i < e->files_len; i++) {
		const struct cache_file *file = &e->files[i];

		rc = add_path(c, text(file->path), &c->file_dirs, &c->file_names, &last, err);
		if (rc < 0)
			return rc;
		hp_buf_char(&c->file_bits,
		            (char)((file->system ? CACHE_FILE_SYSTEM : 0) | (file->probe ? CACHE_FILE_PROBE : 0) |
		                   (file->timed ? CACHE_FILE_TIMED : 0) | (file->twin ? CACHE_FILE_TWIN : 0)));
	}
	last = -1;
	for (size_t i = 0; i < e->absent_len; i++) {
		rc = add_path(c, text(e->absent[i]), &c->absent_dirs, &c->absent_names, &last, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int put_meta(struct hp_buf *out, const struct cache_entry *e, struct hp_err *err)
{
	__attribute__((cleanup(closure_done))) struct closure c = {0};
	int rc;

	rc = add_closure(&c, e, err);
	if (rc < 0)
		return rc;
	put_varint(out, e->created_s);
	put_varint(out, e->compile_ms);
	put_str(out, text(e->compiler));
	put_str(out, text(e->compiler_version));
	put_str(out, text(e->cwd));
	put_str(out, text(e->source));
	put_str(out, text(e->output));
	put_strs(out, e->args, e->args_len);
	put_strs(out, e->env, e->env_len);
	put_table(out, &c.dirs);
	put_table(out, &c.names);
	put_varint(out, e->files_len);
	hp_buf_append(out, c.file_dirs.data, c.file_dirs.len);
	hp_buf_append(out, c.file_names.data, c.file_names.len);
	hp_buf_append(out, c.file_bits.data, c.file_bits.len);
	put_varint(out, e->absent_len);
	hp_buf_append(out, c.absent_dirs.data, c.absent_dirs.len);
	hp_buf_append(out, c.absent_names.data, c.absent_names.len);
	if (out->len > HP_ENTRY_META_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "entry: %zu bytes of metadata are more than %u", out->len,
		                  HP_ENTRY_META_SIZE_MAX);
	return 0;
}

static void put_hashes(struct hp_buf *out, const struct cache_entry *e)
{
	hp_buf_append(out, e->identity.b, sizeof e->identity.b);
	for (size_t i = 0; i < e->files_len; i++) {
		uint8_t bytes[CACHE_HASHES_FILE];

		cache_put_u32(bytes, (uint32_t)e->files[i].digest8);
		cache_put_u32(bytes + 4, (uint32_t)(e->files[i].digest8 >> 32));
		hp_buf_append(out, bytes, sizeof bytes);
	}
}

static void put_payload_table(struct hp_buf *out, const struct cache_entry *e)
{
	put_varint(out, e->out_len);
	put_varint(out, e->err_len);
	put_varint(out, e->outputs_len);
	for (size_t i = 0; i < e->outputs_len; i++) {
		hp_buf_char(out, (char)e->outputs[i].role);
		put_varint(out, e->outputs[i].mode_extra);
		put_str(out, text(e->outputs[i].name));
		put_varint(out, e->outputs[i].len);
	}
}

static void put_payload(struct hp_buf *out, const struct cache_entry *e)
{
	put_payload_table(out, e);
	hp_buf_append(out, e->out, e->out_len);
	hp_buf_append(out, e->err, e->err_len);
	for (size_t i = 0; i < e->outputs_len; i++)
		hp_buf_append(out, e->outputs[i].data, e->outputs[i].len);
}

/* Appends a section, packed when that makes it smaller: equal sizes mean raw, so no other mark is needed. */
static int put_section(struct hp_buf *out, const struct hp_buf *raw, int level, bool with_dict, uint32_t *ret_packed,
                       struct hp_err *err)
{
	size_t start = out->len;
	int rc;

	if (raw->len >= CACHE_TINY) {
		rc = codec_zstd_pack_dict(raw->data, raw->len, level, with_dict ? cache_entry_dict : NULL,
		                          with_dict ? cache_entry_dict_len : 0, out, err);
		if (rc < 0)
			return rc;
		if (out->len - start < raw->len) {
			*ret_packed = (uint32_t)(out->len - start);
			return 0;
		}
		out->len = start;
	}
	hp_buf_append(out, raw->data, raw->len);
	*ret_packed = (uint32_t)raw->len;
	return 0;
}

/* The limits that the reader holds us to. */
static int check_limits(const struct cache_entry *e, struct hp_err *err)
{
	size_t sum;

	if (e->files_len > HP_CLOSURE_FILES_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "entry: %zu files are more than %u", e->files_len,
		                  HP_CLOSURE_FILES_MAX);
	if (e->absent_len > HP_CLOSURE_ABSENT_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "entry: %zu absent paths are more than %u", e->absent_len,
		                  HP_CLOSURE_ABSENT_MAX);
	if (e->args_len > HP_ARGS_MAX || e->env_len > HP_ARGS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "entry: more than %u arguments or variables", HP_ARGS_MAX);
	if (e->outputs_len > HP_ENTRY_OUTPUTS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "entry: %zu outputs are more than %u", e->outputs_len,
		                  HP_ENTRY_OUTPUTS_MAX);
	if (e->out_len > HP_ENTRY_SIZE_MAX || e->err_len > HP_ENTRY_SIZE_MAX - e->out_len)
		return hp_err_set(err, HP_EXHAUSTED, "entry: the diagnostics exceed %u bytes", HP_ENTRY_SIZE_MAX);
	sum = e->out_len + e->err_len;
	for (size_t i = 0; i < e->outputs_len; i++) {
		if (e->outputs[i].len > HP_ENTRY_SIZE_MAX - sum)
			return hp_err_set(err, HP_EXHAUSTED, "entry: the outputs exceed %u bytes", HP_ENTRY_SIZE_MAX);
		sum += e->outputs[i].len;
		if (e->outputs[i].role == 0 || e->outputs[i].mode_extra > CACHE_OUTPUT_MODE_MAX)
			return hp_err_set(err, HP_INVALID, "entry: output %zu has no role or mode 0%o", i,
			                  e->outputs[i].mode_extra);
		if (!cache_output_name_ok(text(e->outputs[i].name)))
			return hp_err_set(err, HP_INVALID, "entry: output %zu has a name that is none", i);
	}
	if (e->flags & ~CACHE_ENTRY_FLAGS)
		return hp_err_set(err, HP_INVALID, "entry: unknown flags %#x", e->flags);
	return 0;
}

static void put_head(uint8_t head[CACHE_HEAD_LEN], const struct cache_entry *e)
{
	memcpy(head + CACHE_HEAD_MAGIC, CACHE_ENTRY_MAGIC, 4);
	cache_put_u32(head + CACHE_HEAD_VERSION, CACHE_ENTRY_VERSION);
	cache_put_u32(head + CACHE_HEAD_FLAGS, e->flags);
	memcpy(head + CACHE_HEAD_ACTION_KEY, e->action_key.b, CODEC_DIGEST_SIZE);
	memcpy(head + CACHE_HEAD_CLOSURE_KEY, e->closure_key.b, CODEC_DIGEST_SIZE);
}

static int put_sections(struct hp_buf *out, uint8_t head[CACHE_HEAD_LEN], const struct cache_entry *e, int level,
                        struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf raw = {0};
	uint32_t packed;
	size_t start;
	int rc;

	rc = put_meta(&raw, e, err);
	if (rc < 0)
		return rc;
	rc = put_section(out, &raw, META_LEVEL, true, &packed, err);
	if (rc < 0)
		return rc;
	cache_put_u32(head + CACHE_HEAD_META_RAW, (uint32_t)raw.len);
	cache_put_u32(head + CACHE_HEAD_META_PACKED, packed);

	start = out->len;
	put_hashes(out, e);
	cache_put_u32(head + CACHE_HEAD_HASHES, (uint32_t)(out->len - start));

	start = out->len;
	if (level == CACHE_PACK_RAW) {
		put_payload(out, e);
		packed = (uint32_t)(out->len - start);
		cache_put_u32(head + CACHE_HEAD_PAYLOAD_RAW, packed);
	} else {
		hp_buf_reset(&raw);
		put_payload(&raw, e);
		rc = put_section(out, &raw, level, false, &packed, err);
		if (rc < 0)
			return rc;
		cache_put_u32(head + CACHE_HEAD_PAYLOAD_RAW, (uint32_t)raw.len);
	}
	cache_put_u32(head + CACHE_HEAD_PAYLOAD_PACKED, packed);
	return 0;
}

int cache_entry_encode(const struct cache_entry *entry, int level, struct hp_buf *out, struct hp_err *err)
{
	uint8_t head[CACHE_HEAD_LEN] = {0};
	struct codec_digest sum;
	size_t start = out->len;
	int rc;

	rc = check_limits(entry, err);
	if (rc < 0)
		return rc;
	put_head(head, entry);
	hp_buf_append(out, head, sizeof head);
	rc = put_sections(out, head, entry, level, err);
	if (rc < 0) {
		out->len = start;
		out->data[start] = '\0';
		return rc;
	}
	memcpy(out->data + start, head, sizeof head);
	codec_blake3(out->data + start, out->len - start, &sum);
	hp_buf_append(out, sum.b, sizeof sum.b);
	return 0;
}
