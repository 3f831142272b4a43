/* What the files of hpcc-image share. */
#pragma once

#include <stdbool.h>

#include "cmd/cmd.h"
#include "codec/packer.h"
#include "oci/registry.h"
#include "oci/rootfs.h"

struct cmd_image_options {
	const char *command; /* "build-rootfs", "pull", "list", "inspect", "verify", "rm" */
	const char *source;  /* or an entry's name or image; NULL where there may be none */
	const char *config_path;
	uint64_t size_max; /* of the catalogue */
	bool pin;
	bool json;
	const char *output;
	const char *agent;
	const char *platform;
	struct oci_registry_options registry;
	enum codec_packer_kind compression;
	int level;
	unsigned threads;
	bool quiet;
};

/* CMD_ARGS_END: the subcommand is to run with these. */
int cmd_image_parse(int argc, char **argv, struct cmd_image_options *opt);
int cmd_image_build(const struct cmd_image_options *opt);
int cmd_image_catalogue(const struct cmd_image_options *opt);

/* One line on a terminal that is written over. */
struct cmd_image_progress {
	int64_t next_ns;
	bool shown;
};
/* What the command line says about the file to make; *progress is shown where it can be. */
struct oci_rootfs_options cmd_image_rootfs_options(const struct cmd_image_options *opt,
                                                   struct cmd_image_progress *progress);
void cmd_image_progress_end(const struct cmd_image_progress *progress);
