#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "oci/merge.h"

static unsigned too_large;

static void note(void *ctx, const char *name, const char *path)
{
	(void)ctx;
	(void)path;
	too_large += strcmp(name, "image-too-large") == 0;
}

static struct oci_merge *new_merge(void)
{
	static const struct oci_merge_options options = {.event = note, .seed = 7};
	struct oci_merge *m = oci_merge_new(&options);

	too_large = 0;
	oci_merge_layer_begin(m);
	return m;
}

static void entries_are_bounded(void **unused)
{
	const struct oci_entry e = {.path = "a", .kind = OCI_DIR};
	struct oci_merge *m = new_merge();
	struct hp_err err = {0};
	uint32_t file;

	(void)unused;
	for (uint32_t i = 0; i < HP_IMAGE_ENTRIES_MAX; i++)
		assert_int_equal(oci_merge_entry(m, &e, &file, &err), 0);
	assert_int_equal(oci_merge_entry(m, &e, &file, &err), -HP_EXHAUSTED);
	assert_int_equal(too_large, 1);
	oci_merge_free(m);
}

/* Few entries that imply a great many directories. */
static void names_that_paths_imply_are_bounded(void **unused)
{
	struct oci_merge *m = new_merge();
	char path[HP_PATH_SIZE_MAX];
	struct oci_entry e = {.path = path, .kind = OCI_DIR};
	struct hp_err err = {0};
	uint32_t added = 0;
	uint32_t file;
	int r = 0;

	(void)unused;
	while (r == 0 && added < HP_IMAGE_ENTRIES_MAX) {
		size_t len = (size_t)snprintf(path, sizeof path, "%u", added++);

		for (unsigned i = 1; i < HP_IMAGE_DEPTH_MAX; i++, len += 2)
			(void)snprintf(path + len, 3, "/d");
		r = oci_merge_entry(m, &e, &file, &err);
	}
	assert_int_equal(r, -HP_EXHAUSTED);
	assert_int_equal(added, HP_IMAGE_NODES_MAX / HP_IMAGE_DEPTH_MAX);
	assert_int_equal(too_large, 1);
	oci_merge_free(m);
}

/* The same path again and again makes no name more, but attributes and targets are kept each time. */
static void bytes_of_names_are_bounded(void **unused)
{
	static char value[HP_SQFS_XATTR_SIZE_MAX];
	const struct sqfs_xattr xattr = {.name = "user.x", .value = value, .len = sizeof value};
	const struct oci_entry e = {.path = "d", .kind = OCI_DIR, .xattrs = &xattr, .xattrs_len = 1};
	struct oci_merge *m = new_merge();
	struct hp_err err = {0};
	uint64_t kept = 0;
	uint32_t file;
	int r = 0;

	(void)unused;
	while ((r = oci_merge_entry(m, &e, &file, &err)) == 0)
		kept += sizeof value + strlen("d") + strlen("user.x");
	assert_int_equal(r, -HP_EXHAUSTED);
	assert_true(kept <= HP_IMAGE_NAMES_SIZE_MAX && kept + 2 * sizeof value > HP_IMAGE_NAMES_SIZE_MAX);
	assert_int_equal(too_large, 1);
	oci_merge_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(entries_are_bounded),
	        cmocka_unit_test(names_that_paths_imply_are_bounded),
	        cmocka_unit_test(bytes_of_names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
