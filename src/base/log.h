/* Logging: levels error (failed for the user), warn (degraded but served), info (start, stop, joins), debug, trace.
 * One logfmt line a record; outside text is escaped and cut. Library code never logs what it returns. The sink is set
 * once by a program's main; until then nothing is written. Each .c file that logs defines HP_LOG_TOPIC first. */
#pragma once

#include <stdbool.h>

enum hp_log_level {
	HP_LOG_OFF = 0,
	HP_LOG_ERROR,
	HP_LOG_WARN,
	HP_LOG_INFO,
	HP_LOG_DEBUG,
	HP_LOG_TRACE,
};

/* Writes to `fd` from now on (kept, not owned). json: one JSON object a line instead of logfmt. */
void hp_log_init(int fd, enum hp_log_level level, bool json);

/* Parses "error".."trace", "off"; -1 when it is none of them. */
int hp_log_level_parse(const char *name);

bool hp_log_on(enum hp_log_level level);
void hp_log_write(enum hp_log_level level, const char *topic, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

#define hp_log(level, ...)                                                \
	do {                                                              \
		if (hp_log_on(level))                                     \
			hp_log_write((level), HP_LOG_TOPIC, __VA_ARGS__); \
	} while (0)
#define hp_error(...) hp_log(HP_LOG_ERROR, __VA_ARGS__)
#define hp_warn(...) hp_log(HP_LOG_WARN, __VA_ARGS__)
#define hp_info(...) hp_log(HP_LOG_INFO, __VA_ARGS__)
#define hp_debug(...) hp_log(HP_LOG_DEBUG, __VA_ARGS__)
