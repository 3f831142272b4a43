/* hpcc image pull, list, inspect, verify, rm: the root file systems that are ready on this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/image_priv.h"
#include "cmd/text.h"
#include "config/config.h"
#include "oci/catalogue.h"

/* Who pulls by hand. */
#define TENANT "local"

static int open_catalogue(const struct cmd_image_options *opt, struct oci_catalogue **ret_catalogue, struct hp_err *err)
{
	CONFIG_AUTO struct config config = {0};
	HP_AUTO_FREE char *dir = NULL;
	int r = config_load(opt->config_path, &config, err);

	if (r < 0)
		return r;
	dir = hp_asprintf("%s/image", config.caches[0].location);
	return oci_catalogue_new(dir, opt->size_max, ret_catalogue, err);
}

static int pull(const struct cmd_image_options *opt, struct oci_catalogue *c, struct hp_err *err)
{
	struct cmd_image_progress progress = {0};
	struct oci_rootfs_options options = cmd_image_rootfs_options(opt, &progress);
	struct oci_source *source = NULL;
	struct oci_lease lease = {0};
	struct oci_image image = {0};
	bool made = false;
	int r = oci_source_open(opt->source, &opt->registry, &source, err);

	if (r == 0)
		r = oci_image_resolve(source, opt->platform, &image, err);
	if (r == 0 && opt->pin)
		r = oci_catalogue_pin(c, image.manifest.digest, true, err);
	if (r == 0)
		r = oci_catalogue_pull(c, TENANT, source, &image, &options, &lease, &made, err);
	cmd_image_progress_end(&progress);
	if (r == 0 && !opt->quiet)
		(void)printf("image    %s\nfile     %s\n%s\n", image.manifest.digest, lease.path,
		             made ? "made" : "was there");
	oci_lease_done(&lease);
	oci_image_done(&image);
	oci_source_close(source);
	return r;
}

static void add_json(const struct oci_catalogue_entry *e, struct hp_buf *out)
{
	hp_buf_printf(out, "{\"name\": \"%s\", \"image\": \"%s\", \"agent\": \"%s\", \"compression\": ", e->name,
	              e->image, e->agent);
	cmd_json_string(out, e->compression);
	hp_buf_printf(out, ", \"digest\": \"%s\", \"size\": %llu, \"made\": %lld, \"used\": %lld, \"pinned\": %s}",
	              e->digest, (unsigned long long)e->size, (long long)e->made_s, (long long)e->used_s,
	              e->pinned ? "true" : "false");
}

static void add_line(const struct oci_catalogue_entry *e, struct hp_buf *out)
{
	hp_buf_printf(out, "%.12s  %.19s  ", e->name, e->image);
	cmd_text_size(out, e->size);
	hp_buf_str(out, "  used ");
	cmd_text_time(out, e->used_s);
	hp_buf_printf(out, "%s\n", e->pinned ? "  pinned" : "");
}

static void add_entry(const struct oci_catalogue_entry *e, struct hp_buf *out)
{
	hp_buf_printf(
	        out,
	        "name         %s\nimage        %s\nagent        %s\ncompression  %s\ndigest       %s\nsize         ",
	        e->name, e->image, e->agent[0] ? e->agent : "none", e->compression, e->digest);
	cmd_text_size(out, e->size);
	hp_buf_str(out, "\nmade         ");
	cmd_text_time(out, e->made_s);
	hp_buf_str(out, "\nused         ");
	cmd_text_time(out, e->used_s);
	hp_buf_printf(out, "\npinned       %s\n", e->pinned ? "yes" : "no");
}

/* By the entry's name, its start of at least 8 digits, or the image's digest. */
static bool matches(const struct oci_catalogue_entry *e, const char *which)
{
	return hp_streq(e->image, which) || (strlen(which) >= 8 && hp_startswith(e->name, which));
}

static int show(const struct cmd_image_options *opt, const struct oci_catalogue_entry *entries, size_t len,
                struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf out = {0};
	size_t shown = 0;

	for (size_t i = 0; i < len; i++) {
		if (opt->source && !matches(&entries[i], opt->source))
			continue;
		if (opt->json)
			hp_buf_str(&out, shown ? ",\n " : "[");
		shown++;
		if (opt->json)
			add_json(&entries[i], &out);
		else if (opt->source)
			add_entry(&entries[i], &out);
		else
			add_line(&entries[i], &out);
	}
	if (opt->source && !shown)
		return hp_err_set(err, HP_NOT_FOUND, "%.80s: there is no such root file system: see hpcc image list",
		                  opt->source);
	if (opt->json)
		hp_buf_str(&out, shown ? "]\n" : "[]\n");
	(void)fputs(hp_buf_cstr(&out), stdout);
	return 0;
}

/* verify: all, or those named. rm: those named. */
static int each(const struct cmd_image_options *opt, struct oci_catalogue *c, const struct oci_catalogue_entry *entries,
                size_t len, struct hp_err *err)
{
	bool verify = hp_streq(opt->command, "verify");
	size_t done = 0;
	int result = 0;

	for (size_t i = 0; i < len; i++) {
		int r;

		if (opt->source && !matches(&entries[i], opt->source))
			continue;
		r = verify ? oci_catalogue_verify(c, entries[i].name, err)
		           : oci_catalogue_remove(c, entries[i].name, err);
		if (r < 0)
			result = cmd_fail("image", err);
		else if (!opt->quiet)
			(void)printf("%s  %s\n", entries[i].name, verify ? "whole" : "removed");
		done++;
	}
	if (opt->source && !done)
		return hp_err_set(err, HP_NOT_FOUND, "%.80s: there is no such root file system: see hpcc image list",
		                  opt->source);
	return result;
}

int cmd_image_catalogue(const struct cmd_image_options *opt)
{
	HP_AUTO_FREE struct oci_catalogue_entry *entries = NULL;
	struct oci_catalogue *c = NULL;
	struct hp_err err = {0};
	size_t len = 0;
	int r = open_catalogue(opt, &c, &err);

	if (r == 0 && hp_streq(opt->command, "pull"))
		r = pull(opt, c, &err);
	else if (r == 0)
		r = oci_catalogue_list(c, &entries, &len, &err);
	if (r == 0 && (hp_streq(opt->command, "list") || hp_streq(opt->command, "inspect")))
		r = show(opt, entries, len, &err);
	else if (r == 0 && !hp_streq(opt->command, "pull"))
		r = each(opt, c, entries, len, &err);
	oci_catalogue_free(c);
	return r < 0 ? cmd_fail("image", &err) : r;
}
