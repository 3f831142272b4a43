/* Command lines: the first byte chooses family and driver name, the rest are arguments parted by newlines. An argument
 * "@file" reads the whole input again as a response file. For a command line that is cacheable, what is run on a miss
 * must be cacheable too, with the same key and the same output, and must keep the dependency file out of the user's way
 * exactly when that was promised. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static int read_input(void *ctx, const char *path, struct hp_buf *out)
{
	const struct input *in = ctx;

	if (path[0] == '!')
		return -HP_NOT_FOUND;
	hp_buf_append(out, in->data, in->size < 512 ? in->size : 512);
	return 0;
}

static void split_lines(const uint8_t *data, size_t size, struct hp_strv *argv)
{
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		hp_strv_addn(argv, (const char *)data, len);
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
}

static void same_list(const struct hp_strv *a, const struct hp_strv *b)
{
	assert(a->len == b->len);
	for (size_t i = 0; i < a->len; i++)
		assert(strcmp(a->v[i], b->v[i]) == 0);
}

static void check_run_args(const struct cc_invocation *inv, const char *argv0, struct input *in)
{
	struct hp_strv run HP_AUTO_STRV = {0};
	struct cc_invocation again __attribute__((cleanup(cc_invocation_done))) = {0};

	cc_invocation_run_args(inv, "/private.d", false, &run);
	assert(cc_invocation_parse(&again, inv->family, argv0, run.len, run.v, read_input, in, NULL) == 0);
	assert(again.bypass == CC_REASON_NONE);
	same_list(&inv->key_args, &again.key_args);
	same_list(&inv->ident_args, &again.ident_args);
	assert(strcmp(inv->input, again.input) == 0);
	assert(strcmp(inv->output, again.output) == 0);
	assert(inv->embeds_cwd == again.embeds_cwd);
	if (inv->closure != CC_CLOSURE_DEPFILE) {
		assert(again.closure == inv->closure);
		return;
	}
	if (inv->deps == CC_DEPS_NONE) {
		assert(again.deps == CC_DEPS_NONE || strcmp(again.deps_file, "/private.d") == 0);
		return;
	}
	assert(again.deps == CC_DEPS_ALL);
	assert(strcmp(again.deps_file, inv->deps == CC_DEPS_USER ? "/private.d" : inv->deps_file) == 0);
	assert(strcmp(again.deps_target, inv->deps_target) == 0);
	assert(again.deps_phony == inv->deps_phony);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_invocation inv __attribute__((cleanup(cc_invocation_done))) = {0};
	struct hp_strv argv HP_AUTO_STRV = {0};
	struct hp_buf text HP_AUTO_BUF = {0};
	struct input in;
	enum cc_family family;
	const char *argv0;

	if (size == 0)
		return 0;
	family = data[0] & 1 ? CC_FAMILY_CLANG : CC_FAMILY_GCC;
	if (data[0] & 4)
		family = data[0] & 1 ? CC_FAMILY_CLANG_CL : CC_FAMILY_MSVC;
	argv0 = data[0] & 2 ? "x-g++-12" : "cc";
	in = (struct input){data + 1, size - 1};
	split_lines(in.data, in.size, &argv);
	assert(cc_invocation_parse(&inv, family, argv0, argv.len, argv.v, read_input, &in, NULL) == 0);
	cc_invocation_describe(&inv, &text);
	if (inv.bypass == CC_REASON_NONE)
		check_run_args(&inv, argv0, &in);
	return 0;
}
