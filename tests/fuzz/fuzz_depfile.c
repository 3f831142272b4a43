/* Dependency files: what parses prints, and what was printed parses to the same again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/depfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct cc_depfile *a, const struct cc_depfile *b)
{
	assert(hp_streq(a->target, b->target));
	assert(a->phony == b->phony);
	assert(a->deps.len == b->deps.len);
	for (size_t i = 0; i < a->deps.len; i++)
		assert(hp_streq(a->deps.v[i], b->deps.v[i]));
}

static void run(enum cc_family family, const char *data, size_t len)
{
	HP_AUTO_BUF struct hp_buf first = {0};
	HP_AUTO_BUF struct hp_buf second = {0};
	struct cc_depfile df = {0};
	struct cc_depfile again = {0};
	struct hp_err err = {0};

	if (cc_depfile_parse(family, data, len, &df, &err) < 0) {
		assert(err.code == HP_INVALID || err.code == HP_EXHAUSTED);
		assert(!df.target && !df.deps.v);
		return;
	}
	cc_depfile_print(family, df.target, df.deps.v, df.deps.len, df.phony, &first);
	if (cc_depfile_parse(family, first.data, first.len, &again, &err) < 0)
		assert(!"what was printed does not parse");
	same(&df, &again);
	cc_depfile_print(family, again.target, again.deps.v, again.deps.len, again.phony, &second);
	assert(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	cc_depfile_done(&df);
	cc_depfile_done(&again);
}

/* Any list of names without a backslash at their end must come back from paper. */
static void print_first(enum cc_family family, const char *data, size_t len, bool phony)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	HP_AUTO_STRV struct hp_strv deps = {0};
	struct cc_depfile df = {0};
	size_t from = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && data[i] != '\n' && data[i] != '\0')
			continue;
		if (i > from && data[i - 1] != '\\')
			hp_strv_addn(&deps, data + from, i - from);
		from = i + 1;
	}
	cc_depfile_print(family, "x.o", deps.v, deps.len, phony, &text);
	if (cc_depfile_parse(family, text.data, text.len, &df, NULL) < 0)
		assert(!"what was printed does not parse");
	assert(df.deps.len == deps.len && df.phony == (phony && deps.len > 1));
	for (size_t i = 0; i < deps.len; i++)
		assert(hp_streq(df.deps.v[i], deps.v[i]));
	cc_depfile_done(&df);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum cc_family family = size > 0 && (data[0] & 1) ? CC_FAMILY_CLANG : CC_FAMILY_GCC;

	if (size == 0)
		return 0;
	if (data[0] & 2)
		print_first(family, (const char *)data + 1, size - 1, data[0] & 4);
	else
		run(family, (const char *)data + 1, size - 1);
	return 0;
}
