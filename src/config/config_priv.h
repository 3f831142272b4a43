/* What config.c, parse.c and marker.c share. */
#pragma once

#include "config/config.h"

/* Makes room for `count` caches with their defaults; those there are keep their values. */
void config_add_caches(struct config *config, size_t count);

/* Parses the text over the defaults that *config already holds. */
int config_parse_into(const char *name, const char *text, size_t len, struct config *config, struct hp_err *err);

/* What toml++ may be given: not too large, not too many dots. -HP_EXHAUSTED. */
int config_check_text(const char *name, const char *text, size_t len, size_t len_max, struct hp_err *err);

/* Outside text for a message: one line, bounded, nothing that a terminal would act on. The two may be one buffer. */
void config_printable(const char *text, char *ret_text, size_t size);
