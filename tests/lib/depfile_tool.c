/* For tests/unit/cc/check_depfile.py: reads commands from stdin, one a line, fields separated by tabs.
 *
 *   parse FAMILY FILE        parses FILE, prints it again and answers
 *                              "ok SAME PHONY TARGET-HEX DEP-HEX..." (SAME: the printed text equals the file) or
 *                              "error MESSAGE"
 *   join FAMILY T-HEX...     joins targets; each hex text starts with '-' (-MT) or '=' (-MQ); answers "ok HEX"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/depfile.h"

static enum cc_family family_of(const char *name)
{
	return hp_streq(name, "clang") ? CC_FAMILY_CLANG : CC_FAMILY_GCC;
}

static void put_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", (unsigned char)text[i]);
}

static char *from_hex(const char *hex)
{
	size_t len = strlen(hex) / 2;
	char *text = hp_alloc(len + 1);

	for (size_t i = 0; i < len; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		text[i] = (char)strtoul(digits, NULL, 16);
	}
	text[len] = '\0';
	return text;
}

static void read_file(const char *path, struct hp_buf *out)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	do {
		char *dst = hp_buf_reserve(out, 65536);

		n = fread(dst, 1, 65536, f);
		hp_buf_added(out, n);
	} while (n > 0);
	fclose(f);
}

static void do_parse(enum cc_family family, const char *path)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	HP_AUTO_BUF struct hp_buf again = {0};
	struct cc_depfile df;
	struct hp_err err;

	read_file(path, &text);
	if (cc_depfile_parse(family, hp_buf_cstr(&text), text.len, &df, &err) < 0) {
		printf("error %s\n", err.msg);
		return;
	}
	cc_depfile_print(family, df.target, df.deps.v, df.deps.len, df.phony, &again);
	printf("ok %d %d -", again.len == text.len && memcmp(again.data, text.data, text.len) == 0, df.phony);
	put_hex(df.target, strlen(df.target));
	for (size_t i = 0; i < df.deps.len; i++) {
		printf(" ");
		put_hex(df.deps.v[i], strlen(df.deps.v[i]));
	}
	printf("\n");
	cc_depfile_done(&df);
}

static void do_join(enum cc_family family, char *fields)
{
	struct cc_depfile_target targets[64];
	HP_AUTO_BUF struct hp_buf out = {0};
	size_t len = 0;
	char *field;

	while ((field = strsep(&fields, "\t")) && len < HP_ARRAY_SIZE(targets)) {
		targets[len].quote = field[0] == '=';
		targets[len++].text = from_hex(field + 1);
	}
	cc_depfile_join_targets(family, targets, len, &out);
	printf("ok -");
	put_hex(hp_buf_cstr(&out), out.len);
	printf("\n");
	for (size_t i = 0; i < len; i++)
		free((void *)(uintptr_t)targets[i].text);
}

int main(void)
{
	HP_AUTO_FREE char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		char *rest = line;

		line[strcspn(line, "\n")] = '\0';
		const char *command = strsep(&rest, "\t");
		const char *family = strsep(&rest, "\t");

		if (!family || !rest) {
			fprintf(stderr, "malformed command\n");
			return 2;
		}
		if (hp_streq(command, "parse"))
			do_parse(family_of(family), rest);
		else
			do_join(family_of(family), rest);
		fflush(stdout);
	}
	return 0;
}
