/* The small formats of gRPC headers: what is accepted says the same again when it is written and read once more. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/rpc.h"
#include "rpc/wire_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_timeout(const char *text, size_t len)
{
	int64_t ns = rpc_timeout_parse(text, len);
	char again[24];

	if (ns < 0)
		return;
	assert(len <= 9);
	rpc_timeout_format(ns, again);
	assert(rpc_timeout_parse(again, strlen(again)) >= ns);
}

static void check_percent(const char *text, size_t len)
{
	HP_AUTO_BUF struct hp_buf plain = {0};
	HP_AUTO_BUF struct hp_buf wire = {0};
	HP_AUTO_BUF struct hp_buf back = {0};

	rpc_percent_decode(text, len, HP_RPC_STATUS_MESSAGE_SIZE_MAX, &plain);
	assert(plain.len <= HP_RPC_STATUS_MESSAGE_SIZE_MAX && plain.len <= len);
	rpc_percent_encode(plain.data, plain.len, SIZE_MAX, &wire);
	for (size_t i = 0; i < wire.len; i++)
		assert(wire.data[i] >= 0x20 && wire.data[i] <= 0x7e);
	rpc_percent_decode(wire.data, wire.len, SIZE_MAX, &back);
	assert(back.len == plain.len && memcmp(hp_buf_cstr(&back), hp_buf_cstr(&plain), back.len) == 0);
}

static void check_base64(const char *text, size_t len)
{
	HP_AUTO_BUF struct hp_buf raw = {0};
	HP_AUTO_BUF struct hp_buf wire = {0};

	if (!rpc_base64_decode(text, len, &raw))
		return;
	/* One value has one spelling, but for the padding. */
	rpc_base64_encode(raw.data, raw.len, &wire);
	while (len && text[len - 1] == '=')
		len--;
	assert(wire.len == len && memcmp(hp_buf_cstr(&wire), text, len) == 0);
}

static void check_metadata(const char *text, size_t len)
{
	RPC_AUTO_METADATA struct rpc_metadata md = {0};
	size_t name_len = len ? (uint8_t)text[0] % 32 : 0;

	if (len < 1 + name_len)
		return;
	(void)rpc_metadata_take_header(&md, text + 1, name_len, text + 1 + name_len, len - 1 - name_len);
	(void)rpc_metadata_take_header(&md, "x-bin", 5, text, len);
	assert(md.size <= HP_RPC_METADATA_SIZE_MAX);
	for (size_t i = 0; i < md.len; i++)
		assert(md.v[i].value[md.v[i].value_len] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	int status = rpc_status_parse(text, size);

	check_timeout(text, size);
	check_percent(text, size);
	check_base64(text, size);
	check_metadata(text, size);
	assert(status >= -1 && status <= HP_UNAUTHENTICATED);
	assert(rpc_encodings_parse(text, size) & 1);
	return 0;
}
