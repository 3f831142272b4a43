#include "proto/wire.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_LEN = 2,
	WIRE_FIXED32 = 5,
};

static void put_varint(struct hp_buf *out, uint64_t v)
{
	char tmp[10];
	size_t n = 0;

	do {
		tmp[n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v);
	hp_buf_append(out, tmp, n);
}

void proto_put_bytes(struct hp_buf *out, uint32_t number, const void *data, size_t len)
{
	put_varint(out, (uint64_t)number << 3 | WIRE_LEN);
	put_varint(out, len);
	hp_buf_append(out, data, len);
}

void proto_encode(const struct proto_desc *desc, const void *msg, struct hp_buf *out)
{
	for (size_t i = 0; i < desc->fields_len; i++) {
		const struct proto_field *f = &desc->fields[i];
		const void *member = (const char *)msg + f->offset;

		switch (f->type) {
		case PROTO_U64: {
			uint64_t v = *(const uint64_t *)member;

			if (v) {
				put_varint(out, (uint64_t)f->number << 3 | WIRE_VARINT);
				put_varint(out, v);
			}
			break;
		}
		case PROTO_BYTES: {
			const struct proto_bytes *b = member;

			if (b->len)
				proto_put_bytes(out, f->number, b->data, b->len);
			break;
		}
		case PROTO_LIST: {
			const struct proto_list *l = member;

			for (size_t k = 0; k < l->len; k++)
				proto_put_bytes(out, f->number, l->v[k].data, l->v[k].len);
			break;
		}
		}
	}
}

struct reader {
	const unsigned char *p;
	const unsigned char *end;
};

static bool take_varint(struct reader *r, uint64_t *ret_v)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char c;

		if (r->p == r->end)
			return false;
		c = *r->p++;
		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret_v = v;
			return true;
		}
	}
	return false;
}

struct item {
	uint32_t number;
	enum wire_type type;
	uint64_t value;          /* WIRE_VARINT */
	struct proto_bytes body; /* WIRE_LEN */
};

static bool skip_fixed(struct reader *r, size_t size)
{
	if ((size_t)(r->end - r->p) < size)
		return false;
	r->p += size;
	return true;
}

static bool take_item(struct reader *r, struct item *ret_item)
{
	uint64_t tag;

	if (!take_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return false;
	ret_item->number = (uint32_t)(tag >> 3);
	ret_item->type = (enum wire_type)(tag & 7);
	switch (ret_item->type) {
	case WIRE_VARINT:
		return take_varint(r, &ret_item->value);
	case WIRE_FIXED64:
		return skip_fixed(r, 8);
	case WIRE_FIXED32:
		return skip_fixed(r, 4);
	case WIRE_LEN: {
		uint64_t len;

		if (!take_varint(r, &len) || len > (uint64_t)(r->end - r->p))
			return false;
		ret_item->body = (struct proto_bytes){.data = (const char *)r->p, .len = (size_t)len};
		r->p += len;
		return true;
	}
	}
	return false;
}

/* Room grows with what has really arrived, so a peer's count is never believed. */
static bool list_add(struct proto_list *list, size_t list_max, struct proto_bytes body)
{
	if (list->len >= list_max)
		return false;
	if ((list->len & (list->len - 1)) == 0)
		list->v = hp_realloc(list->v, (list->len ? list->len * 2 : 1) * sizeof *list->v);
	list->v[list->len++] = body;
	return true;
}

static bool store_item(const struct proto_desc *desc, const struct item *item, size_t list_max, void *msg)
{
	for (size_t i = 0; i < desc->fields_len; i++) {
		const struct proto_field *f = &desc->fields[i];
		void *member = (char *)msg + f->offset;

		if (f->number != item->number)
			continue;
		if (item->type != (f->type == PROTO_U64 ? WIRE_VARINT : WIRE_LEN))
			return false;
		if (f->type == PROTO_U64)
			*(uint64_t *)member = item->value;
		else if (f->type == PROTO_BYTES)
			*(struct proto_bytes *)member = item->body;
		else
			return list_add(member, list_max, item->body);
		return true;
	}
	return true;
}

int proto_decode(const struct proto_desc *desc, const void *data, size_t len, size_t list_max, void *ret_msg,
                 struct hp_err *err)
{
	struct reader r = {.p = data, .end = (const unsigned char *)data + len};

	memset(ret_msg, 0, desc->size);
	while (r.p < r.end) {
		struct item item;

		if (!take_item(&r, &item) || !store_item(desc, &item, list_max, ret_msg)) {
			proto_done(desc, ret_msg);
			return hp_err_set(err, HP_INVALID, "%s: malformed message", desc->name);
		}
	}
	return 0;
}

void proto_done(const struct proto_desc *desc, void *msg)
{
	for (size_t i = 0; i < desc->fields_len; i++) {
		if (desc->fields[i].type == PROTO_LIST) {
			struct proto_list *list = (struct proto_list *)((char *)msg + desc->fields[i].offset);

			free(list->v);
		}
	}
	memset(msg, 0, desc->size);
}

int proto_take_envelope(const void *data, size_t len, uint32_t *ret_number, struct proto_bytes *ret_body,
                        struct hp_err *err)
{
	struct reader r = {.p = data, .end = (const unsigned char *)data + len};
	struct item item;

	if (!take_item(&r, &item) || item.type != WIRE_LEN || r.p != r.end)
		return hp_err_set(err, HP_INVALID, "frame: not one message");
	*ret_number = item.number;
	*ret_body = item.body;
	return 0;
}
