#include "oci/image.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/* Indices in indices: none of the builders makes more than one level. */
#define INDEX_DEPTH_MAX 3

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define AUTO_JSON __attribute__((cleanup(json_done)))

static json_t *parse(const char *text, size_t len, const char *what, struct hp_err *err)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!json || !json_is_object(json)) {
		(void)hp_err_set(err, HP_INVALID, "%s: %s", what, json ? "not an object" : error.text);
		json_decref(json);
		return NULL;
	}
	return json;
}

static int read_desc(const json_t *json, const char *what, struct oci_desc *ret_desc, struct hp_err *err)
{
	const char *digest = json_string_value(json_object_get(json, "digest"));
	const char *media = json_string_value(json_object_get(json, "mediaType"));
	const json_t *size = json_object_get(json, "size");

	if (!digest || !oci_digest_valid(digest))
		return hp_err_set(err, HP_INVALID, "%s: no digest of the form sha256:…", what);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return hp_err_set(err, HP_INVALID, "%s: %s: no size", what, digest);
	if (media && strlen(media) >= OCI_MEDIA_SIZE)
		return hp_err_set(err, HP_INVALID, "%s: %s: a media type that is too long", what, digest);
	*ret_desc = (struct oci_desc){.size = json_integer_value(size)};
	(void)snprintf(ret_desc->digest, sizeof ret_desc->digest, "%s", digest);
	(void)snprintf(ret_desc->media, sizeof ret_desc->media, "%s", media ? media : "");
	return 0;
}

/* tar, plain or packed by gzip or zstd; "nondistributable" ones as well, if someone distributes them. */
static bool is_layer(const char *media)
{
	static const char *const kinds[] = {"application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."};

	for (size_t i = 0; i < HP_ARRAY_SIZE(kinds); i++) {
		if (hp_startswith(media, kinds[i]))
			return !hp_endswith(media, "+encrypted") && !strstr(media, "encrypted");
	}
	return false;
}

int oci_manifest_parse(const char *text, size_t len, struct oci_image *ret_image, struct hp_err *err)
{
	AUTO_JSON json_t *json = parse(text, len, "manifest", err);
	const json_t *layers;
	int r;

	if (!json)
		return -HP_INVALID;
	layers = json_object_get(json, "layers");
	if (!json_is_array(layers))
		return hp_err_set(err, HP_INVALID, "manifest: no layers (Docker's schema 1 is not taken)");
	if (json_array_size(layers) > HP_IMAGE_LAYERS_MAX)
		return hp_err_set(err, HP_EXHAUSTED, "manifest: more than %u layers", HP_IMAGE_LAYERS_MAX);
	*ret_image = (struct oci_image){0};
	r = read_desc(json_object_get(json, "config"), "manifest: config", &ret_image->config, err);
	ret_image->layers = hp_zalloc((json_array_size(layers) + 1) * sizeof *ret_image->layers);
	for (size_t i = 0; r == 0 && i < json_array_size(layers); i++) {
		struct oci_desc *layer = &ret_image->layers[ret_image->layers_len++];

		r = read_desc(json_array_get(layers, i), "manifest: layer", layer, err);
		if (r == 0 && !is_layer(layer->media))
			r = hp_err_set(err, HP_INVALID,
			               "manifest: layer %zu has the media type '%s', which is no file system", i,
			               layer->media);
	}
	if (r < 0)
		oci_image_done(ret_image);
	return r;
}

static bool is_platform(const json_t *entry, const char *platform)
{
	const json_t *p = json_object_get(entry, "platform");
	const char *os = json_string_value(json_object_get(p, "os"));
	const char *arch = json_string_value(json_object_get(p, "architecture"));
	HP_AUTO_FREE char *have = hp_asprintf("%s/%s", os ? os : "", arch ? arch : "");

	return hp_streq(have, platform);
}

int oci_index_parse(const char *text, size_t len, const char *platform, struct oci_desc *ret_desc, struct hp_err *err)
{
	AUTO_JSON json_t *json = parse(text, len, "index", err);
	const json_t *manifests;

	if (!json)
		return -HP_INVALID;
	manifests = json_object_get(json, "manifests");
	if (!json_is_array(manifests))
		return 1;
	for (size_t i = 0; i < json_array_size(manifests); i++) {
		if (is_platform(json_array_get(manifests, i), platform))
			return read_desc(json_array_get(manifests, i), "index", ret_desc, err);
	}
	/* umoci and others write no platform where there is only one. */
	if (json_array_size(manifests) == 1 && !json_object_get(json_array_get(manifests, 0), "platform"))
		return read_desc(json_array_get(manifests, 0), "index", ret_desc, err);
	return hp_err_set(err, HP_NOT_FOUND, "the image has nothing for %s", platform);
}

int oci_layout_index_parse(const char *text, size_t len, const char *tag, struct oci_desc *ret_desc, struct hp_err *err)
{
	AUTO_JSON json_t *json = parse(text, len, "index.json", err);
	const json_t *manifests;

	if (!json)
		return -HP_INVALID;
	manifests = json_object_get(json, "manifests");
	if (!json_is_array(manifests))
		return hp_err_set(err, HP_INVALID, "index.json: no manifests");
	for (size_t i = 0; i < json_array_size(manifests); i++) {
		const json_t *m = json_array_get(manifests, i);
		const char *name = json_string_value(
		        json_object_get(json_object_get(m, "annotations"), "org.opencontainers.image.ref.name"));

		if (tag ? name && hp_streq(name, tag) : json_array_size(manifests) == 1)
			return read_desc(m, "index.json", ret_desc, err);
	}
	return tag ? hp_err_set(err, HP_NOT_FOUND, "there is no image with the tag '%.64s'", tag)
	           : hp_err_set(err, HP_INVALID, "%zu images: name one by its tag", json_array_size(manifests));
}

int oci_image_resolve(struct oci_source *source, const char *platform, struct oci_image *ret_image, struct hp_err *err)
{
	struct oci_desc desc;
	int r = source->ops->root(source, &desc, err);

	for (int depth = 0; r == 0 && depth < INDEX_DEPTH_MAX; depth++) {
		HP_AUTO_BUF struct hp_buf text = {0};
		struct oci_desc next;

		r = oci_blob_read(source, &desc, HP_IMAGE_JSON_MAX, &text, err);
		if (r == 0)
			r = oci_index_parse(hp_buf_cstr(&text), text.len, platform, &next, err);
		if (r == 1) {
			r = oci_manifest_parse(hp_buf_cstr(&text), text.len, ret_image, err);
			if (r == 0)
				ret_image->manifest = desc;
			return r;
		}
		desc = next;
	}
	return r < 0 ? r : hp_err_set(err, HP_INVALID, "more than %d indices in one another", INDEX_DEPTH_MAX);
}

void oci_image_done(struct oci_image *image)
{
	free(image->layers);
	*image = (struct oci_image){0};
}
