/* The loop: sockets, timers and the pool of threads.
 *
 * One thread at a time is the leader: it waits in epoll and handles what is ready. A handler is never run by a leader;
 * a thread that takes one has given the lead up before. So that somebody can always lead, at most handlers_max of
 * handlers_max + 1 threads are in handlers. A caller that waits for its reply may lead meanwhile as a guest: then the
 * reply wakes nobody.
 *
 *	         ┌──────── poll done ───────┐
 *	         ▼                          │
 *	  IDLE ──► LEADER (no leader yet) ──┘         handler queued ──► HANDLER ──► IDLE
 *
 * Locks: a connection's lock may be held when the loop's is taken, never the other way round. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "rpc/rpc.h"

#define RPC_NEVER INT64_MAX

/* Something the leader waits for. Owned by whoever embeds it; only the leader calls `event`, and only the leader may
 * release a source, so an event never meets freed memory. */
struct rpc_source {
	/* `events` of epoll; 0: attend, or the time has come. May release this source and no other. */
	void (*event)(struct rpc_source *source, uint32_t events);
	int fd;

	/* The loop's, under its lock. */
	int64_t when_ns; /* RPC_NEVER: no timer */
	size_t heap_at;  /* 1-based place in the heap; 0: not in it */
	bool attended;   /* in the list below */
	bool gone;       /* removed: attend and arm do nothing */
	struct rpc_source *attend_next;
};

/* A handler that waits for a thread. */
struct rpc_job {
	void (*run)(struct rpc_job *job);
	struct rpc_job *next;
};

struct rpc_loop {
	int epoll;
	int kick_fd;
	pthread_mutex_t lock;
	pthread_cond_t idle_cond;
	pthread_t *ids; /* of threads, handlers_max + 1 at most */
	unsigned threads;
	unsigned idle;
	unsigned running; /* in handlers */
	unsigned handlers_max;
	unsigned queue_max;
	size_t stack_size;
	bool waking; /* a thread has been signalled and does not run yet */
	bool leading;
	bool kicked; /* kick_fd has been written since the leader looked */
	bool quit;
	pthread_t leader;
	bool guest;              /* the leader is a caller */
	bool served_waiter;      /* a waiter has got what it waited for since the leader looked */
	unsigned waiters;        /* callers that wait while somebody else leads */
	unsigned servers;        /* on this loop: then no caller keeps the lead free */
	unsigned watching;       /* idle threads that look now and then whether callers still lead */
	int64_t vacant_until_ns; /* the lead is kept free for the next caller */
	struct rpc_job *jobs;
	struct rpc_job **jobs_end;
	unsigned jobs_len;
	struct rpc_source *attend;
	struct rpc_source **attend_end;
	size_t attend_len;
	struct rpc_source **heap; /* heap[1…heap_len], smallest when_ns first */
	size_t heap_len;
	size_t heap_cap;
};

/* Edge-triggered for reading and writing. Returns 0 or -code. */
int rpc_loop_add(struct rpc_loop *loop, struct rpc_source *source, struct hp_err *err);
/* By the leader only, from within `event`: out of epoll, heap and list. */
void rpc_loop_remove(struct rpc_loop *loop, struct rpc_source *source);
/* The leader will call event(source, 0) soon. Any thread. */
void rpc_loop_attend(struct rpc_loop *loop, struct rpc_source *source);
/* event(source, 0) at when_ns at the latest; an earlier time stays. Any thread. */
void rpc_loop_arm(struct rpc_loop *loop, struct rpc_source *source, int64_t when_ns);
/* false: the queue is full. */
bool rpc_loop_queue(struct rpc_loop *loop, struct rpc_job *job);
/* When jobs wait and somebody leads: lets the leader attend to the source, and returns true. Many small writes become one
 * then. */
bool rpc_loop_hand_over(struct rpc_loop *loop, struct rpc_source *source);
/* Takes a job out again that has not started. */
bool rpc_loop_unqueue(struct rpc_loop *loop, struct rpc_job *job);

/* A caller is about to wait. Leads until `done(arg)` or the time when nobody else leads, and returns true. Else false:
 * the caller may wait for somebody to wake it, and calls rpc_loop_waited() after that. Called without locks; `done` is
 * called under the loop's lock. */
bool rpc_loop_lead(struct rpc_loop *loop, bool (*done)(void *arg), void *arg, int64_t until_ns);
void rpc_loop_waited(struct rpc_loop *loop);
/* What a caller who leads may wait for has changed, perhaps on another thread. */
void rpc_loop_kick_guest(struct rpc_loop *loop);

void rpc_loop_serving(struct rpc_loop *loop, bool on);
/* A condition that waits by CLOCK_MONOTONIC. */
void rpc_cond_init(pthread_cond_t *cond);
