#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "client/session.h"
#include "cmd/cache.h"
#include "cmd/cmd.h"
#include "cmd/text.h"

struct clean_options {
	struct store_evict rule;
	bool any;
	const char *config_path;
};

/* CMD_ARGS_END when all is well. */
static int parse_options(int argc, char **argv, struct clean_options *ret_opt)
{
	const char *value = NULL;
	struct cmd_args a;
	int id;

	*ret_opt = (struct clean_options){.rule = {.bytes_max = UINT64_MAX}};
	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		ret_opt->any = ret_opt->any || id != 'c';
		if (id == 'c') {
			ret_opt->config_path = value;
		} else if (id == 'A') {
			ret_opt->rule.all = true;
		} else if (id == 's' && !config_size_parse(value, &ret_opt->rule.bytes_max)) {
			(void)cmd_usage("clean", "--max-size takes a size such as 5G, not %s", value);
			return CMD_ARGS_USAGE;
		} else if (id == 'a' &&
		           (!config_duration_parse(value, &ret_opt->rule.age_max_s) || ret_opt->rule.age_max_s == 0)) {
			(void)cmd_usage("clean", "--max-age takes an age such as 30d, not %s", value);
			return CMD_ARGS_USAGE;
		}
	}
	if (id != CMD_ARGS_END)
		return id;
	if (!cmd_args_count(&a, 0, 0))
		return CMD_ARGS_USAGE;
	if (!ret_opt->any) {
		(void)cmd_usage("clean", "what shall go? --max-size, --max-age or --all is needed");
		return CMD_ARGS_USAGE;
	}
	return CMD_ARGS_END;
}

static void add_amount(struct hp_buf *out, uint64_t entries, uint64_t bytes)
{
	cmd_text_count(out, entries);
	hp_buf_str(out, entries == 1 ? " entry, " : " entries, ");
	cmd_text_size(out, bytes);
}

int cmd_clean(int argc, char **argv)
{
	CMD_AUTO_CACHE struct cmd_cache cache = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	struct store_evicted evicted = {0};
	struct store_usage usage = {0};
	struct clean_options opt;
	struct hp_err err = {0};
	int id = parse_options(argc, argv, &opt);

	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_cache_open(&cache, "clean", opt.config_path, CMD_CACHE_WRITE))
		return CMD_FAILED;
	if (cache.config.caches[0].read_only)
		return cmd_complain("clean", "%s: the configuration makes this cache read-only", cache.dir);
	if (cache.exists &&
	    (store_evict(cache.store, &opt.rule, &evicted, &err) < 0 || store_usage(cache.store, &usage, &err) < 0))
		return cmd_fail("clean", &err);
	/* A daemon that works on this cache would go on serving what it has in memory. */
	(void)client_control(PROTO_CONTROL_FORGET);
	hp_buf_str(&text, "removed ");
	add_amount(&text, evicted.entries, evicted.bytes);
	hp_buf_str(&text, "; ");
	add_amount(&text, usage.entries, usage.bytes);
	hp_buf_str(&text, " remain in ");
	cmd_text_safe(&text, cache.dir);
	(void)puts(hp_buf_cstr(&text));
	return CMD_OK;
}
