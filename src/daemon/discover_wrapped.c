/* __has_include behind macros (cc/scan_wrap.c): where some file defines such a macro, all files are looked through for its
 * uses. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/discover_priv.h"

static void collect(const struct discovery *d, struct hp_strv *ret_macros)
{
	for (size_t i = 0; i < d->in->deps->len; i++) {
		const struct cc_scan *scan = &d->members[i].content->scan;

		for (size_t k = 0; k < scan->wrappers_len; k += strlen(scan->wrappers + k) + 1) {
			if (!hp_strv_has(ret_macros, scan->wrappers + k))
				hp_strv_add(ret_macros, scan->wrappers + k);
		}
	}
}

static enum cc_reason follow_probes(struct discovery *d, size_t member, const struct hp_buf *probes)
{
	HP_AUTO_FREE char *own_dir = daemon_dir_part(d->out->draft.files.v[member]);
	enum cc_reason reason = CC_REASON_NONE;

	for (size_t i = 0; i < probes->len && reason == CC_REASON_NONE; i += strlen(probes->data + i) + 1) {
		struct cc_include inc = {.kind = probes->data[i] == '<' ? CC_INCLUDE_ANGLE : CC_INCLUDE_QUOTE,
		                         .probe = true};
		struct directive t = daemon_directive(d, &inc, probes->data + i + 1, own_dir);
		uintptr_t target;

		d->out->literal_paths = d->out->literal_paths || probes->data[i + 1] == '/';
		reason = daemon_discovery_follow(d, &t, &target);
	}
	return reason;
}

static enum cc_reason look_through(struct discovery *d, size_t member, const struct hp_strv *macros)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	HP_AUTO_BUF struct hp_buf probes = {0};
	enum cc_reason reason = daemon_discovery_text(d, member, &text);

	for (size_t i = 0; i < macros->len && reason == CC_REASON_NONE; i++) {
		if (!cc_scan_wrapped(hp_buf_cstr(&text), text.len, macros->v[i], &probes))
			reason = CC_REASON_HAS_INCLUDE_MACRO;
	}
	if (reason == CC_REASON_NONE)
		reason = follow_probes(d, member, &probes);
	else
		hp_buf_str(d->detail, d->out->draft.files.v[member]);
	return reason;
}

enum cc_reason daemon_discovery_wrapped(struct discovery *d)
{
	HP_AUTO_STRV struct hp_strv macros = {0};
	enum cc_reason reason = CC_REASON_NONE;

	collect(d, &macros);
	for (size_t i = 0; macros.len && i < d->in->deps->len && reason == CC_REASON_NONE; i++)
		reason = look_through(d, i, &macros);
	return reason;
}
