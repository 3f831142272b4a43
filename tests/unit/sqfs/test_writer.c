#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sqfs/sqfs.h"

/* An image in memory that can fail at any write. */
struct image {
	uint8_t *data;
	uint64_t size;
	uint64_t writes;
	uint64_t fail_at; /* number of the write that fails; 0: none */
};

static int image_write(void *ctx, uint64_t offset, const void *data, size_t len, struct hp_err *err)
{
	struct image *im = ctx;

	if (++im->writes == im->fail_at)
		return hp_err_set(err, HP_EXHAUSTED, "no space");
	if (offset + len > im->size) {
		im->data = hp_realloc(im->data, offset + len);
		im->size = offset + len;
	}
	memcpy(im->data + offset, data, len);
	return 0;
}

static int image_cut(void *ctx, uint64_t size, struct hp_err *err)
{
	struct image *im = ctx;

	(void)err;
	assert_true(size <= im->size);
	im->size = size;
	return 0;
}

static const struct sqfs_attr root = {.type = SQFS_DIR, .mode = 0755};

static const struct sqfs_options options = {.compression = CODEC_PACKER_ZSTD, .level = 1};

static struct sqfs_writer *new_writer(const struct sqfs_sink *sink)
{
	struct sqfs_writer *w;
	struct hp_err err;

	assert_int_equal(sqfs_writer_new(&options, sink, &sqfs_pool_serial, &w, &err), 0);
	return w;
}

/* A small image with a bit of everything; the first failure. */
static int build(struct image *im)
{
	const struct sqfs_sink sink = {.write = image_write, .cut = image_cut, .ctx = im};
	static uint8_t bytes[3 * 131072 + 5];
	struct sqfs_writer *w = NULL;
	uint32_t content = 0;
	uint32_t inode = 0;
	uint64_t size = 0;
	struct hp_err err = {0};
	int r = sqfs_writer_new(&options, &sink, &sqfs_pool_serial, &w, &err);

	if (r == 0)
		r = sqfs_inode(w, &root, &inode, &err);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * i >> 7);
	for (int i = 0; r == 0 && i < 4; i++) {
		static const size_t sizes[] = {5, sizeof bytes, sizeof bytes, 131072};
		char name[2] = {(char)('a' + i), 0};

		r = sqfs_content_append(w, bytes, sizes[i], &err);
		if (r == 0)
			r = sqfs_content_end(w, &content, &err);
		if (r == 0)
			r = sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_REG, .content = content}, &inode, &err);
		if (r == 0)
			r = sqfs_link(w, SQFS_ROOT, name, inode, &err);
	}
	if (r == 0)
		r = sqfs_finish(w, &size, &err);
	if (r == 0)
		assert_int_equal(size, im->size);
	else
		assert_int_equal(err.code, -r);
	sqfs_writer_free(w);
	return r;
}

static void a_failing_write_is_reported_wherever_it_happens(void **unused)
{
	struct image good = {0};
	uint64_t writes;

	(void)unused;
	assert_int_equal(build(&good), 0);
	writes = good.writes;
	assert_true(writes > 5);
	for (uint64_t at = 1; at <= writes; at++) {
		struct image im = {.fail_at = at};

		assert_int_equal(build(&im), -HP_EXHAUSTED);
		free(im.data);
	}
	free(good.data);
}

static void an_unfinished_image_has_no_superblock(void **unused)
{
	struct image good = {0};
	struct image im = {0};

	(void)unused;
	assert_int_equal(build(&good), 0);
	assert_memory_equal(good.data, "hsqs", 4);
	assert_int_equal(good.size % 4096, 0);
	im.fail_at = good.writes; /* the last write is the superblock's */
	assert_int_equal(build(&im), -HP_EXHAUSTED);
	assert_memory_not_equal(im.data, "hsqs", 4);
	free(im.data);
	free(good.data);
}

static void a_large_duplicate_leaves_no_bytes(void **unused)
{
	struct image one = {0};
	struct image two = {0};

	(void)unused;
	for (int copies = 1; copies <= 2; copies++) {
		struct image *im = copies == 1 ? &one : &two;
		const struct sqfs_sink sink = {.write = image_write, .cut = image_cut, .ctx = im};
		struct sqfs_writer *w = new_writer(&sink);
		uint32_t first = 0;
		uint32_t content;
		uint32_t inode;
		uint64_t size;

		for (int c = 0; c < copies; c++) {
			uint32_t x = 1;

			for (int i = 0; i < 50 * 131072; i += 4) {
				x = x * 1664525u + 1013904223u;
				assert_int_equal(sqfs_content_append(w, &x, 4, NULL), 0);
			}
			assert_int_equal(sqfs_content_end(w, &content, NULL), 0);
			if (c == 0)
				first = content;
			assert_int_equal(content, first);
		}
		assert_int_equal(sqfs_inode(w, &root, &inode, NULL), 0);
		assert_int_equal(sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_REG, .content = first}, &inode, NULL),
		                 0);
		assert_int_equal(sqfs_link(w, SQFS_ROOT, "f", inode, NULL), 0);
		assert_int_equal(sqfs_finish(w, &size, NULL), 0);
		sqfs_writer_free(w);
	}
	assert_int_equal(one.size, two.size);
	assert_memory_equal(one.data, two.data, one.size);
	free(one.data);
	free(two.data);
}

static void expect_bad_link(const char *name, int want)
{
	struct image im = {0};
	const struct sqfs_sink sink = {.write = image_write, .cut = image_cut, .ctx = &im};
	struct sqfs_writer *w = new_writer(&sink);
	struct hp_err err = {0};
	uint32_t inode;

	assert_int_equal(sqfs_inode(w, &root, &inode, &err), 0);
	assert_int_equal(sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_FIFO}, &inode, &err), 0);
	assert_int_equal(sqfs_link(w, SQFS_ROOT, name, inode, &err), want);
	sqfs_writer_free(w);
	free(im.data);
}

static void names_that_no_directory_can_hold_are_refused(void **unused)
{
	char name[HP_SQFS_NAME_MAX + 2];

	(void)unused;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	expect_bad_link(name, -HP_INVALID);
	expect_bad_link(name + 1, 0);
	expect_bad_link("", -HP_INVALID);
	expect_bad_link(".", -HP_INVALID);
	expect_bad_link("..", -HP_INVALID);
	expect_bad_link("a/b", -HP_INVALID);
	expect_bad_link("...", 0);
}

static void expect_bad_inode(const struct sqfs_attr *attr, int want)
{
	struct image im = {0};
	const struct sqfs_sink sink = {.write = image_write, .cut = image_cut, .ctx = &im};
	struct sqfs_writer *w = new_writer(&sink);
	struct hp_err err = {0};
	uint32_t inode;

	assert_int_equal(sqfs_inode(w, &root, &inode, &err), 0);
	assert_int_equal(sqfs_inode(w, attr, &inode, &err), want);
	/* An image that lost something stays lost. */
	assert_int_equal(sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_FIFO}, &inode, &err), want);
	sqfs_writer_free(w);
	free(im.data);
}

static void inodes_that_make_no_sense_are_refused(void **unused)
{
	static char target[HP_SQFS_TARGET_MAX + 2];
	static uint8_t value[HP_SQFS_XATTR_SIZE_MAX + 1];
	struct sqfs_xattr xattrs[HP_SQFS_XATTRS_MAX + 1];
	char names[HP_SQFS_XATTRS_MAX + 1][16];
	struct sqfs_attr a = {.type = SQFS_FIFO, .xattrs = xattrs, .xattrs_len = 1};

	(void)unused;
	memset(target, 't', sizeof target - 1);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_SYMLINK, .target = target}, -HP_INVALID);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_SYMLINK, .target = target + 1}, 0);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_SYMLINK, .target = ""}, -HP_INVALID);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_REG, .content = 0}, -HP_INVALID);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_CHAR, .major = 4096}, -HP_INVALID);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_CHAR, .major = 4095, .minor = 0xfffff}, 0);
	expect_bad_inode(&(struct sqfs_attr){.type = SQFS_BLOCK, .minor = 1u << 20}, -HP_INVALID);
	xattrs[0] = (struct sqfs_xattr){.name = "system.posix_acl_access"};
	expect_bad_inode(&a, -HP_INVALID);
	xattrs[0] = (struct sqfs_xattr){.name = "user."};
	expect_bad_inode(&a, -HP_INVALID);
	xattrs[0] = (struct sqfs_xattr){.name = "user.big", .value = value, .len = sizeof value};
	expect_bad_inode(&a, -HP_EXHAUSTED);
	xattrs[0].len--;
	expect_bad_inode(&a, 0);
	xattrs[1] = xattrs[0] = (struct sqfs_xattr){.name = "user.x"};
	a.xattrs_len = 2;
	expect_bad_inode(&a, -HP_INVALID);
	for (size_t i = 0; i < HP_ARRAY_SIZE(xattrs); i++) {
		(void)snprintf(names[i], sizeof names[i], "user.%zu", i);
		xattrs[i] = (struct sqfs_xattr){.name = names[i]};
	}
	a.xattrs_len = HP_SQFS_XATTRS_MAX + 1;
	expect_bad_inode(&a, -HP_EXHAUSTED);
	a.xattrs_len--;
	expect_bad_inode(&a, 0);
}

static void a_directory_has_one_name_and_each_name_one_meaning(void **unused)
{
	struct image im = {0};
	const struct sqfs_sink sink = {.write = image_write, .cut = image_cut, .ctx = &im};
	struct sqfs_writer *w = new_writer(&sink);
	struct hp_err err = {0};
	uint32_t dir;
	uint64_t size;

	(void)unused;
	assert_int_equal(sqfs_inode(w, &root, &dir, &err), 0);
	assert_int_equal(sqfs_inode(w, &root, &dir, &err), 0);
	assert_int_equal(sqfs_link(w, SQFS_ROOT, "d", dir, &err), 0);
	assert_int_equal(sqfs_link(w, SQFS_ROOT, "e", dir, &err), -HP_INVALID);
	sqfs_writer_free(w);
	w = new_writer(&sink);
	assert_int_equal(sqfs_inode(w, &root, &dir, &err), 0);
	assert_int_equal(sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_SOCKET}, &dir, &err), 0);
	assert_int_equal(sqfs_link(w, SQFS_ROOT, "s", dir, &err), 0);
	assert_int_equal(sqfs_link(w, SQFS_ROOT, "s", dir, &err), 0);
	assert_int_equal(sqfs_finish(w, &size, &err), -HP_EXISTS);
	sqfs_writer_free(w);
	free(im.data);
}

static void too_many_owners_are_refused(void **unused)
{
	struct image im = {0};
	const struct sqfs_sink sink = {.write = image_write, .cut = image_cut, .ctx = &im};
	struct sqfs_writer *w = new_writer(&sink);
	struct hp_err err = {0};
	uint32_t inode;

	(void)unused;
	assert_int_equal(sqfs_inode(w, &root, &inode, &err), 0);
	for (uint32_t id = 1; id < HP_SQFS_IDS_MAX; id++)
		assert_int_equal(sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_FIFO, .uid = id}, &inode, &err), 0);
	assert_int_equal(sqfs_inode(w, &(struct sqfs_attr){.type = SQFS_FIFO, .uid = HP_SQFS_IDS_MAX}, &inode, &err),
	                 -HP_EXHAUSTED);
	sqfs_writer_free(w);
	free(im.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_failing_write_is_reported_wherever_it_happens),
	        cmocka_unit_test(an_unfinished_image_has_no_superblock),
	        cmocka_unit_test(a_large_duplicate_leaves_no_bytes),
	        cmocka_unit_test(names_that_no_directory_can_hold_are_refused),
	        cmocka_unit_test(inodes_that_make_no_sense_are_refused),
	        cmocka_unit_test(a_directory_has_one_name_and_each_name_one_meaning),
	        cmocka_unit_test(too_many_owners_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
