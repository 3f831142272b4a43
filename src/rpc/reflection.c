#include "rpc/reflection.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "proto/wire.h"

/* Names in one list of a descriptor: generous, ours have a few dozen. */
#define LIST_MAX 4096
/* Messages within messages. */
#define NESTING_MAX 16

/* google.protobuf.FileDescriptorSet and its parts, as far as names go. */
struct set {
	struct proto_list files;
};
static const struct proto_field set_fields[] = {{1, PROTO_LIST, offsetof(struct set, files)}};
static const struct proto_desc set_desc = {"FileDescriptorSet", set_fields, 1, sizeof(struct set)};

struct file {
	struct proto_bytes name;
	struct proto_bytes package;
	struct proto_list dependencies;
	struct proto_list messages;
	struct proto_list enums;
	struct proto_list services;
};
static const struct proto_field file_fields[] = {
        {1, PROTO_BYTES, offsetof(struct file, name)},        {2, PROTO_BYTES, offsetof(struct file, package)},
        {3, PROTO_LIST, offsetof(struct file, dependencies)}, {4, PROTO_LIST, offsetof(struct file, messages)},
        {5, PROTO_LIST, offsetof(struct file, enums)},        {6, PROTO_LIST, offsetof(struct file, services)},
};
static const struct proto_desc file_desc = {"FileDescriptorProto", file_fields, 6, sizeof(struct file)};

/* A message, enum, service or method: a name and what is in it. */
struct part {
	struct proto_bytes name;
	struct proto_list inner;
	struct proto_list enums;
};
static const struct proto_field message_fields[] = {{1, PROTO_BYTES, offsetof(struct part, name)},
                                                    {3, PROTO_LIST, offsetof(struct part, inner)},
                                                    {4, PROTO_LIST, offsetof(struct part, enums)}};
static const struct proto_desc message_desc = {"DescriptorProto", message_fields, 3, sizeof(struct part)};
static const struct proto_field service_fields[] = {{1, PROTO_BYTES, offsetof(struct part, name)},
                                                    {2, PROTO_LIST, offsetof(struct part, inner)}};
static const struct proto_desc service_desc = {"ServiceDescriptorProto", service_fields, 2, sizeof(struct part)};
static const struct proto_field name_fields[] = {{1, PROTO_BYTES, offsetof(struct part, name)}};
static const struct proto_desc name_desc = {"name", name_fields, 1, sizeof(struct part)};

/* One file: its bytes, and what it names. */
struct known_file {
	struct proto_bytes bytes;
	struct file parsed; /* borrows from bytes; lists are ours */
	struct known_file *next;
};

struct rpc_reflection {
	struct known_file *files;
	struct hp_map by_name;   /* "dir/x.proto" → struct known_file */
	struct hp_map by_symbol; /* "package.Message" → struct known_file */
	struct hp_map services;  /* full names */
};

static void name_symbol(struct rpc_reflection *r, struct hp_buf *prefix, struct proto_bytes name,
                        struct known_file *file)
{
	if (prefix->len)
		hp_buf_char(prefix, '.');
	hp_buf_append(prefix, name.data, name.len);
	hp_map_put(&r->by_symbol, prefix->data, prefix->len)->value = file;
}

static void cut(struct hp_buf *buf, size_t len)
{
	buf->len = len;
	if (buf->data)
		buf->data[len] = '\0';
}

/* All parts of a list, by name below the prefix; `inner` are the descriptions of what is in them. */
static int add_parts(struct rpc_reflection *r, const struct proto_list *list, const struct proto_desc *desc,
                     struct hp_buf *prefix, struct known_file *file, unsigned depth, struct hp_err *err)
{
	size_t at = prefix->len;
	int result = 0;

	if (depth > NESTING_MAX)
		return hp_err_set(err, HP_INVALID, "messages nest too deep");
	for (size_t i = 0; result == 0 && i < list->len; i++) {
		struct part part;

		result = proto_decode(desc, list->v[i].data, list->v[i].len, LIST_MAX, &part, err);
		if (result < 0)
			break;
		name_symbol(r, prefix, part.name, file);
		if (desc == &service_desc)
			hp_map_put(&r->services, prefix->data, prefix->len)->value = file;
		if (desc == &message_desc) {
			result = add_parts(r, &part.inner, &message_desc, prefix, file, depth + 1, err);
			if (result == 0)
				result = add_parts(r, &part.enums, &name_desc, prefix, file, depth + 1, err);
		} else if (desc == &service_desc) {
			result = add_parts(r, &part.inner, &name_desc, prefix, file, depth + 1, err);
		}
		proto_done(desc, &part);
		cut(prefix, at);
	}
	return result;
}

static int add_file(struct rpc_reflection *r, struct proto_bytes bytes, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf prefix = {0};
	struct known_file *file = hp_zalloc(sizeof *file);
	int result;

	file->bytes = bytes;
	result = proto_decode(&file_desc, bytes.data, bytes.len, LIST_MAX, &file->parsed, err);
	if (result < 0) {
		free(file);
		return result;
	}
	file->next = r->files;
	r->files = file;
	hp_map_put(&r->by_name, file->parsed.name.data, file->parsed.name.len)->value = file;
	hp_buf_append(&prefix, file->parsed.package.data, file->parsed.package.len);
	result = add_parts(r, &file->parsed.messages, &message_desc, &prefix, file, 0, err);
	if (result == 0)
		result = add_parts(r, &file->parsed.enums, &name_desc, &prefix, file, 0, err);
	if (result == 0)
		result = add_parts(r, &file->parsed.services, &service_desc, &prefix, file, 0, err);
	return result;
}

int rpc_reflection_new(const struct rpc_descriptors *sets, size_t sets_len, struct rpc_reflection **ret_reflection,
                       struct hp_err *err)
{
	struct rpc_reflection *r = hp_zalloc(sizeof *r);
	int result = 0;

	for (size_t i = 0; result == 0 && i < sets_len; i++) {
		struct set set;

		result = proto_decode(&set_desc, sets[i].data, sets[i].len, LIST_MAX, &set, err);
		for (size_t f = 0; result == 0 && f < set.files.len; f++)
			result = add_file(r, set.files.v[f], err);
		if (set.files.v)
			proto_done(&set_desc, &set);
	}
	if (result < 0) {
		rpc_reflection_free(r);
		return result;
	}
	*ret_reflection = r;
	return 0;
}

void rpc_reflection_free(struct rpc_reflection *r)
{
	if (!r)
		return;
	while (r->files) {
		struct known_file *file = r->files;

		r->files = file->next;
		proto_done(&file_desc, &file->parsed);
		free(file);
	}
	hp_map_done(&r->by_name);
	hp_map_done(&r->by_symbol);
	hp_map_done(&r->services);
	free(r);
}

/* ---- Requests and responses. */

struct request {
	struct proto_bytes host;
	struct proto_bytes filename;
	struct proto_bytes symbol;
	struct proto_bytes extension;
	struct proto_bytes extensions_of;
	struct proto_bytes services;
};
static const struct proto_field request_fields[] = {
        {1, PROTO_BYTES, offsetof(struct request, host)},
        {3, PROTO_BYTES, offsetof(struct request, filename)},
        {4, PROTO_BYTES, offsetof(struct request, symbol)},
        {5, PROTO_BYTES, offsetof(struct request, extension)},
        {6, PROTO_BYTES, offsetof(struct request, extensions_of)},
        {7, PROTO_BYTES, offsetof(struct request, services)},
};
static const struct proto_desc request_desc = {"ServerReflectionRequest", request_fields, 6, sizeof(struct request)};

enum {
	RESPONSE_FILES = 4,
	RESPONSE_EXTENSIONS = 5,
	RESPONSE_SERVICES = 6,
	RESPONSE_ERROR = 7,
};

struct failure {
	uint64_t code;
	struct proto_bytes message;
};
static const struct proto_field failure_fields[] = {{1, PROTO_U64, offsetof(struct failure, code)},
                                                    {2, PROTO_BYTES, offsetof(struct failure, message)}};
static const struct proto_desc failure_desc = {"ErrorResponse", failure_fields, 2, sizeof(struct failure)};

static void fail(struct hp_buf *out, enum hp_code code, const char *text)
{
	struct failure failure = {.code = code, .message = proto_str(text)};
	HP_AUTO_BUF struct hp_buf body = {0};

	proto_encode(&failure_desc, &failure, &body);
	proto_put_bytes(out, RESPONSE_ERROR, body.data, body.len);
}

/* The file and all that it imports, each once: `seen` grows as files are put. */
static void put_files(struct rpc_reflection *r, struct known_file *first, struct hp_buf *out)
{
	struct known_file *queue[64];
	HP_AUTO_BUF struct hp_buf body = {0};
	size_t len = 0;

	queue[len++] = first;
	for (size_t at = 0; at < len; at++) {
		const struct proto_list *deps = &queue[at]->parsed.dependencies;

		proto_put_bytes(&body, 1, queue[at]->bytes.data, queue[at]->bytes.len);
		for (size_t d = 0; d < deps->len && len < HP_ARRAY_SIZE(queue); d++) {
			struct known_file *next = hp_map_find(&r->by_name, deps->v[d].data, deps->v[d].len);
			size_t k = 0;

			while (next && k < len && queue[k] != next)
				k++;
			if (next && k == len)
				queue[len++] = next;
		}
	}
	proto_put_bytes(out, RESPONSE_FILES, body.data, body.len);
}

static void put_services(struct rpc_reflection *r, struct hp_buf *out)
{
	HP_AUTO_BUF struct hp_buf body = {0};

	for (size_t i = 0; i < r->services.cap; i++) {
		HP_AUTO_BUF struct hp_buf service = {0};
		const char *name = r->services.slots[i].key;

		if (!name)
			continue;
		proto_put_bytes(&service, 1, name, strlen(name));
		proto_put_bytes(&body, 1, service.data, service.len);
	}
	proto_put_bytes(out, RESPONSE_SERVICES, body.data, body.len);
}

static void respond(struct rpc_reflection *r, const struct request *request, struct hp_buf *out)
{
	struct known_file *file = NULL;

	if (request->services.data) {
		put_services(r, out);
	} else if (request->filename.data || request->symbol.data) {
		if (request->filename.data)
			file = hp_map_find(&r->by_name, request->filename.data, request->filename.len);
		else
			file = hp_map_find(&r->by_symbol, request->symbol.data, request->symbol.len);
		if (file)
			put_files(r, file, out);
		else
			fail(out, HP_NOT_FOUND, "there is no such file or symbol");
	} else if (request->extension.data || request->extensions_of.data) {
		fail(out, HP_NOT_FOUND, "there are no extensions");
	} else {
		fail(out, HP_UNIMPLEMENTED, "not understood");
	}
}

static int info(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf message = {0};
	int r;

	while ((r = rpc_stream_recv(stream, &message, err)) > 0) {
		HP_AUTO_BUF struct hp_buf out = {0};
		struct request request;

		r = proto_decode(&request_desc, hp_buf_cstr(&message), message.len, 1, &request, err);
		if (r < 0)
			return r;
		if (request.host.len)
			proto_put_bytes(&out, 1, request.host.data, request.host.len);
		proto_put_bytes(&out, 2, message.data, message.len);
		respond(ctx, &request, &out);
		r = rpc_stream_send(stream, out.data, out.len, err);
		if (r < 0)
			return r;
	}
	return r;
}

static const struct rpc_method methods[] = {
        {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", RPC_BIDI, info},
        {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", RPC_BIDI, info},
        {0},
};

void rpc_reflection_serve(struct rpc_reflection *reflection, struct rpc_server *server)
{
	rpc_server_add(server, methods, reflection);
}
