/* The two halves of rpc-echo. */
#pragma once

#include "rpc/rpc.h"

/* Ends with a NULL path. */
extern const struct rpc_method cmd_echo_methods[];

/* One or more calls, as the options say; prints what comes back. 0: every status was OK. */
struct cmd_echo_call {
	const char *method;
	const char *payload;
	unsigned size; /* of a made-up payload, when payload is NULL */
	unsigned messages;
	unsigned repeat;
	unsigned delay_ms;
	unsigned fail_code;
	const char *fail_message;
	unsigned deadline_ms;
	unsigned retries;
	unsigned calls;
	unsigned cancel_ms;
	enum rpc_encoding encoding;
	struct rpc_metadata metadata;
};
int cmd_echo_run(struct rpc_channel *channel, const struct cmd_echo_call *call);
