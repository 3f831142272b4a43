#include "rpc/metadata.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/wire_priv.h"

void rpc_metadata_done(struct rpc_metadata *md)
{
	for (size_t i = 0; i < md->len; i++) {
		free(md->v[i].name);
		free(md->v[i].value);
	}
	free(md->v);
	*md = (struct rpc_metadata){0};
}

const struct rpc_entry *rpc_metadata_find(const struct rpc_metadata *md, const char *name)
{
	for (size_t i = 0; i < md->len; i++) {
		if (hp_streq(md->v[i].name, name))
			return &md->v[i];
	}
	return NULL;
}

bool rpc_name_is_bin(const char *name, size_t len)
{
	return len > 4 && memcmp(name + len - 4, "-bin", 4) == 0;
}

static bool name_ok(const char *name, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
			return false;
	}
	return true;
}

/* Names that are the protocol's own, or that HTTP/2 forbids. */
static bool name_reserved(const char *name)
{
	static const char *const names[] = {"te",         "content-type",    "user-agent",        "host",
	                                    "connection", "keep-alive",      "transfer-encoding", "upgrade",
	                                    "cookie",     "proxy-connection"};

	if (hp_startswith(name, "grpc-"))
		return true;
	for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++) {
		if (hp_streq(name, names[i]))
			return true;
	}
	return false;
}

/* Visible ASCII and spaces, none at either end: HTTP strips those there. */
static bool value_ok(const char *value, size_t len)
{
	if (len && (value[0] == ' ' || value[len - 1] == ' '))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < 0x20 || value[i] > 0x7e)
			return false;
	}
	return true;
}

bool rpc_metadata_put(struct rpc_metadata *md, const char *name, size_t name_len, char *take_value, size_t value_len)
{
	size_t size = name_len + value_len + 32;

	if (size > HP_RPC_METADATA_SIZE_MAX || md->size > HP_RPC_METADATA_SIZE_MAX - size) {
		free(take_value);
		return false;
	}
	if (md->len == md->cap) {
		md->cap = md->cap ? md->cap * 2 : 4;
		md->v = hp_realloc(md->v, md->cap * sizeof *md->v);
	}
	md->v[md->len++] = (struct rpc_entry){
	        .name = hp_strndup(name, name_len),
	        .value = take_value,
	        .value_len = value_len,
	};
	md->size += size;
	return true;
}

int rpc_metadata_add(struct rpc_metadata *md, const char *name, const void *value, size_t len, struct hp_err *err)
{
	size_t name_len = strlen(name);
	char *copy;

	if (!name_ok(name, name_len) || name_reserved(name))
		return hp_err_set(err, HP_INVALID, "metadata cannot be named %.64s", name);
	if (!rpc_name_is_bin(name, name_len) && !value_ok(value, len))
		return hp_err_set(err, HP_INVALID, "the value of metadata %.64s is not printable ASCII", name);
	if (len > HP_RPC_METADATA_SIZE_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "metadata %.64s is too large", name);
	copy = hp_alloc(len + 1);
	if (len)
		memcpy(copy, value, len);
	copy[len] = '\0';
	if (!rpc_metadata_put(md, name, name_len, copy, len))
		return hp_err_set(err, HP_EXHAUSTED, "metadata is larger than %u bytes", HP_RPC_METADATA_SIZE_MAX);
	return 0;
}

int rpc_metadata_take_header(struct rpc_metadata *md, const char *name, size_t name_len, const char *value,
                             size_t value_len)
{
	char *copy;

	if (value_len > HP_RPC_METADATA_SIZE_MAX)
		return -HP_EXHAUSTED;
	if (!rpc_name_is_bin(name, name_len)) {
		copy = hp_strndup(value, value_len);
		return rpc_metadata_put(md, name, name_len, copy, value_len) ? 0 : -HP_EXHAUSTED;
	}
	/* Several values may be joined by commas. */
	for (size_t at = 0; at <= value_len;) {
		const char *comma = memchr(value + at, ',', value_len - at);
		size_t part = comma ? (size_t)(comma - value) - at : value_len - at;
		struct hp_buf raw = {0};
		size_t raw_len;

		if (!rpc_base64_decode(value + at, part, &raw)) {
			hp_buf_done(&raw);
			return -HP_INVALID;
		}
		raw_len = raw.len;
		if (!rpc_metadata_put(md, name, name_len, hp_buf_steal(&raw), raw_len))
			return -HP_EXHAUSTED;
		at += part + 1;
	}
	return 0;
}
