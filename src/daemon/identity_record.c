#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "daemon/identity_priv.h"
#include "proto/wire.h"

#define RECORD_VERSION 1

struct record {
	uint64_t version;
	uint64_t family;
	struct proto_bytes text; /* compiler's version line */
	struct proto_bytes digest;
	struct proto_list quote_dirs;
	struct proto_list angle_dirs;
	struct proto_list files;
	struct proto_bytes stamps; /* struct sys_stamp per file: same machine, same build, or the checksum differs */
	struct proto_list missing;
};

#define AT(member) offsetof(struct record, member)
static const struct proto_field record_fields[] = {
        {1, PROTO_U64, AT(version)},  {2, PROTO_U64, AT(family)},      {3, PROTO_BYTES, AT(text)},
        {4, PROTO_BYTES, AT(digest)}, {5, PROTO_LIST, AT(quote_dirs)}, {6, PROTO_LIST, AT(angle_dirs)},
        {7, PROTO_LIST, AT(files)},   {8, PROTO_BYTES, AT(stamps)},    {9, PROTO_LIST, AT(missing)},
};
static const struct proto_desc record_desc = {"identity record", record_fields, HP_ARRAY_SIZE(record_fields),
                                              sizeof(struct record)};

static struct proto_list borrow(const struct hp_strv *sv)
{
	struct proto_list list = {.v = hp_alloc(sv->len * sizeof *list.v), .len = sv->len};

	for (size_t i = 0; i < sv->len; i++)
		list.v[i] = proto_str(sv->v[i]);
	return list;
}

void daemon_identity_encode(const struct daemon_identity *id, struct hp_buf *out)
{
	struct record r = {
	        .version = RECORD_VERSION,
	        .family = id->family,
	        .text = proto_str(id->version),
	        .digest = {(const char *)id->digest.b, sizeof id->digest.b},
	        .quote_dirs = borrow(&id->quote_dirs),
	        .angle_dirs = borrow(&id->angle_dirs),
	        .files = borrow(&id->files),
	        .stamps = {(const char *)id->stamps, id->files.len * sizeof *id->stamps},
	        .missing = borrow(&id->missing),
	};
	struct codec_digest sum;
	size_t start = out->len;

	proto_encode(&record_desc, &r, out);
	proto_done(&record_desc, &r);
	codec_blake3(out->data + start, out->len - start, &sum);
	hp_buf_append(out, sum.b, sizeof sum.b);
}

static void own(struct hp_strv *dst, const struct proto_list *src)
{
	for (size_t i = 0; i < src->len; i++)
		hp_strv_addn(dst, src->v[i].data, src->v[i].len);
}

struct daemon_identity *daemon_identity_decode(const void *data, size_t len)
{
	struct daemon_identity *id;
	struct codec_digest sum;
	struct record r;

	if (len < sizeof sum.b)
		return NULL;
	len -= sizeof sum.b;
	codec_blake3(data, len, &sum);
	if (memcmp(sum.b, (const char *)data + len, sizeof sum.b) != 0 ||
	    proto_decode(&record_desc, data, len, HP_CLOSURE_FILES_MAX, &r, NULL) < 0)
		return NULL;
	if (r.version != RECORD_VERSION || r.digest.len != CODEC_DIGEST_SIZE ||
	    r.stamps.len != r.files.len * sizeof *id->stamps ||
	    (r.family != CC_FAMILY_GCC && !cc_family_is_clang((enum cc_family)r.family))) {
		proto_done(&record_desc, &r);
		return NULL;
	}
	id = daemon_identity_new();
	id->family = (enum cc_family)r.family;
	id->version = hp_strndup(r.text.data, r.text.len);
	memcpy(id->digest.b, r.digest.data, sizeof id->digest.b);
	own(&id->quote_dirs, &r.quote_dirs);
	own(&id->angle_dirs, &r.angle_dirs);
	own(&id->files, &r.files);
	own(&id->missing, &r.missing);
	id->stamps = hp_memdup(r.stamps.data, r.stamps.len);
	id->trusted = true;
	proto_done(&record_desc, &r);
	return id;
}
