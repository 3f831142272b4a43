/* Reads a message of the type named on the command line and writes it again: what protoc wrote must come back as it was.
 * `message_tool TYPE MEMORY_MAX <IN >OUT`; exit code 0, or the code of the error, which goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/agent.pb-c.h"
#include "proto/echo.pb-c.h"
#include "proto/message.h"
#include "proto/scheduler.pb-c.h"
#include "proto/worker.pb-c.h"

static const ProtobufCMessageDescriptor *const types[] = {
        &hpcc__agent__v1__exec_request__descriptor,     &hpcc__agent__v1__exec_response__descriptor,
        &hpcc__agent__v1__health_response__descriptor,  &hpcc__v1__authenticate_request__descriptor,
        &hpcc__v1__route_request__descriptor,           &hpcc__v1__route_response__descriptor,
        &hpcc__v1__heartbeat_request__descriptor,       &hpcc__v1__heartbeat_response__descriptor,
        &hpcc__v1__register_worker_request__descriptor, &hpcc__v1__compile_request__descriptor,
        &hpcc__v1__compile_response__descriptor,        &hpcc__v1__probe_compile_cache_request__descriptor,
        &hpcc__test__v1__echo_request__descriptor,
};

int main(int argc, char **argv)
{
	struct hp_buf in HP_AUTO_BUF = {0};
	const ProtobufCMessageDescriptor *desc = NULL;
	ProtobufCMessage *message;
	struct hp_err err = {0};
	char chunk[65536];
	unsigned char *out;
	size_t n;
	int r;

	for (size_t i = 0; argc == 3 && i < HP_ARRAY_SIZE(types); i++) {
		if (strcmp(types[i]->name, argv[1]) == 0)
			desc = types[i];
	}
	if (!desc)
		return 99;
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		hp_buf_append(&in, chunk, n);
	r = proto_unpack(desc, hp_buf_cstr(&in), in.len, strtoul(argv[2], NULL, 10), &message, &err);
	if (r < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return -r;
	}
	n = protobuf_c_message_get_packed_size(message);
	out = hp_alloc(n + 1);
	n = protobuf_c_message_pack(message, out);
	(void)fwrite(out, 1, n, stdout);
	free(out);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
