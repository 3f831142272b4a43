/* How fast the token scanner goes over real headers, beside the hash of the same bytes.
 *
 *   find /usr/include/c++ -type f | build/bench/scan_bench [ROUNDS]
 *
 * Reads file names from stdin, loads the files, and prints the best of ROUNDS (default 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cc/scan.h"
#include "codec/digest.h"

struct file {
	char *data;
	size_t len;
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool load(const char *path, struct file *ret_file)
{
	FILE *f = fopen(path, "re");
	HP_AUTO_BUF struct hp_buf buf = {0};
	size_t n;

	if (!f)
		return false;
	do {
		n = fread(hp_buf_reserve(&buf, 65536), 1, 65536, f);
		hp_buf_added(&buf, n);
	} while (n > 0);
	fclose(f);
	ret_file->len = buf.len;
	ret_file->data = hp_buf_steal(&buf);
	return true;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
	HP_AUTO_FREE struct file *files = NULL;
	HP_AUTO_FREE char *line = NULL;
	size_t files_len = 0;
	size_t line_cap = 0;
	size_t total = 0;
	size_t includes = 0;
	double scan_best = 1e9;
	double hash_best = 1e9;

	while (getline(&line, &line_cap, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		files = hp_realloc(files, (files_len + 1) * sizeof *files);
		if (load(line, &files[files_len]))
			total += files[files_len++].len;
	}
	for (long round = 0; round < rounds; round++) {
		double start = now_s();
		double middle;

		includes = 0;
		for (size_t i = 0; i < files_len; i++) {
			struct cc_scan scan;

			cc_scan_source(CC_SCAN_C, files[i].data, files[i].len, &scan);
			includes += scan.includes_len;
			cc_scan_done(&scan);
		}
		middle = now_s();
		for (size_t i = 0; i < files_len; i++) {
			struct codec_digest digest;

			codec_blake3(files[i].data, files[i].len, &digest);
		}
		scan_best = middle - start < scan_best ? middle - start : scan_best;
		hash_best = now_s() - middle < hash_best ? now_s() - middle : hash_best;
	}
	printf("%zu files, %.1f MB, %zu includes: scan %.2f GB/s (%.2f us a file), hash %.2f GB/s (%.2f us a file)\n",
	       files_len, (double)total / 1e6, includes, (double)total / scan_best / 1e9,
	       scan_best / (double)files_len * 1e6, (double)total / hash_best / 1e9,
	       hash_best / (double)files_len * 1e6);
	for (size_t i = 0; i < files_len; i++)
		free(files[i].data);
	return 0;
}
