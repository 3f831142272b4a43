/* What compilers say of themselves: any text is read to its end, and what comes out are lines or words of it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct hp_strv *sv, const char *text)
{
	for (size_t i = 0; i < sv->len; i++)
		assert(sv->v[i][0] && !strchr(sv->v[i], '\n') && strstr(text, sv->v[i]));
}

static void check_version(const char *text)
{
	enum cc_family family = CC_FAMILY_UNKNOWN;
	struct hp_buf version HP_AUTO_BUF = {0};

	if (!cc_probe_version(text, &family, &version)) {
		assert(version.len == 0 && family == CC_FAMILY_UNKNOWN);
		return;
	}
	assert(family == CC_FAMILY_GCC || family == CC_FAMILY_CLANG);
	assert(strstr(text, version.data) && !strchr(version.data, '\n'));
}

static void check_search(const char *text)
{
	struct hp_strv quote HP_AUTO_STRV = {0};
	struct hp_strv angle HP_AUTO_STRV = {0};
	struct hp_strv missing HP_AUTO_STRV = {0};

	(void)cc_probe_search(text, &quote, &angle, &missing);
	check_lines(&quote, text);
	check_lines(&angle, text);
	check_lines(&missing, text);
}

static void check_commands(const char *text)
{
	struct hp_strv programs HP_AUTO_STRV = {0};
	struct hp_strv dirs HP_AUTO_STRV = {0};
	struct hp_buf commands HP_AUTO_BUF = {0};
	size_t words = 0;

	cc_probe_commands(text, &programs, &dirs, &commands);
	check_lines(&dirs, text);
	for (size_t i = 0; i < commands.len; i++)
		words += commands.data[i] == '\n';
	assert(words >= programs.len);
}

static void check_places(const char *text)
{
	struct hp_strv list HP_AUTO_STRV = {0};
	struct hp_buf install HP_AUTO_BUF = {0};
	struct hp_buf cpu HP_AUTO_BUF = {0};

	cc_probe_prefixes(text, "programs", &list);
	cc_probe_option_files(text, &list);
	check_lines(&list, text);
	cc_probe_install(text, &install);
	assert(strstr(text, hp_buf_cstr(&install)) && !strchr(hp_buf_cstr(&install), '\n'));
	cc_probe_cpu(text, &cpu);
	assert(cpu.len <= strlen(text) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text HP_AUTO_FREE = hp_strndup((const char *)data, size);
	struct hp_strv libraries HP_AUTO_STRV = {0};

	(void)cc_probe_name(text);
	check_version(text);
	check_search(text);
	check_commands(text);
	check_places(text);
	cc_probe_libraries(text, &libraries);
	check_lines(&libraries, text);
	for (size_t i = 0; i < libraries.len; i++)
		assert(libraries.v[i][0] == '/');
	return 0;
}
