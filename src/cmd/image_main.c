/* hpcc-image: what `hpcc image` runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "cmd/image_priv.h"

/* Some twenty toolchains. */
#define CATALOGUE_SIZE_MAX (20ull << 30)

static int run(int argc, char **argv)
{
	struct cmd_image_options opt = {
	        .platform = "linux/amd64", .compression = CODEC_PACKER_GZIP, .size_max = CATALOGUE_SIZE_MAX};
	char name[] = "image";
	int r;

	argv[0] = name;
	r = cmd_image_parse(argc, argv, &opt);
	if (r != CMD_ARGS_END)
		return r == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	hp_log_init(STDERR_FILENO, HP_LOG_WARN, false);
	return hp_streq(opt.command, "build-rootfs") ? cmd_image_build(&opt) : cmd_image_catalogue(&opt);
}

int main(int argc, char **argv)
{
	int code = argc > 0 ? run(argc, argv) : CMD_USAGE;

	if ((fflush(stdout) != 0 || ferror(stdout)) && code == CMD_OK) {
		(void)fprintf(stderr, "hpcc: standard output: %s\n", strerror(errno));
		code = CMD_FAILED;
	}
	return code;
}
