#include "config/keys_priv.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

/* Word lists; the position is the field's value. */
static const char *const source_modes[] = {"direct", "preprocessed", NULL};
static const char *const cache_types[] = {"disk", NULL};
static const char *const log_levels[] = {"off", "error", "warn", "info", "debug", "trace", NULL};
static const char *const zi_modes[] = {"keep", "z7", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};

const struct config_section config_sections[] = {
        {.name = "", .doc = "Keys outside of any section."},
        {
                .name = "cache",
                .repeated = true,
                .doc = "A store of compile results. Without any, one disk cache with the defaults below is used.",
        },
        {.name = "daemon", .doc = "The process that `hpcc start` runs."},
        {.name = "log", .doc = "What the daemon writes about itself. Compiles never log to the terminal."},
        {.name = "determinism", .doc = "Making objects independent of where and when they were built."},
        {.name = "msvc", .doc = "What is special about Microsoft's compiler."},
};
const size_t config_sections_len = HP_ARRAY_SIZE(config_sections);

const struct config_key config_keys[] = {
        {
                .section = "",
                .name = "source_mode",
                .type = CONFIG_TYPE_WORD,
                .offset = offsetof(struct config, source_mode),
                .fallback = "direct",
                .words = source_modes,
                .doc = "What a result is keyed on. \"direct\": the content of every file that the compile read. "
                       "\"preprocessed\": where that is new, the preprocessor runs, and its text can lead to a result as "
                       "well.",
        },
        {
                .section = "cache",
                .name = "type",
                .type = CONFIG_TYPE_WORD,
                .offset = offsetof(struct config_cache, type),
                .fallback = "disk",
                .words = cache_types,
                .doc = "Where the entries live.",
        },
        {
                .section = "cache",
                .name = "location",
                .type = CONFIG_TYPE_PATH,
                .offset = offsetof(struct config_cache, location),
                .shown = "~/.cache/hpcc",
                .doc = "The cache's folder, made with mode 0700 when missing. The default is $XDG_CACHE_HOME/hpcc; the "
                       "environment variable HPCC_CACHE_DIR overrides both.",
        },
        {
                .section = "cache",
                .name = "max_size",
                .type = CONFIG_TYPE_SIZE,
                .offset = offsetof(struct config_cache, size_max),
                .fallback = "10G",
                .doc = "Above this the least recently used entries go. 0 means no limit.",
        },
        {
                .section = "cache",
                .name = "compression",
                .type = CONFIG_TYPE_COMPRESSION,
                .offset = offsetof(struct config_cache, zstd_level),
                .fallback = "zstd:1",
                .doc = "How entries are packed: \"zstd:LEVEL\" with a level from 1 to 19, or \"none\".",
        },
        {
                .section = "cache",
                .name = "read_only",
                .type = CONFIG_TYPE_BOOL,
                .offset = offsetof(struct config_cache, read_only),
                .fallback = "false",
                .doc = "Serve hits, store nothing, and do not even note when an entry was used.",
        },
        {
                .section = "daemon",
                .name = "listen",
                .type = CONFIG_TYPE_LISTEN,
                .offset = offsetof(struct config, daemon.port),
                .fallback = "127.0.0.1:0",
                .doc = "Where clients reach the daemon. Port 0 lets the kernel choose, clients find it by themselves.",
        },
        {
                .section = "daemon",
                .name = "memory_max",
                .type = CONFIG_TYPE_SIZE,
                .offset = offsetof(struct config, daemon.memory_size_max),
                .fallback = "64M",
                .doc = "Memory for entries that are kept ready; the rest of the daemon needs some 10 MiB more.",
        },
        {
                .section = "daemon",
                .name = "threads",
                .type = CONFIG_TYPE_INT,
                .offset = offsetof(struct config, daemon.threads),
                .fallback = "0",
                .max = 1024,
                .doc = "Requests handled at once. 0 chooses from the number of processors.",
        },
        {
                .section = "log",
                .name = "level",
                .type = CONFIG_TYPE_WORD,
                .offset = offsetof(struct config, log.level),
                .fallback = "info",
                .words = log_levels,
                .doc = "The least important level that is written.",
        },
        {
                .section = "log",
                .name = "format",
                .type = CONFIG_TYPE_WORD,
                .offset = offsetof(struct config, log.format),
                .fallback = "logfmt",
                .words = log_formats,
                .doc = "One record a line, as key=value pairs or as JSON objects.",
        },
        {
                .section = "log",
                .name = "file",
                .type = CONFIG_TYPE_PATH,
                .offset = offsetof(struct config, log.file),
                .fallback = "",
                .doc = "The log's file, appended to. Empty means standard error.",
        },
        {
                .section = "determinism",
                .name = "auto_inject",
                .type = CONFIG_TYPE_BOOL,
                .offset = offsetof(struct config, determinism.auto_inject),
                .fallback = "false",
                .doc = "Where there is no project marker, treat the working directory as the root of a project: name "
                       "paths relative to it, and add options that keep it out of objects.",
        },
        {
                .section = "msvc",
                .name = "zi",
                .type = CONFIG_TYPE_WORD,
                .offset = offsetof(struct config, msvc.zi),
                .fallback = "keep",
                .words = zi_modes,
                .doc = "What becomes of cl's /Zi and /ZI: \"keep\" compiles such units without the cache, since their debug "
                       "information goes to a database that others share; \"z7\" has it put into the object. clang-cl "
                       "does that by itself.",
        },
};
const size_t config_keys_len = HP_ARRAY_SIZE(config_keys);

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_keys_len; i++) {
		if (hp_streq(config_keys[i].section, section) && hp_streq(config_keys[i].name, name))
			return &config_keys[i];
	}
	return NULL;
}

const struct config_section *config_section_find(const char *name)
{
	for (size_t i = 0; i < config_sections_len; i++) {
		if (hp_streq(config_sections[i].name, name))
			return &config_sections[i];
	}
	return NULL;
}

/* A third of the word may be wrong; beyond that a suggestion is a guess. */
static bool near_enough(const char *word, size_t distance)
{
	size_t allowed = strlen(word) / 3;

	return distance <= (allowed > 1 ? allowed : 1);
}

/* What may stand at this level: the section's keys, and at the top the names of the sections too. */
static void list_names(const char *section, struct hp_buf *out)
{
	for (size_t i = 0; i < config_keys_len; i++) {
		if (hp_streq(config_keys[i].section, section))
			hp_buf_printf(out, "%s%s", out->len ? ", " : "", config_keys[i].name);
	}
	for (size_t i = 1; section[0] == '\0' && i < config_sections_len; i++)
		hp_buf_printf(out, ", [%s]", config_sections[i].name);
}

void config_key_hint(const char *section, const char *name, char *ret_hint, size_t hint_size)
{
	HP_AUTO_BUF struct hp_buf names = {0};
	const char *best = NULL;
	const char *best_section = section;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < config_keys_len; i++) {
		const struct config_key *key = &config_keys[i];
		size_t distance = hp_edit_distance(name, key->name);

		/* The right word in the wrong place is worth more than a near miss in the right one. */
		if (!hp_streq(key->section, section) && distance > 0)
			continue;
		if (distance < best_distance) {
			best_distance = distance;
			best = key->name;
			best_section = key->section;
		}
	}
	for (size_t i = 1; section[0] == '\0' && i < config_sections_len; i++) {
		size_t distance = hp_edit_distance(name, config_sections[i].name);

		if (distance < best_distance) {
			best_distance = distance;
			best = config_sections[i].name;
			best_section = section;
		}
	}
	if (best && near_enough(name, best_distance)) {
		if (hp_streq(best_section, section))
			(void)snprintf(ret_hint, hint_size, ": did you mean \"%s\"?", best);
		else if (best_section[0] == '\0')
			(void)snprintf(ret_hint, hint_size, ": \"%s\" belongs above the first section", best);
		else
			(void)snprintf(ret_hint, hint_size, ": \"%s\" belongs in [%s]", best, best_section);
		return;
	}
	list_names(section, &names);
	(void)snprintf(ret_hint, hint_size, ": there is %s", hp_buf_cstr(&names));
}

const char *config_type_text(enum config_type type)
{
	switch (type) {
	case CONFIG_TYPE_PATH:
		return "an absolute path, or one that starts with ~/";
	case CONFIG_TYPE_SIZE:
		return "a size such as \"10G\"";
	case CONFIG_TYPE_DURATION:
		return "a duration such as \"30d\" or \"8h 10m\"";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_INT:
		return "an integer";
	case CONFIG_TYPE_WORD:
		return "a word";
	case CONFIG_TYPE_COMPRESSION:
		return "\"zstd:LEVEL\" with a level from 1 to 19, or \"none\"";
	case CONFIG_TYPE_LISTEN:
		return "\"127.0.0.1:PORT\"";
	case CONFIG_TYPE_SECRET:
		return "\"env:NAME\" or \"file:PATH\"";
	}
	return "";
}
