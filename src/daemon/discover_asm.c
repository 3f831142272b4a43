/* Files that assemblers read: .include and .incbin, in assembler sources and in inline assembler.
 *
 * GNU as looks in the working directory and in the directories of -I, Clang for inline assembler also in those of -iquote,
 * -isystem and its own; where they look first differs between assemblers, directives and releases. So every place counts
 * in which one may look: what lies there by its content, what does not by its absence. */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/discover_priv.h"

/* What was named and is not yet looked for: CC_SCAN_ASM_* and the name. */
struct asm_work {
	struct hp_strv names;
	struct hp_map known; /* the same, each once */
	uint32_t flags;      /* of all texts together */
};

static void add_names(struct asm_work *w, const struct cc_scan *scan)
{
	w->flags |= scan->flags & (CC_SCAN_INCBIN | CC_SCAN_INCBIN_UNKNOWN);
	for (size_t i = 0; i < scan->asm_names_len; i += strlen(scan->asm_names + i) + 1) {
		const char *name = scan->asm_names + i;
		struct hp_map_slot *slot = hp_map_put(&w->known, name, strlen(name));

		if (!slot->value)
			hp_strv_add(&w->names, name);
		slot->value = w;
	}
}

/* What an included file names itself. It is assembler text whatever it is called, so the scan made when it was hashed
 * does not do. */
static enum cc_reason add_names_of(struct discovery *d, struct asm_work *w, size_t member)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	enum cc_reason reason = daemon_discovery_text(d, member, &text);
	struct cc_scan scan;

	if (reason != CC_REASON_NONE)
		return reason;
	cc_scan_source(CC_SCAN_ASM, hp_buf_cstr(&text), text.len, &scan);
	add_names(w, &scan);
	cc_scan_done(&scan);
	return CC_REASON_NONE;
}

static enum cc_reason look_in(struct discovery *d, struct asm_work *w, const char *dir, const char *name)
{
	HP_AUTO_BUF struct hp_buf path = {0};
	enum cc_reason reason;
	bool there;

	daemon_spell(&path, dir, name + 1);
	reason = daemon_discovery_place(d, path.data, &there);
	if (reason != CC_REASON_NONE || !there || name[0] != CC_SCAN_ASM_TEXT)
		return reason;
	return add_names_of(d, w, daemon_discovery_look_up(d, path.data) - LOOKED_MEMBER);
}

static enum cc_reason look_everywhere(struct discovery *d, struct asm_work *w, const char *name)
{
	const struct hp_strv *dirs = &d->in->inv->asm_dirs;
	enum cc_reason reason = look_in(d, w, "", name);

	/* GNU as puts its directories in front of an absolute name as well. */
	if (reason == CC_REASON_NONE && name[1] == '/')
		reason = look_in(d, w, ".", name);
	for (size_t i = 0; i < d->search.len && reason == CC_REASON_NONE; i++)
		reason = look_in(d, w, d->search.dirs[i].path, name);
	for (size_t i = 0; i < dirs->len && reason == CC_REASON_NONE; i++)
		reason = look_in(d, w, dirs->v[i], name);
	return reason;
}

enum cc_reason daemon_discovery_asm(struct discovery *d)
{
	enum cc_reason reason = CC_REASON_NONE;
	struct asm_work w = {0};

	for (size_t i = 0; i < d->in->deps->len; i++)
		add_names(&w, &d->members[i].content->scan);
	for (size_t i = 0; i < w.names.len && reason == CC_REASON_NONE; i++) {
		reason = look_everywhere(d, &w, w.names.v[i]);
		if (d->out->draft.files.len > HP_CLOSURE_FILES_MAX)
			reason = CC_REASON_TOO_LARGE;
	}
	/* What is unknown in one text may be about a file that another one names. */
	if (reason == CC_REASON_NONE && (w.flags & CC_SCAN_INCBIN) && (w.flags & CC_SCAN_INCBIN_UNKNOWN)) {
		hp_buf_str(d->detail, "a name that only the assembler knows");
		reason = CC_REASON_INCBIN;
	}
	hp_strv_done(&w.names);
	hp_map_done(&w.known);
	return reason;
}
