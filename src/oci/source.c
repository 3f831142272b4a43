#include "oci/source.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/registry.h"

void oci_stream_close(struct oci_stream *take_s)
{
	if (take_s)
		take_s->close(take_s);
}

void oci_source_close(struct oci_source *take_source)
{
	if (take_source)
		take_source->ops->close(take_source);
}

bool oci_digest_valid(const char *digest)
{
	return hp_startswith(digest, "sha256:") && strlen(digest) == OCI_DIGEST_SIZE - 1 &&
	       strspn(digest + strlen("sha256:"), "0123456789abcdef") == 64;
}

void oci_digest_text(const unsigned char sum[OCI_SHA256_SIZE], char ret_digest[OCI_DIGEST_SIZE])
{
	size_t at = (size_t)snprintf(ret_digest, OCI_DIGEST_SIZE, "sha256:");

	for (size_t i = 0; i < OCI_SHA256_SIZE; i++, at += 2)
		(void)snprintf(ret_digest + at, 3, "%02x", sum[i]);
}

/* DIR:TAG. A tag has no slash, so a colon in the folder's path does not matter. */
static char *split_tag(char *path)
{
	char *colon = strrchr(path, ':');

	if (!colon || strchr(colon, '/'))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

int oci_source_open(const char *reference, const struct oci_registry_options *registry, struct oci_source **ret_source,
                    struct hp_err *err)
{
	HP_AUTO_FREE char *path = NULL;
	bool archive = hp_startswith(reference, "oci-archive:");
	struct oci_ref ref;
	const char *tag;
	int r;

	if (!archive && !hp_startswith(reference, "oci:")) {
		r = oci_ref_parse(reference, &ref, err);
		return r < 0 ? r : oci_registry_open(&ref, registry, ret_source, err);
	}
	path = hp_strdup(strchr(reference, ':') + 1);
	tag = split_tag(path);
	if (!path[0] || (tag && !tag[0]))
		return hp_err_set(err, HP_INVALID, "%s: not oci:DIR[:TAG] or oci-archive:FILE[:TAG]", reference);
	return archive ? oci_layout_archive_open(path, tag, ret_source, err)
	               : oci_layout_dir_open(path, tag, ret_source, err);
}

struct blob {
	struct oci_stream base;
	struct oci_stream *inner;
	struct oci_desc desc;
	EVP_MD_CTX *hash;
	int64_t got;
	bool over; /* checked, and right */
};

static int64_t check_end(struct blob *b, struct hp_err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	char text[OCI_DIGEST_SIZE];
	unsigned len = 0;

	if (b->got != b->desc.size)
		return hp_err_set(err, HP_DATA_LOSS, "%s: %lld bytes instead of %lld", b->desc.digest,
		                  (long long)b->got, (long long)b->desc.size);
	if (EVP_DigestFinal_ex(b->hash, sum, &len) != 1 || len != OCI_SHA256_SIZE)
		return hp_err_set(err, HP_INTERNAL, "SHA-256 does not work");
	oci_digest_text(sum, text);
	if (!hp_streq(text, b->desc.digest))
		return hp_err_set(err, HP_DATA_LOSS, "%s: the content has another digest, %s", b->desc.digest, text);
	b->over = true;
	return 0;
}

static int64_t blob_read(struct oci_stream *s, void *buf, size_t size, struct hp_err *err)
{
	struct blob *b = (struct blob *)s;
	int64_t n;

	if (b->over)
		return 0;
	n = b->inner->read(b->inner, buf, size, err);
	if (n < 0)
		return n;
	if (n == 0)
		return check_end(b, err);
	b->got += n;
	if (b->got > b->desc.size)
		return hp_err_set(err, HP_DATA_LOSS, "%s: more than %lld bytes", b->desc.digest,
		                  (long long)b->desc.size);
	if (EVP_DigestUpdate(b->hash, buf, (size_t)n) != 1)
		return hp_err_set(err, HP_INTERNAL, "SHA-256 does not work");
	return n;
}

static void blob_close(struct oci_stream *take_s)
{
	struct blob *b = (struct blob *)take_s;

	oci_stream_close(b->inner);
	EVP_MD_CTX_free(b->hash);
	free(b);
}

int oci_blob_open(struct oci_source *source, const struct oci_desc *desc, struct oci_stream **ret_stream,
                  struct hp_err *err)
{
	struct oci_stream *inner;
	struct blob *b;
	int r = source->ops->open(source, desc, &inner, err);

	if (r < 0)
		return r;
	b = hp_zalloc(sizeof *b);
	*b = (struct blob){.base = {.read = blob_read, .close = blob_close},
	                   .inner = inner,
	                   .desc = *desc,
	                   .hash = EVP_MD_CTX_new()};
	if (!b->hash || EVP_DigestInit_ex(b->hash, EVP_sha256(), NULL) != 1) {
		blob_close(&b->base);
		return hp_err_set(err, HP_INTERNAL, "SHA-256 does not work");
	}
	*ret_stream = &b->base;
	return 0;
}

int oci_blob_read(struct oci_source *source, const struct oci_desc *desc, size_t size_max, struct hp_buf *out,
                  struct hp_err *err)
{
	struct oci_stream *s;
	int64_t n;
	int r;

	if (desc->size < 0 || (uint64_t)desc->size > size_max)
		return hp_err_set(err, HP_EXHAUSTED, "%s: %lld bytes, more than the %zu that are taken", desc->digest,
		                  (long long)desc->size, size_max);
	r = oci_blob_open(source, desc, &s, err);
	if (r < 0)
		return r;
	while ((n = s->read(s, hp_buf_reserve(out, 65536), 65536, err)) > 0)
		hp_buf_added(out, (size_t)n);
	oci_stream_close(s);
	return (int)n;
}
