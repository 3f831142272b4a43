/* Entries to test with: a small one with one of everything, and comparison of two. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "cache/entry.h"

static inline bool entry_text_eq(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static inline bool entry_strs_eq(const char *const *a, size_t a_len, const char *const *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++) {
		if (!entry_text_eq(a[i], b[i]))
			return false;
	}
	return true;
}

static inline bool entry_bytes_eq(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static inline bool entry_meta_eq(const struct cache_entry *a, const struct cache_entry *b)
{
	if (a->created_s != b->created_s || a->compile_ms != b->compile_ms || a->files_len != b->files_len ||
	    !codec_digest_eq(&a->identity, &b->identity) || !entry_text_eq(a->compiler, b->compiler) ||
	    !entry_text_eq(a->compiler_version, b->compiler_version) || !entry_text_eq(a->cwd, b->cwd) ||
	    !entry_text_eq(a->source, b->source) || !entry_text_eq(a->output, b->output) ||
	    !entry_strs_eq(a->args, a->args_len, b->args, b->args_len) ||
	    !entry_strs_eq(a->env, a->env_len, b->env, b->env_len) ||
	    !entry_strs_eq(a->absent, a->absent_len, b->absent, b->absent_len))
		return false;
	for (size_t i = 0; i < a->files_len; i++) {
		const struct cache_file *fa = &a->files[i];
		const struct cache_file *fb = &b->files[i];

		if (!entry_text_eq(fa->path, fb->path) || fa->digest8 != fb->digest8 || fa->system != fb->system ||
		    fa->probe != fb->probe || fa->timed != fb->timed || fa->twin != fb->twin)
			return false;
	}
	return true;
}

static inline bool entry_payload_eq(const struct cache_entry *a, const struct cache_entry *b)
{
	if (!entry_bytes_eq(a->out, a->out_len, b->out, b->out_len) ||
	    !entry_bytes_eq(a->err, a->err_len, b->err, b->err_len) || a->outputs_len != b->outputs_len)
		return false;
	for (size_t i = 0; i < a->outputs_len; i++) {
		const struct cache_output *oa = &a->outputs[i];
		const struct cache_output *ob = &b->outputs[i];

		if (oa->role != ob->role || oa->mode_extra != ob->mode_extra || !entry_text_eq(oa->name, ob->name) ||
		    !entry_bytes_eq(oa->data, oa->len, ob->data, ob->len))
			return false;
	}
	return true;
}

static inline bool entry_head_eq(const struct cache_entry *a, const struct cache_entry *b)
{
	return codec_digest_eq(&a->action_key, &b->action_key) && codec_digest_eq(&a->closure_key, &b->closure_key) &&
	       a->flags == b->flags;
}

static inline struct cache_entry entry_sample(void)
{
	static const char *const args[] = {"-O2", "-DX=\"a b\"", ""};
	static const char *const env[] = {"LANG=C"};
	static const struct cache_file files[] = {
	        {.path = "src/a.c", .digest8 = 0x0123456789abcdefu},
	        {.path = "/usr/include/stdio.h", .digest8 = UINT64_MAX, .system = true},
	        {.path = "/usr/include/bits/types.h", .digest8 = 1, .system = true, .probe = true},
	        {.path = "a.h", .digest8 = 0},
	        {.path = "/root.h", .digest8 = 7},
	        {.path = "src//odd/../a.h", .digest8 = 7, .probe = true, .timed = true, .twin = true},
	        {.path = "src/a.c", .digest8 = 8},
	};
	static const char *const absent[] = {"inc/stdio.h", "src/stdio.h", "/usr/local/include/stdio.h", "a.h.gch",
	                                     "/"};
	static const struct cache_output outputs[] = {
	        {.role = CC_ROLE_MAIN, .data = "\177ELF and more\0bytes", .len = 19},
	        {.role = 200, .mode_extra = 0111, .name = ".c.252t.optimized", .data = "", .len = 0},
	};
	struct cache_entry e = {
	        .flags = CACHE_ENTRY_COLOR,
	        .created_s = 1700000000,
	        .compile_ms = UINT32_MAX,
	        .compiler = "/usr/bin/gcc",
	        .compiler_version = "gcc (Debian 12.2.0-14) 12.2.0",
	        .cwd = "/home/user/project",
	        .source = "src/a.c",
	        .output = "a.o",
	        .args = args,
	        .args_len = HP_ARRAY_SIZE(args),
	        .env = env,
	        .env_len = HP_ARRAY_SIZE(env),
	        .files = files,
	        .files_len = HP_ARRAY_SIZE(files),
	        .absent = absent,
	        .absent_len = HP_ARRAY_SIZE(absent),
	        .out = "said\n",
	        .out_len = 5,
	        .err = "src/a.c:1: warning: it is odd\n",
	        .err_len = 30,
	        .outputs = outputs,
	        .outputs_len = HP_ARRAY_SIZE(outputs),
	};

	codec_blake3("action", 6, &e.action_key);
	codec_blake3("closure", 7, &e.closure_key);
	codec_blake3("identity", 8, &e.identity);
	return e;
}
