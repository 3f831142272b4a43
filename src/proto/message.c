#include "proto/message.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"

/* What an allocation costs beyond its size, at most. */
#define ALLOCATION_COST 32

enum wire {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_LEN = 2,
	WIRE_FIXED32 = 5,
};

/* A message under way; those within messages are walked with a stack of these instead of recursion. */
struct level {
	const ProtobufCMessageDescriptor *desc;
	const unsigned char *end;
};

struct walk {
	const unsigned char *p;
	size_t memory;
	size_t memory_max;
	size_t unknown;
	struct level levels[HP_PROTO_DEPTH_MAX];
	size_t depth;
};

static bool take_varint(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char c;

		if (*p == end)
			return false;
		c = *(*p)++;
		if (shift == 63 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF) without NUL, which C strings cannot hold. */
static bool text_ok(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = p[i];
		size_t more = c < 0x80                ? 0
		              : c >= 0xc2 && c < 0xe0 ? 1
		              : c >= 0xe0 && c < 0xf0 ? 2
		              : c >= 0xf0 && c < 0xf5 ? 3
		                                      : 4;

		if (c == 0 || more == 4 || len - i <= more)
			return false;
		for (size_t k = 1; k <= more; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		}
		if ((c == 0xe0 && p[i + 1] < 0xa0) || (c == 0xed && p[i + 1] > 0x9f) ||
		    (c == 0xf0 && p[i + 1] < 0x90) || (c == 0xf4 && p[i + 1] > 0x8f))
			return false;
		i += more + 1;
	}
	return true;
}

static int malformed(struct hp_err *err, const struct walk *w)
{
	return hp_err_set(err, HP_INVALID, "%s: malformed message", w->levels[w->depth - 1].desc->short_name);
}

static int spend(struct walk *w, size_t size, struct hp_err *err)
{
	if (size > w->memory_max || w->memory > w->memory_max - size)
		return hp_err_set(err, HP_EXHAUSTED, "%s: a message that takes more than %zu bytes of memory",
		                  w->levels[0].desc->short_name, w->memory_max);
	w->memory += size;
	return 0;
}

static enum wire wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_LEN;
	default:
		return WIRE_VARINT;
	}
}

/* Numbers packed into one field: each takes at most eight bytes in memory. */
static int check_packed(struct walk *w, const ProtobufCFieldDescriptor *field, size_t len, struct hp_err *err)
{
	const unsigned char *p = w->p;
	const unsigned char *end = w->p + len;
	enum wire wire = wire_of(field->type);
	size_t count = wire == WIRE_FIXED32 ? len / 4 : len / 8;

	if ((wire == WIRE_FIXED32 && len % 4) || (wire == WIRE_FIXED64 && len % 8))
		return malformed(err, w);
	if (wire == WIRE_VARINT) {
		for (count = 0; p < end; count++) {
			uint64_t value;

			if (!take_varint(&p, end, &value))
				return malformed(err, w);
		}
	}
	w->p = end;
	return spend(w, count * 8 + ALLOCATION_COST, err);
}

/* The contents of a length-delimited field; a message is entered. */
static int check_contents(struct walk *w, const ProtobufCFieldDescriptor *field, size_t len, struct hp_err *err)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const ProtobufCMessageDescriptor *desc = field->descriptor;

		if (w->depth == HP_PROTO_DEPTH_MAX)
			return hp_err_set(err, HP_INVALID, "%s: messages nest too deep", desc->short_name);
		w->levels[w->depth++] = (struct level){.desc = desc, .end = w->p + len};
		return spend(w, desc->sizeof_message + sizeof(void *) + ALLOCATION_COST, err);
	}
	if (field->type == PROTOBUF_C_TYPE_STRING && !text_ok(w->p, len))
		return hp_err_set(err, HP_INVALID, "%s: not text", field->name);
	w->p += len;
	return spend(w, len + 1 + sizeof(ProtobufCBinaryData) + ALLOCATION_COST, err);
}

static int check_field(struct walk *w, struct hp_err *err)
{
	const struct level *level = &w->levels[w->depth - 1];
	const ProtobufCFieldDescriptor *field;
	uint64_t tag;
	uint64_t value = 0;
	size_t left;

	if (!take_varint(&w->p, level->end, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return malformed(err, w);
	if ((tag & 7) == WIRE_VARINT || (tag & 7) == WIRE_LEN) {
		if (!take_varint(&w->p, level->end, &value))
			return malformed(err, w);
	} else if ((tag & 7) != WIRE_FIXED32 && (tag & 7) != WIRE_FIXED64) {
		return malformed(err, w);
	}
	left = (size_t)(level->end - w->p);
	if ((tag & 7) == WIRE_FIXED32)
		value = 4;
	else if ((tag & 7) == WIRE_FIXED64)
		value = 8;
	else if ((tag & 7) == WIRE_VARINT)
		value = 0;
	if (value > left)
		return malformed(err, w);
	field = protobuf_c_message_descriptor_get_field(level->desc, (unsigned)(tag >> 3));
	if (!field) {
		if (++w->unknown > HP_PROTO_UNKNOWN_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "%s: too many unknown fields", level->desc->short_name);
		w->p += value;
		return spend(w, value + sizeof(ProtobufCMessageUnknownField) + 16 + ALLOCATION_COST, err);
	}
	if ((tag & 7) == WIRE_LEN && wire_of(field->type) != WIRE_LEN) {
		if (field->label != PROTOBUF_C_LABEL_REPEATED)
			return malformed(err, w);
		return check_packed(w, field, (size_t)value, err);
	}
	if ((enum wire)(tag & 7) != wire_of(field->type))
		return malformed(err, w);
	if ((tag & 7) == WIRE_LEN)
		return check_contents(w, field, (size_t)value, err);
	w->p += value;
	return spend(w, 8, err);
}

int proto_check(const ProtobufCMessageDescriptor *desc, const void *data, size_t len, size_t memory_max,
                size_t *ret_memory, struct hp_err *err)
{
	struct walk w = {.p = data, .memory_max = memory_max, .depth = 1};
	int r;

	w.levels[0] = (struct level){.desc = desc, .end = w.p + len};
	r = spend(&w, desc->sizeof_message + ALLOCATION_COST, err);
	while (r == 0 && w.depth > 0) {
		if (w.p == w.levels[w.depth - 1].end)
			w.depth--;
		else
			r = check_field(&w, err);
	}
	if (r == 0 && ret_memory)
		*ret_memory = w.memory;
	return r;
}

int proto_unpack(const ProtobufCMessageDescriptor *desc, const void *data, size_t len, size_t memory_max,
                 ProtobufCMessage **ret_message, struct hp_err *err)
{
	ProtobufCMessage *message;
	int r = proto_check(desc, data, len, memory_max, NULL, err);

	if (r < 0)
		return r;
	message = protobuf_c_message_unpack(desc, NULL, len, data);
	if (!message)
		return hp_err_set(err, HP_INVALID, "%s: malformed message", desc->short_name);
	*ret_message = message;
	return 0;
}
