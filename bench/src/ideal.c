/* The ideal hit: stats every file that the compile read, then copies the object. Nothing is decided, looked up or
 * verified, so no process that checks its inputs by stat and reads the object from a file can be faster. The lists are
 * compiled in, so that not even a command line is parsed: ideal_unit.h defines IDEAL_INPUTS ("path\0path\0"),
 * IDEAL_OBJECT and IDEAL_OUTPUT.
 *
 * The copy is the fastest found on ext4. Where an output is there already it is written over in place: truncating it, or
 * renaming over it, makes the file system flush the new data at once. The bytes move inside the kernel. No O_CLOEXEC:
 * nothing is executed, and musl makes a second system call of it. */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ideal_unit.h"

static const char inputs[] = IDEAL_INPUTS;

int main(void)
{
	struct stat st;

	for (const char *path = inputs; *path;) {
		if (stat(path, &st) != 0)
			return 1;
		while (*path++)
			;
	}

	int in = open(IDEAL_OBJECT, O_RDONLY);
	if (in < 0 || fstat(in, &st) != 0)
		return 2;
	struct stat old = {0};
	int out = open(IDEAL_OUTPUT, O_WRONLY);
	if (out < 0)
		out = open(IDEAL_OUTPUT, O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (out < 0 || fstat(out, &old) != 0)
		return 3;
	if (old.st_size > st.st_size && ftruncate(out, st.st_size) != 0)
		return 3;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);
		if (n <= 0)
			return 4;
		left -= n;
	}
	return 0;
}
