#include <assert.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd.h"

const char cmd_version[] = CMD_VERSION;

static const struct cmd_option no_options[] = {{0}};

static const struct cmd_option clean_options[] = {
        {"max-size", "SIZE", "remove least recently used entries until at most this remains, such as 5G", 's'},
        {"max-age", "AGE", "remove entries that were not used for longer, such as 30d", 'a'},
        {"all", NULL, "remove every entry", 'A'},
        CMD_CONFIG_OPTION,
        {0},
};

static const struct cmd_option explain_options[] = {
        {"json", NULL, "print one JSON object", 'j'},
        CMD_CONFIG_OPTION,
        {0},
};

static const struct cmd_option image_options[] = {
        {"output", "FILE", "where the root file system goes", CMD_LETTER('o')},
        {"agent", "FILE", "the program that becomes /.hpcc/agent; without it the image has none", 'a'},
        {"compression", "KIND", "gzip or zstd, with a level if wanted: zstd:3; gzip by default", 'z'},
        {"threads", "COUNT", "compress with so many threads; as many as there are processors by default", 't'},
        {"json", NULL, "print JSON", 'j'},
        {"max-size", "SIZE", "let the catalogue grow to this; 20G by default", 's'},
        {"pin", NULL, "never make room at the cost of this image", 'P'},
        {"config", "FILE", "read this configuration instead of the usual one", 'C'},
        {"platform", "OS/ARCH", "of an image for several platforms, this one; linux/amd64 by default", 'p'},
        {"auth-file", "FILE", "credentials as podman and docker keep them, instead of those in the usual places", 'A'},
        {"ca", "FILE", "trust the certificates in this PEM file instead of the system's", 'c'},
        {"insecure", NULL, "speak HTTP without TLS, to a registry on this machine only", 'i'},
        {"timeout", "SECONDS", "give up when nothing comes for so long; 30 by default", 'T'},
        {"quiet", NULL, "print neither progress nor report", CMD_LETTER('q')},
        {0},
};

static const struct cmd_option init_options[] = {
        {"output", "FILE", "write there instead of to the user's configuration", 'o'},
        {0},
};

static const struct cmd_option inspect_options[] = {
        {"json", NULL, "print one JSON object with everything that the entry records", 'j'},
        CMD_CONFIG_OPTION,
        {0},
};

static const struct cmd_option start_options[] = {
        {"listen", "ADDRESS", "listen there, 127.0.0.1:PORT; port 0 lets the kernel choose", 'l'},
        CMD_CONFIG_OPTION,
        {0},
};

static const struct cmd_option stats_options[] = {
        {"json", NULL, "print one JSON object with every counter", 'j'},
        {"reset", NULL, "set the counters to zero after printing them", 'r'},
        {"watch", NULL, "print again every second until interrupted", 'w'},
        CMD_CONFIG_OPTION,
        {0},
};

const struct cmd cmd_table[] = {
        {
                .name = "clean",
                .run = cmd_clean,
                .summary = "remove entries from the cache",
                .synopsis = "",
                .options = clean_options,
                .text = "Removes entries by size, by age, or all of them, and says what went. Without an option it asks "
                        "for one: it never deletes everything by surprise.\n\n"
                        "Sizes are numbers with `K`, `M`, `G` or `T`, in powers of 1024. Ages are days, hours, minutes and "
                        "seconds in that order, such as `30d` or `8h 10m`.\n\n"
                        "Statistics are kept. A running daemon drops what it holds in memory.",
        },
        {
                .name = "explain",
                .run = cmd_explain,
                .summary = "say why a source or object was a hit or a miss",
                .synopsis = "FILE",
                .options = explain_options,
                .text = "Says what became of the last compile of this source, or of the one that made this object: hit, "
                        "miss or bypass, the reason, and what differed from the compile before.\n\n"
                        "The record is that of the last compile through the cache in the configured cache folder, "
                        "whichever directory it was started in.",
        },
        {
                .name = "help",
                .run = cmd_help,
                .summary = "explain a command",
                .synopsis = "[COMMAND]",
                .options = no_options,
                .text = "Without a command, lists all of them. The same texts are in the man pages, `man hpcc-COMMAND`.",
        },
        {
                .name = "image",
                .run = cmd_image,
                .summary = "make and keep the root file systems of toolchain images",
                .synopsis = "build-rootfs SOURCE | pull SOURCE | list | inspect NAME | verify [NAME] | rm NAME",
                .options = image_options,
                .text = "`build-rootfs` turns a container image into the squashfs file that a guest boots. Its layers are "
                        "read as a stream, checked against their digests, and merged; no file of the image ever exists by "
                        "itself on this machine. The same image, agent and options give the same bytes.\n\n"
                        "`pull` does the same into the catalogue of this machine, once for each image, agent and compression; "
                        "processes that want the same one wait for the first. `list` and `inspect` show what is there, "
                        "`verify` reads it all again and removes what is damaged, `rm` removes. `NAME` is an entry's name "
                        "or its start, or an image's digest. Least recently used entries make room for new ones; those "
                        "that are pinned or in use stay.\n\n"
                        "`SOURCE` is an image in a registry, `[HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]`; or "
                        "`oci:DIR[:TAG]`, a folder in the OCI image layout; or `oci-archive:FILE[:TAG]`, the same in a tar "
                        "archive.\n\n"
                        "Device nodes, set-id bits and file capabilities are left out. Archives with names that lead out "
                        "of the image, hard links to what is no file, and the like, are refused. Both are told on standard "
                        "error as security events.",
        },
        {
                .name = "init",
                .run = cmd_init,
                .summary = "write a commented configuration file",
                .synopsis = "",
                .options = init_options,
                .text = "Writes `config.toml` with every key, its default and its meaning, to `$XDG_CONFIG_HOME/hpcc` or "
                        "`~/.config/hpcc`. A file that exists is never overwritten.",
        },
        {
                .name = "inspect",
                .run = cmd_inspect,
                .summary = "show what an entry holds, or what a command line is keyed on",
                .synopsis = "HASH | -- COMPILER ARGS...",
                .options = inspect_options,
                .text = "With `HASH`, the action key of an entry or at least its first 8 digits, shows what the entry "
                        "holds: the compile that made it, its outputs, and the files that it read. The entry is verified "
                        "first.\n\n"
                        "With `--` and a command line, takes it apart: each argument, response files opened, with its class, "
                        "whether it is part of the key (`key` or `-`), and why. Behind them stands why the compiler would "
                        "run without the cache, or the key that the command line has now, part by part.",
        },
        {
                .name = "local",
                .run = cmd_local,
                .summary = "one compile through the cache without a daemon",
                .synopsis = "COMPILER ARGV0 [ARGUMENT]...",
                .options = no_options,
                .text = "What the client becomes when it finds no daemon.",
                .internal = true,
        },
        {
                .name = "start",
                .run = cmd_start,
                .summary = "run the daemon in the foreground",
                .synopsis = "",
                .options = start_options,
                .text = "Runs the daemon that answers compiles from memory and disk. It stays in the foreground, takes a "
                        "socket from systemd (`LISTEN_FDS`), and on SIGTERM or SIGINT finishes the running requests, "
                        "then ends.\n\n"
                        "There is one daemon a user: a second one refuses and names the first one's PID. Without a daemon "
                        "each compile serves itself from the same cache, somewhat slower.",
        },
        {
                .name = "stats",
                .run = cmd_stats,
                .summary = "show what the cache did",
                .synopsis = "",
                .options = stats_options,
                .text = "Shows hits, misses and bypasses with their reasons, what could not be stored, errors, the time "
                        "saved, and the size of each store. The counters survive restarts.\n\n"
                        "Two rates are shown. One is hits among the compiles that the cache could have served; the other "
                        "is hits among all calls of the compiler, those included that ran without the cache.",
        },
        {
                .name = "stop",
                .run = cmd_stop,
                .summary = "stop the running daemon",
                .synopsis = "",
                .options = no_options,
                .text = "Asks the daemon to finish what it is doing and to end. Compiles go on without it. It is no "
                        "failure when none is running.",
        },
        {
                .name = "version",
                .run = cmd_print_version,
                .summary = "print the version",
                .synopsis = "",
                .options = no_options,
                .text = "Prints the program's name and version.",
        },
};
const size_t cmd_table_len = HP_ARRAY_SIZE(cmd_table);

const struct cmd_fact cmd_environment[] = {
        {"HPCC_CACHE_DIR", "the cache's folder, whatever the configuration says"},
        {"HPCC_CONFIG", "the configuration file, instead of the usual ones"},
        {"HPCC_DEBUG", "a file to which decisions are appended; never the terminal"},
        {"HPCC_DISABLE", "set to 1: run the compiler and do nothing else"},
};
const size_t cmd_environment_len = HP_ARRAY_SIZE(cmd_environment);

const struct cmd_fact cmd_files[] = {
        {"~/.config/hpcc/config.toml", "the configuration; /etc/hpcc/config.toml counts where it is missing"},
        {"~/.cache/hpcc", "the cache"},
};
const size_t cmd_files_len = HP_ARRAY_SIZE(cmd_files);

const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; i < cmd_table_len; i++) {
		if (hp_streq(cmd_table[i].name, name))
			return &cmd_table[i];
	}
	return NULL;
}

const struct cmd *cmd_get(const char *name)
{
	const struct cmd *cmd = cmd_find(name);

	assert(cmd);
	return cmd;
}

const char *cmd_nearest(const char *name)
{
	const char *best = NULL;
	size_t best_distance = 3; /* two edits: beyond that a suggestion is a guess */

	for (size_t i = 0; i < cmd_table_len; i++) {
		size_t distance = hp_edit_distance(name, cmd_table[i].name);

		if (cmd_table[i].internal)
			continue;
		if (name[0] && hp_startswith(cmd_table[i].name, name))
			return cmd_table[i].name;
		if (distance < best_distance) {
			best_distance = distance;
			best = cmd_table[i].name;
		}
	}
	return best;
}
