#include "sys/workers.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/mem.h"

struct call {
	void (*fn)(void *arg, unsigned worker);
	void *arg;
	uint64_t ticket;
	bool done;
};

struct sys_workers {
	pthread_mutex_t lock;
	pthread_cond_t more; /* a call was started, or the end has come */
	pthread_cond_t done; /* a call has returned */
	struct call *calls;  /* by ticket, modulo */
	unsigned calls_max;
	uint64_t started;
	uint64_t taken;
	bool end;
	unsigned threads_len;
	unsigned numbered;
	pthread_t threads[SYS_WORKERS_MAX];
};

static void *work(void *arg)
{
	struct sys_workers *w = arg;
	unsigned number;

	(void)pthread_mutex_lock(&w->lock);
	number = w->numbered++;
	while (true) {
		struct call *c;

		while (!w->end && w->taken == w->started)
			(void)pthread_cond_wait(&w->more, &w->lock);
		if (w->taken == w->started)
			break;
		c = &w->calls[w->taken++ % w->calls_max];
		(void)pthread_mutex_unlock(&w->lock);
		c->fn(c->arg, number);
		(void)pthread_mutex_lock(&w->lock);
		c->done = true;
		(void)pthread_cond_broadcast(&w->done);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

int sys_workers_new(unsigned threads, unsigned calls_max, struct sys_workers **ret_workers, struct hp_err *err)
{
	struct sys_workers *w;

	if (threads < 1 || threads > SYS_WORKERS_MAX || calls_max < 1)
		return hp_err_set(err, HP_INVALID, "%u threads: 1 to %u", threads, SYS_WORKERS_MAX);
	w = hp_zalloc(sizeof *w);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->more, NULL);
	(void)pthread_cond_init(&w->done, NULL);
	w->calls = hp_zalloc(calls_max * sizeof *w->calls);
	w->calls_max = calls_max;
	while (w->threads_len < threads) {
		int r = pthread_create(&w->threads[w->threads_len], NULL, work, w);

		if (r != 0) {
			sys_workers_free(w);
			return hp_err_sys(err, r, "cannot start a thread");
		}
		w->threads_len++;
	}
	*ret_workers = w;
	return 0;
}

void sys_workers_free(struct sys_workers *take_workers)
{
	struct sys_workers *w = take_workers;

	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->end = true;
	(void)pthread_cond_broadcast(&w->more);
	(void)pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->threads_len; i++)
		(void)pthread_join(w->threads[i], NULL);
	(void)pthread_cond_destroy(&w->more);
	(void)pthread_cond_destroy(&w->done);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->calls);
	free(w);
}

uint64_t sys_workers_start(struct sys_workers *w, void (*fn)(void *arg, unsigned worker), void *arg)
{
	uint64_t ticket;
	struct call *c;

	(void)pthread_mutex_lock(&w->lock);
	ticket = w->started++;
	c = &w->calls[ticket % w->calls_max];
	assert(ticket < w->calls_max || c->done);
	*c = (struct call){.fn = fn, .arg = arg, .ticket = ticket};
	(void)pthread_cond_signal(&w->more);
	(void)pthread_mutex_unlock(&w->lock);
	return ticket;
}

void sys_workers_wait(struct sys_workers *w, uint64_t ticket)
{
	const struct call *c = &w->calls[ticket % w->calls_max];

	(void)pthread_mutex_lock(&w->lock);
	assert(c->ticket == ticket);
	while (!c->done)
		(void)pthread_cond_wait(&w->done, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}
