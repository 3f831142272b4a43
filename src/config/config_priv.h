/* What config.c and parse.c share. */
#pragma once

#include "config/config.h"

/* Makes room for `count` caches with their defaults; those there are keep their values. */
void config_add_caches(struct config *config, size_t count);

/* Parses the text over the defaults that *config already holds. */
int config_parse_into(const char *name, const char *text, size_t len, struct config *config, struct hp_err *err);
