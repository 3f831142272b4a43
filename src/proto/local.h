/* The messages between client and daemon (proto/local.proto is the reference; docs/protocol.md tells the story).
 *
 * A frame is a big-endian u32 length and one Frame message, which holds exactly one of the messages below.
 * Client: Hello, Compile (in one write) → daemon: Reply.
 *   Reply HIT or BYPASS ends it. Reply WAIT: another Reply follows when the leader of the same compile is done.
 *   Reply PREPROCESS: the client runs this, showing nothing, and sends Report; another Reply follows.
 *   Reply RUN: the client runs the compiler, sends Report, the daemon answers Ack.
 * Control (after Hello): flush, stop → ControlReply. */
#pragma once

#include "proto/wire.h"

#define PROTO_LOCAL_VERSION 2

enum proto_local_kind {
	PROTO_HELLO = 1,
	PROTO_COMPILE = 2,
	PROTO_REPLY = 3,
	PROTO_REPORT = 4,
	PROTO_ACK = 5,
	PROTO_CONTROL = 6,
	PROTO_CONTROL_REPLY = 7,
};

struct proto_hello {
	uint64_t protocol;
	struct proto_bytes token;
};

struct proto_compile {
	struct proto_bytes compiler; /* absolute path */
	struct proto_bytes argv0;    /* as the user named it; the child gets it back */
	struct proto_list args;      /* argv[1…] */
	struct proto_bytes cwd;      /* physical, absolute */
	struct proto_list env;       /* "NAME=value" of those in cc/environ.h */
	uint64_t umask;
	uint64_t stderr_tty; /* 1: a terminal that compilers colour for */
	uint64_t mount_ns;   /* mount id of "/", or inode of /proc/self/ns/mnt where the kernel has none */
	uint64_t root_dev;   /* of "/", which chroot changes */
	uint64_t root_ino;
};

enum proto_reply_kind {
	PROTO_REPLY_HIT = 1,
	PROTO_REPLY_RUN = 2,
	PROTO_REPLY_BYPASS = 3,
	PROTO_REPLY_WAIT = 4,
	PROTO_REPLY_SPLIT = 5, /* several compiles in one command: one after the other, each through the client */
	PROTO_REPLY_PREPROCESS = 6,
};

struct proto_reply {
	uint64_t kind;          /* enum proto_reply_kind */
	struct proto_bytes out; /* HIT: the compiler's stdout */
	struct proto_bytes err; /* HIT: the compiler's stderr */
	struct proto_list
	        args; /* RUN, PREPROCESS: argv[1…]; SPLIT: for each job the number of its arguments in decimal, and those */
	uint64_t
	        rewrites_deps; /* RUN: the dependency file is the daemon's to write; without Ack run the plain command */
	struct proto_bytes reason; /* for HPCC_DEBUG */
	struct proto_bytes proof; /* the daemon's half of the handshake file: that it is no impostor on a reused port */
};

struct proto_report {
	uint64_t status; /* waitpid's */
	struct proto_bytes out;
	struct proto_bytes err;
	uint64_t truncated; /* the output was more than fits: not storable */
	uint64_t duration_ms;
};

struct proto_ack {
	uint64_t rerun; /* run the user's own command once more, quietly: it must write its dependency file itself */
	struct proto_bytes reason;
};

enum proto_control_kind {
	PROTO_CONTROL_FLUSH = 1, /* ledger and index to disk */
	PROTO_CONTROL_STOP = 2,
	PROTO_CONTROL_FORGET = 3, /* what is remembered of entries and closures */
};

struct proto_control {
	uint64_t kind;
};

struct proto_control_reply {
	uint64_t ok;
	struct proto_bytes text;
};

extern const struct proto_desc proto_hello_desc;
extern const struct proto_desc proto_compile_desc;
extern const struct proto_desc proto_reply_desc;
extern const struct proto_desc proto_report_desc;
extern const struct proto_desc proto_ack_desc;
extern const struct proto_desc proto_control_desc;
extern const struct proto_desc proto_control_reply_desc;

/* The table of a message kind, or NULL. */
const struct proto_desc *proto_local_desc(uint32_t kind);

/* Appends a whole frame, length included. */
void proto_frame(enum proto_local_kind kind, const void *msg, struct hp_buf *out);

/* The length that the four bytes announce, or -1 when it is 0 or above HP_FRAME_SIZE_MAX. */
int64_t proto_frame_len(const unsigned char head[4]);
