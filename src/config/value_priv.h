/* Setting one field from one value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/keys_priv.h"

/* A value as TOML has it. */
struct config_value {
	enum {
		CONFIG_VALUE_TEXT = 1,
		CONFIG_VALUE_NUMBER,
		CONFIG_VALUE_FLAG,
		CONFIG_VALUE_NONE
	} kind;
	const char *text;
	int64_t number;
	bool flag;
};

/* Checks the value against the key's row and stores it at `field` (the field's own type, see enum config_type; a string
 * there before is freed). -HP_INVALID with "expected …, got …", -HP_UNIMPLEMENTED for a value that is refused as yet;
 * the field is untouched then. */
int config_value_set(const struct config_key *key, const struct config_value *value, void *field, struct hp_err *err);

/* Stores the key's default. */
void config_value_default(const struct config_key *key, void *field);
