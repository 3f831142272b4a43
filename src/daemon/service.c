#define HP_LOG_TOPIC "service"
#include "daemon/service.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/files.h"
#include "daemon/search.h"
#include "daemon/service_priv.h"
#include "daemon/sides.h"
#include "sys/clock.h"
#include "sys/entropy.h"

void daemon_request_done(struct daemon_request *req)
{
	free(req->compiler);
	free(req->argv0);
	free(req->cwd);
	hp_strv_done(&req->args);
	hp_strv_done(&req->env);
	*req = (struct daemon_request){0};
}

static void request_copy(struct daemon_request *dst, const struct daemon_request *src)
{
	*dst = (struct daemon_request){
	        .compiler = hp_strdup(src->compiler),
	        .argv0 = hp_strdup(src->argv0),
	        .cwd = hp_strdup(src->cwd),
	        .mask = src->mask,
	        .stderr_tty = src->stderr_tty,
	};
	hp_strv_copy(&dst->args, &src->args);
	hp_strv_copy(&dst->env, &src->env);
}

void daemon_answer_done(struct daemon_answer *answer)
{
	hp_buf_done(&answer->detail);
	hp_buf_done(&answer->out);
	hp_buf_done(&answer->err);
	hp_strv_done(&answer->args);
	*answer = (struct daemon_answer){0};
}

void daemon_ticket_free(struct daemon_ticket *t)
{
	if (t->private_deps)
		(void)unlink(t->private_deps);
	daemon_request_done(&t->kept);
	cc_invocation_done(&t->inv);
	hp_strv_done(&t->key_env);
	hp_strv_done(&t->ident_env);
	daemon_identity_unref(t->identity);
	daemon_memory_unref(t->memory);
	free(t->source);
	free(t->object);
	free(t->key_source);
	free(t->key_cwd);
	cc_place_free(t->place);
	hp_buf_done(&t->place_id);
	hp_strv_done(&t->place_args);
	hp_strv_done(&t->place_flags);
	free(t->deps_file);
	free(t->private_deps);
	if (t->text_file) {
		(void)unlink(t->text_file);
		(void)unlink(t->text_deps);
	}
	free(t->text_file);
	free(t->text_deps);
	daemon_discovery_done(&t->discovery);
	daemon_outputs_done(t);
	hp_buf_done(&t->out);
	hp_buf_done(&t->err);
	hp_buf_done(&t->detail);
	hp_buf_done(&t->miss_detail);
	free(t);
}

/* A compiler whose client was killed can write its dependency file after everyone has forgotten it. */
#define PRIVATE_DEPS_AGE_MAX_S 86400

static void remove_old_private_deps(const char *dir)
{
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		HP_AUTO_FREE char *path = NULL;
		struct sys_stamp stamp;

		if (strlen(e->d_name) != 18 || strspn(e->d_name, "0123456789abcdef") != 16 ||
		    !hp_endswith(e->d_name, ".d"))
			continue;
		path = hp_asprintf("%s/%s", dir, e->d_name);
		if (sys_stamp_path(path, &stamp) == 0 &&
		    stamp.mtime_ns / 1000000000 + PRIVATE_DEPS_AGE_MAX_S < time(NULL))
			(void)unlink(path);
	}
	if (d)
		(void)closedir(d);
}

struct daemon_service *daemon_service_new(const struct daemon_service_options *opt)
{
	struct daemon_service *s = hp_zalloc(sizeof *s);
	HP_AUTO_FREE char *identity_dir = hp_asprintf("%s/identity", opt->cache_dir);

	s->opt = *opt;
	s->hot = store_memory_new(opt->memory_max / 2);
	s->identities = daemon_identities_new(opt->read_only ? NULL : identity_dir);
	s->memory = daemon_memory_new();
	(void)pthread_mutex_init(&s->lock, NULL);
	if (opt->wake)
		s->flights = daemon_flights_new(opt->wake, opt->wake_ctx);
	if (opt->runtime_dir)
		s->tmp_dirs[0] = hp_strdup(opt->runtime_dir);
	s->tmp_dirs[2] = hp_strdup("/tmp");
	if (!opt->read_only) {
		s->tmp_dirs[1] = hp_asprintf("%s/deps", opt->cache_dir); /* not the store's tmp: it clears that */
		(void)sys_mkdirs(s->tmp_dirs[1], 0700, NULL);
	}
	if (opt->wake) { /* a long-lived service; a single compile has no time for it */
		remove_old_private_deps(s->tmp_dirs[0]);
		remove_old_private_deps(s->tmp_dirs[1]);
	}
	return s;
}

void daemon_service_free(struct daemon_service *take_service)
{
	struct daemon_service *s = take_service;

	if (!s)
		return;
	daemon_service_flush(s);
	store_free(s->hot);
	store_free(s->opt.disk);
	store_ledger_free(s->opt.ledger);
	daemon_identities_free(s->identities);
	daemon_flights_free(s->flights);
	daemon_memory_unref(s->memory);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->tmp_dirs[0]);
	free(s->tmp_dirs[1]);
	free(s->tmp_dirs[2]);
	free(s);
}

void daemon_service_flush(struct daemon_service *s)
{
	(void)store_ledger_flush(s->opt.ledger, NULL);
	if (s->opt.disk)
		(void)store_flush(s->opt.disk, NULL);
}

void daemon_service_forget(struct daemon_service *s)
{
	struct daemon_memory *old;
	struct store_evicted gone;

	(void)store_evict(s->hot, &(struct store_evict){.all = true}, &gone, NULL);
	(void)pthread_mutex_lock(&s->lock);
	old = s->memory;
	s->memory = daemon_memory_new();
	(void)pthread_mutex_unlock(&s->lock);
	daemon_memory_unref(old);
}

void daemon_service_count(struct daemon_service *s, const char *name, uint64_t add)
{
	store_ledger_count(s->opt.ledger, name, add);
}

static void count_outcome(struct daemon_service *s, const char *outcome, enum cc_reason reason)
{
	char name[96];

	daemon_service_count(s, outcome, 1);
	if (reason == CC_REASON_NONE)
		return;
	(void)snprintf(name, sizeof name, "%s.%s", outcome, cc_reason_name(reason));
	daemon_service_count(s, name, 1);
}

static void note(struct daemon_service *s, const struct daemon_ticket *t, const char *outcome, enum cc_reason reason,
                 const struct hp_buf *detail)
{
	struct store_outcome o = {
	        .time_s = time(NULL),
	        .source = t->source,
	        .object = t->object,
	        .outcome = outcome,
	        .reason = cc_reason_name(reason),
	        .detail = hp_buf_cstr(detail),
	        .action_key = t->action_key,
	        .closure_key = t->closure_key,
	};

	if (t->source && t->object)
		store_ledger_note(s->opt.ledger, &o);
}

void daemon_note(struct daemon_service *s, const struct daemon_ticket *t, const char *outcome, enum cc_reason reason)
{
	count_outcome(s, outcome, reason);
	note(s, t, outcome, reason, &t->detail);
}

void daemon_note_stored(struct daemon_service *s, const struct daemon_ticket *t)
{
	note(s, t, "miss", t->miss, &t->miss_detail);
}

void daemon_note_unstored(struct daemon_service *s, const struct daemon_ticket *t)
{
	struct store_outcome note = {
	        .time_s = time(NULL),
	        .source = t->source,
	        .object = t->object,
	        .outcome = "miss, not stored",
	        .reason = cc_reason_name(t->unstored),
	        .detail = hp_buf_cstr(&t->detail),
	        .closure_key = t->closure_key,
	};

	if (t->unstored == CC_REASON_STORE_FAILED)
		hp_warn("%s cannot be stored: %s", *t->object ? t->object : t->source, hp_buf_cstr(&t->detail));
	store_ledger_note(s->opt.ledger, &note);
}

/* The memory in force, and a new one when it has grown past its share. */
static struct daemon_memory *current_memory(struct daemon_service *s)
{
	struct daemon_memory *m;

	(void)pthread_mutex_lock(&s->lock);
	if (daemon_memory_size(s->memory) > s->opt.memory_max / 2) {
		daemon_memory_unref(s->memory);
		s->memory = daemon_memory_new();
	}
	m = daemon_memory_ref(s->memory);
	(void)pthread_mutex_unlock(&s->lock);
	return m;
}

/* A compile that cannot write its dependency file fails, and that would be our doing: a directory that is nearly full
 * is not used. */
#define TMP_FREE_MIN (16u << 20)

const char *daemon_tmp_dir(struct daemon_service *s)
{
	for (size_t i = 0; i < HP_ARRAY_SIZE(s->tmp_dirs); i++) {
		struct statvfs fs;

		if (!s->tmp_dirs[i] || statvfs(s->tmp_dirs[i], &fs) < 0 || (fs.f_flag & ST_RDONLY) ||
		    (uint64_t)fs.f_bavail * fs.f_frsize < TMP_FREE_MIN || access(s->tmp_dirs[i], W_OK) < 0)
			continue;
		return s->tmp_dirs[i];
	}
	return NULL;
}

static bool choose_private_deps(struct daemon_service *s, struct daemon_ticket *t)
{
	const char *dir = daemon_tmp_dir(s);

	if (dir)
		t->private_deps = hp_asprintf("%s/%016llx.d", dir, (unsigned long long)sys_random_u64());
	return dir != NULL;
}

/* The newest stamp among what the last compile of this unit read, as the look-up has just found it. */
static int64_t newest_known_ns(struct daemon_ticket *t)
{
	struct daemon_slot *slot = t->slot;
	int64_t newest = 0;

	(void)pthread_mutex_lock(&slot->lock);
	for (size_t i = 0; slot->closures_len && i < slot->closures[0]->files_len; i++) {
		struct daemon_file *file = daemon_file_at(t->memory, slot->closures[0]->files[i]);
		int64_t stamp_ns;

		(void)pthread_mutex_lock(&file->lock);
		stamp_ns = sys_stamp_time_ns(&file->stamp);
		(void)pthread_mutex_unlock(&file->lock);
		if (stamp_ns > newest)
			newest = stamp_ns;
	}
	(void)pthread_mutex_unlock(&slot->lock);
	return newest;
}

/* The newest stamp among what this compile is sure or likely to read first. */
static int64_t newest_input_ns(struct daemon_ticket *t, const struct daemon_content *source)
{
	const char *slash = strrchr(t->source, '/');
	HP_AUTO_BUF struct hp_buf path = {0};
	struct daemon_discover_input in = {
	        .inv = &t->inv, .identity = t->identity, .cwd = t->kept.cwd, .env = &t->kept.env};
	struct daemon_search search;
	struct sys_stamp stamp;
	int64_t newest = 0;
	int64_t known;

	daemon_search_init(&search, &in);
	if (!daemon_is_null_device(t->source) && sys_stamp_path(t->source, &stamp) == 0)
		newest = sys_stamp_time_ns(&stamp);
	for (size_t i = 0; i < source->scan.includes_len; i++) {
		const char *name = source->scan.names + source->scan.includes[i].offset;

		for (size_t k = 0; k <= search.len; k++) {
			hp_buf_reset(&path);
			if (k == 0)
				hp_buf_append(&path, t->source, (size_t)(slash - t->source));
			else
				sys_path_join(&path, t->kept.cwd, search.dirs[k - 1].path);
			hp_buf_char(&path, '/');
			hp_buf_str(&path, name);
			if (sys_stamp_path(path.data, &stamp) < 0)
				continue;
			if (sys_stamp_time_ns(&stamp) > newest)
				newest = sys_stamp_time_ns(&stamp);
			break;
		}
	}
	daemon_search_done(&search);
	known = newest_known_ns(t);
	return known > newest ? known : newest;
}

/* A header generated just before the compile can carry the very tick in which it starts, and could not be told from
 * one that changes meanwhile. Waiting out the tick (some milliseconds, only in that case) keeps such units cacheable. */
static void wait_out_tick(struct daemon_ticket *t, const struct daemon_content *source)
{
	/* A unit that was known and misses has just been changed, perhaps by a file that nothing led to so far. */
	int64_t newest = t->miss == CC_REASON_NEW_UNIT ? newest_input_ns(t, source) : sys_clock_ns(CLOCK_REALTIME);
	int64_t now = sys_file_clock_ns();

	t->sides_newest_ns = daemon_sides_newest_ns(t);
	if (t->sides_newest_ns > newest)
		newest = t->sides_newest_ns;
	for (int i = 0; i < 25 && newest >= now && newest - now < 20000000; i++) {
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		now = sys_file_clock_ns();
	}
	/* Where stamps are coarse or another machine's, what is nearly as young may have changed meanwhile, too. */
	t->start_ns = now - sys_fs_step_path(t->source);
}

/* With -MMD the compiler writes another file than the user's. One that it could not write it must refuse by itself. */
static bool user_deps_writable(const char *path)
{
	const char *slash = strrchr(path, '/');
	HP_AUTO_FREE char *dir = hp_strndup(path, slash == path ? 1 : (size_t)(slash - path));

	return access(dir, W_OK | X_OK) == 0 && (access(path, W_OK) == 0 || errno == ENOENT);
}

static enum cc_reason prepare_run(struct daemon_service *s, struct daemon_ticket *t, void *waiter, bool *ret_wait)
{
	DAEMON_AUTO_CONTENT struct daemon_content *source = NULL;
	struct codec_digest flight_key;
	struct codec_hasher h;
	enum cc_reason reason;
	int r = daemon_file_content(daemon_file_at(t->memory, daemon_memory_file(t->memory, t->source)), &source, NULL);

	*ret_wait = false;
	if (r < 0) {
		hp_buf_printf(&t->detail, "%s: %s", t->source, strerror(-r));
		return r == -EFBIG ? CC_REASON_TOO_LARGE : CC_REASON_SPECIAL_INPUT;
	}
	reason = daemon_discover_scan(&source->scan, t->date_time_ok, t->embed_ok);
	if (reason != CC_REASON_NONE) {
		hp_buf_printf(&t->detail, "%s", t->source);
		return reason;
	}
	if (t->inv.deps == CC_DEPS_USER && !user_deps_writable(t->deps_file)) {
		hp_buf_str(&t->detail, t->deps_file);
		return CC_REASON_SPECIAL_OUTPUT;
	}
	if (s->flights) {
		codec_hasher_init(&h);
		codec_hasher_add(&h, t->closure_key.b, sizeof t->closure_key.b);
		codec_hasher_add_str(&h, t->req->cwd);
		codec_hasher_add(&h, source->digest.b, sizeof source->digest.b);
		codec_hasher_end(&h, &flight_key);
		t->flight = daemon_flight_start(s->flights, &flight_key, waiter);
		if (!t->flight) {
			*ret_wait = true;
			return CC_REASON_NONE;
		}
	}
	request_copy(&t->kept, t->req);
	if (t->inv.deps != CC_DEPS_ALL && t->inv.closure == CC_CLOSURE_DEPFILE && !choose_private_deps(s, t)) {
		hp_buf_str(&t->detail, "no room for a private dependency file");
		return CC_REASON_INTERNAL;
	}
	wait_out_tick(t, source);
	return CC_REASON_NONE;
}

static void answer_bypass(struct daemon_service *s, struct daemon_ticket *t, enum cc_reason reason,
                          struct daemon_answer *answer)
{
	if (reason == CC_REASON_INTERNAL)
		hp_warn("%s compiles without the cache: %s", t->source ? t->source : t->req->compiler,
		        hp_buf_cstr(&t->detail));
	answer->decision = DAEMON_BYPASS;
	answer->reason = reason;
	daemon_note(s, t, "bypass", reason);
}

/* One command for each source; each comes back as a request of its own and is counted then. */
static void answer_split(const struct daemon_ticket *t, struct daemon_answer *answer)
{
	answer->decision = DAEMON_SPLIT;
	for (size_t i = 0; i < t->inv.jobs; i++) {
		HP_AUTO_STRV struct hp_strv job = {0};
		char count[24];

		cc_invocation_job_args(&t->inv, i, &job);
		(void)snprintf(count, sizeof count, "%zu", job.len);
		hp_strv_add(&answer->args, count);
		hp_strv_copy(&answer->args, &job);
	}
}

/* Between our look-up and the start of our flight another one may have landed with the result. True: served, and the
 * ticket is gone. */
static bool served_meanwhile(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer)
{
	enum cc_reason miss;
	bool news;

	(void)pthread_mutex_lock(&t->slot->lock);
	news = t->slot->news != t->news;
	(void)pthread_mutex_unlock(&t->slot->lock);
	if (!news || !daemon_serve(s, t, answer, &miss))
		return false;
	answer->decision = DAEMON_HIT;
	daemon_note(s, t, "hit", CC_REASON_NONE);
	if (t->flight)
		daemon_flight_end(s->flights, t->flight, DAEMON_LANDING_SHARED);
	daemon_ticket_free(t);
	return true;
}

void daemon_answer_run(struct daemon_service *s, struct daemon_ticket *t, struct daemon_answer *answer)
{
	answer->decision = DAEMON_RUN;
	answer->reason = t->miss;
	answer->rewrites_deps = t->inv.deps == CC_DEPS_USER;
	hp_strv_copy(&answer->args, &t->place_flags);
	cc_invocation_run_args(&t->inv, t->private_deps, t->color, &answer->args);
	daemon_note(s, t, "miss", t->miss);
	hp_buf_append(&answer->detail, hp_buf_cstr(&t->detail), t->detail.len);
}

void daemon_service_look_up(struct daemon_service *s, const struct daemon_request *req, void *waiter,
                            struct daemon_answer *ret_answer, struct daemon_ticket **ret_ticket)
{
	struct daemon_ticket *t = hp_zalloc(sizeof *t);
	enum cc_reason miss = CC_REASON_NONE;
	enum cc_reason hopeless = CC_REASON_NONE;
	enum cc_reason reason;
	bool wait = false;

	*ret_answer = (struct daemon_answer){0};
	t->req = req;
	t->memory = current_memory(s);
	reason = daemon_prepare(s, t);
	if (reason == CC_REASON_NONE) {
		if (daemon_serve(s, t, ret_answer, &miss)) {
			ret_answer->decision = DAEMON_HIT;
			daemon_note(s, t, "hit", CC_REASON_NONE);
			daemon_ticket_free(t);
			return;
		}
		t->miss = miss;
		hopeless = miss == CC_REASON_NEW_UNIT ? daemon_known_hopeless(s, t) : CC_REASON_NONE;
		if (cc_reason_kind(miss) == CC_REASON_KIND_BYPASS)
			reason = miss;
		else if (hopeless == CC_REASON_NONE)
			reason = prepare_run(s, t, waiter, &wait);
	}
	if (hopeless != CC_REASON_NONE) {
		/* Counted but not noted: the note of the attempt says more, and its age decides when to try again. */
		count_outcome(s, "bypass", hopeless);
		ret_answer->decision = DAEMON_BYPASS;
		ret_answer->reason = hopeless;
		daemon_ticket_free(t);
		return;
	}
	if (reason == CC_REASON_NONE && !wait && served_meanwhile(s, t, ret_answer))
		return;
	if (reason == CC_REASON_NONE && !wait) {
		t->miss = miss;
		t->req = &t->kept;
		if (!daemon_preprocess_begin(s, t, ret_answer))
			daemon_answer_run(s, t, ret_answer);
		*ret_ticket = t;
		return;
	}
	if (wait)
		ret_answer->decision = DAEMON_WAIT;
	else if (reason == CC_REASON_MULTIPLE_INPUTS && t->inv.jobs)
		answer_split(t, ret_answer);
	else
		answer_bypass(s, t, reason, ret_answer);
	hp_buf_append(&ret_answer->detail, hp_buf_cstr(&t->detail), t->detail.len);
	if (t->flight)
		daemon_flight_end(s->flights, t->flight, DAEMON_LANDING_ALONE);
	daemon_ticket_free(t);
}

void daemon_service_leave(struct daemon_service *s, void *waiter)
{
	if (s->flights)
		daemon_flight_leave(s->flights, waiter);
}

void daemon_service_abandon(struct daemon_service *s, struct daemon_ticket *take_ticket)
{
	daemon_service_count(s, "unstored.client-gone", 1);
	if (take_ticket->flight)
		daemon_flight_end(s->flights, take_ticket->flight, DAEMON_LANDING_LOST);
	daemon_ticket_free(take_ticket);
}
