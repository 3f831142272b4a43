/* What cl and clang-cl say of the files they read. The first byte chooses the kind of list: JSON of /sourceDependencies,
 * or lines of /showIncludes. No path may hold what no path can, what is stripped holds no line of the list, and a prefix
 * that was learned finds the path again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cc/includes.h"
#include "cc/source_deps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const char *text, size_t len)
{
	struct cc_source_deps deps;
	struct cc_source_deps again;
	int r = cc_source_deps_parse(text, len, &deps, NULL);

	assert(r == 0 || r == -HP_INVALID || r == -HP_EXHAUSTED);
	if (r == 0) {
		assert(deps.source && *deps.source);
		for (size_t i = 0; i < deps.includes.len; i++)
			assert(deps.includes.v[i][0]);
		/* One byte less is not the whole text, unless that was white space. */
		if (len > 0 && text[len - 1] == '}') {
			assert(cc_source_deps_parse(text, len - 1, &again, NULL) == -HP_INVALID);
			cc_source_deps_done(&again);
		}
	}
	cc_source_deps_done(&deps);
}

static void check_lines(const char *text, size_t len)
{
	struct hp_strv files HP_AUTO_STRV = {0};
	struct hp_strv none HP_AUTO_STRV = {0};
	struct hp_buf rest HP_AUTO_BUF = {0};
	struct hp_buf prefix HP_AUTO_BUF = {0};
	int r = cc_includes_parse(CC_INCLUDES_PREFIX, text, len, &files, NULL);

	cc_includes_strip(CC_INCLUDES_PREFIX, text, len, &rest);
	assert(rest.len <= len);
	if (r == 0) {
		assert(cc_includes_parse(CC_INCLUDES_PREFIX, hp_buf_cstr(&rest), rest.len, &none, NULL) == 0);
		assert(none.len == 0);
		for (size_t i = 0; i < files.len; i++)
			assert(files.v[i][0] && files.v[i][0] != ' ' && !strchr(files.v[i], '\n'));
	}
	if (cc_includes_learn(text, len, "a.h", &prefix)) {
		struct hp_strv learned HP_AUTO_STRV = {0};

		assert(prefix.len > 0);
		r = cc_includes_parse(prefix.data, text, len, &learned, NULL);
		assert(r < 0 || hp_strv_has(&learned, "a.h"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy HP_AUTO_FREE = NULL;

	if (size == 0)
		return 0;
	copy = hp_memdup(data + 1, size - 1);
	if (data[0] & 1)
		check_lines(copy, size - 1);
	else
		check_json(copy, size - 1);
	return 0;
}
