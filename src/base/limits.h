/* Every bound in one place, each with its reason; tests/unit/base/test_limits.c and the tests of the areas go to each
 * limit and one past it. */
#pragma once

/* One frame between client and daemon. A compile's diagnostics and its argument list travel in it; 16 MiB is far above
 * both (ARG_MAX is 2 MiB here), and below what a peer could use to exhaust the daemon with all connections at once. */
#define HP_FRAME_SIZE_MAX (16u << 20)

/* Arguments in one command line, after response files are opened. The kernel's own limit is 2 MiB of text. */
#define HP_ARGS_MAX 65536u

/* Response files inside response files. GCC stops at 2000 expansions, real builds nest once or twice. */
#define HP_RSP_DEPTH_MAX 16u
#define HP_RSP_SIZE_MAX (16u << 20)

/* One path. Longer ones cannot be opened anyway (PATH_MAX, NUL included). */
#define HP_PATH_SIZE_MAX 4096u

/* Files in one closure. Chromium's largest units read about 5,000 headers. */
#define HP_CLOSURE_FILES_MAX 32768u
#define HP_CLOSURE_ABSENT_MAX 262144u

/* JSON inside JSON, in what compilers write of themselves: such files nest three or four levels. */
#define HP_JSON_DEPTH_MAX 32u

/* Bytes of one dependency file. */
#define HP_DEPFILE_SIZE_MAX (16u << 20)

/* One source file that we hash and scan; larger inputs are compiled without the cache. */
#define HP_SOURCE_SIZE_MAX (256u << 20)

/* One entry: the sum of its outputs, unpacked, and how many: GCC with all its dumps on writes about 350 files. */
#define HP_ENTRY_SIZE_MAX (512u << 20)
#define HP_ENTRY_OUTPUTS_MAX 1024u

/* The part of an output's file name that its compiler chose, NUL included: NAME_MAX of the kernel. */
#define HP_OUTPUT_NAME_SIZE_MAX 256u

/* The metadata of one entry, unpacked, and the same again for its paths when spelled out (they share directories at
 * rest, so a few bytes could otherwise ask for gigabytes). 300,000 paths of 200 bytes stay below it. */
#define HP_ENTRY_META_SIZE_MAX (64u << 20)

/* The configuration file. toml++ recurses once per part of a dotted key, also when it frees: 16,000 parts fit the usual
 * 8 MiB stack, so the dots of the whole file are bounded far below that. */
#define HP_CONFIG_SIZE_MAX (64u << 10)
#define HP_CONFIG_DOTS_MAX 2048u
#define HP_CONFIG_CACHES_MAX 8u

/* A project marker: a few roots. Every compile below it compares its paths with each of them. */
#define HP_MARKER_SIZE_MAX (16u << 10)
#define HP_MARKER_ROOTS_MAX 16u
#define HP_MARKER_NAME_MAX 32u

/* A secret read from a file named in the configuration: keys and tokens are a few KiB at most. */
#define HP_SECRET_SIZE_MAX (64u << 10)

/* Connections that the daemon holds at once: one per compile under way. A `make -j` beyond it falls back to compiling
 * without the daemon. */
#define HP_DAEMON_CONNECTIONS_MAX 2048u

/* How long a connection may be silent before its first request, and between the frames of one message. The client
 * sends at once; who does not is no client of ours. */
#define HP_DAEMON_SILENCE_MAX_MS 10000
#define HP_DAEMON_FRAME_MAX_MS 10000

/* The longest compile that the daemon waits for. */
#define HP_DAEMON_COMPILE_MAX_MS (24LL * 3600 * 1000)

/* An image: entries of all layers together, the depth of a path, layers (what common runtimes can stack), the bytes of all
 * files of all layers, and how far a layer may grow when unpacked (gzip cannot exceed 1,032; real layers reach 20) once it
 * has the size from which that is counted. */
#define HP_IMAGE_ENTRIES_MAX (1u << 20)
#define HP_IMAGE_DEPTH_MAX 128u

/* What the merge of layers remembers: names in the tree, those included that paths only imply (one entry of 128 levels
 * makes as many), and the bytes of paths, link targets and attributes of all layers. A million files have some 80 MB of
 * paths; without the bound, small packed layers could ask for tens of gigabytes. */
#define HP_IMAGE_NODES_MAX (1u << 20)
#define HP_IMAGE_NAMES_SIZE_MAX (256u << 20)

#define HP_IMAGE_LAYERS_MAX 127u
#define HP_IMAGE_BYTES_MAX (16ull << 30)
#define HP_IMAGE_RATIO_MAX 200u
#define HP_IMAGE_RATIO_FROM (64ull << 20)

/* Security events of one kind that one image can put into the log, and the program that becomes PID 1 (0.9 MB now). */
#define HP_IMAGE_EVENTS_MAX 8u
#define HP_IMAGE_AGENT_MAX (64u << 20)

/* What describes an image: manifest, index, configuration. Registries accept 4 MiB. */
#define HP_IMAGE_JSON_MAX (4u << 20)

/* A root file system. A complete Debian with every compiler has some 300,000 files of 20 GiB; the tar reader bounds its
 * entries at 2^20 and its bytes at 16 GiB, and each file has at least one block. What the format itself limits: 2^16 - 1
 * users and groups, names of 256 bytes (Linux: 255), targets of a page. */
#define HP_SQFS_INODES_MAX ((1u << 20) + 64u)
#define HP_SQFS_BLOCKS_MAX (1u << 21)
#define HP_SQFS_IDS_MAX 65535u
#define HP_SQFS_NAME_MAX 255u
#define HP_SQFS_TARGET_MAX 4095u
#define HP_SQFS_NAMES_SIZE_MAX (256u << 20)

/* Extended attributes: one value as the kernel takes it, those of one file, and of all files (equal sets count once). */
#define HP_SQFS_XATTR_SIZE_MAX 65536u
#define HP_SQFS_XATTRS_MAX 256u
#define HP_SQFS_XATTRS_SIZE_MAX (64u << 20)

/* One gRPC message, unpacked. gRPC's own default is 4 MiB; a preprocessed C++ unit can be 10 MiB, and blobs travel in
 * chunks far below. */
#define HP_RPC_MESSAGE_SIZE_MAX (16u << 20)

/* Messages within messages of a peer; ours nest four deep. Fields that we do not know: a later version may add a few. */
#define HP_PROTO_DEPTH_MAX 16u
#define HP_PROTO_UNKNOWN_MAX 64u

/* Metadata of one call in one direction, counted as HTTP/2 does (32 bytes more an entry). gRPC's own default is 8 KiB;
 * a token of an identity provider with many groups can be 6 KiB. */
#define HP_RPC_METADATA_SIZE_MAX (16u << 10)
/* A peer that goes on this far beyond it within one block uses compression as a weapon: the connection goes. */
#define HP_RPC_HEADER_BLOCK_SIZE_MAX (256u << 10)

/* A status message, before percent encoding. Ours are at most 256 bytes. */
#define HP_RPC_STATUS_MESSAGE_SIZE_MAX 1024u
/* grpc-status-details-bin. */
#define HP_RPC_DETAILS_SIZE_MAX (4u << 10)

/* The longest method path. */
#define HP_RPC_PATH_SIZE_MAX 256u

/* Calls at once on one connection, running handlers of calls that the peer has reset included: resetting frees nothing
 * before its handler has ended. gRPC servers commonly offer 100. */
#define HP_RPC_STREAMS_MAX 128u
#define HP_RPC_CONNECTIONS_MAX 16384u

/* What a peer may send on one stream before anybody has taken it. With it, a stream of blobs moves 250 MB/s at 1 ms. */
#define HP_RPC_STREAM_WINDOW_SIZE (256u << 10)
/* Bytes of messages of one connection that are beyond the windows: messages under assembly and not yet received. One
 * stream, the oldest with a message under assembly, may always finish, so there is no deadlock. */
#define HP_RPC_CONNECTION_MEMORY_SIZE (64u << 20)
/* A sender waits while more of its stream waits for the peer. */
#define HP_RPC_SEND_BUFFER_SIZE (256u << 10)
/* Frames made but not yet taken by the kernel. Large enough that a write is worth its system call. */
#define HP_RPC_OUT_SIZE (64u << 10)

/* Calls that wait for a thread of the loop, and handlers at once. */
#define HP_RPC_QUEUE_MAX 4096u
#define HP_RPC_HANDLERS_MAX 64u
/* Calls at once in one channel. */
#define HP_RPC_CALLS_MAX 4096u

/* Health Watch calls at once: each holds a handler's thread for as long as it lives. */
#define HP_RPC_HEALTH_WATCHERS_MAX 16u

/* Times. A handshake takes three round trips; a peer that has started a message and stands still holds memory; pings
 * below 5 minutes are refused by other servers unless they are told to allow them. */
#define HP_RPC_HANDSHAKE_MS 10000
#define HP_RPC_STALL_MS 60000
#define HP_RPC_KEEPALIVE_MS 300000
#define HP_RPC_SERVER_KEEPALIVE_MS 60000
#define HP_RPC_KEEPALIVE_TIMEOUT_MS 20000
#define HP_RPC_AGE_GRACE_MS 60000
#define HP_RPC_BACKOFF_MIN_MS 100
#define HP_RPC_BACKOFF_MAX_MS 30000

/* Frames that carry nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, RST_STREAM, unknown ones, empty or padded DATA,
 * calls beyond the allowed number) cost a token each; DATA earns a quarter, DATA that we send earns two, for the window
 * updates that answer it, and time earns some. A peer that runs out is flooding. Cancelling all calls of a few
 * connections at once stays far below. */
#define HP_RPC_FLOOD_BURST 2000u
#define HP_RPC_FLOOD_PER_SECOND 200u
