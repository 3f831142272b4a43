#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/reason.h"
#include "cmd/cache.h"
#include "cmd/cmd.h"
#include "cmd/text.h"

struct counter {
	char *name;
	uint64_t value;
};

struct stats {
	struct counter *counters; /* by name */
	size_t counters_len;
	size_t counters_cap;
	struct store_usage usage;
};

static void stats_done(struct stats *s)
{
	for (size_t i = 0; i < s->counters_len; i++)
		free(s->counters[i].name);
	free(s->counters);
	*s = (struct stats){0};
}

static void add_counter(void *ctx, const char *name, uint64_t value)
{
	struct stats *s = ctx;

	if (s->counters_len == s->counters_cap) {
		s->counters_cap = s->counters_cap ? s->counters_cap * 2 : 64;
		s->counters = hp_realloc(s->counters, s->counters_cap * sizeof *s->counters);
	}
	s->counters[s->counters_len++] = (struct counter){.name = hp_strdup(name), .value = value};
}

static uint64_t get(const struct stats *s, const char *name)
{
	for (size_t i = 0; i < s->counters_len; i++) {
		if (hp_streq(s->counters[i].name, name))
			return s->counters[i].value;
	}
	return 0;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static int collect(struct cmd_cache *cache, struct stats *ret_stats, struct hp_err *err)
{
	int r;

	if (!cache->exists) {
		ret_stats->usage.bytes_max = cache->config.caches[0].size_max;
		return 0;
	}
	r = store_ledger_counters(cache->ledger, add_counter, ret_stats, err);
	if (r == 0)
		r = store_usage(cache->store, &ret_stats->usage, err);
	return r;
}

/* JSON. Counters by their names in the ledger, so that nothing shown to people is hidden from programs. */
static void add_json(struct hp_buf *out, const struct cmd_cache *cache, const struct stats *s)
{
	uint64_t hits = get(s, "hit");
	uint64_t misses = get(s, "miss");
	uint64_t bypasses = get(s, "bypass");

	hp_buf_str(out, "{\"counters\":{");
	for (size_t i = 0; i < s->counters_len; i++) {
		hp_buf_str(out, i ? "," : "");
		cmd_json_string(out, s->counters[i].name);
		hp_buf_printf(out, ":%" PRIu64, s->counters[i].value);
	}
	hp_buf_printf(out, "},\"hit_percent\":{\"of_cacheable\":%.1f,\"of_all\":%.1f}", percent(hits, hits + misses),
	              percent(hits, hits + misses + bypasses));
	hp_buf_str(out, ",\"stores\":[{\"type\":\"disk\",\"location\":");
	cmd_json_string(out, cache->dir);
	hp_buf_printf(out, ",\"bytes\":%" PRIu64 ",\"bytes_max\":%" PRIu64 ",\"entries\":%" PRIu64 "}]}\n",
	              s->usage.bytes, s->usage.bytes_max, s->usage.entries);
}

static void add_total(struct hp_buf *out, const char *name, uint64_t count, uint64_t all)
{
	HP_AUTO_BUF struct hp_buf number = {0};

	cmd_text_count(&number, count);
	hp_buf_printf(out, "  %-22s %12s  %5.1f %%\n", name, hp_buf_cstr(&number), percent(count, all));
}

static const char *reason_text(const char *name)
{
	for (int i = 1; i < CC_REASON_COUNT; i++) {
		if (hp_streq(cc_reason_name((enum cc_reason)i), name))
			return cc_reason_text((enum cc_reason)i);
	}
	return "";
}

static int by_value(const void *a, const void *b)
{
	const struct counter *const *x = a;
	const struct counter *const *y = b;

	if ((*x)->value != (*y)->value)
		return (*x)->value > (*y)->value ? -1 : 1;
	return strcmp((*x)->name, (*y)->name);
}

/* The counters "PREFIX.…", the largest first. */
static void add_group(struct hp_buf *out, const struct stats *s, const char *title, const char *prefix)
{
	HP_AUTO_FREE const struct counter **group = hp_alloc((s->counters_len + 1) * sizeof *group);
	size_t len = 0;

	for (size_t i = 0; i < s->counters_len; i++) {
		if (hp_startswith(s->counters[i].name, prefix) && s->counters[i].value)
			group[len++] = &s->counters[i];
	}
	if (len == 0)
		return;
	qsort((void *)group, len, sizeof *group, by_value);
	hp_buf_printf(out, "\n%s\n", title);
	for (size_t i = 0; i < len; i++) {
		HP_AUTO_BUF struct hp_buf number = {0};
		const char *name = group[i]->name + strlen(prefix);
		const char *text = reason_text(name);

		cmd_text_count(&number, group[i]->value);
		hp_buf_printf(out, "  %-22s %12s%s%s\n", name, hp_buf_cstr(&number), text[0] ? "  " : "", text);
	}
}

static void add_store(struct hp_buf *out, const struct cmd_cache *cache, const struct stats *s)
{
	hp_buf_str(out, "\nstore\n  disk                   ");
	cmd_text_size(out, s->usage.bytes);
	if (s->usage.bytes_max) {
		hp_buf_str(out, " of ");
		cmd_text_size(out, s->usage.bytes_max);
	}
	hp_buf_str(out, ", ");
	cmd_text_count(out, s->usage.entries);
	hp_buf_str(out, s->usage.entries == 1 ? " entry" : " entries");
	hp_buf_str(out, cache->config.caches[0].read_only ? ", read-only, in " : ", in ");
	cmd_text_safe(out, cache->dir);
	hp_buf_char(out, '\n');
}

static void add_human(struct hp_buf *out, const struct cmd_cache *cache, const struct stats *s)
{
	uint64_t hits = get(s, "hit");
	uint64_t misses = get(s, "miss");
	uint64_t bypasses = get(s, "bypass");
	uint64_t all = hits + misses + bypasses;
	HP_AUTO_BUF struct hp_buf number = {0};

	cmd_text_count(&number, all);
	hp_buf_printf(out, "%-24s %12s\n", "compiler calls", hp_buf_cstr(&number));
	add_total(out, "hits", hits, all);
	add_total(out, "misses", misses, all);
	add_total(out, "bypassed", bypasses, all);
	hp_buf_printf(out, "%-24s %10.1f %%  of the %" PRIu64 " that could be cached; %.1f %% of all\n", "hit rate",
	              percent(hits, hits + misses), hits + misses, percent(hits, all));
	hp_buf_printf(out, "%-24s ", "time saved");
	cmd_text_duration_ms(out, get(s, "time_saved_ms"));
	hp_buf_char(out, '\n');
	add_group(out, s, "misses", "miss.");
	add_group(out, s, "bypassed", "bypass.");
	add_group(out, s, "misses that were not stored", "unstored.");
	add_group(out, s, "errors", "error.");
	add_store(out, cache, s);
}

struct stats_options {
	bool json;
	bool reset;
	bool watch;
	const char *config_path;
};

static int show(const struct stats_options *opt)
{
	CMD_AUTO_CACHE struct cmd_cache cache = {0};
	__attribute__((cleanup(stats_done))) struct stats stats = {0};
	HP_AUTO_BUF struct hp_buf out = {0};
	struct hp_err err = {0};

	if (!cmd_cache_open(&cache, "stats", opt->config_path, opt->reset ? CMD_CACHE_WRITE : CMD_CACHE_READ))
		return CMD_FAILED;
	if (collect(&cache, &stats, &err) < 0)
		return cmd_fail("stats", &err);
	if (opt->json)
		add_json(&out, &cache, &stats);
	else
		add_human(&out, &cache, &stats);
	if (opt->watch && isatty(STDOUT_FILENO))
		(void)fputs("\033[H\033[J", stdout);
	(void)fputs(hp_buf_cstr(&out), stdout);
	if (opt->reset && cache.exists && store_ledger_reset(cache.ledger, &err) < 0)
		return cmd_fail("stats", &err);
	return CMD_OK;
}

static int watch(const struct stats_options *opt)
{
	static const struct timespec second = {.tv_sec = 1};

	for (;;) {
		int code = show(opt);

		if (code != CMD_OK || fflush(stdout) != 0)
			return code;
		(void)nanosleep(&second, NULL);
	}
}

int cmd_stats(int argc, char **argv)
{
	struct stats_options opt = {0};
	const char *value = NULL;
	struct cmd_args a;
	int id;

	cmd_args_init(&a, argc, argv);
	while ((id = cmd_args_next(&a, &value)) > 0) {
		opt.json = opt.json || id == 'j';
		opt.reset = opt.reset || id == 'r';
		opt.watch = opt.watch || id == 'w';
		if (id == 'c')
			opt.config_path = value;
	}
	if (id != CMD_ARGS_END)
		return id == CMD_ARGS_HELP ? CMD_OK : CMD_USAGE;
	if (!cmd_args_count(&a, 0, 0))
		return CMD_USAGE;
	if (opt.watch && opt.reset)
		return cmd_usage("stats", "--watch and --reset do not go together");
	return opt.watch ? watch(&opt) : show(&opt);
}
