#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "rpc/loop_priv.h"
#include "sys/clock.h"

#define EVENTS_MAX 64
/* How long the lead stays vacant for callers that wait for one reply after the other before a thread takes it. */
#define GUEST_GRACE_NS (5LL * 1000 * 1000)
/* When a job waits because no thread can be started. */
#define RETRY_NS (10LL * 1000 * 1000)

/* ---- The heap of times, under the lock. */

static void heap_put(struct rpc_loop *loop, size_t at, struct rpc_source *source)
{
	loop->heap[at] = source;
	source->heap_at = at;
}

static void heap_up(struct rpc_loop *loop, size_t at)
{
	struct rpc_source *source = loop->heap[at];

	for (; at > 1 && loop->heap[at / 2]->when_ns > source->when_ns; at /= 2)
		heap_put(loop, at, loop->heap[at / 2]);
	heap_put(loop, at, source);
}

static void heap_down(struct rpc_loop *loop, size_t at)
{
	struct rpc_source *source = loop->heap[at];

	for (size_t child; (child = at * 2) <= loop->heap_len; at = child) {
		if (child < loop->heap_len && loop->heap[child + 1]->when_ns < loop->heap[child]->when_ns)
			child++;
		if (loop->heap[child]->when_ns >= source->when_ns)
			break;
		heap_put(loop, at, loop->heap[child]);
	}
	heap_put(loop, at, source);
}

static void heap_remove(struct rpc_loop *loop, struct rpc_source *source)
{
	size_t at = source->heap_at;
	struct rpc_source *last;

	if (at == 0)
		return;
	last = loop->heap[loop->heap_len--];
	source->heap_at = 0;
	source->when_ns = RPC_NEVER;
	if (last == source)
		return;
	heap_put(loop, at, last);
	heap_up(loop, at);
	heap_down(loop, last->heap_at);
}

static void heap_add(struct rpc_loop *loop, struct rpc_source *source)
{
	if (loop->heap_len + 1 >= loop->heap_cap) {
		loop->heap_cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
		loop->heap = hp_realloc(loop->heap, loop->heap_cap * sizeof(struct rpc_source *));
	}
	heap_put(loop, ++loop->heap_len, source);
	heap_up(loop, loop->heap_len);
}

/* ---- What others ask of the leader. */

static void kick(struct rpc_loop *loop)
{
	uint64_t one = 1;

	if (loop->kicked || !loop->leading || pthread_equal(loop->leader, pthread_self()))
		return;
	loop->kicked = true;
	(void)!write(loop->kick_fd, &one, sizeof one);
}

int rpc_loop_add(struct rpc_loop *loop, struct rpc_source *source, struct hp_err *err)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = source};

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &ev) < 0)
		return hp_err_sys(err, errno, "cannot wait for a descriptor");
	return 0;
}

void rpc_loop_remove(struct rpc_loop *loop, struct rpc_source *source)
{
	if (source->fd >= 0)
		(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	(void)pthread_mutex_lock(&loop->lock);
	heap_remove(loop, source);
	source->gone = true;
	for (struct rpc_source **at = &loop->attend; *at; at = &(*at)->attend_next) {
		if (*at != source)
			continue;
		*at = source->attend_next;
		if (!source->attend_next)
			loop->attend_end = at;
		loop->attend_len--;
		break;
	}
	(void)pthread_mutex_unlock(&loop->lock);
}

void rpc_loop_attend(struct rpc_loop *loop, struct rpc_source *source)
{
	(void)pthread_mutex_lock(&loop->lock);
	if (!source->attended && !source->gone) {
		source->attended = true;
		source->attend_next = NULL;
		*loop->attend_end = source;
		loop->attend_end = &source->attend_next;
		loop->attend_len++;
		kick(loop);
	}
	(void)pthread_mutex_unlock(&loop->lock);
}

void rpc_loop_arm(struct rpc_loop *loop, struct rpc_source *source, int64_t when_ns)
{
	(void)pthread_mutex_lock(&loop->lock);
	if (when_ns < source->when_ns && !source->gone) {
		source->when_ns = when_ns;
		if (source->heap_at)
			heap_up(loop, source->heap_at);
		else
			heap_add(loop, source);
		if (source->heap_at == 1)
			kick(loop);
	}
	(void)pthread_mutex_unlock(&loop->lock);
}

/* ---- Threads. */

static void *thread_main(void *arg);

/* Under the lock: makes a thread look again, or starts one more. false: there is none, and none can be had. */
static bool want_thread(struct rpc_loop *loop)
{
	pthread_attr_t attr;
	bool started;

	if (loop->idle > 0) {
		/* One at a time: it will wake the next if there is more than it can take. Short handlers are often done
		 * before that. */
		if (!loop->waking)
			(void)pthread_cond_signal(&loop->idle_cond);
		loop->waking = true;
		return true;
	}
	if (loop->threads > loop->handlers_max || loop->quit)
		return false;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, loop->stack_size);
	started = pthread_create(&loop->ids[loop->threads], &attr, thread_main, loop) == 0;
	if (started)
		loop->threads++;
	(void)pthread_attr_destroy(&attr);
	return started;
}

bool rpc_loop_queue(struct rpc_loop *loop, struct rpc_job *job)
{
	bool room;

	(void)pthread_mutex_lock(&loop->lock);
	room = loop->jobs_len < loop->queue_max;
	if (room) {
		job->next = NULL;
		*loop->jobs_end = job;
		loop->jobs_end = &job->next;
		loop->jobs_len++;
		/* The leader itself will take the first one when its batch is over; a guest will not. */
		if (loop->running < loop->handlers_max &&
		    (loop->jobs_len > 1 || loop->guest || !pthread_equal(loop->leader, pthread_self())))
			(void)want_thread(loop);
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return room;
}

bool rpc_loop_hand_over(struct rpc_loop *loop, struct rpc_source *source)
{
	bool busy;

	(void)pthread_mutex_lock(&loop->lock);
	busy = loop->jobs && loop->leading;
	(void)pthread_mutex_unlock(&loop->lock);
	if (busy)
		rpc_loop_attend(loop, source);
	return busy;
}

bool rpc_loop_unqueue(struct rpc_loop *loop, struct rpc_job *job)
{
	bool found = false;

	(void)pthread_mutex_lock(&loop->lock);
	for (struct rpc_job **at = &loop->jobs; *at; at = &(*at)->next) {
		if (*at != job)
			continue;
		*at = job->next;
		if (!job->next)
			loop->jobs_end = at;
		loop->jobs_len--;
		found = true;
		break;
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return found;
}

/* Those who had asked for attention, and those whose time has come. Who asks again meanwhile waits for the next batch, so
 * that nobody keeps the others from being looked at. The lock is held on entry and exit. */
static void attend_all(struct rpc_loop *loop)
{
	int64_t now = sys_monotonic_ns();
	size_t left = loop->attend_len;

	for (;;) {
		struct rpc_source *source = loop->attend;

		if (source && left > 0) {
			left--;
			loop->attend = source->attend_next;
			if (!loop->attend)
				loop->attend_end = &loop->attend;
			loop->attend_len--;
			source->attended = false;
		} else if (loop->heap_len && loop->heap[1]->when_ns <= now) {
			source = loop->heap[1];
			heap_remove(loop, source);
		} else {
			return;
		}
		(void)pthread_mutex_unlock(&loop->lock);
		source->event(source, 0);
		(void)pthread_mutex_lock(&loop->lock);
	}
}

/* One wait and what it brings. The lock is held on entry and exit, and this thread leads. */
static void poll_once(struct rpc_loop *loop, int64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t when = loop->heap_len ? loop->heap[1]->when_ns : RPC_NEVER;
	int timeout_ms = -1;
	int n;

	when = when < until_ns ? when : until_ns;
	if (loop->attend || (loop->jobs && until_ns == RPC_NEVER)) {
		timeout_ms = 0;
	} else if (when != RPC_NEVER) {
		int64_t left = when - sys_monotonic_ns();

		timeout_ms = left <= 0 ? 0 : left > 3600LL * 1000000000 ? 3600000 : (int)((left + 999999) / 1000000);
	}
	(void)pthread_mutex_unlock(&loop->lock);
	n = epoll_wait(loop->epoll, events, EVENTS_MAX, timeout_ms);
	for (int i = 0; i < n; i++) {
		struct rpc_source *source = events[i].data.ptr;

		if (source) {
			/* One event a source and batch, and only this thread releases sources: it is alive. */
			source->event(source, events[i].events);
		} else {
			uint64_t count;

			(void)!read(loop->kick_fd, &count, sizeof count);
		}
	}
	(void)pthread_mutex_lock(&loop->lock);
	loop->kicked = false;
	attend_all(loop);
}

/* Waits to be needed. While callers lead one after the other, one thread looks now and then whether they still do. */
static void rest(struct rpc_loop *loop)
{
	loop->idle++;
	if (!loop->leading) {
		struct timespec ts = {
		        .tv_sec = loop->vacant_until_ns / 1000000000,
		        .tv_nsec = loop->vacant_until_ns % 1000000000,
		};

		loop->watching++;
		(void)pthread_cond_timedwait(&loop->idle_cond, &loop->lock, &ts);
		loop->watching--;
	} else {
		(void)pthread_cond_wait(&loop->idle_cond, &loop->lock);
	}
	loop->idle--;
	loop->waking = false;
}

static bool may_lead(struct rpc_loop *loop)
{
	return !loop->leading && (loop->waiters > 0 || sys_monotonic_ns() >= loop->vacant_until_ns);
}

/* The caller whom the last batch has served is likely to call again, and would then be woken once more than if it led. */
static void step_down(struct rpc_loop *loop)
{
	if (loop->served_waiter && loop->waiters == 0 && loop->servers == 0)
		loop->vacant_until_ns = sys_monotonic_ns() + GUEST_GRACE_NS;
	loop->served_waiter = false;
	loop->leading = false;
}

/* Runs the first job of the queue. false: it must wait, since nobody would lead meanwhile. */
static bool run_job(struct rpc_loop *loop)
{
	struct rpc_job *job = loop->jobs;

	if (!job || loop->running >= loop->handlers_max || (!loop->leading && !want_thread(loop)))
		return false;
	loop->jobs = job->next;
	if (!loop->jobs)
		loop->jobs_end = &loop->jobs;
	loop->jobs_len--;
	loop->running++;
	if (loop->jobs)
		(void)want_thread(loop);
	(void)pthread_mutex_unlock(&loop->lock);
	job->run(job);
	(void)pthread_mutex_lock(&loop->lock);
	loop->running--;
	return true;
}

static void *thread_main(void *arg)
{
	struct rpc_loop *loop = arg;
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL); /* signals are the main thread's */
	(void)pthread_mutex_lock(&loop->lock);
	while (!loop->quit) {
		if (run_job(loop))
			continue;
		if (may_lead(loop)) {
			/* With jobs that cannot be run now it looks again soon. */
			int64_t until = loop->jobs ? sys_monotonic_ns() + RETRY_NS : RPC_NEVER;

			loop->leading = true;
			loop->leader = pthread_self();
			poll_once(loop, until);
			step_down(loop);
		} else {
			rest(loop);
		}
	}
	(void)pthread_mutex_unlock(&loop->lock);
	return NULL;
}

bool rpc_loop_lead(struct rpc_loop *loop, bool (*done)(void *arg), void *arg, int64_t until_ns)
{
	(void)pthread_mutex_lock(&loop->lock);
	if (loop->leading) {
		loop->waiters++;
		(void)pthread_mutex_unlock(&loop->lock);
		return false;
	}
	loop->leading = true;
	loop->guest = true;
	loop->leader = pthread_self();
	while (!done(arg) && sys_monotonic_ns() < until_ns)
		poll_once(loop, until_ns);
	loop->leading = false;
	loop->guest = false;
	if (loop->servers == 0)
		loop->vacant_until_ns = sys_monotonic_ns() + GUEST_GRACE_NS;
	if (loop->waiters > 0 || loop->watching == 0 || loop->servers > 0)
		(void)want_thread(loop);
	(void)pthread_mutex_unlock(&loop->lock);
	return true;
}

void rpc_loop_kick_guest(struct rpc_loop *loop)
{
	(void)pthread_mutex_lock(&loop->lock);
	if (loop->guest)
		kick(loop);
	(void)pthread_mutex_unlock(&loop->lock);
}

void rpc_loop_waited(struct rpc_loop *loop)
{
	(void)pthread_mutex_lock(&loop->lock);
	loop->waiters--;
	loop->served_waiter = true;
	(void)pthread_mutex_unlock(&loop->lock);
}

void rpc_loop_serving(struct rpc_loop *loop, bool on)
{
	(void)pthread_mutex_lock(&loop->lock);
	loop->servers += on ? 1u : -1u;
	(void)pthread_mutex_unlock(&loop->lock);
}

void rpc_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int rpc_loop_new(const struct rpc_loop_options *options, struct rpc_loop **ret_loop, struct hp_err *err)
{
	static const struct rpc_loop_options none;
	struct rpc_loop *loop = hp_zalloc(sizeof *loop);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET};

	options = options ? options : &none;
	loop->handlers_max = options->handlers_max ? options->handlers_max : HP_RPC_HANDLERS_MAX;
	loop->queue_max = options->queue_max ? options->queue_max : HP_RPC_QUEUE_MAX;
	loop->stack_size = (options->stack_kib ? options->stack_kib : 1024u) * (size_t)1024;
	loop->jobs_end = &loop->jobs;
	loop->attend_end = &loop->attend;
	loop->ids = hp_zalloc((loop->handlers_max + 1) * sizeof *loop->ids);
	(void)pthread_mutex_init(&loop->lock, NULL);
	rpc_cond_init(&loop->idle_cond);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->kick_fd < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->kick_fd, &ev) < 0) {
		int r = hp_err_sys(err, errno, "cannot make an event loop");

		rpc_loop_free(loop);
		return r;
	}
	(void)pthread_mutex_lock(&loop->lock);
	(void)want_thread(loop);
	(void)pthread_mutex_unlock(&loop->lock);
	if (loop->threads == 0) {
		rpc_loop_free(loop);
		return hp_err_set(err, HP_EXHAUSTED, "cannot start a thread");
	}
	*ret_loop = loop;
	return 0;
}

void rpc_loop_free(struct rpc_loop *loop)
{
	if (!loop)
		return;
	(void)pthread_mutex_lock(&loop->lock);
	loop->quit = true;
	kick(loop);
	(void)pthread_cond_broadcast(&loop->idle_cond);
	(void)pthread_mutex_unlock(&loop->lock);
	/* Joined, not only done: what libraries keep for a thread goes with its last instruction. */
	for (unsigned i = 0; i < loop->threads; i++)
		(void)pthread_join(loop->ids[i], NULL);
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
	if (loop->kick_fd >= 0)
		(void)close(loop->kick_fd);
	(void)pthread_cond_destroy(&loop->idle_cond);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop->heap);
	free(loop->ids);
	free(loop);
}
