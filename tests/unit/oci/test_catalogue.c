#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/scratch.h"
#include "oci/catalogue.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* An image without layers needs no source. */
static const struct oci_image image = {.manifest = {.digest = DIGEST}};
static const struct oci_rootfs_options options = {.compression = CODEC_PACKER_GZIP, .threads = 1};

static void an_image_is_there_for_the_tenant_that_pulled_it(void **state)
{
	struct oci_catalogue *c;
	struct oci_lease lease = {0};
	struct hp_err err = {0};
	struct hp_err missing = {0};
	bool made;

	assert_int_equal(oci_catalogue_new(scratch_path(state, "catalogue"), 0, &c, &err), 0);
	assert_int_equal(oci_catalogue_get(c, "one", DIGEST, &options, &lease, &missing), -HP_NOT_FOUND);
	assert_int_equal(oci_catalogue_pull(c, "one", NULL, &image, &options, &lease, &made, &err), 0);
	assert_true(made);
	oci_lease_done(&lease);
	assert_int_equal(oci_catalogue_get(c, "one", DIGEST, &options, &lease, &err), 0);
	oci_lease_done(&lease);
	/* Whether it is there is none of the other's business. */
	assert_int_equal(oci_catalogue_get(c, "two", DIGEST, &options, &lease, &err), -HP_NOT_FOUND);
	assert_string_equal(err.msg, missing.msg);
	assert_int_equal(oci_catalogue_pull(c, "two", NULL, &image, &options, &lease, &made, &err), 0);
	assert_false(made);
	oci_lease_done(&lease);
	assert_int_equal(oci_catalogue_get(c, "two", DIGEST, &options, &lease, &err), 0);
	oci_lease_done(&lease);
	oci_catalogue_free(c);
}

static void tenants_and_digests_that_are_paths_are_refused(void **state)
{
	static const char *const tenants[] = {
	        "", "..", "a/b", "A", "one two", "0123456789012345678901234567890123456789012345678901234567890123x"};
	struct oci_catalogue *c;
	struct oci_lease lease = {0};
	struct hp_err err = {0};
	bool made;

	assert_int_equal(oci_catalogue_new(scratch_path(state, "catalogue"), 0, &c, &err), 0);
	for (size_t i = 0; i < HP_ARRAY_SIZE(tenants); i++) {
		assert_int_equal(oci_catalogue_pull(c, tenants[i], NULL, &image, &options, &lease, &made, &err),
		                 -HP_INVALID);
		assert_int_equal(oci_catalogue_get(c, tenants[i], DIGEST, &options, &lease, &err), -HP_INVALID);
	}
	assert_int_equal(oci_catalogue_get(c, "one", "sha256:../../x", &options, &lease, &err), -HP_INVALID);
	assert_int_equal(oci_catalogue_pin(c, "../x", true, &err), -HP_INVALID);
	assert_int_equal(oci_catalogue_remove(c, "../../../../../../../../etc/hosts", &err), -HP_NOT_FOUND);
	oci_catalogue_free(c);
}

static void a_lease_keeps_its_file(void **state)
{
	HP_AUTO_FREE struct oci_catalogue_entry *entries = NULL;
	struct oci_catalogue *c;
	struct oci_lease lease = {0};
	struct hp_err err = {0};
	size_t len;
	bool made;

	assert_int_equal(oci_catalogue_new(scratch_path(state, "catalogue"), 1, &c, &err), 0);
	assert_int_equal(oci_catalogue_pull(c, "one", NULL, &image, &options, &lease, &made, &err), 0);
	assert_int_equal(oci_catalogue_list(c, &entries, &len, &err), 0);
	assert_int_equal(len, 1); /* over size_max, but just made */
	assert_int_equal(oci_catalogue_remove(c, entries[0].name, &err), -HP_PRECONDITION);
	assert_int_equal(access(lease.path, F_OK), 0);
	oci_lease_done(&lease);
	assert_int_equal(oci_catalogue_remove(c, entries[0].name, &err), 0);
	assert_int_equal(oci_catalogue_remove(c, entries[0].name, &err), -HP_NOT_FOUND);
	oci_catalogue_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(an_image_is_there_for_the_tenant_that_pulled_it),
	        SCRATCH_TEST(tenants_and_digests_that_are_paths_are_refused),
	        SCRATCH_TEST(a_lease_keeps_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
