/* The recorder: `record COMPILER ARGS…` appends its working directory and command line to $BENCH_RECORD and becomes the
 * compiler; with $BENCH_RECORD_DRY set it only creates the output, so that a whole project is recorded in seconds.
 * A record is: u32 length of the rest, then NUL-terminated strings (cwd, compiler, args). One write() with O_APPEND,
 * so that the records of a parallel make do not mix. */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RECORD_MAX = 1 << 20
};

static char record[RECORD_MAX];

static void append(size_t *len, const char *text)
{
	size_t n = strlen(text) + 1;
	if (n > sizeof(record) - *len) {
		fputs("record: command line too long\n", stderr);
		exit(125);
	}
	memcpy(record + *len, text, n);
	*len += n;
}

int main(int argc, char **argv)
{
	const char *log = getenv("BENCH_RECORD");
	char cwd[PATH_MAX];
	size_t len = sizeof(uint32_t);

	if (argc < 2 || !log || !getcwd(cwd, sizeof(cwd)))
		return 125;
	append(&len, cwd);
	for (int i = 1; i < argc; i++)
		append(&len, argv[i]);
	uint32_t rest = (uint32_t)(len - sizeof(uint32_t));
	memcpy(record, &rest, sizeof(rest));

	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, record, len) != (ssize_t)len) {
		perror("record");
		return 125;
	}

	if (getenv("BENCH_RECORD_DRY")) {
		for (int i = 1; i + 1 < argc; i++)
			if (strcmp(argv[i], "-o") == 0)
				close(open(argv[i + 1], O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
		return 0;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
