/* Limits of base/limits.h that no area's own test goes to: at each one, and one past it. HP_ARGS_MAX and
 * HP_FRAME_SIZE_MAX are in proto/test_local, HP_SOURCE_SIZE_MAX in daemon/test_files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "cc/depfile.h"
#include "lib/scratch.h"
#include "proto/local.h"

/* The largest report a client makes fits a frame; else the daemon would turn it away. */
static void a_full_report_fits_into_a_frame(void **state)
{
	HP_AUTO_FREE char *most = hp_zalloc(HP_FRAME_SIZE_MAX / 4);
	struct proto_report report = {
	        .status = UINT64_MAX,
	        .out = {most, HP_FRAME_SIZE_MAX / 4},
	        .err = {most, HP_FRAME_SIZE_MAX / 4},
	        .truncated = 1,
	        .duration_ms = UINT64_MAX,
	};
	struct hp_buf out HP_AUTO_BUF = {0};

	(void)state;
	proto_frame(PROTO_REPORT, &report, &out);
	assert_int_equal(proto_frame_len((const unsigned char *)out.data), out.len - 4);
}

static void a_dependency_file_names_so_many_files_and_no_more(void **state)
{
	struct cc_depfile df = {0};
	struct hp_buf text HP_AUTO_BUF = {0};
	struct hp_err err = {0};

	(void)state;
	hp_buf_str(&text, "a.o:");
	for (unsigned i = 0; i < HP_CLOSURE_FILES_MAX; i++)
		hp_buf_str(&text, " x");
	assert_int_equal(cc_depfile_parse(CC_FAMILY_GCC, text.data, text.len, &df, &err), 0);
	assert_int_equal(df.deps.len, HP_CLOSURE_FILES_MAX);
	cc_depfile_done(&df);
	hp_buf_str(&text, " x");
	assert_int_equal(cc_depfile_parse(CC_FAMILY_GCC, text.data, text.len, &df, &err), -HP_EXHAUSTED);
}

static void a_file_is_read_up_to_a_limit_of_this_page(void **state)
{
	const char *path = scratch_write(state, "a.d", "");
	struct hp_buf text HP_AUTO_BUF = {0};

	assert_int_equal(truncate(path, HP_DEPFILE_SIZE_MAX), 0);
	assert_int_equal(sys_read_file(path, HP_DEPFILE_SIZE_MAX, &text, NULL, NULL), 0);
	assert_int_equal(truncate(path, HP_DEPFILE_SIZE_MAX + 1), 0);
	assert_int_equal(sys_read_file(path, HP_DEPFILE_SIZE_MAX, &text, NULL, NULL), -HP_EXHAUSTED);
}

/* What the kernel calls too long we never have to hold. */
static void longer_paths_than_ours_cannot_be_opened(void **state)
{
	HP_AUTO_FREE char *path = hp_alloc(HP_PATH_SIZE_MAX + 1);
	struct sys_stamp stamp;

	(void)state;
	for (size_t i = 0; i < HP_PATH_SIZE_MAX; i += 2)
		memcpy(path + i, "/.", 2);
	path[HP_PATH_SIZE_MAX - 1] = '\0';
	assert_int_equal(sys_stamp_path(path, &stamp), 0);
	path[HP_PATH_SIZE_MAX - 1] = '/';
	path[HP_PATH_SIZE_MAX] = '\0';
	assert_true(sys_stamp_path(path, &stamp) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_full_report_fits_into_a_frame),
	        cmocka_unit_test(a_dependency_file_names_so_many_files_and_no_more),
	        SCRATCH_TEST(a_file_is_read_up_to_a_limit_of_this_page),
	        cmocka_unit_test(longer_paths_than_ours_cannot_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
