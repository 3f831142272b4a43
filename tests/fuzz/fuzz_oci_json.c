/* Manifests, indices and layouts' indices: what is accepted names its blobs by digests that can be file names, with sizes
 * that are none below zero. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "oci/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct oci_desc *desc)
{
	assert(oci_digest_valid(desc->digest));
	assert(!strchr(desc->digest, '/'));
	assert(desc->size >= 0);
	assert(memchr(desc->media, '\0', sizeof desc->media));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HP_AUTO_FREE char *text = hp_memdup(data, size);
	struct oci_image image = {0};
	struct oci_desc desc;

	if (oci_manifest_parse(text, size, &image, NULL) == 0) {
		assert(image.layers_len <= HP_IMAGE_LAYERS_MAX);
		check(&image.config);
		for (size_t i = 0; i < image.layers_len; i++)
			check(&image.layers[i]);
		oci_image_done(&image);
	}
	if (oci_index_parse(text, size, "linux/amd64", &desc, NULL) == 0)
		check(&desc);
	if (oci_layout_index_parse(text, size, "t", &desc, NULL) == 0)
		check(&desc);
	if (oci_layout_index_parse(text, size, NULL, &desc, NULL) == 0)
		check(&desc);
	return 0;
}
