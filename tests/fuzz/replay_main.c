/* Stands in for libFuzzer where there is none: feeds each file of the folders named on the command line, its prefixes
 * and a few damaged variants of it to the target. Deterministic, so that a failure repeats. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Variants a file: enough to cover each byte of small seeds, bounded for large ones. */
enum {
	VARIANTS_MAX = 256
};

/* A copy of exactly the right size, so that a sanitizer sees a read past the end. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void feed_variants(uint8_t *data, size_t size)
{
	size_t step = size / VARIANTS_MAX + 1;

	feed(data, size);
	for (size_t i = 0; i < size; i += step) {
		uint8_t kept = data[i];

		feed(data, i);
		data[i] = (uint8_t)(kept ^ (1u << (i % 8)));
		feed(data, size);
		data[i] = (i & 1) ? 0xff : 0;
		feed(data, size);
		data[i] = kept;
	}
}

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = NULL;
	size_t size = 0;

	if (!file) {
		perror(path);
		return 1;
	}
	for (;;) {
		uint8_t *grown = realloc(data, size + 65536);

		if (!grown)
			abort();
		data = grown;
		size_t got = fread(data + size, 1, 65536, file);
		size += got;
		if (got == 0)
			break;
	}
	(void)fclose(file);
	feed_variants(data, size);
	free(data);
	return 0;
}

static int replay_folder(const char *path, unsigned *files)
{
	struct dirent **names = NULL;
	int count = scandir(path, &names, NULL, alphasort);
	int bad = 0;

	if (count < 0) {
		perror(path);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char full[4096];

		if (names[i]->d_name[0] != '.') {
			(void)snprintf(full, sizeof full, "%s/%s", path, names[i]->d_name);
			bad |= replay_file(full);
			*files += 1;
		}
		free(names[i]);
	}
	free(names);
	return bad;
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= replay_folder(argv[i], &files);
	printf("%u files\n", files);
	return bad || files == 0;
}
