#include "rpc/wire_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "rpc/conn_priv.h"

/* The units of grpc-timeout, finest first. */
static const struct {
	char name;
	int64_t ns;
} units[] = {
        {'n', 1},
        {'u', 1000},
        {'m', 1000LL * 1000},
        {'S', 1000LL * 1000 * 1000},
        {'M', 60LL * 1000 * 1000 * 1000},
        {'H', 3600LL * 1000 * 1000 * 1000},
};
#define TIMEOUT_DIGITS_MAX 8
#define TIMEOUT_VALUE_MAX 99999999
/* Thirty years: added to any clock it overflows nothing. */
#define TIMEOUT_NS_MAX (30LL * 365 * 86400 * 1000000000)

int64_t rpc_timeout_parse(const char *text, size_t len)
{
	int64_t value = 0;

	if (len < 2 || len > TIMEOUT_DIGITS_MAX + 1)
		return -1;
	for (size_t i = 0; i + 1 < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	for (size_t i = 0; i < HP_ARRAY_SIZE(units); i++) {
		if (units[i].name == text[len - 1])
			return value > TIMEOUT_NS_MAX / units[i].ns ? TIMEOUT_NS_MAX : value * units[i].ns;
	}
	return -1;
}

void rpc_timeout_format(int64_t timeout_ns, char ret_text[24])
{
	size_t unit = 0;
	int64_t value;

	if (timeout_ns < 0)
		timeout_ns = 0;
	if (timeout_ns > TIMEOUT_NS_MAX)
		timeout_ns = TIMEOUT_NS_MAX;
	for (;; unit++) {
		value = timeout_ns / units[unit].ns + (timeout_ns % units[unit].ns != 0);
		if (value <= TIMEOUT_VALUE_MAX)
			break;
	}
	(void)snprintf(ret_text, 24, "%" PRId64 "%c", value, units[unit].name);
}

void rpc_percent_encode(const char *text, size_t len, size_t limit, struct hp_buf *out)
{
	if (len > limit)
		len = limit;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c <= 0x7e && c != '%')
			hp_buf_char(out, (char)c);
		else
			hp_buf_printf(out, "%%%02X", c);
	}
}

void rpc_percent_decode(const char *text, size_t len, size_t limit, struct hp_buf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < len && out->len - start < limit; i++) {
		int high = text[i] == '%' && i + 2 < len ? hp_hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hp_hex_digit(text[i + 2]) : -1;
		unsigned char c = (unsigned char)text[i];

		if (low >= 0) {
			c = (unsigned char)(high << 4 | low);
			i += 2;
		}
		hp_buf_char(out, (char)(c < 0x20 || c == 0x7f ? '?' : c));
	}
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void rpc_base64_encode(const void *data, size_t len, struct hp_buf *out)
{
	const unsigned char *in = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t)in[i] << 16 | (uint32_t)(n > 1 ? in[i + 1] : 0) << 8 |
		                 (uint32_t)(n > 2 ? in[i + 2] : 0);

		for (size_t d = 0; d <= n; d++)
			hp_buf_char(out, base64_digits[group >> (18 - 6 * d) & 63]);
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool rpc_base64_decode(const char *text, size_t len, struct hp_buf *out)
{
	uint32_t bits = 0;
	unsigned bits_len = 0;
	size_t padding = 0;

	while (len && padding < 2 && text[len - 1] == '=') {
		len--;
		padding++;
	}
	if (len % 4 == 1 || (padding && (len + padding) % 4 != 0))
		return false;
	for (size_t i = 0; i < len; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		bits_len += 6;
		if (bits_len >= 8) {
			bits_len -= 8;
			hp_buf_char(out, (char)(bits >> bits_len & 0xff));
		}
	}
	/* What is left of the last digit must be zero: one value has one spelling. */
	return (bits & ((1u << bits_len) - 1)) == 0;
}

int rpc_status_parse(const char *text, size_t len)
{
	unsigned value = 0;

	if (len == 0 || len > 6)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	return value > HP_UNAUTHENTICATED ? HP_UNKNOWN : (int)value;
}

enum hp_code rpc_code_from_http(int status)
{
	switch (status) {
	case 400:
		return HP_INTERNAL;
	case 401:
		return HP_UNAUTHENTICATED;
	case 403:
		return HP_DENIED;
	case 404:
		return HP_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return HP_UNAVAILABLE;
	default:
		return HP_UNKNOWN;
	}
}

enum hp_code rpc_code_from_reset(uint32_t error_code)
{
	switch (error_code) {
	case 7: /* REFUSED_STREAM */
		return HP_UNAVAILABLE;
	case 8: /* CANCEL */
		return HP_CANCELLED;
	case 11: /* ENHANCE_YOUR_CALM */
		return HP_EXHAUSTED;
	case 12: /* INADEQUATE_SECURITY */
		return HP_DENIED;
	default:
		return HP_INTERNAL;
	}
}

const char *const rpc_encoding_names[RPC_ENCODINGS] = {"identity", "gzip", "zstd"};

int rpc_encoding_parse(const char *name)
{
	for (int i = 0; i < RPC_ENCODINGS; i++) {
		if (strcmp(rpc_encoding_names[i], name) == 0)
			return i;
	}
	return -1;
}

unsigned rpc_encodings_parse(const char *text, size_t len)
{
	unsigned set = 1u << RPC_IDENTITY;

	for (size_t at = 0; at < len;) {
		const char *comma = memchr(text + at, ',', len - at);
		size_t end = comma ? (size_t)(comma - text) : len;
		size_t from = at;
		size_t to = end;

		while (from < to && text[from] == ' ')
			from++;
		while (to > from && text[to - 1] == ' ')
			to--;
		for (unsigned i = 0; i < RPC_ENCODINGS; i++) {
			if (strlen(rpc_encoding_names[i]) == to - from &&
			    memcmp(rpc_encoding_names[i], text + from, to - from) == 0)
				set |= 1u << i;
		}
		at = end + 1;
	}
	return set;
}
