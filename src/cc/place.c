#include "cc/place.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void root_done(struct cc_place_root *root)
{
	free(root->name);
	free(root->path);
	free(root->macro);
	free(root->debug);
}

void cc_place_free(struct cc_place *take_place)
{
	if (!take_place)
		return;
	for (size_t i = 0; i < take_place->len; i++)
		root_done(&take_place->roots[i]);
	free(take_place->roots);
	free(take_place);
}

/* Whether `path` is `dir` or below it. */
static bool is_below(const char *path, const char *dir, size_t dir_len)
{
	return strncmp(path, dir, dir_len) == 0 && (path[dir_len] == '\0' || path[dir_len] == '/');
}

static bool can_map(const char *path)
{
	if (path[0] != '/' || path[1] == '\0')
		return false;
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (*p < 0x20 || *p == 0x7f || *p == '=')
			return false;
	}
	return true;
}

static const struct cc_place_root *find_name(const struct cc_place *place, const char *name, size_t len)
{
	for (size_t i = 0; i < place->len; i++) {
		if (strncmp(place->roots[i].name, name, len) == 0 && place->roots[i].name[len] == '\0')
			return &place->roots[i];
	}
	return NULL;
}

/* "root", then "root:2", "root:3" … */
static char *free_name(const struct cc_place *place, const char *name)
{
	HP_AUTO_FREE char *numbered = hp_strdup(name);

	for (unsigned n = 2; find_name(place, numbered, strlen(numbered)); n++) {
		free(numbered);
		numbered = hp_asprintf("%s:%u", name, n);
	}
	return hp_steal(numbered);
}

bool cc_place_add(struct cc_place *place, const char *name, const char *path, const char *macro, const char *debug)
{
	size_t path_len = strlen(path);
	size_t kept = 0;

	if (!can_map(path))
		return false;
	for (size_t i = 0; i < place->len; i++) {
		if (is_below(path, place->roots[i].path, place->roots[i].path_len))
			return true;
	}
	for (size_t i = 0; i < place->len; i++) {
		if (is_below(place->roots[i].path, path, path_len))
			root_done(&place->roots[i]);
		else
			place->roots[kept++] = place->roots[i];
	}
	place->len = kept;
	place->roots = hp_realloc(place->roots, (kept + 1) * sizeof *place->roots);
	place->roots[kept] = (struct cc_place_root){
	        .name = free_name(place, name),
	        .path = hp_strdup(path),
	        .path_len = path_len,
	        .macro = hp_strdup(macro),
	        .debug = hp_strdup(debug),
	};
	place->len++;
	return true;
}

static const struct cc_place_root *root_of(const struct cc_place *place, const char *path, bool *ret_near)
{
	*ret_near = false;
	for (size_t i = 0; i < place->len; i++) {
		const struct cc_place_root *root = &place->roots[i];

		if (strncmp(path, root->path, root->path_len) != 0)
			continue;
		if (is_below(path, root->path, root->path_len))
			return root;
		*ret_near = true;
	}
	return NULL;
}

void cc_place_prefer(struct cc_place *place, const char *path)
{
	struct cc_place_root *root;
	struct cc_place_root *first;
	const char *colon;
	char *name;
	bool near;

	root = (struct cc_place_root *)root_of(place, path, &near);
	colon = root ? strchr(root->name, ':') : NULL;
	if (!colon)
		return;
	first = (struct cc_place_root *)find_name(place, root->name, (size_t)(colon - root->name));
	if (!first)
		return;
	name = first->name;
	first->name = root->name;
	root->name = name;
}

bool cc_place_name(const struct cc_place *place, const char *path, struct hp_buf *out)
{
	bool near;
	const struct cc_place_root *root = root_of(place, path, &near);

	if (root) {
		hp_buf_printf(out, "<%s>%s", root->name, path + root->path_len);
		return true;
	}
	if (path[0] == '<')
		hp_buf_char(out, '<');
	hp_buf_str(out, path);
	return !near;
}

bool cc_place_path(const struct cc_place *place, const char *name, struct hp_buf *out)
{
	const struct cc_place_root *root;
	const char *end;
	bool near;

	if (name[0] == '<' && name[1] != '<') {
		end = strchr(name, '>');
		root = end ? find_name(place, name + 1, (size_t)(end - name - 1)) : NULL;
		if (!root || (end[1] != '\0' && end[1] != '/'))
			return false;
		hp_buf_str(out, root->path);
		hp_buf_str(out, end + 1);
		return true;
	}
	/* Where it was made this path was below no root; here it would be. */
	if (root_of(place, name, &near) || near)
		return false;
	hp_buf_str(out, name[0] == '<' ? name + 1 : name);
	return true;
}

void cc_place_shown(const struct cc_place *place, const char *path, struct hp_buf *out)
{
	bool near;
	const struct cc_place_root *root = root_of(place, path, &near);

	if (root)
		hp_buf_str(out, root->debug);
	hp_buf_str(out, root ? path + root->path_len : path);
}

bool cc_place_occurs(const struct cc_place *place, const char *data, size_t len)
{
	for (size_t i = 0; i < place->len; i++) {
		if (len >= place->roots[i].path_len &&
		    memmem(data, len, place->roots[i].path, place->roots[i].path_len))
			return true;
	}
	return false;
}

/* Where the path starts in a key argument of the include search, in the spelling of cc_key_add; NULL: another. */
static const char *search_path_of(const char *arg)
{
	static const char *const options[] = {"-I", "-iquote", "-isystem", "-idirafter", "-include", "-imacros"};

	for (size_t i = 0; arg[0] == '-' && i < HP_ARRAY_SIZE(options); i++) {
		size_t len = strlen(options[i]);

		if (strncmp(arg, options[i], len) == 0 && arg[len] == '/')
			return arg + len;
	}
	return NULL;
}

bool cc_place_args(const struct cc_place *place, const struct hp_strv *args, struct hp_strv *out)
{
	bool clean = true;

	for (size_t i = 0; i < args->len; i++) {
		const char *arg = args->v[i];
		const char *path = search_path_of(arg);
		HP_AUTO_BUF struct hp_buf text = {0};

		if (!path) {
			clean = clean && !cc_place_occurs(place, arg, strlen(arg));
			hp_strv_add(out, arg);
			continue;
		}
		hp_buf_append(&text, arg, (size_t)(path - arg));
		clean = cc_place_name(place, path, &text) && clean;
		clean = clean && !cc_place_occurs(place, text.data, text.len);
		hp_strv_take(out, hp_buf_steal(&text));
	}
	return clean;
}

static bool is_assembler(enum cc_lang lang)
{
	return lang == CC_LANG_ASM || lang == CC_LANG_ASM_CPP;
}

static bool is_preprocessed(enum cc_lang lang)
{
	return lang == CC_LANG_C_CPP_OUTPUT || lang == CC_LANG_CXX_CPP_OUTPUT;
}

static bool any_starts(const struct hp_strv *args, const char *prefix)
{
	for (size_t i = 0; i < args->len; i++) {
		if (hp_startswith(args->v[i], prefix))
			return true;
	}
	return false;
}

/* Found by compiling one program with every option that GCC 12 and Clang 14 list, at two places: these outputs differed
 * without holding the path as plain text, which report.c would find. */
static const char *const binding_options[] = {
        "-flto",          "-fprofile", "-fcoverage",    "-ftest-coverage",
        "--coverage",     "-coverage", "-gsplit-dwarf", "-fcs-profile",
        "-fauto-profile", "-ffat-lto", "-fmodule",      "-fsave-optimization-record",
        "-fthinlto",
};

bool cc_place_bound(const struct cc_invocation *inv)
{
	if (inv->debug_prefix_map || inv->makes_pch || inv->pch_files.len || inv->input_files.len || inv->profile_use ||
	    inv->asm_dirs.len || any_starts(&inv->args, "-ffile-compilation-dir") ||
	    any_starts(&inv->args, "-fdebug-compilation-dir") || any_starts(&inv->args, "-Xclang"))
		return true;
	/* The assembler's own debug information is not mapped by Clang, and .file directives may name anything. */
	if (is_assembler(inv->lang) && inv->embeds_cwd)
		return true;
	for (size_t i = 0; i < HP_ARRAY_SIZE(binding_options); i++) {
		if (any_starts(&inv->args, binding_options[i]))
			return true;
	}
	return false;
}

bool cc_place_supported(enum cc_family family, const char *version)
{
	const char *number = strstr(version, "version ");

	if (!number || (family != CC_FAMILY_GCC && family != CC_FAMILY_CLANG))
		return false;
	return strtoul(number + 8, NULL, 10) >= (family == CC_FAMILY_GCC ? 8 : 10);
}

/* GCC replaces a system header's path by its real one where that is shorter, which depends on the root's length. */
static bool has_own_system_dirs(const struct cc_place *place, const struct cc_invocation *inv)
{
	bool near;

	for (size_t i = 0; i < inv->dirs_len; i++) {
		if ((inv->dirs[i].kind == CC_DIR_SYSTEM || inv->dirs[i].kind == CC_DIR_AFTER) &&
		    root_of(place, inv->dirs[i].path, &near))
			return true;
	}
	return false;
}

static void add_maps(const struct cc_place *place, const struct cc_invocation *inv, bool named, struct hp_strv *out)
{
	for (size_t i = 0; i < place->len; i++) {
		const struct cc_place_root *root = &place->roots[i];

		/* Further spellings are mapped to the same: what they change shows in the closure's names. */
		if (named && strchr(root->name, ':'))
			continue;
		for (int debug = 1; debug >= 0; debug--) {
			/* Clang warns that there are no macros to map. */
			if (!debug && is_preprocessed(inv->lang))
				continue;
			hp_strv_take(out, hp_asprintf("-f%s-prefix-map=%s%s%s=%s", debug ? "debug" : "macro",
			                              named ? "<" : "", named ? root->name : root->path,
			                              named ? ">" : "", debug ? root->debug : root->macro));
		}
	}
}

void cc_place_flags(const struct cc_place *place, const struct cc_invocation *inv, const char *seed, bool named,
                    struct hp_strv *out)
{
	bool gcc = inv->family == CC_FAMILY_GCC;

	if (is_assembler(inv->lang))
		return;
	if (!inv->debug_prefix_map)
		add_maps(place, inv, named, out);
	if (gcc && has_own_system_dirs(place, inv) && !any_starts(&inv->args, "-fcanonical-system-headers") &&
	    !any_starts(&inv->args, "-fno-canonical-system-headers"))
		hp_strv_add(out, "-fno-canonical-system-headers");
	if (gcc && !any_starts(&inv->args, "-frandom-seed") && !any_starts(&inv->args, "-fno-random-seed"))
		hp_strv_take(out, hp_asprintf("-frandom-seed=%s", named ? "KEY" : seed));
}
