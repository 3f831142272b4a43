/* Prints what is known of a command line, or the option table, for tests in other languages.
 *   invocation_tool table                  one row a line: spelling, value, class, families, reason; tab-separated
 *   invocation_tool dict                   the spellings as a dictionary for libFuzzer
 *   invocation_tool reasons                every reason: kind, name, sentence; tab-separated
 *   invocation_tool find FAMILY ARG...     for each argument: the row's spelling, value, sign, reason, class, effect
 *                                          on the key, "ident" or "-", and how many arguments it uses when one more
 *                                          follows; tab-separated, "-" when unknown
 *   invocation_tool parse FAMILY NAME ARG...   fields of the invocation, one a line
 *   invocation_tool run FAMILY NAME PRIVATE ARG...   the arguments to run on a miss, one a line */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/invocation.h"
#include "cc/options.h"

static int read_whole(void *ctx, const char *path, struct hp_buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t got;

	(void)ctx;
	if (!f)
		return -HP_NOT_FOUND;
	while ((got = fread(hp_buf_reserve(out, 4096), 1, 4096, f)) > 0)
		hp_buf_added(out, got);
	(void)fclose(f);
	return 0;
}

static enum cc_family family_of(const char *name)
{
	if (hp_streq(name, "clang-cl"))
		return CC_FAMILY_CLANG_CL;
	if (hp_streq(name, "cl"))
		return CC_FAMILY_MSVC;
	return hp_streq(name, "clang") ? CC_FAMILY_CLANG : CC_FAMILY_GCC;
}

static int print_table(void)
{
	for (unsigned t = 0; cc_option_table(t); t++) {
		const struct cc_option_table *table = cc_option_table(t);

		for (size_t i = 0; i < table->len; i++) {
			const struct cc_option *row = &table->rows[i];

			printf("%s\t%s\t%s\t%s%s%s%s\t%s\n", row->spelling,
			       cc_opt_value_name((enum cc_opt_value)row->value),
			       cc_opt_class_name((enum cc_opt_class)row->cls),
			       row->families & CC_FAMILY_BIT_GCC ? "g" : "",
			       row->families & CC_FAMILY_BIT_CLANG ? "c" : "",
			       row->families & CC_FAMILY_BIT_CLANG_CL ? "l" : "",
			       row->families & CC_FAMILY_BIT_MSVC ? "m" : "",
			       cc_reason_name((enum cc_reason)row->bypass));
		}
	}
	return 0;
}

static int print_dict(void)
{
	for (unsigned t = 0; cc_option_table(t); t++) {
		for (size_t i = 0; i < cc_option_table(t)->len; i++)
			printf("\"\\x0a%s\"\n", cc_option_table(t)->rows[i].spelling);
	}
	return 0;
}

static int print_reasons(void)
{
	static const char *const kinds[] = {"", "bypass", "miss", "unstored"};

	for (unsigned r = 1; r < CC_REASON_COUNT; r++)
		printf("%s\t%s\t%s\n", kinds[cc_reason_kind((enum cc_reason)r)], cc_reason_name((enum cc_reason)r),
		       cc_reason_text((enum cc_reason)r));
	return 0;
}

static int print_rows(enum cc_family family, int argc, char **argv)
{
	static const char *const effects[] = {"no", "yes", "path"};
	static char next[] = "next";

	for (int i = 0; i < argc; i++) {
		char *pair[] = {argv[i], next, NULL};
		struct cc_arg arg;

		cc_arg_read(family, 2, pair, 0, &arg);
		if (!arg.row) {
			printf("%s\t-\t-\t-\t-\t-\t-\t-\t1\n", argv[i]);
			continue;
		}
		printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%zu\n", argv[i], arg.row->spelling,
		       cc_opt_value_name((enum cc_opt_value)arg.row->value), arg.negative ? "negative" : "positive",
		       cc_reason_name((enum cc_reason)arg.row->bypass),
		       cc_opt_class_name((enum cc_opt_class)arg.row->cls), effects[arg.row->effect],
		       arg.row->flags & CC_OPT_IDENT ? "ident" : "-", arg.count);
	}
	return 0;
}

static void print_list(const char *name, const struct hp_strv *list)
{
	for (size_t i = 0; i < list->len; i++)
		printf("%s=%s\n", name, list->v[i]);
}

static int print_parsed(enum cc_family family, const char *name, int argc, char **argv)
{
	struct cc_invocation inv;

	(void)cc_invocation_parse(&inv, family, name, (size_t)argc, argv, read_whole, NULL, NULL);
	printf("bypass=%s\ndetail=%s\n", cc_reason_name(inv.bypass), inv.bypass_detail);
	printf("lang=%s\ninput=%s\noutput=%s\n", inv.lang_name ? inv.lang_name : "", inv.input ? inv.input : "",
	       inv.output ? inv.output : "");
	printf("deps=%d\ndeps_file=%s\ndeps_target=%s\nphony=%d\n", (int)inv.deps, inv.deps_file ? inv.deps_file : "",
	       inv.deps_target ? inv.deps_target : "", inv.deps_phony);
	printf("closure=%d\nholds_command=%d\n", (int)inv.closure, inv.holds_command);
	printf("embeds_cwd=%d\nprefix_map=%d\ncolor=%d\n", inv.embeds_cwd, inv.debug_prefix_map, (int)inv.color);
	for (size_t i = 0; i < inv.dirs_len; i++)
		printf("dir=%d:%s\n", (int)inv.dirs[i].kind, inv.dirs[i].path);
	print_list("forced", &inv.forced_includes);
	print_list("ident", &inv.ident_args);
	print_list("key", &inv.key_args);
	cc_invocation_done(&inv);
	return 0;
}

static int print_run_args(enum cc_family family, const char *name, const char *private_deps, int argc, char **argv)
{
	struct cc_invocation inv;
	struct hp_strv out HP_AUTO_STRV = {0};

	(void)cc_invocation_parse(&inv, family, name, (size_t)argc, argv, read_whole, NULL, NULL);
	if (inv.bypass == CC_REASON_NONE)
		cc_invocation_run_args(&inv, private_deps, false, &out);
	for (size_t i = 0; i < out.len; i++)
		puts(out.v[i]);
	cc_invocation_done(&inv);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && hp_streq(argv[1], "table"))
		return print_table();
	if (argc == 2 && hp_streq(argv[1], "dict"))
		return print_dict();
	if (argc == 2 && hp_streq(argv[1], "reasons"))
		return print_reasons();
	if (argc >= 3 && hp_streq(argv[1], "find"))
		return print_rows(family_of(argv[2]), argc - 3, argv + 3);
	if (argc >= 4 && hp_streq(argv[1], "parse"))
		return print_parsed(family_of(argv[2]), argv[3], argc - 4, argv + 4);
	if (argc >= 5 && hp_streq(argv[1], "run"))
		return print_run_args(family_of(argv[2]), argv[3], argv[4], argc - 5, argv + 5);
	return 2;
}
