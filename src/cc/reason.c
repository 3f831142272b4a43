#include "cc/reason.h"

#include <assert.h>

struct reason_row {
	const char *name;
	const char *text;
	enum cc_reason_kind kind;
};

static const struct reason_row rows[CC_REASON_COUNT] = {[CC_REASON_NONE] = {"none", "no reason", CC_REASON_KIND_NONE},
#define X(k, id, n, t) [CC_REASON_##id] = {(n), (t), CC_REASON_KIND_##k},
                                                        CC_REASONS(X)
#undef X
};

static const struct reason_row *row_get(enum cc_reason reason)
{
	assert((unsigned)reason < CC_REASON_COUNT);
	return &rows[reason];
}

const char *cc_reason_name(enum cc_reason reason)
{
	return row_get(reason)->name;
}

const char *cc_reason_text(enum cc_reason reason)
{
	return row_get(reason)->text;
}

enum cc_reason_kind cc_reason_kind(enum cc_reason reason)
{
	return row_get(reason)->kind;
}
