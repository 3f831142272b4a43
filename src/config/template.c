/* What people read about the keys: the file of `hpcc init` and the reference, both from the table. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/keys_priv.h"

enum {
	COMMENT_WIDTH = 98
};

/* Sentences as comment lines, broken at spaces. */
static void add_comment(struct hp_buf *out, const char *text)
{
	while (*text) {
		size_t len = strlen(text);

		if (len > COMMENT_WIDTH) {
			len = COMMENT_WIDTH;
			while (len > 0 && text[len] != ' ')
				len--;
			if (len == 0)
				len = COMMENT_WIDTH;
		}
		hp_buf_str(out, "# ");
		hp_buf_append(out, text, len);
		hp_buf_char(out, '\n');
		text += len;
		while (*text == ' ')
			text++;
	}
}

static bool is_quoted(const struct config_key *key)
{
	return key->type != CONFIG_TYPE_BOOL && key->type != CONFIG_TYPE_INT;
}

static void add_default(struct hp_buf *out, const struct config_key *key)
{
	const char *shown = key->shown ? key->shown : key->fallback;

	if (is_quoted(key))
		hp_buf_printf(out, "\"%s\"", shown ? shown : "");
	else
		hp_buf_str(out, shown);
}

static bool can_have(const struct config_key *key, const char *value)
{
	return !key->not_yet || !hp_streq(key->not_yet, value);
}

/* "direct" or "x"; the values that are refused as yet are left out. */
static void add_words(struct hp_buf *out, const struct config_key *key)
{
	bool first = true;

	for (size_t i = 0; key->words[i]; i++) {
		if (!can_have(key, key->words[i]))
			continue;
		hp_buf_printf(out, "%s\"%s\"", first ? "" : ", ", key->words[i]);
		first = false;
	}
}

void config_template(struct hp_buf *out)
{
	hp_buf_str(out, "# hpcc's configuration. Every key is shown with its default: remove the # to change one.\n"
	                "# The daemon reads it when it starts.\n");
	for (size_t s = 0; s < config_sections_len; s++) {
		const struct config_section *section = &config_sections[s];

		hp_buf_char(out, '\n');
		if (section->name[0]) {
			add_comment(out, section->doc);
			hp_buf_printf(out, section->repeated ? "[[%s]]\n" : "[%s]\n", section->name);
		}
		for (size_t i = 0; i < config_keys_len; i++) {
			const struct config_key *key = &config_keys[i];

			if (!hp_streq(key->section, section->name))
				continue;
			add_comment(out, key->doc);
			if (key->words) {
				hp_buf_str(out, "# One of: ");
				add_words(out, key);
				hp_buf_char(out, '\n');
			}
			hp_buf_printf(out, "#%s = ", key->name);
			add_default(out, key);
			hp_buf_char(out, '\n');
		}
	}
}

static void add_type(struct hp_buf *out, const struct config_key *key)
{
	if (key->type == CONFIG_TYPE_WORD)
		add_words(out, key);
	else if (key->type == CONFIG_TYPE_INT)
		hp_buf_printf(out, "an integer from %lld to %lld", (long long)key->min, (long long)key->max);
	else
		hp_buf_str(out, config_type_text(key->type));
}

void config_reference(struct hp_buf *out)
{
	for (size_t s = 0; s < config_sections_len; s++) {
		const struct config_section *section = &config_sections[s];

		if (section->name[0] == '\0')
			hp_buf_str(out, "### Top level\n\n");
		else
			hp_buf_printf(out, section->repeated ? "### `[[%s]]`\n\n" : "### `[%s]`\n\n", section->name);
		hp_buf_printf(out, "%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", section->doc);
		for (size_t i = 0; i < config_keys_len; i++) {
			const struct config_key *key = &config_keys[i];

			if (!hp_streq(key->section, section->name))
				continue;
			hp_buf_printf(out, "| `%s` | ", key->name);
			add_type(out, key);
			hp_buf_str(out, " | `");
			add_default(out, key);
			hp_buf_printf(out, "` | %s", key->doc);
			if (key->not_yet)
				hp_buf_printf(out, " `%s` is planned and refused as yet.", key->not_yet);
			hp_buf_str(out, " |\n");
		}
		hp_buf_char(out, '\n');
	}
}
