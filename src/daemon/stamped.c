#include "daemon/stamped.h"

#include <time.h>

#include "base/mem.h"
#include "cc/coff.h"
#include "sys/clock.h"

/* As compilers ask: time() itself lags behind by up to a tick. */
static uint32_t now_s(void)
{
	return (uint32_t)(sys_clock_ns(CLOCK_REALTIME) / 1000000000);
}

enum cc_reason daemon_stamp_take_out(struct daemon_ticket *t, struct daemon_output *object)
{
	uint32_t from = (uint32_t)(t->start_ns / 1000000000 - 1);
	uint32_t to = now_s() + 1;
	uint32_t stamp;
	size_t offset;

	if (!cc_coff_stamp(object->data.data, object->data.len, &offset, &stamp) || stamp == 0)
		return CC_REASON_NONE;
	/* Another clock than ours, a library in front of the compiler perhaps: what it says cannot be made again here. */
	if (stamp < from || stamp > to) {
		hp_buf_printf(&t->detail, "%s: made at %u, says its header", t->object, stamp);
		return CC_REASON_OBJECT_TIME;
	}
	cc_coff_set_stamp(object->data.data, offset, 0);
	t->stamped = true;
	return CC_REASON_NONE;
}

char *daemon_stamp_put(const struct cache_entry *e, const struct cache_output *object)
{
	uint32_t stamp;
	size_t offset;
	char *data;

	if (!(e->flags & CACHE_ENTRY_STAMPED) || !cc_coff_stamp(object->data, object->len, &offset, &stamp))
		return NULL;
	data = hp_memdup(object->data, object->len);
	cc_coff_set_stamp(data, offset, now_s());
	return data;
}
