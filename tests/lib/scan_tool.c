/* For tests/unit/cc/check_scan.py: reads "SYNTAX FILE" lines (c or asm) from stdin and answers, for each, one line of
 * words: the flags in hex, then each include as "[?][+]HEX", HEX being `"` or `<` and the name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cc/scan.h"

static void read_file(const char *path, struct hp_buf *out)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	do {
		n = fread(hp_buf_reserve(out, 65536), 1, 65536, f);
		hp_buf_added(out, n);
	} while (n > 0);
	fclose(f);
}

static void answer(enum cc_scan_syntax syntax, const char *path)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	struct cc_scan scan;

	read_file(path, &text);
	cc_scan_source(syntax, hp_buf_cstr(&text), text.len, &scan);
	printf("%x", scan.flags);
	for (size_t i = 0; i < scan.includes_len; i++) {
		const struct cc_include *inc = &scan.includes[i];

		printf(" %s%s%02x", inc->probe ? "?" : "", inc->next ? "+" : "",
		       inc->kind == CC_INCLUDE_QUOTE ? '"' : '<');
		for (const char *p = scan.names + inc->offset; *p; p++)
			printf("%02x", (unsigned char)*p);
	}
	printf("\n");
	fflush(stdout);
	cc_scan_done(&scan);
}

int main(void)
{
	HP_AUTO_FREE char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		char *path = line;

		line[strcspn(line, "\n")] = '\0';
		const char *syntax = strsep(&path, " ");

		if (!path)
			return 2;
		answer(hp_streq(syntax, "asm") ? CC_SCAN_ASM : CC_SCAN_C, path);
	}
	return 0;
}
