#include "daemon/system_headers.h"

#include "base/mem.h"
#include "daemon/closure.h"

#define MAY_BE_USER 1u
#define MAY_BE_SYSTEM 2u

struct edge {
	uint32_t from;
	uint32_t to;
	bool via_system;
};

struct pair {
	uint32_t a;
	uint32_t b;
};

struct daemon_system_headers {
	struct edge *edges;
	size_t edges_len;
	uint32_t *pragmas;
	size_t pragmas_len;
	struct pair *same;
	size_t same_len;
};

struct daemon_system_headers *daemon_system_headers_new(void)
{
	return hp_zalloc(sizeof(struct daemon_system_headers));
}

void daemon_system_headers_free(struct daemon_system_headers *take_headers)
{
	if (!take_headers)
		return;
	free(take_headers->edges);
	free(take_headers->pragmas);
	free(take_headers->same);
	free(take_headers);
}

void daemon_system_headers_edge(struct daemon_system_headers *h, size_t from, size_t to, bool via_system)
{
	if ((h->edges_len & (h->edges_len - 1)) == 0)
		h->edges = hp_realloc(h->edges, (h->edges_len ? h->edges_len * 2 : 1) * sizeof *h->edges);
	h->edges[h->edges_len++] = (struct edge){(uint32_t)from, (uint32_t)to, via_system};
}

void daemon_system_headers_pragma(struct daemon_system_headers *h, size_t i)
{
	if ((h->pragmas_len & (h->pragmas_len - 1)) == 0)
		h->pragmas = hp_realloc(h->pragmas, (h->pragmas_len ? h->pragmas_len * 2 : 1) * sizeof *h->pragmas);
	h->pragmas[h->pragmas_len++] = (uint32_t)i;
}

void daemon_system_headers_same(struct daemon_system_headers *h, size_t a, size_t b)
{
	if ((h->same_len & (h->same_len - 1)) == 0)
		h->same = hp_realloc(h->same, (h->same_len ? h->same_len * 2 : 1) * sizeof *h->same);
	h->same[h->same_len++] = (struct pair){(uint32_t)a, (uint32_t)b};
}

/* True when some file got a new possibility from its twin. */
static bool share(const struct daemon_system_headers *h, size_t count, uint8_t *may)
{
	bool changed = false;

	for (size_t i = 0; i < h->same_len; i++) {
		const struct pair *p = &h->same[i];
		uint8_t both;

		if (p->a >= count || p->b >= count)
			continue;
		both = may[p->a] | may[p->b];
		changed = changed || may[p->a] != both || may[p->b] != both;
		may[p->a] = may[p->b] = both;
	}
	return changed;
}

/* One pass over the edges; true when some file got a new possibility. */
static bool propagate(const struct daemon_system_headers *h, size_t source, size_t count, uint8_t *may,
                      const bool *pragma)
{
	bool changed = false;

	for (size_t i = 0; i < h->edges_len; i++) {
		const struct edge *e = &h->edges[i];
		uint8_t from;
		uint8_t add;

		if (e->from >= count || e->to >= count || e->to <= source || e->to == e->from)
			continue;
		from = may[e->from];
		if (from && pragma[e->from])
			from |= MAY_BE_SYSTEM;
		add = e->via_system ? (from ? MAY_BE_SYSTEM : 0) : from;
		if ((may[e->to] | add) != may[e->to]) {
			may[e->to] |= add;
			changed = true;
		}
	}
	return changed;
}

bool daemon_system_headers_solve(struct daemon_system_headers *h, size_t source, size_t count, uint8_t *flags,
                                 size_t *ret_doubtful)
{
	HP_AUTO_FREE uint8_t *may = hp_zalloc(count);
	HP_AUTO_FREE bool *pragma = hp_zalloc(count * sizeof *pragma);

	for (size_t i = 0; i < h->pragmas_len; i++) {
		if (h->pragmas[i] < count)
			pragma[h->pragmas[i]] = true;
	}
	for (size_t i = 0; i <= source && i < count; i++)
		may[i] = MAY_BE_USER;
	/* Each pass that changes something adds one of 2 × count possibilities, so this ends. */
	while (propagate(h, source, count, may, pragma) || share(h, count, may))
		;
	for (size_t i = 0; i < count; i++) {
		if (may[i] != MAY_BE_USER && may[i] != MAY_BE_SYSTEM) {
			*ret_doubtful = i;
			return false;
		}
		if (may[i] == MAY_BE_SYSTEM)
			flags[i] |= DAEMON_FILE_SYSTEM;
	}
	return true;
}
