/* Project markers: whatever the text, it is refused with one printable line, or every root is within its bounds. And
 * with the roots it gives, a path's name leads back to the path, and no two paths have one name. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/place.h"
#include "config/marker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const struct cc_place *place, const char *path)
{
	HP_AUTO_BUF struct hp_buf name = {0};
	HP_AUTO_BUF struct hp_buf back = {0};
	bool near = !cc_place_name(place, path, &name);

	/* A path that only begins like a root is no name that another place could have meant. */
	assert(cc_place_path(place, hp_buf_cstr(&name), &back) == !near);
	assert(near || hp_streq(hp_buf_cstr(&back), path));
}

static void check(const struct config_marker *marker, const char *text)
{
	struct cc_place *place = hp_zalloc(sizeof *place);

	assert(marker->roots_len <= HP_MARKER_ROOTS_MAX);
	(void)cc_place_add(place, "root", "/home/u/proj", ".", ".");
	for (size_t i = 0; i < marker->roots_len; i++) {
		const struct config_marker_root *root = &marker->roots[i];

		assert(root->name[0] && strlen(root->name) <= HP_MARKER_NAME_MAX && !hp_streq(root->name, "root"));
		assert(root->path[0] && strlen(root->path) < HP_PATH_SIZE_MAX && !strchr(root->path, '='));
		assert(i == 0 || strcmp(marker->roots[i - 1].name, root->name) < 0);
		(void)cc_place_add(place, root->name, root->path, ".", ".");
	}
	for (size_t i = 0; i < marker->roots_len; i++) {
		HP_AUTO_FREE char *below = hp_asprintf("%s/x", marker->roots[i].path);

		check_path(place, marker->roots[i].path);
		check_path(place, below);
		check_path(place, marker->roots[i].name);
	}
	check_path(place, text);
	cc_place_free(place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HP_AUTO_FREE char *text = hp_strndup((const char *)data, size);
	struct config_marker marker;
	struct hp_err err = {0};
	int r = config_marker_parse("m", (const char *)data, size, &marker, &err);

	if (r == 0) {
		check(&marker, text);
		config_marker_done(&marker);
		return 0;
	}
	assert(r == -HP_INVALID || r == -HP_EXHAUSTED);
	assert(err.code == -r && hp_startswith(err.msg, "m:"));
	for (const char *p = err.msg; *p; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	return 0;
}
