#include "rpc/health.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/wire.h"
#include "rpc/loop_priv.h"

enum status {
	SERVICE_UNKNOWN = 3,
	NOT_SERVING = 2,
	SERVING = 1,
};

struct entry {
	char *service;
	enum status status;
	struct entry *next;
};

struct rpc_health {
	pthread_mutex_t lock;
	pthread_cond_t cond; /* something has changed, or a watcher was cancelled */
	struct entry *entries;
	unsigned watchers;
	bool shutdown;
};

struct request {
	struct proto_bytes service;
};
static const struct proto_field request_fields[] = {{1, PROTO_BYTES, offsetof(struct request, service)}};
static const struct proto_desc request_desc = {"HealthCheckRequest", request_fields, 1, sizeof(struct request)};

struct response {
	uint64_t status;
};
static const struct proto_field response_fields[] = {{1, PROTO_U64, offsetof(struct response, status)}};
static const struct proto_desc response_desc = {"HealthCheckResponse", response_fields, 1, sizeof(struct response)};

static struct entry *find(struct rpc_health *health, const char *service, size_t len)
{
	for (struct entry *e = health->entries; e; e = e->next) {
		if (strlen(e->service) == len && memcmp(e->service, service, len) == 0)
			return e;
	}
	return NULL;
}

struct rpc_health *rpc_health_new(void)
{
	struct rpc_health *health = hp_zalloc(sizeof *health);

	(void)pthread_mutex_init(&health->lock, NULL);
	rpc_cond_init(&health->cond);
	rpc_health_set(health, "", false);
	return health;
}

void rpc_health_free(struct rpc_health *health)
{
	if (!health)
		return;
	while (health->entries) {
		struct entry *e = health->entries;

		health->entries = e->next;
		free(e->service);
		free(e);
	}
	(void)pthread_cond_destroy(&health->cond);
	(void)pthread_mutex_destroy(&health->lock);
	free(health);
}

void rpc_health_set(struct rpc_health *health, const char *service, bool serving)
{
	struct entry *e;

	(void)pthread_mutex_lock(&health->lock);
	e = find(health, service, strlen(service));
	if (!e) {
		e = hp_zalloc(sizeof *e);
		e->service = hp_strdup(service);
		e->next = health->entries;
		health->entries = e;
	}
	e->status = serving && !health->shutdown ? SERVING : NOT_SERVING;
	(void)pthread_cond_broadcast(&health->cond);
	(void)pthread_mutex_unlock(&health->lock);
}

void rpc_health_shutdown(struct rpc_health *health)
{
	(void)pthread_mutex_lock(&health->lock);
	health->shutdown = true;
	for (struct entry *e = health->entries; e; e = e->next)
		e->status = NOT_SERVING;
	(void)pthread_cond_broadcast(&health->cond);
	(void)pthread_mutex_unlock(&health->lock);
}

static int receive(struct rpc_stream *stream, struct hp_buf *message, struct request *ret, struct hp_err *err)
{
	int r = rpc_stream_recv(stream, message, err);

	if (r == 0)
		return hp_err_set(err, HP_INTERNAL, "there is no request");
	return r < 0 ? r : proto_decode(&request_desc, hp_buf_cstr(message), message->len, 1, ret, err);
}

static int answer(struct rpc_stream *stream, enum status status, struct hp_err *err)
{
	struct response response = {.status = status};
	HP_AUTO_BUF struct hp_buf out = {0};

	proto_encode(&response_desc, &response, &out);
	return rpc_stream_send(stream, out.data, out.len, err);
}

static int check(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	struct rpc_health *health = ctx;
	HP_AUTO_BUF struct hp_buf message = {0};
	enum status status = SERVICE_UNKNOWN;
	struct request request;
	struct entry *e;
	int r = receive(stream, &message, &request, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&health->lock);
	e = find(health, request.service.data, request.service.len);
	if (e)
		status = e->status;
	(void)pthread_mutex_unlock(&health->lock);
	if (status == SERVICE_UNKNOWN)
		return hp_err_set(err, HP_NOT_FOUND, "there is no such service");
	return answer(stream, status, err);
}

/* Runs under the connection's lock, which nobody holds who waits for ours. */
static void wake_watchers(void *arg)
{
	struct rpc_health *health = arg;

	(void)pthread_cond_broadcast(&health->cond);
}

/* Tells each change until the call ends. Looks twice a second as well: a cancel may come between look and wait. */
static int follow(struct rpc_stream *stream, struct rpc_health *health, const struct request *request,
                  struct hp_err *err)
{
	int last = -1;
	int r = 0;

	while (r == 0 && !rpc_stream_cancelled(stream)) {
		struct timespec until;
		const struct entry *e;
		int now;

		(void)pthread_mutex_lock(&health->lock);
		e = find(health, request->service.data, request->service.len);
		now = e ? (int)e->status : SERVICE_UNKNOWN;
		if (now == last && health->shutdown) {
			(void)pthread_mutex_unlock(&health->lock);
			break;
		}
		if (now == last) {
			(void)clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_nsec += 500000000;
			until.tv_sec += until.tv_nsec / 1000000000;
			until.tv_nsec %= 1000000000;
			(void)pthread_cond_timedwait(&health->cond, &health->lock, &until);
		}
		(void)pthread_mutex_unlock(&health->lock);
		if (now != last)
			r = answer(stream, (enum status)now, err);
		last = now;
	}
	return r;
}

static int watch(struct rpc_stream *stream, void *ctx, struct hp_err *err)
{
	struct rpc_health *health = ctx;
	HP_AUTO_BUF struct hp_buf message = {0};
	struct request request;
	bool room;
	int r = receive(stream, &message, &request, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&health->lock);
	room = health->watchers < HP_RPC_HEALTH_WATCHERS_MAX;
	if (room)
		health->watchers++;
	(void)pthread_mutex_unlock(&health->lock);
	if (!room)
		return hp_err_set(err, HP_EXHAUSTED, "more than %u watchers", HP_RPC_HEALTH_WATCHERS_MAX);
	rpc_stream_on_cancel(stream, wake_watchers, health);
	r = follow(stream, health, &request, err);
	rpc_stream_on_cancel(stream, NULL, NULL);
	(void)pthread_mutex_lock(&health->lock);
	health->watchers--;
	(void)pthread_mutex_unlock(&health->lock);
	return r;
}

static const struct rpc_method methods[] = {
        {"/grpc.health.v1.Health/Check", RPC_UNARY, check},
        {"/grpc.health.v1.Health/Watch", RPC_SERVER_STREAM, watch},
        {0},
};

void rpc_health_serve(struct rpc_health *health, struct rpc_server *server)
{
	rpc_server_add(server, methods, health);
}
