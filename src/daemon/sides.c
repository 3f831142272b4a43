#include "daemon/sides.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/outputs.h"
#include "daemon/stamped.h"

void daemon_outputs_done(struct daemon_ticket *t)
{
	for (size_t i = 0; i < t->outputs_len; i++) {
		free(t->outputs[i].name);
		hp_buf_done(&t->outputs[i].data);
	}
	free(t->outputs);
	t->outputs = NULL;
	t->outputs_len = 0;
}

static void side_path(const struct daemon_ticket *t, const struct cc_side *side, const char *suffix, struct hp_buf *out)
{
	hp_buf_reset(out);
	sys_path_join(out, t->req->cwd, side->path);
	hp_buf_str(out, suffix);
}

/* Calls `fn` with the rest of each name that lies where `side` can appear. Stops when it returns other than
 * CC_REASON_NONE, and returns that. */
typedef enum cc_reason (*each_fn)(void *ctx, const struct cc_side *side, const char *suffix);

static enum cc_reason for_each(const struct daemon_ticket *t, const struct cc_side *side, each_fn fn, void *ctx)
{
	HP_AUTO_BUF struct hp_buf dir = {0};
	enum cc_reason reason = CC_REASON_NONE;
	const char *base;
	struct dirent *e;
	DIR *d;

	if (!side->family)
		return fn(ctx, side, "");
	sys_path_join(&dir, t->req->cwd, side->path);
	base = hp_basename(side->path);
	dir.len -= strlen(base);
	dir.data[dir.len] = '\0';
	d = opendir(hp_buf_cstr(&dir));
	while (d && reason == CC_REASON_NONE && (e = readdir(d))) {
		const char *suffix = e->d_name + strlen(base);

		if (hp_startswith(e->d_name, base) && cc_side_fits(side, suffix))
			reason = fn(ctx, side, suffix);
	}
	if (d)
		(void)closedir(d);
	return reason;
}

struct newest {
	const struct daemon_ticket *t;
	int64_t ns;
};

static enum cc_reason see_stamp(void *ctx, const struct cc_side *side, const char *suffix)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct newest *newest = ctx;
	struct sys_stamp stamp;

	side_path(newest->t, side, suffix, &path);
	if (sys_stamp_path(path.data, &stamp) == 0 && sys_stamp_time_ns(&stamp) > newest->ns)
		newest->ns = sys_stamp_time_ns(&stamp);
	return CC_REASON_NONE;
}

int64_t daemon_sides_newest_ns(const struct daemon_ticket *t)
{
	struct newest newest = {.t = t};

	for (size_t i = 0; i < t->inv.sides_len; i++)
		(void)for_each(t, &t->inv.sides[i], see_stamp, &newest);
	return newest.ns;
}

static struct daemon_output *add_output(struct daemon_ticket *t, enum cc_role role, const char *name)
{
	struct daemon_output *o;

	t->outputs = hp_realloc(t->outputs, (t->outputs_len + 1) * sizeof *t->outputs);
	o = &t->outputs[t->outputs_len++];
	*o = (struct daemon_output){.role = role, .name = hp_strdup(name)};
	return o;
}

/* Reads what this compile wrote at `path`. *ret_there: it wrote something. An older file is none of its outputs. */
static enum cc_reason take(struct daemon_ticket *t, enum cc_role role, const char *name, const char *path,
                           bool *ret_there)
{
	struct hp_err err = {0};
	struct daemon_output *o;
	struct sys_stamp stamp;

	if (sys_stamp_path(path, &stamp) < 0 || sys_stamp_time_ns(&stamp) < t->start_ns)
		return CC_REASON_NONE;
	if (!S_ISREG(stamp.mode) || t->outputs_len >= HP_ENTRY_OUTPUTS_MAX) {
		hp_buf_printf(&t->detail, "%s", path);
		return S_ISREG(stamp.mode) ? CC_REASON_TOO_LARGE : CC_REASON_OUTPUT_MISSING;
	}
	o = add_output(t, role, name);
	if (sys_read_file(path, HP_ENTRY_SIZE_MAX, &o->data, &stamp, &err) < 0) {
		hp_buf_str(&t->detail, err.msg);
		return err.code == HP_EXHAUSTED ? CC_REASON_TOO_LARGE : CC_REASON_OUTPUT_MISSING;
	}
	o->mode = stamp.mode & 0777;
	*ret_there = true;
	return CC_REASON_NONE;
}

struct taking {
	struct daemon_ticket *t;
	bool there;
};

static enum cc_reason take_side(void *ctx, const struct cc_side *side, const char *suffix)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	struct taking *taking = ctx;

	side_path(taking->t, side, suffix, &path);
	return take(taking->t, side->role, suffix, path.data, &taking->there);
}

static int compare_outputs(const void *a, const void *b)
{
	const struct daemon_output *x = a;
	const struct daemon_output *y = b;

	return x->role != y->role ? (int)x->role - (int)y->role : strcmp(x->name, y->name);
}

enum cc_reason daemon_outputs_collect(struct daemon_ticket *t)
{
	struct taking main = {.t = t};
	enum cc_reason reason = *t->object ? take(t, CC_ROLE_MAIN, "", t->object, &main.there) : CC_REASON_NONE;

	if (reason == CC_REASON_NONE && *t->object && !main.there) {
		hp_buf_printf(&t->detail, "%s", t->object);
		return CC_REASON_OUTPUT_MISSING;
	}
	if (reason == CC_REASON_NONE && main.there && t->inv.mode == CC_MODE_OBJECT && !t->inv.makes_pch)
		reason = daemon_stamp_take_out(t, &t->outputs[0]);
	/* A file that was there in the tick in which the compile started cannot be told from one that it wrote. */
	if (reason == CC_REASON_NONE && t->sides_newest_ns >= t->start_ns) {
		hp_buf_str(&t->detail, "a side file was written just before the compile");
		return CC_REASON_OUTPUT_MISSING;
	}
	for (size_t i = 0; reason == CC_REASON_NONE && i < t->inv.sides_len; i++) {
		const struct cc_side *side = &t->inv.sides[i];
		struct taking taking = {.t = t};

		reason = for_each(t, side, take_side, &taking);
		if (reason == CC_REASON_NONE && side->required && !taking.there) {
			hp_buf_printf(&t->detail, "%s", side->path);
			reason = CC_REASON_OUTPUT_MISSING;
		}
	}
	if (t->outputs_len > 1)
		qsort(t->outputs, t->outputs_len, sizeof *t->outputs, compare_outputs);
	return reason;
}

/* Where the output goes in this request, into `out`. */
static bool place(const struct daemon_ticket *t, const struct cache_output *o, struct hp_buf *out)
{
	const char *name = o->name ? o->name : "";

	if (o->role == CC_ROLE_MAIN) {
		hp_buf_reset(out);
		hp_buf_str(out, t->object);
		return *t->object && !*name;
	}
	for (size_t i = 0; i < t->inv.sides_len; i++) {
		if (t->inv.sides[i].role == o->role && cc_side_fits(&t->inv.sides[i], name)) {
			side_path(t, &t->inv.sides[i], name, out);
			return true;
		}
	}
	return false;
}

/* Objects replace what was there; other outputs are written in place by some compilers. */
static bool is_plain(const struct daemon_ticket *t, const struct cache_output *o, const char *path)
{
	if (o->role == CC_ROLE_MAIN && t->inv.mode == CC_MODE_OBJECT)
		return daemon_output_plain(path);
	return daemon_side_plain(path, t->req->mask, o->mode_extra);
}

bool daemon_outputs_fit(struct daemon_ticket *t, const struct cache_entry *e)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	size_t mains = 0;

	for (size_t i = 0; i < e->outputs_len; i++) {
		const struct cache_output *o = &e->outputs[i];

		mains += o->role == CC_ROLE_MAIN;
		if (!place(t, o, &path) || !is_plain(t, o, path.data)) {
			hp_buf_str(&t->detail, path.len ? path.data : cc_role_name(o->role));
			return false;
		}
	}
	return mains == (*t->object ? 1 : 0);
}

int daemon_outputs_put(const struct daemon_ticket *t, const struct cache_entry *e, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf path = {0};

	for (size_t i = e->outputs_len; i-- > 0;) {
		const struct cache_output *o = &e->outputs[i];
		HP_AUTO_FREE char *dated = NULL;
		int r;

		(void)place(t, o, &path);
		dated = o->role == CC_ROLE_MAIN ? daemon_stamp_put(e, o) : NULL;
		r = daemon_output_write_object(path.data, t->req->mask, o->mode_extra, dated ? dated : o->data, o->len,
		                               err);
		if (r < 0)
			return r;
	}
	return 0;
}
