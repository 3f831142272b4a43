/* Message encodings. Apart from everything else: a program that does not name rpc_codings_all links no compressor. */
#include <string.h>

#include "codec/gzip.h"
#include "codec/zstd.h"
#include "rpc/conn_priv.h"

static int pack(enum rpc_encoding encoding, const void *data, size_t len, struct hp_buf *out, struct hp_err *err)
{
	return encoding == RPC_GZIP ? codec_gzip_pack(data, len, 1, out, err) : codec_zstd_pack(data, len, 1, out, err);
}

static int unpack(enum rpc_encoding encoding, const void *data, size_t len, size_t limit, struct hp_buf *out,
                  struct hp_err *err)
{
	return encoding == RPC_GZIP ? codec_gzip_unpack(data, len, limit, out, err)
	                            : codec_zstd_unpack_upto(data, len, limit, out, err);
}

const struct rpc_codings rpc_codings_all = {
        .set = 1u << RPC_IDENTITY | 1u << RPC_GZIP | 1u << RPC_ZSTD,
        .accept = "identity,gzip,zstd",
        .pack = pack,
        .unpack = unpack,
};
