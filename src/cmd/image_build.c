/* The command line of hpcc image, and hpcc image build-rootfs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/image_priv.h"
#include "cmd/text.h"
#include "config/config.h"
#include "oci/rootfs.h"
#include "sys/clock.h"
#include "sys/workers.h"

#define PROGRESS_INTERVAL_NS 200000000

static bool parse_number(const char *text, long max, long *ret_number)
{
	char *end;

	*ret_number = strtol(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret_number >= 1 && *ret_number <= max;
}

static bool parse_compression(const char *text, struct cmd_image_options *opt)
{
	size_t len = strcspn(text, ":");
	long level = 0;

	if (len == 4 && memcmp(text, "gzip", 4) == 0)
		opt->compression = CODEC_PACKER_GZIP;
	else if (len == 4 && memcmp(text, "zstd", 4) == 0)
		opt->compression = CODEC_PACKER_ZSTD;
	else
		return false;
	if (text[len] && !parse_number(text + len + 1, opt->compression == CODEC_PACKER_GZIP ? 9 : 22, &level))
		return false;
	opt->level = (int)level;
	return true;
}

static int take(struct cmd_image_options *opt, int id, const char *value)
{
	long number = 0;

	switch (id) {
	case 'o':
		opt->output = value;
		break;
	case 'a':
		opt->agent = value;
		break;
	case 'p':
		opt->platform = value;
		break;
	case 'c':
		opt->registry.ca_file = value;
		break;
	case 'A':
		opt->registry.auth_file = value;
		break;
	case 'i':
		opt->registry.insecure = true;
		break;
	case 'C':
		opt->config_path = value;
		break;
	case 'P':
		opt->pin = true;
		break;
	case 'j':
		opt->json = true;
		break;
	case 's':
		if (config_size_parse(value, &opt->size_max))
			break;
		(void)cmd_usage("image", "--max-size takes a size such as 20G, not %s", value);
		return CMD_ARGS_USAGE;
	case 'T':
		if (parse_number(value, 3600, &number)) {
			opt->registry.timeout_s = (unsigned)number;
			break;
		}
		(void)cmd_usage("image", "--timeout takes 1 to 3600 seconds, not %s", value);
		return CMD_ARGS_USAGE;
	case 'q':
		opt->quiet = true;
		break;
	case 'z':
		if (parse_compression(value, opt))
			break;
		(void)cmd_usage("image", "--compression takes gzip[:1…9] or zstd[:1…22], not %s", value);
		return CMD_ARGS_USAGE;
	default:
		if (!parse_number(value, SYS_WORKERS_MAX, &number)) {
			(void)cmd_usage("image", "--threads takes 1 to %u, not %s", SYS_WORKERS_MAX, value);
			return CMD_ARGS_USAGE;
		}
		opt->threads = (unsigned)number;
	}
	return CMD_ARGS_END;
}

/* The subcommands, and how many operands follow. */
static const struct {
	const char *name;
	int operands_min;
	int operands_max;
} commands[] = {{"build-rootfs", 1, 1}, {"pull", 1, 1},   {"list", 0, 0},
                {"inspect", 1, 1},      {"verify", 0, 1}, {"rm", 1, 1}};

static int take_operands(const struct cmd_args *a, struct cmd_image_options *opt)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(commands); i++) {
		if (!hp_streq(a->operands[0], commands[i].name))
			continue;
		if (!cmd_args_count(a, 1 + commands[i].operands_min, 1 + commands[i].operands_max))
			return CMD_ARGS_USAGE;
		opt->command = commands[i].name;
		opt->source = a->operands_len > 1 ? a->operands[1] : NULL;
		if (i > 0 || opt->output)
			return CMD_ARGS_END;
		(void)cmd_usage("image", "-o FILE is missing");
		return CMD_ARGS_USAGE;
	}
	(void)cmd_usage("image", "there is no hpcc image %s", a->operands[0]);
	return CMD_ARGS_USAGE;
}

int cmd_image_parse(int argc, char **argv, struct cmd_image_options *opt)
{
	const char *value = NULL;
	struct cmd_args a;
	int id;

	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		if (take(opt, id, value) != CMD_ARGS_END)
			return CMD_ARGS_USAGE;
	}
	if (id != CMD_ARGS_END)
		return id;
	if (!cmd_args_count(&a, 1, 2))
		return CMD_ARGS_USAGE;
	return take_operands(&a, opt);
}

static void show_progress(void *ctx, size_t layers_done, size_t layers, int64_t bytes_done, int64_t bytes)
{
	struct cmd_image_progress *p = ctx;
	int64_t now = sys_monotonic_ns();

	if (now < p->next_ns)
		return;
	p->next_ns = now + PROGRESS_INTERVAL_NS;
	p->shown = true;
	(void)fprintf(stderr, "\r\x1b[Klayer %zu of %zu, %d %%", layers_done + (layers_done < layers), layers,
	              bytes > 0 ? (int)(100.0 * (double)bytes_done / (double)bytes) : 100);
	(void)fflush(stderr);
}

static void print_report(const struct cmd_image_options *opt, const struct oci_image *image,
                         const struct oci_rootfs_report *report)
{
	HP_AUTO_BUF struct hp_buf size = {0};
	HP_AUTO_BUF struct hp_buf bytes = {0};
	HP_AUTO_BUF struct hp_buf names = {0};
	HP_AUTO_BUF struct hp_buf hidden = {0};

	cmd_text_size(&size, report->size);
	cmd_text_size(&bytes, report->bytes);
	cmd_text_count(&names, report->counts.names);
	cmd_text_count(&hidden, report->counts.hidden);
	(void)printf("image    %s\nfile     %s, %s\ncontent  %s names from %zu layers of %s, %s entries hidden\n",
	             image->manifest.digest, opt->output, size.data, names.data, image->layers_len, bytes.data,
	             hidden.data);
	if (report->counts.events)
		(void)printf("security %llu events, see standard error\n", (unsigned long long)report->counts.events);
}

struct oci_rootfs_options cmd_image_rootfs_options(const struct cmd_image_options *opt,
                                                   struct cmd_image_progress *progress)
{
	return (struct oci_rootfs_options){
	        .agent = opt->agent,
	        .compression = opt->compression,
	        .level = opt->level,
	        .threads = opt->threads,
	        .progress = !opt->quiet && isatty(STDERR_FILENO) ? show_progress : NULL,
	        .ctx = progress,
	};
}

void cmd_image_progress_end(const struct cmd_image_progress *progress)
{
	if (progress->shown)
		(void)fprintf(stderr, "\r\x1b[K");
}

int cmd_image_build(const struct cmd_image_options *opt)
{
	struct cmd_image_progress progress = {0};
	struct oci_rootfs_options options = cmd_image_rootfs_options(opt, &progress);
	struct oci_source *source = NULL;
	struct oci_image image = {0};
	struct oci_rootfs_report report;
	struct hp_err err = {0};
	int r = oci_source_open(opt->source, &opt->registry, &source, &err);

	if (r == 0)
		r = oci_image_resolve(source, opt->platform, &image, &err);
	if (r == 0)
		r = oci_rootfs_build(source, &image, opt->output, &options, &report, &err);
	cmd_image_progress_end(&progress);
	if (r == 0 && !opt->quiet)
		print_report(opt, &image, &report);
	oci_image_done(&image);
	oci_source_close(source);
	return r < 0 ? cmd_fail("image", &err) : CMD_OK;
}
