/* The configuration: TOML text checked into a struct. keys.c has the table of keys, from which the parser, the file that
 * `hpcc init` writes and docs/config.md all come.
 *
 * Where there is no file, everything has its default and no TOML code runs: hpcc-local starts once per compile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

enum config_source_mode {
	CONFIG_SOURCE_DIRECT = 0,
	CONFIG_SOURCE_PREPROCESSED,
};

enum config_cache_type {
	CONFIG_CACHE_DISK = 0,
};

enum config_msvc_zi {
	CONFIG_MSVC_ZI_KEEP = 0,
	CONFIG_MSVC_ZI_Z7,
};

enum config_log_format {
	CONFIG_LOG_LOGFMT = 0,
	CONFIG_LOG_JSON,
};

/* One [[cache]]. */
struct config_cache {
	int type;          /* enum config_cache_type */
	char *location;    /* absolute; never NULL after loading */
	uint64_t size_max; /* bytes; 0: no limit */
	int zstd_level;    /* 0: payloads are stored raw */
	bool read_only;
};

/* All strings are owned; release with config_done. */
struct config {
	char *path;      /* the file this came from; NULL: defaults alone */
	int source_mode; /* enum config_source_mode */
	struct config_cache caches[HP_CONFIG_CACHES_MAX];
	size_t caches_len; /* at least 1 after loading */
	struct {
		uint16_t port; /* on 127.0.0.1; 0: the kernel chooses */
		uint64_t memory_size_max;
		int64_t threads; /* 0: chosen from the number of processors */
	} daemon;
	struct {
		int level;  /* enum hp_log_level */
		int format; /* enum config_log_format */
		char *file; /* absolute; NULL: standard error */
	} log;
	struct {
		bool auto_inject;
	} determinism;
	struct {
		int zi; /* enum config_msvc_zi */
	} msvc;
};

/* Loads `path`, or when it is NULL the first that exists of $HPCC_CONFIG, $XDG_CONFIG_HOME/hpcc/config.toml (XDG default
 * ~/.config) and /etc/hpcc/config.toml, or the defaults when there is none. A file that was named, by `path` or by
 * $HPCC_CONFIG, must exist. $HPCC_CACHE_DIR takes the place of the first disk cache's location.
 * -HP_INVALID: `file:line:column: what: what to do`; -HP_NOT_FOUND, -HP_DENIED …: the file cannot be read. On failure
 * *ret_config is untouched. */
int config_load(const char *path, struct config *ret_config, struct hp_err *err);

/* As config_load for text in memory; `name` stands for the file in messages. */
int config_parse(const char *name, const char *text, size_t len, struct config *ret_config, struct hp_err *err);

void config_done(struct config *config);
#define CONFIG_AUTO __attribute__((cleanup(config_done)))

/* Places. -HP_PRECONDITION when HOME and the XDG variable are both unset or not absolute. */
int config_user_path(struct hp_buf *ret_path, struct hp_err *err); /* where `hpcc init` writes */
int config_cache_dir(struct hp_buf *ret_path, struct hp_err *err); /* $HPCC_CACHE_DIR, else XDG */

/* Values as people write them. false: not of that form, or out of 64 bits.
 * Sizes: "10G", "512M", "64K", "1T", bare bytes; powers of 1024; "GiB" and "Gi" are the same as "G".
 * Durations: "30d 8h 10m 2s", any of them, in this order; in seconds. */
bool config_size_parse(const char *text, uint64_t *ret_bytes);
bool config_duration_parse(const char *text, uint64_t *ret_seconds);
/* "127.0.0.1:PORT": the daemon talks to this machine only. */
bool config_listen_parse(const char *text, uint16_t *ret_port);

/* A secret's value from "env:NAME" or "file:PATH" (one trailing newline is dropped), appended. Anything else is refused,
 * so that no secret lies in a configuration file. The message never holds the value. */
int config_secret_get(const char *spec, struct hp_buf *ret_secret, struct hp_err *err);

/* The commented file of `hpcc init`, and the reference in docs/config.md (Markdown); appended. */
void config_template(struct hp_buf *out);
void config_reference(struct hp_buf *out);
