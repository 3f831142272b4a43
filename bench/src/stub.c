/* The stub compiler: `stub ANYTHING…` creates the file after -o and the dependency file, both empty, and exits with 0.
 * The time of a make with it is what make itself and starting processes cost. It writes nothing on purpose: a copying
 * stub would hide the cost of writing objects, which a cache has and which belongs to it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "-MF") == 0)
			touch(argv[i + 1]);
	return 0;
}
