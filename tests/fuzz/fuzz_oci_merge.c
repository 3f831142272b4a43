/* Layers of an image in a small language, one entry a line: kind letter, path, a tab and the target; "L" begins the next
 * lower layer. Whatever comes, the merge refuses it or gives a tree that the writer takes; and the same lines give the
 * same image. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "oci/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sink_write(void *ctx, uint64_t offset, const void *data, size_t len, struct hp_err *err)
{
	(void)err;
	codec_hasher_add_u64(ctx, offset);
	codec_hasher_add(ctx, data, len);
	return 0;
}

static int sink_cut(void *ctx, uint64_t size, struct hp_err *err)
{
	(void)ctx;
	(void)size;
	(void)err;
	return 0;
}

static int add_line(struct oci_merge *m, struct sqfs_writer *w, const char *line)
{
	static const char letters[] = " fdlhpcbo";
	const char *kind = strchr(letters, line[0]);
	HP_AUTO_FREE char *path = hp_strdup(line + 1);
	char *tab = strchr(path, '\t');
	struct oci_entry e = {
	        .path = path, .mode = 07777, .uid = (unsigned char)line[1], .target = tab ? tab + 1 : NULL};
	uint32_t content;
	uint32_t file;
	int r;

	if (!kind || kind == letters)
		return 0;
	if (tab)
		*tab = '\0';
	e.kind = (enum oci_kind)(kind - letters);
	r = oci_merge_entry(m, &e, &file, NULL);
	if (r <= 0)
		return r;
	assert(e.kind == OCI_FILE);
	assert(sqfs_content_append(w, line, strlen(line), NULL) == 0);
	assert(sqfs_content_end(w, &content, NULL) == 0);
	oci_merge_content(m, file, content);
	return 0;
}

/* One layer, a second time where it is asked for. Returns what follows it, or NULL when it was refused. */
static char *add_layer(struct oci_merge *m, struct sqfs_writer *w, char *lines)
{
	char *end = strstr(lines, "\nL\n");
	char *next = end ? end + 3 : lines + strlen(lines);
	int r = 0;

	oci_merge_layer_begin(m);
	for (int pass = 0; pass < 2; pass++) {
		for (const char *at = lines; r >= 0 && at < next && *at;) {
			size_t len = strcspn(at, "\n");
			HP_AUTO_FREE char *line = hp_strndup(at, len);

			r = len ? add_line(m, w, line) : 0;
			at += len + (at[len] == '\n');
		}
		if (r < 0)
			return NULL;
		r = oci_merge_layer_end(m, NULL);
		if (r != 1)
			return r < 0 ? NULL : next;
		assert(pass == 0);
		oci_merge_layer_again(m);
		r = 0;
	}
	return next;
}

/* False when it was refused. */
static bool build(const uint8_t *data, size_t size, uint64_t seed, struct codec_digest *ret_digest)
{
	static const struct sqfs_options options = {.compression = CODEC_PACKER_ZSTD, .level = 1};
	const struct oci_merge_options merge = {.seed = seed};
	HP_AUTO_FREE char *text = hp_strndup((const char *)data, size);
	struct codec_hasher hasher;
	const struct sqfs_sink sink = {.write = sink_write, .cut = sink_cut, .ctx = &hasher};
	struct oci_merge *m = oci_merge_new(&merge);
	struct sqfs_writer *w;
	struct hp_err err = {0};
	uint64_t image_size;
	char *at = text;
	bool ok;

	codec_hasher_init(&hasher);
	assert(sqfs_writer_new(&options, &sink, &sqfs_pool_serial, &w, NULL) == 0);
	while (at && *at)
		at = add_layer(m, w, at);
	ok = at != NULL;
	if (ok) {
		int r = oci_merge_write(m, OCI_NO_AGENT, w, &err);

		assert(r == 0 || r == -HP_DENIED);
		ok = r == 0;
		if (ok)
			assert(sqfs_finish(w, &image_size, &err) == 0);
	}
	codec_hasher_end(&hasher, ret_digest);
	sqfs_writer_free(w);
	oci_merge_free(m);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct codec_digest one;
	struct codec_digest two;

	if (size > 4096)
		return 0;
	assert(build(data, size, 1, &one) == build(data, size, 2, &two));
	assert(codec_digest_eq(&one, &two));
	return 0;
}
