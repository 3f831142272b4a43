/* What the files of hpcc-image share. */
#pragma once

#include <stdbool.h>

#include "cmd/cmd.h"
#include "codec/packer.h"
#include "oci/registry.h"

struct cmd_image_options {
	const char *source;
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
