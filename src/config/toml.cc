// The one C++ file: toml++ behind a C interface (docs/decisions/0002-toml-shim.md). No exceptions and no RTTI, so that
// little of libstdc++ gets linked.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "config/toml_priv.h"

namespace
{

config_toml_place place_of(const toml::source_region &region)
{
	return {region.begin.line, region.begin.column};
}

struct walker {
	config_toml_fn fn;
	void *ctx;

	void leaf(const char *section, size_t index, const toml::key &key, const toml::node &value) const
	{
		config_toml_node out = {};
		std::string text;
		std::string name(key.str());

		out.section = section;
		out.section_index = index;
		out.key = name.c_str();
		out.key_place = place_of(key.source());
		out.value_place = place_of(value.source());
		out.type = CONFIG_TOML_OTHER;
		if (const auto *string = value.as_string()) {
			text = string->get();
			out.type = CONFIG_TOML_STRING;
			out.string = text.c_str();
			out.string_len = text.size();
		} else if (const auto *integer = value.as_integer()) {
			out.type = CONFIG_TOML_INTEGER;
			out.integer = integer->get();
		} else if (const auto *boolean = value.as_boolean()) {
			out.type = CONFIG_TOML_BOOLEAN;
			out.boolean = boolean->get();
		} else if (value.is_table()) {
			out.type = CONFIG_TOML_TABLE;
		} else if (value.is_array_of_tables()) {
			out.type = CONFIG_TOML_TABLES;
			out.integer = static_cast<int64_t>(value.as_array()->size());
		}
		fn(ctx, &out);
	}

	void section(const char *name, size_t index, const toml::table &table) const
	{
		for (auto &&[key, value] : table)
			leaf(name, index, key, value);
	}

	void top(const toml::table &table) const
	{
		for (auto &&[key, value] : table) {
			std::string name(key.str());

			leaf(nullptr, 0, key, value);
			if (const auto *inner = value.as_table()) {
				section(name.c_str(), 0, *inner);
			} else if (value.is_array_of_tables()) {
				size_t index = 0;

				for (const auto &element : *value.as_array())
					section(name.c_str(), index++, *element.as_table());
			}
		}
	}
};

} // namespace

extern "C" int config_toml_walk(const char *text, size_t len, config_toml_fn fn, void *ctx,
                                config_toml_place *ret_place, char *ret_message, size_t message_size)
{
	const toml::parse_result result = toml::parse(std::string_view(text, len));

	if (!result) {
		const std::string_view why = result.error().description();
		const size_t n = std::min(why.size(), message_size - 1);

		*ret_place = place_of(result.error().source());
		std::memcpy(ret_message, why.data(), n);
		ret_message[n] = '\0';
		return -1;
	}
	walker{fn, ctx}.top(result.table());
	return 0;
}
