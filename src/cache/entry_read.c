/* The reader of entries. It trusts nothing: also under a right checksum the bytes may come from another party. */
#include "cache/entry.h"

#include "base/mem.h"
#include "cache/entry_priv.h"
#include "codec/zstd.h"

/* What a decoded entry owns. */
struct memory {
	char *meta; /* unpacked sections; NULL when raw, for then the encoded bytes themselves serve */
	char *payload;
	const char **strs; /* arguments, then variables */
	struct cache_file *files;
	const char **absent;
	char *paths;
	struct cache_output *outputs;
};

static int damaged(struct hp_err *err, const char *what)
{
	return hp_err_set(err, HP_DATA_LOSS, "entry: %s", what);
}

/* Reading: a cursor that, once it met something malformed, stays bad and yields zeroes; callers check before they act on
 * what they read. */
struct cursor {
	const char *at;
	const char *end;
	bool bad;
};

static uint8_t take_byte(struct cursor *c)
{
	if (c->at == c->end) {
		c->bad = true;
		return 0;
	}
	return (uint8_t)*c->at++;
}

static uint64_t take_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = take_byte(c);

		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			if (byte == 0 && shift > 0) /* longer than needed */
				c->bad = true;
			return c->bad ? 0 : v;
		}
	}
	c->bad = true;
	return 0;
}

/* A varint that is at most `max`. */
static uint64_t take_count(struct cursor *c, uint64_t max)
{
	uint64_t v = take_varint(c);

	if (v > max)
		c->bad = true;
	return c->bad ? 0 : v;
}

/* A count of things that each take at least one byte of what is left. */
static size_t take_len(struct cursor *c, size_t max)
{
	size_t left = (size_t)(c->end - c->at);

	return (size_t)take_count(c, max < left ? max : left);
}

static int64_t take_zigzag(struct cursor *c)
{
	uint64_t v = take_varint(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* A NUL-terminated string, in place. */
static const char *take_str(struct cursor *c)
{
	const char *s = c->at;
	const char *nul = c->bad ? NULL : memchr(c->at, '\0', (size_t)(c->end - c->at));

	if (!nul) {
		c->bad = true;
		return "";
	}
	c->at = nul + 1;
	return s;
}

/* Header. */
struct head {
	uint32_t flags;
	uint32_t meta_raw;
	uint32_t meta_packed;
	uint32_t hashes;
	uint32_t payload_raw;
	uint32_t payload_packed;
};

static int read_head(const uint8_t *p, struct head *ret_head, struct hp_err *err)
{
	struct head h = {
	        .flags = cache_get_u32(p + CACHE_HEAD_FLAGS),
	        .meta_raw = cache_get_u32(p + CACHE_HEAD_META_RAW),
	        .meta_packed = cache_get_u32(p + CACHE_HEAD_META_PACKED),
	        .hashes = cache_get_u32(p + CACHE_HEAD_HASHES),
	        .payload_raw = cache_get_u32(p + CACHE_HEAD_PAYLOAD_RAW),
	        .payload_packed = cache_get_u32(p + CACHE_HEAD_PAYLOAD_PACKED),
	};

	if (memcmp(p + CACHE_HEAD_MAGIC, CACHE_ENTRY_MAGIC, 4) != 0)
		return damaged(err, "the magic is not there");
	if (cache_get_u32(p + CACHE_HEAD_VERSION) != CACHE_ENTRY_VERSION)
		return damaged(err, "it is of another version");
	if (h.flags & ~CACHE_ENTRY_FLAGS)
		return damaged(err, "unknown flags");
	if (h.meta_raw > HP_ENTRY_META_SIZE_MAX || h.payload_raw > HP_ENTRY_SIZE_MAX + CACHE_PAYLOAD_TABLE_MAX)
		return damaged(err, "a section is above its limit");
	if (h.meta_packed > h.meta_raw || h.payload_packed > h.payload_raw)
		return damaged(err, "a section grew by packing");
	if (h.hashes < CACHE_HASHES_IDENTITY || (h.hashes - CACHE_HASHES_IDENTITY) % CACHE_HASHES_FILE != 0 ||
	    (h.hashes - CACHE_HASHES_IDENTITY) / CACHE_HASHES_FILE > HP_CLOSURE_FILES_MAX)
		return damaged(err, "the digests do not add up");
	*ret_head = h;
	return 0;
}

static void read_keys(const uint8_t *p, struct codec_digest *ret_action_key, struct codec_digest *ret_closure_key)
{
	memcpy(ret_action_key->b, p + CACHE_HEAD_ACTION_KEY, CODEC_DIGEST_SIZE);
	memcpy(ret_closure_key->b, p + CACHE_HEAD_CLOSURE_KEY, CODEC_DIGEST_SIZE);
}

int cache_entry_peek(const void *head, size_t head_len, struct codec_digest *ret_action_key,
                     struct codec_digest *ret_closure_key, struct hp_err *err)
{
	struct head h;
	int rc;

	if (head_len < CACHE_ENTRY_HEAD_SIZE)
		return damaged(err, "too short");
	rc = read_head(head, &h, err);
	if (rc < 0)
		return rc;
	read_keys(head, ret_action_key, ret_closure_key);
	return 0;
}

/* A section's bytes, unpacked into memory of *ret_own when it was packed. */
static int open_section(const char *data, size_t packed, size_t raw, bool with_dict, char **ret_own,
                        struct cursor *ret_cursor, struct hp_err *err)
{
	HP_AUTO_FREE char *own = NULL;
	int rc;

	if (packed == raw) {
		*ret_cursor = (struct cursor){.at = data, .end = data + raw};
		return 0;
	}
	own = malloc(raw); /* bounded by read_head, and touched only as far as the frame really fills it */
	if (!own)
		return hp_err_set(err, HP_EXHAUSTED, "entry: no memory for %zu bytes", raw);
	rc = codec_zstd_unpack_dict(data, packed, with_dict ? cache_entry_dict : NULL,
	                            with_dict ? cache_entry_dict_len : 0, own, raw, err);
	if (rc < 0)
		return hp_err_wrap(err, "entry");
	*ret_cursor = (struct cursor){.at = own, .end = own + raw};
	*ret_own = hp_steal(own);
	return 0;
}

/* META: the closure. Paths are (directory, name) pairs out of two tables; both passes below read the same columns, the
 * first to check and measure, the second to spell out. */
struct strs {
	const char **v;
	size_t *lens;
	size_t len;
};

static void strs_done(struct strs *s)
{
	free(s->v);
	free(s->lens);
}

static int take_table(struct cursor *c, struct strs *ret_table, struct hp_err *err)
{
	/* every entry of the tables serves at least one path */
	size_t len = take_len(c, HP_CLOSURE_FILES_MAX + HP_CLOSURE_ABSENT_MAX);

	ret_table->v = hp_try_array(len, sizeof *ret_table->v, SIZE_MAX, "entry: paths", err);
	ret_table->lens = hp_try_array(len, sizeof *ret_table->lens, SIZE_MAX, "entry: paths", err);
	if (!ret_table->v || !ret_table->lens)
		return -HP_EXHAUSTED;
	ret_table->len = len;
	for (size_t i = 0; i < len; i++) {
		ret_table->v[i] = take_str(c);
		ret_table->lens[i] = strlen(ret_table->v[i]);
	}
	return c->bad ? damaged(err, "a table of paths is malformed") : 0;
}

struct path_id {
	uint32_t dir;
	uint32_t name;
};

/* Reads the two columns of `len` paths, checks each index and length, and adds what the paths take to *path_bytes. */
static int take_paths(struct cursor *c, const struct strs *dirs, const struct strs *names, struct path_id *ids,
                      size_t len, size_t *path_bytes, struct hp_err *err)
{
	int64_t name = -1;

	for (size_t i = 0; i < len; i++)
		ids[i].dir = (uint32_t)take_count(c, dirs->len - 1);
	for (size_t i = 0; i < len; i++) {
		size_t size;

		/* name is within the table, so that the sum cannot overflow unless the step itself is absurd */
		if (__builtin_add_overflow(name, take_zigzag(c), &name) || name < 0 || (uint64_t)name >= names->len)
			return damaged(err, "a path's name is out of range");
		ids[i].name = (uint32_t)name;
		size = dirs->lens[ids[i].dir] + names->lens[name] + 1;
		*path_bytes += size;
		if (size > HP_PATH_SIZE_MAX || *path_bytes > HP_ENTRY_META_SIZE_MAX)
			return damaged(err, "its paths are too long");
	}
	return c->bad ? damaged(err, "a column of paths is malformed") : 0;
}

static char *spell(const struct strs *dirs, const struct strs *names, struct path_id id, char **at)
{
	char *path = *at;

	memcpy(path, dirs->v[id.dir], dirs->lens[id.dir]);
	memcpy(path + dirs->lens[id.dir], names->v[id.name], names->lens[id.name] + 1);
	*at = path + dirs->lens[id.dir] + names->lens[id.name] + 1;
	return path;
}

static int take_files(struct cursor *c, size_t files_len, struct memory *m, const uint8_t *hashes, struct hp_err *err)
{
	m->files = hp_try_array(files_len, sizeof *m->files, HP_CLOSURE_FILES_MAX, "entry: files", err);
	if (!m->files)
		return -HP_EXHAUSTED;
	for (size_t i = 0; i < files_len; i++) {
		uint8_t bits = take_byte(c);

		if (bits & ~(CACHE_FILE_SYSTEM | CACHE_FILE_PROBE | CACHE_FILE_TIMED | CACHE_FILE_TWIN))
			return damaged(err, "a file has unknown marks");
		m->files[i].system = bits & CACHE_FILE_SYSTEM;
		m->files[i].probe = bits & CACHE_FILE_PROBE;
		m->files[i].timed = bits & CACHE_FILE_TIMED;
		m->files[i].twin = bits & CACHE_FILE_TWIN;
		m->files[i].digest8 = cache_get_u64(hashes + CACHE_HASHES_IDENTITY + CACHE_HASHES_FILE * i);
	}
	return c->bad ? damaged(err, "the closure is cut") : 0;
}

static int take_closure(struct cursor *c, const struct head *h, const uint8_t *hashes, struct memory *m,
                        struct cache_entry *e, struct hp_err *err)
{
	__attribute__((cleanup(strs_done))) struct strs dirs = {0};
	__attribute__((cleanup(strs_done))) struct strs names = {0};
	HP_AUTO_FREE struct path_id *file_ids = NULL;
	HP_AUTO_FREE struct path_id *absent_ids = NULL;
	size_t path_bytes = 0;
	char *at;
	int rc;

	rc = take_table(c, &dirs, err);
	if (rc == 0)
		rc = take_table(c, &names, err);
	if (rc < 0)
		return rc;

	e->files_len = take_len(c, HP_CLOSURE_FILES_MAX);
	if (c->bad || e->files_len != (h->hashes - CACHE_HASHES_IDENTITY) / CACHE_HASHES_FILE)
		return damaged(err, "the files and their digests do not match");
	if (e->files_len && (dirs.len == 0 || names.len == 0))
		return damaged(err, "a path has no parts");
	file_ids = hp_try_array(e->files_len, sizeof *file_ids, HP_CLOSURE_FILES_MAX, "entry: files", err);
	if (!file_ids)
		return -HP_EXHAUSTED;
	rc = take_paths(c, &dirs, &names, file_ids, e->files_len, &path_bytes, err);
	if (rc == 0)
		rc = take_files(c, e->files_len, m, hashes, err);
	if (rc < 0)
		return rc;

	e->absent_len = take_len(c, HP_CLOSURE_ABSENT_MAX);
	if (e->absent_len && (dirs.len == 0 || names.len == 0))
		return damaged(err, "a path has no parts");
	absent_ids = hp_try_array(e->absent_len, sizeof *absent_ids, HP_CLOSURE_ABSENT_MAX, "entry: paths", err);
	m->absent = hp_try_array(e->absent_len, sizeof *m->absent, HP_CLOSURE_ABSENT_MAX, "entry: paths", err);
	if (!absent_ids || !m->absent)
		return -HP_EXHAUSTED;
	rc = take_paths(c, &dirs, &names, absent_ids, e->absent_len, &path_bytes, err);
	if (rc < 0)
		return rc;

	m->paths = hp_try_array(path_bytes, 1, HP_ENTRY_META_SIZE_MAX, "entry: paths", err);
	if (!m->paths)
		return -HP_EXHAUSTED;
	at = m->paths;
	for (size_t i = 0; i < e->files_len; i++)
		m->files[i].path = spell(&dirs, &names, file_ids[i], &at);
	for (size_t i = 0; i < e->absent_len; i++)
		m->absent[i] = spell(&dirs, &names, absent_ids[i], &at);
	e->files = m->files;
	e->absent = m->absent;
	return 0;
}

/* META: what stands before the closure. */
static int take_strings(struct cursor *c, struct memory *m, struct cache_entry *e, struct hp_err *err)
{
	struct cursor look = *c;
	size_t args_len = take_len(&look, HP_ARGS_MAX);
	size_t env_len;

	for (size_t i = 0; i < args_len; i++)
		(void)take_str(&look);
	env_len = take_len(&look, HP_ARGS_MAX);
	if (look.bad)
		return damaged(err, "the arguments are malformed");
	m->strs = hp_try_array(args_len + env_len, sizeof *m->strs, SIZE_MAX, "entry: arguments", err);
	if (!m->strs)
		return -HP_EXHAUSTED;
	(void)take_varint(c);
	for (size_t i = 0; i < args_len; i++)
		m->strs[i] = take_str(c);
	(void)take_varint(c);
	for (size_t i = 0; i < env_len; i++)
		m->strs[args_len + i] = take_str(c);
	if (c->bad)
		return damaged(err, "the environment is malformed");
	e->args = m->strs;
	e->args_len = args_len;
	e->env = m->strs + args_len;
	e->env_len = env_len;
	return 0;
}

static int take_meta(struct cursor *c, const struct head *h, const uint8_t *hashes, struct memory *m,
                     struct cache_entry *e, struct hp_err *err)
{
	int rc;

	memcpy(e->identity.b, hashes, CODEC_DIGEST_SIZE);
	e->created_s = take_varint(c);
	e->compile_ms = (uint32_t)take_count(c, UINT32_MAX);
	e->compiler = take_str(c);
	e->compiler_version = take_str(c);
	e->cwd = take_str(c);
	e->source = take_str(c);
	e->output = take_str(c);
	rc = take_strings(c, m, e, err);
	if (rc == 0)
		rc = take_closure(c, h, hashes, m, e, err);
	if (rc < 0)
		return rc;
	if (c->bad || c->at != c->end)
		return damaged(err, "the metadata has another length");
	return 0;
}

/* `len` bytes in place; the caller has checked that they are there. */
static const char *take_bytes(struct cursor *c, size_t len)
{
	const char *data = c->at;

	c->at += len;
	return data;
}

static int take_payload(struct cursor *c, struct memory *m, struct cache_entry *e, struct hp_err *err)
{
	uint64_t sum;

	e->out_len = (size_t)take_count(c, HP_ENTRY_SIZE_MAX);
	e->err_len = (size_t)take_count(c, HP_ENTRY_SIZE_MAX);
	sum = (uint64_t)e->out_len + e->err_len;
	e->outputs_len = take_len(c, HP_ENTRY_OUTPUTS_MAX);
	m->outputs = hp_try_array(e->outputs_len, sizeof *m->outputs, HP_ENTRY_OUTPUTS_MAX, "entry: outputs", err);
	if (!m->outputs)
		return -HP_EXHAUSTED;
	for (size_t i = 0; i < e->outputs_len; i++) {
		struct cache_output *output = &m->outputs[i];

		output->role = take_byte(c);
		output->mode_extra = (uint32_t)take_count(c, CACHE_OUTPUT_MODE_MAX);
		output->name = take_str(c);
		output->len = (size_t)take_count(c, HP_ENTRY_SIZE_MAX);
		sum += output->len;
		if (c->bad || output->role == 0 || !cache_output_name_ok(output->name))
			return damaged(err, "an output is malformed");
	}
	if (c->bad || sum > HP_ENTRY_SIZE_MAX || sum != (uint64_t)(c->end - c->at))
		return damaged(err, "the outputs have another length");
	e->out = take_bytes(c, e->out_len);
	e->err = take_bytes(c, e->err_len);
	for (size_t i = 0; i < e->outputs_len; i++)
		m->outputs[i].data = take_bytes(c, m->outputs[i].len);
	e->outputs = m->outputs;
	return 0;
}

static int read_sections(const char *data, const struct head *h, unsigned want, struct cache_entry *e,
                         struct hp_err *err)
{
	const char *meta = data + CACHE_HEAD_LEN;
	const char *hashes = meta + h->meta_packed;
	const char *payload = hashes + h->hashes;
	struct memory *m = e->memory;
	struct cursor c;
	int rc;

	if (want & CACHE_WANT_META) {
		rc = open_section(meta, h->meta_packed, h->meta_raw, true, &m->meta, &c, err);
		if (rc == 0)
			rc = take_meta(&c, h, (const uint8_t *)hashes, m, e, err);
		if (rc < 0)
			return rc;
	}
	if (want & CACHE_WANT_PAYLOAD) {
		rc = open_section(payload, h->payload_packed, h->payload_raw, false, &m->payload, &c, err);
		if (rc == 0)
			rc = take_payload(&c, m, e, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int cache_entry_decode(const void *data, size_t len, unsigned want, struct cache_entry *ret_entry, struct hp_err *err)
{
	struct cache_entry e = {0};
	struct head h;
	int rc;

	if (len < CACHE_HEAD_LEN + CACHE_HASHES_IDENTITY + CODEC_DIGEST_SIZE)
		return damaged(err, "too short");
	rc = read_head(data, &h, err);
	if (rc < 0)
		return rc;
	if (len != (uint64_t)CACHE_HEAD_LEN + h.meta_packed + h.hashes + h.payload_packed + CODEC_DIGEST_SIZE)
		return damaged(err, "cut, or with bytes behind it");
	if (!(want & CACHE_TRUSTED)) {
		struct codec_digest sum;

		codec_blake3(data, len - CODEC_DIGEST_SIZE, &sum);
		if (memcmp(sum.b, (const char *)data + len - CODEC_DIGEST_SIZE, CODEC_DIGEST_SIZE) != 0)
			return damaged(err, "the checksum differs");
	}
	e.flags = h.flags;
	read_keys(data, &e.action_key, &e.closure_key);
	e.memory = hp_zalloc(sizeof(struct memory));
	rc = read_sections(data, &h, want, &e, err);
	if (rc < 0) {
		cache_entry_done(&e);
		return rc;
	}
	*ret_entry = e;
	return 0;
}

void cache_entry_done(struct cache_entry *entry)
{
	struct memory *m = entry->memory;

	if (m) {
		free(m->meta);
		free(m->payload);
		free(m->strs);
		free(m->files);
		free(m->absent);
		free(m->paths);
		free(m->outputs);
		free(m);
	}
	*entry = (struct cache_entry){0};
}
