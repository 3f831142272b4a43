/* The cache as a whole, in one process: miss, compile, report, hit; with real compilers and a folder of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "base/str.h"
#include "cache/entry.h"
#include "daemon/memory.h"
#include "daemon/service.h"
#include "lib/scratch.h"
#include "sys/process.h"

struct woken {
	unsigned count;
	unsigned alone;
};

static void wake(void *ctx, void *waiter, bool retry_alone)
{
	struct woken *w = waiter;

	(void)ctx;
	(void)__atomic_add_fetch(&w->count, 1, __ATOMIC_ACQ_REL);
	(void)__atomic_add_fetch(&w->alone, retry_alone ? 1 : 0, __ATOMIC_ACQ_REL);
}

static struct daemon_service *service_new(void **state, bool read_only)
{
	const char *cache = scratch_path(state, "cache");
	struct store_disk_options disk = {.dir = cache, .tenant = "local", .read_only = read_only};
	struct daemon_service_options opt = {
	        .cache_dir = cache,
	        .runtime_dir = scratch_mkdir(state, "run"),
	        .pack_level = 1,
	        .memory_max = 16u << 20,
	        .read_only = read_only,
	        .wake = wake,
	};
	struct hp_err err = {0};

	if (store_disk_new(&disk, &opt.disk, &err) < 0)
		fail_msg("%s", err.msg);
	opt.ledger = store_ledger_new(cache, read_only);
	return daemon_service_new(&opt);
}

/* A request to compile in the folder "t" with these space-separated arguments. */
static void request_of(void **state, const char *compiler, const char *args, struct daemon_request *ret)
{
	*ret = (struct daemon_request){
	        .compiler = hp_strdup(compiler),
	        .argv0 = hp_strdup(hp_basename(compiler)),
	        .cwd = hp_strdup(scratch_path(state, "t")),
	        .mask = 022,
	};
	for (const char *p = args; *p;) {
		size_t n = strcspn(p, " ");

		hp_strv_addn(&ret->args, p, n);
		p += n + (p[n] ? 1 : 0);
	}
	hp_strv_add(&ret->env, "PATH=/usr/bin:/bin");
}

/* One build step: what was decided, and what the user sees. */
struct step {
	enum daemon_decision decision;
	enum cc_reason reason; /* of a miss or bypass */
	struct daemon_verdict verdict;
	int status;
	struct hp_buf said;
};

static void run_compiler(const struct daemon_request *req, const struct hp_strv *args, struct step *step)
{
	struct hp_strv argv HP_AUTO_STRV = {0};
	mode_t old = umask(req->mask);
	struct hp_err err = {0};

	hp_strv_add(&argv, req->compiler);
	hp_strv_copy(&argv, args);
	if (sys_process_capture(argv.v, req->env.v, req->cwd, 60000, 1u << 20, &step->said, &step->status, &err) < 0)
		fail_msg("%s", err.msg);
	(void)umask(old);
}

static void report(struct daemon_service *s, const struct daemon_request *req, struct daemon_ticket *ticket,
                   const struct daemon_answer *answer, struct step *step)
{
	run_compiler(req, &answer->args, step);
	daemon_service_report(s, ticket,
	                      &(struct daemon_result){
	                              .status = step->status,
	                              .err = hp_buf_cstr(&step->said),
	                              .err_len = step->said.len,
	                              .duration_ms = 7,
	                      },
	                      &step->verdict);
	if (step->verdict.rerun) {
		hp_buf_reset(&step->said);
		run_compiler(req, &req->args, step);
	}
	daemon_service_settle(s, ticket);
}

/* What the client does. */
static void build(void **state, struct daemon_service *s, const char *compiler, const char *args, struct step *ret)
{
	struct daemon_request req;
	struct daemon_answer answer;
	struct daemon_ticket *ticket = NULL;
	mode_t old = umask(0);

	*ret = (struct step){0};
	request_of(state, compiler, args, &req);
	daemon_service_look_up(s, &req, NULL, &answer, &ticket);
	ret->decision = answer.decision;
	ret->reason = answer.reason;
	if (answer.decision == DAEMON_HIT)
		hp_buf_append(&ret->said, answer.err.data, answer.err.len);
	else if (answer.decision == DAEMON_RUN)
		report(s, &req, ticket, &answer, ret);
	(void)umask(old);
	daemon_answer_done(&answer);
	daemon_request_done(&req);
}

static void expect(void **state, struct daemon_service *s, const char *compiler, const char *args,
                   enum daemon_decision decision, enum cc_reason reason)
{
	struct step step;

	build(state, s, compiler, args, &step);
	if (step.decision != decision || step.reason != reason)
		fail_msg("%s %s: decision %d, %s", compiler, args, step.decision, cc_reason_name(step.reason));
	assert_int_equal(step.verdict.reason, CC_REASON_NONE);
	hp_buf_done(&step.said);
}

static void keep_file(void **state, const char *name, struct hp_buf *ret)
{
	HP_AUTO_FREE char *full = hp_asprintf("t/%s", name);

	if (!scratch_read(scratch_path(state, full), ret))
		fail_msg("%s is not there", name);
	assert_int_equal(unlink(scratch_path(state, full)), 0);
}

static void expect_file(void **state, const char *name, const struct hp_buf *expected)
{
	struct hp_buf got HP_AUTO_BUF = {0};

	keep_file(state, name, &got);
	assert_int_equal(got.len, expected->len);
	assert_memory_equal(got.data, expected->data, got.len);
}

static void write_tree(void **state)
{
	(void)scratch_write(state, "t/a.c", "#include <stdio.h>\n#include \"b.h\"\nint f(void) { return puts(B); }\n");
	(void)scratch_write(state, "t/b.h", "#define B \"one\"\n");
	scratch_settle();
}

static void a_miss_and_then_a_hit_with_the_same_bytes(void **state)
{
	static const char *const compilers[] = {"/usr/bin/gcc", "/usr/bin/clang"};
	static const char *const deps[] = {"-MD", "-MMD", "-Wp,-MMD,a.d", "-MD -MP -MT x -DX"};
	struct daemon_service *s = service_new(state, false);

	write_tree(state);
	for (size_t c = 0; c < HP_ARRAY_SIZE(compilers); c++) {
		for (size_t d = 0; d < HP_ARRAY_SIZE(deps); d++) {
			HP_AUTO_FREE char *args = hp_asprintf("-O1 -g %s -c a.c -o a.o", deps[d]);
			struct hp_buf object HP_AUTO_BUF = {0};
			struct hp_buf list HP_AUTO_BUF = {0};
			struct daemon_request req;
			struct step plain = {0};

			request_of(state, compilers[c], args, &req);
			run_compiler(&req, &req.args, &plain);
			daemon_request_done(&req);
			hp_buf_done(&plain.said);
			keep_file(state, "a.o", &object);
			keep_file(state, "a.d", &list);
			/* Another way to say -MMD is another list, and the same compile. */
			if (d != 2)
				expect(state, s, compilers[c], args, DAEMON_RUN, CC_REASON_NEW_UNIT);
			else
				expect(state, s, compilers[c], args, DAEMON_HIT, CC_REASON_NONE);
			expect_file(state, "a.o", &object);
			expect_file(state, "a.d", &list);
			for (int i = 0; i < 3; i++) {
				expect(state, s, compilers[c], args, DAEMON_HIT, CC_REASON_NONE);
				expect_file(state, "a.o", &object);
				expect_file(state, "a.d", &list);
			}
		}
	}
	daemon_service_free(s);
}

static void changes_miss_and_what_was_hits_again(void **state)
{
	static const char args[] = "-c a.c -o a.o";
	struct daemon_service *s = service_new(state, false);

	write_tree(state);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_NEW_UNIT);
	(void)scratch_write(state, "t/b.h", "#define B \"two\"\n");
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_INPUT_DIFFERS);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	(void)scratch_write(state, "t/b.h", "#define B \"one\"\n");
	expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	expect(state, s, "/usr/bin/gcc", "-DX -c a.c -o a.o", DAEMON_RUN, CC_REASON_NEW_UNIT);
	(void)scratch_write(state, "t/stdio.h", "int puts(const char *);\n");
	expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	expect(state, s, "/usr/bin/gcc", "-I. -c a.c -o a.o", DAEMON_RUN, CC_REASON_NEW_UNIT);
	assert_int_equal(unlink(scratch_path(state, "t/stdio.h")), 0);
	daemon_service_free(s);
}

/* What b.h includes now. */
static void choose_variant(void **state, unsigned i)
{
	HP_AUTO_FREE char *text = hp_asprintf("#include \"v%u.h\"\n#define B \"b\"\n", i);

	(void)scratch_write(state, "t/b.h", text);
}

static void a_command_line_has_as_many_closures_as_the_limit(void **state)
{
	static const char args[] = "-c a.c -o a.o";
	struct daemon_service *s = service_new(state, false);

	for (unsigned i = 0; i <= DAEMON_CLOSURES_PER_SLOT; i++) {
		HP_AUTO_FREE char *name = hp_asprintf("t/v%u.h", i);

		(void)scratch_write(state, name, "");
	}
	write_tree(state);
	for (unsigned i = 0; i < DAEMON_CLOSURES_PER_SLOT; i++) {
		choose_variant(state, i);
		expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN,
		       i == 0 ? CC_REASON_NEW_UNIT : CC_REASON_INPUT_DIFFERS);
	}
	for (unsigned i = 0; i < DAEMON_CLOSURES_PER_SLOT; i++) {
		choose_variant(state, i);
		expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	}
	/* One more takes the place of the one not used for longest. */
	choose_variant(state, DAEMON_CLOSURES_PER_SLOT);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_INPUT_DIFFERS);
	for (unsigned i = 1; i <= DAEMON_CLOSURES_PER_SLOT; i++) {
		choose_variant(state, i);
		expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	}
	choose_variant(state, 0);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_INPUT_DIFFERS);
	daemon_service_free(s);
}

static void a_second_service_finds_what_the_first_stored(void **state)
{
	static const char args[] = "-MMD -c a.c -o a.o";
	struct hp_buf object HP_AUTO_BUF = {0};
	struct daemon_service *s = service_new(state, false);

	write_tree(state);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_NEW_UNIT);
	keep_file(state, "a.o", &object);
	daemon_service_free(s);
	s = service_new(state, false);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	expect_file(state, "a.o", &object);
	(void)scratch_write(state, "t/b.h", "#define B \"two\"\n");
	daemon_service_free(s);
	s = service_new(state, true);
	expect(state, s, "/usr/bin/gcc", "-c none.c -o a.o", DAEMON_BYPASS, CC_REASON_SPECIAL_INPUT);
	(void)scratch_write(state, "t/b.h", "#define B \"one\"\n");
	expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	daemon_service_free(s);
}

static void diagnostics_come_back_byte_for_byte(void **state)
{
	struct daemon_service *s = service_new(state, false);
	struct step miss;
	struct step hit;

	(void)scratch_write(state, "t/w.c", "int f(void) { int unused; return 1; }\n");
	scratch_settle();
	build(state, s, "/usr/bin/gcc", "-Wall -c w.c -o w.o", &miss);
	build(state, s, "/usr/bin/gcc", "-Wall -c w.c -o w.o", &hit);
	assert_int_equal(miss.decision, DAEMON_RUN);
	assert_int_equal(hit.decision, DAEMON_HIT);
	assert_non_null(strstr(hp_buf_cstr(&miss.said), "unused variable"));
	assert_string_equal(hp_buf_cstr(&hit.said), miss.said.data);
	hp_buf_done(&miss.said);
	hp_buf_done(&hit.said);
	daemon_service_free(s);
}

static void what_fails_is_not_kept(void **state)
{
	struct daemon_service *s = service_new(state, false);

	(void)scratch_write(state, "t/e.c", "int f(void) { return }\n");
	scratch_settle();
	for (int i = 0; i < 2; i++) {
		struct step step;

		build(state, s, "/usr/bin/gcc", "-c e.c -o e.o", &step);
		assert_int_equal(step.decision, DAEMON_RUN);
		assert_int_equal(step.verdict.reason, CC_REASON_COMPILE_FAILED);
		assert_int_equal(WEXITSTATUS(step.status), 1);
		hp_buf_done(&step.said);
	}
	daemon_service_free(s);
}

static void what_is_no_matter_for_a_cache_goes_by(void **state)
{
	struct daemon_service *s = service_new(state, false);

	write_tree(state);
	(void)scratch_write(state, "t/time.c", "const char *s = __TIME__;\n");
	expect(state, s, "/usr/bin/gcc", "a.c -o a", DAEMON_BYPASS, CC_REASON_NO_COMPILE);
	expect(state, s, "/usr/bin/gcc", "-c time.c -o a.o", DAEMON_BYPASS, CC_REASON_DATE_TIME);
	expect(state, s, "/bin/true", "-c a.c -o a.o", DAEMON_BYPASS, CC_REASON_UNKNOWN_COMPILER);
	expect(state, s, "/usr/bin/gcc", "-c a.c -o /dev/full", DAEMON_BYPASS, CC_REASON_SPECIAL_OUTPUT);
	daemon_service_free(s);
}

static void a_relative_entry_of_path_is_the_compiles_own(void **state)
{
	struct daemon_service *s = service_new(state, false);
	struct daemon_request req;
	enum daemon_decision expected[] = {DAEMON_RUN, DAEMON_HIT, DAEMON_RUN};

	write_tree(state);
	request_of(state, "/usr/bin/gcc", "-c a.c -o a.o", &req);
	hp_strv_done(&req.env);
	hp_strv_add(&req.env, "PATH=tools::/usr/bin:/bin");
	for (size_t i = 0; i < HP_ARRAY_SIZE(expected); i++) {
		struct daemon_ticket *ticket = NULL;
		struct daemon_answer answer;
		struct step step = {0};

		if (i == 2) /* an assembler of the project's own */
			(void)scratch_script(state, "t/tools/as", "#!/bin/sh\nexec /usr/bin/as \"$@\"\n");
		daemon_service_look_up(s, &req, NULL, &answer, &ticket);
		assert_int_equal(answer.decision, expected[i]);
		if (ticket)
			report(s, &req, ticket, &answer, &step);
		hp_buf_done(&step.said);
		daemon_answer_done(&answer);
	}
	daemon_request_done(&req);
	daemon_service_free(s);
}

static void the_same_compile_at_once_is_done_once(void **state)
{
	struct daemon_service *s = service_new(state, false);
	struct woken leader_waiter = {0};
	struct woken w[2] = {0};
	struct daemon_ticket *ticket = NULL;
	struct daemon_ticket *none = NULL;
	struct daemon_request req;
	struct daemon_answer lead;
	struct daemon_answer answer;
	struct step step = {0};

	write_tree(state);
	request_of(state, "/usr/bin/gcc", "-c a.c -o a.o", &req);
	daemon_service_look_up(s, &req, &leader_waiter, &lead, &ticket);
	assert_int_equal(lead.decision, DAEMON_RUN);
	for (int i = 0; i < 2; i++) {
		daemon_service_look_up(s, &req, &w[i], &answer, &none);
		assert_int_equal(answer.decision, DAEMON_WAIT);
		assert_null(none);
		daemon_answer_done(&answer);
	}
	daemon_service_leave(s, &w[1]);
	report(s, &req, ticket, &lead, &step);
	assert_int_equal(leader_waiter.count, 0);
	assert_int_equal(w[0].count, 1);
	assert_int_equal(w[0].alone, 0);
	assert_int_equal(w[1].count, 0);
	daemon_service_look_up(s, &req, &w[0], &answer, &none);
	assert_int_equal(answer.decision, DAEMON_HIT);
	daemon_answer_done(&answer);
	daemon_answer_done(&lead);
	daemon_request_done(&req);
	hp_buf_done(&step.said);
	daemon_service_free(s);
}

static void after_a_leader_that_is_gone_a_follower_leads(void **state)
{
	struct daemon_service *s = service_new(state, false);
	struct woken w[2] = {0};
	struct daemon_ticket *ticket = NULL;
	struct daemon_request req;
	struct daemon_answer answer;
	struct step step = {0};

	write_tree(state);
	request_of(state, "/usr/bin/gcc", "-c a.c -o a.o", &req);
	daemon_service_look_up(s, &req, &w[0], &answer, &ticket);
	daemon_answer_done(&answer);
	daemon_service_look_up(s, &req, &w[1], &answer, &ticket);
	assert_int_equal(answer.decision, DAEMON_WAIT);
	daemon_answer_done(&answer);
	daemon_service_abandon(s, ticket);
	assert_int_equal(w[1].count, 1);
	assert_int_equal(w[1].alone, 0);
	daemon_service_look_up(s, &req, &w[1], &answer, &ticket);
	assert_int_equal(answer.decision, DAEMON_RUN);
	report(s, &req, ticket, &answer, &step);
	daemon_answer_done(&answer);
	daemon_request_done(&req);
	hp_buf_done(&step.said);
	daemon_service_free(s);
}

static void a_damaged_entry_is_a_miss_and_made_again(void **state)
{
	static const char args[] = "-c a.c -o a.o";
	struct daemon_service *s = service_new(state, false);
	HP_AUTO_FREE char *damage = hp_asprintf(
	        "for f in $(find %s/entry -type f); do printf X | dd of=$f bs=1 seek=300 conv=notrunc status=none; done",
	        scratch_path(state, "cache"));
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", damage, NULL};
	char *env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	struct hp_buf said HP_AUTO_BUF = {0};
	int status = 1;

	write_tree(state);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_NEW_UNIT);
	daemon_service_flush(s);
	assert_int_equal(sys_process_capture(argv, env, "/", 10000, 1000, &said, &status, NULL), 0);
	assert_int_equal(status, 0);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_RUN, CC_REASON_CORRUPT);
	expect(state, s, "/usr/bin/gcc", args, DAEMON_HIT, CC_REASON_NONE);
	daemon_service_free(s);
}

struct job {
	void **state;
	struct daemon_service *s;
	struct daemon_request req;
	unsigned hits;
};

static void *look_up_many_times(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < 200; i++) {
		struct daemon_ticket *ticket = NULL;
		struct daemon_answer answer;

		daemon_service_look_up(j->s, &j->req, NULL, &answer, &ticket);
		j->hits += answer.decision == DAEMON_HIT;
		if (ticket)
			daemon_service_abandon(j->s, ticket);
		daemon_answer_done(&answer);
	}
	return NULL;
}

static void many_threads_hit_at_once(void **state)
{
	struct daemon_service *s = service_new(state, false);
	struct job jobs[4] = {0};
	pthread_t threads[4];

	write_tree(state);
	for (size_t i = 0; i < HP_ARRAY_SIZE(jobs); i++) {
		HP_AUTO_FREE char *args = hp_asprintf("-MMD -c a.c -o a%zu.o", i);

		/* The object's name is no part of the key. */
		expect(state, s, "/usr/bin/gcc", args, i == 0 ? DAEMON_RUN : DAEMON_HIT,
		       i == 0 ? CC_REASON_NEW_UNIT : CC_REASON_NONE);
		jobs[i] = (struct job){.state = state, .s = s};
		request_of(state, "/usr/bin/gcc", args, &jobs[i].req);
	}
	for (size_t i = 0; i < HP_ARRAY_SIZE(jobs); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up_many_times, &jobs[i]), 0);
	for (size_t i = 0; i < HP_ARRAY_SIZE(jobs); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i].hits, 200);
		daemon_request_done(&jobs[i].req);
	}
	daemon_service_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        SCRATCH_TEST(a_miss_and_then_a_hit_with_the_same_bytes),
	        SCRATCH_TEST(changes_miss_and_what_was_hits_again),
	        SCRATCH_TEST(a_command_line_has_as_many_closures_as_the_limit),
	        SCRATCH_TEST(a_second_service_finds_what_the_first_stored),
	        SCRATCH_TEST(diagnostics_come_back_byte_for_byte),
	        SCRATCH_TEST(what_fails_is_not_kept),
	        SCRATCH_TEST(what_is_no_matter_for_a_cache_goes_by),
	        SCRATCH_TEST(a_relative_entry_of_path_is_the_compiles_own),
	        SCRATCH_TEST(the_same_compile_at_once_is_done_once),
	        SCRATCH_TEST(after_a_leader_that_is_gone_a_follower_leads),
	        SCRATCH_TEST(a_damaged_entry_is_a_miss_and_made_again),
	        SCRATCH_TEST(many_threads_hit_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
