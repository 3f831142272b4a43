/* Files that options name, which no dependency file lists: one that is there counts by its content, one that is not by
 * its absence. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/discover_priv.h"

/* The object's path without its suffix; to GCC a leading dot begins none. */
static char *stem_of(const char *output)
{
	const char *base = hp_basename(output);
	const char *dot = strrchr(base, '.');

	return hp_strndup(output, dot && dot != base ? (size_t)(dot - output) : strlen(output));
}

/* A path as the name of a file in a directory of profiles: '#' for each slash, '^' for each "..". */
static void mangle(const char *path, struct hp_buf *out)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0)
			hp_buf_char(out, '^');
		else
			hp_buf_append(out, path, len);
		if (!path[len])
			return;
		hp_buf_char(out, '#');
		path += len + 1;
	}
}

static const char *without_prefix(const char *path, const char *prefix)
{
	if (!prefix || !hp_startswith(path, prefix))
		return path;
	path += strlen(prefix);
	while (*path == '/')
		path++;
	return path;
}

/* The profile of an object whose working directory GCC calls `cwd`. */
static enum cc_reason place_profile(struct discovery *d, const char *cwd)
{
	const struct cc_invocation *inv = d->in->inv;
	HP_AUTO_FREE char *stem = stem_of(inv->output);
	HP_AUTO_BUF struct hp_buf full = {0};
	HP_AUTO_BUF struct hp_buf path = {0};

	if (stem[0] != '/')
		hp_buf_printf(&full, "%s/", cwd);
	hp_buf_str(&full, stem);
	if (inv->profile_dir)
		hp_buf_printf(&path, "%s/", inv->profile_dir);
	if (inv->profile_dir && stem[0] != '/')
		mangle(without_prefix(full.data, inv->profile_prefix_path), &path);
	else
		hp_buf_str(&path, full.data);
	hp_buf_str(&path, ".gcda");
	return daemon_discovery_place(d, path.data, NULL);
}

/* GCC calls the working directory by $PWD if that is where it is. */
static enum cc_reason place_profiles(struct discovery *d)
{
	const struct hp_strv *env = d->in->env;
	enum cc_reason reason = place_profile(d, d->in->cwd);

	for (size_t i = 0; i < env->len && reason == CC_REASON_NONE; i++) {
		if (hp_startswith(env->v[i], "PWD=/") && !hp_streq(env->v[i] + 4, d->in->cwd))
			reason = place_profile(d, env->v[i] + 4);
	}
	return reason;
}

enum cc_reason daemon_discovery_inputs(struct discovery *d)
{
	const struct cc_invocation *inv = d->in->inv;
	enum cc_reason reason = CC_REASON_NONE;

	for (size_t i = 0; i < inv->input_files.len && reason == CC_REASON_NONE; i++)
		reason = daemon_discovery_place(d, inv->input_files.v[i], NULL);
	return reason == CC_REASON_NONE && inv->profile_use ? place_profiles(d) : reason;
}
