/* Toolchain identity: the same as long as nothing that would run has changed, another as soon as something has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include "base/str.h"
#include "daemon/identity_priv.h"
#include "lib/scratch.h"

static const char *const compilers[] = {"/usr/bin/gcc", "/usr/bin/g++", "/usr/bin/clang", "/usr/bin/clang++"};

/* The identity of `compiler` for C with these identity arguments and variables (space-separated words; NULL: none). */
static int ask(struct daemon_identities *ids, const char *compiler, const char *args, const char *env,
               struct daemon_identity **ret_id)
{
	struct hp_strv ident_args HP_AUTO_STRV = {0};
	struct hp_strv ident_env HP_AUTO_STRV = {0};
	struct daemon_identity_query q = {
	        .compiler = compiler, .lang = "c", .ident_args = &ident_args, .env = &ident_env};
	struct hp_err err = {0};

	if (args)
		hp_strv_add(&ident_args, args);
	if (env)
		hp_strv_add(&ident_env, env);
	if (!env || strncmp(env, "PATH=", 5) != 0)
		hp_strv_add(&ident_env, "PATH=/usr/bin:/bin");
	return daemon_identity_get(ids, &q, ret_id, &err);
}

static struct daemon_identity *expect(struct daemon_identities *ids, const char *compiler, const char *args,
                                      const char *env)
{
	struct daemon_identity *id = NULL;

	assert_int_equal(ask(ids, compiler, args, env, &id), 0);
	return id;
}

/* Only the digest counts. */
static struct codec_digest digest_of(struct daemon_identities *ids, const char *compiler, const char *args,
                                     const char *env)
{
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = expect(ids, compiler, args, env);

	return id->digest;
}

static bool same(struct codec_digest a, struct codec_digest b)
{
	return codec_digest_eq(&a, &b);
}

static const char *wrapper(void **state, const char *name, const char *comment)
{
	HP_AUTO_FREE char *text = hp_asprintf("#!/bin/sh\n# %s\nexec /usr/bin/gcc \"$@\"\n", comment);
	const char *path = scratch_script(state, name, text);

	scratch_settle();
	return path;
}

static void real_compilers_have_an_identity_each(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	struct daemon_identities *others = daemon_identities_new(NULL);
	struct codec_digest digests[HP_ARRAY_SIZE(compilers)];

	(void)state;
	for (size_t i = 0; i < HP_ARRAY_SIZE(compilers); i++) {
		DAEMON_AUTO_IDENTITY struct daemon_identity *id = expect(ids, compilers[i], NULL, NULL);
		DAEMON_AUTO_IDENTITY struct daemon_identity *again = expect(ids, compilers[i], NULL, NULL);
		DAEMON_AUTO_IDENTITY struct daemon_identity *other = expect(others, compilers[i], NULL, NULL);

		assert_ptr_equal(id, again);
		assert_ptr_not_equal(id, other);
		assert_true(codec_digest_eq(&id->digest, &other->digest));
		assert_true(id->trusted && daemon_identity_holds(id));
		assert_int_equal(id->family, i < 2 ? CC_FAMILY_GCC : CC_FAMILY_CLANG);
		assert_true(hp_strv_has(&id->angle_dirs, "/usr/include"));
		assert_non_null(strstr(id->version, i < 2 ? "gcc version " : "clang version "));
		assert_true(hp_strv_has(&id->files, compilers[i]));
		digests[i] = id->digest;
	}
	assert_false(same(digests[0], digests[2]));
	daemon_identities_free(ids);
	daemon_identities_free(others);
}

static void everything_that_would_run_is_in_it(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = expect(ids, "/usr/bin/gcc", NULL, NULL);
	bool cc1 = false;
	bool libc = false;

	(void)state;
	for (size_t i = 0; i < id->files.len; i++) {
		cc1 = cc1 || strstr(id->files.v[i], "/cc1");
		libc = libc || strstr(id->files.v[i], "/libc.so");
	}
	assert_true(cc1 && libc);
	assert_true(hp_strv_has(&id->files, "/usr/bin/as"));
	daemon_identities_free(ids);
}

static void options_that_change_what_runs_change_it(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	struct codec_digest plain = digest_of(ids, "/usr/bin/gcc", NULL, NULL);

	(void)state;
	assert_false(same(plain, digest_of(ids, "/usr/bin/gcc", "-march=haswell", NULL)));
	assert_false(same(plain, digest_of(ids, "/usr/bin/gcc", "-m32", NULL)));
	assert_false(same(digest_of(ids, "/usr/bin/clang", NULL, NULL),
	                  digest_of(ids, "/usr/bin/clang", "--target=aarch64-linux-gnu", NULL)));
	daemon_identities_free(ids);
}

static void a_changed_wrapper_is_another_compiler(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	const char *path = wrapper(state, "gcc", "one");
	DAEMON_AUTO_IDENTITY struct daemon_identity *before = expect(ids, path, NULL, NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *after = NULL;
	DAEMON_AUTO_IDENTITY struct daemon_identity *back = NULL;

	assert_true(daemon_identity_holds(before));
	(void)wrapper(state, "gcc", "two");
	assert_false(daemon_identity_holds(before));
	after = expect(ids, path, NULL, NULL);
	assert_false(codec_digest_eq(&before->digest, &after->digest));
	(void)wrapper(state, "gcc", "one");
	back = expect(ids, path, NULL, NULL);
	assert_true(codec_digest_eq(&before->digest, &back->digest));
	daemon_identities_free(ids);
}

static void a_copy_at_another_place_is_the_same_compiler(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	const char *one = wrapper(state, "a/gcc", "text");
	const char *two = wrapper(state, "b/gcc", "text");

	assert_true(same(digest_of(ids, one, NULL, NULL), digest_of(ids, two, NULL, NULL)));
	daemon_identities_free(ids);
}

static void an_assembler_that_appears_earlier_on_path_changes_it(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	HP_AUTO_FREE char *env = hp_asprintf("PATH=%s:/usr/bin:/bin", scratch_mkdir(state, "bin"));
	DAEMON_AUTO_IDENTITY struct daemon_identity *before = expect(ids, "/usr/bin/gcc", NULL, env);
	DAEMON_AUTO_IDENTITY struct daemon_identity *after = NULL;
	const char *as;

	assert_true(daemon_identity_holds(before));
	as = scratch_script(state, "bin/as", "#!/bin/sh\nexec /usr/bin/as \"$@\"\n");
	assert_false(daemon_identity_holds(before));
	after = expect(ids, "/usr/bin/gcc", NULL, env);
	assert_false(codec_digest_eq(&before->digest, &after->digest));
	assert_true(hp_strv_has(&after->files, as));
	daemon_identities_free(ids);
}

static void an_assembler_that_becomes_executable_changes_it(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	HP_AUTO_FREE char *env = hp_asprintf("PATH=%s:/usr/bin:/bin", scratch_mkdir(state, "bin"));
	const char *as = scratch_write(state, "bin/as", "#!/bin/sh\nexec /usr/bin/as \"$@\"\n");
	DAEMON_AUTO_IDENTITY struct daemon_identity *before = NULL;

	scratch_settle();
	before = expect(ids, "/usr/bin/gcc", NULL, env);
	assert_true(daemon_identity_holds(before));
	assert_int_equal(chmod(as, 0755), 0);
	assert_false(daemon_identity_holds(before));
	daemon_identities_free(ids);
}

/* Cross compilers and links have any name; what runs decides. */
static void a_compiler_is_what_it_answers_whatever_its_name(void **state)
{
	static const char *const names[] = {"arm-none-eabi-gcc-10", "clang", "x86_64-w64-mingw32-c++", "my-cc"};
	static const char *const targets[] = {"/usr/bin/clang", "/usr/bin/gcc", "/usr/bin/clang++", "/usr/bin/gcc"};
	struct daemon_identities *ids = daemon_identities_new(NULL);

	for (size_t i = 0; i < HP_ARRAY_SIZE(names); i++) {
		const char *path = scratch_path(state, names[i]);
		DAEMON_AUTO_IDENTITY struct daemon_identity *id = NULL;

		assert_int_equal(symlink(targets[i], path), 0);
		id = expect(ids, path, NULL, NULL);
		assert_int_equal(id->family, strstr(targets[i], "clang") ? CC_FAMILY_CLANG : CC_FAMILY_GCC);
	}
	daemon_identities_free(ids);
}

static void native_is_what_this_processor_is(void **state)
{
	static const char *const options[] = {"-march=native", "-mtune=native"};
	static const char *const others[] = {"-march=core2", "-mtune=core2"};
	struct daemon_identities *ids = daemon_identities_new(NULL);
	struct daemon_identities *again = daemon_identities_new(NULL);

	(void)state;
	for (size_t c = 0; c < HP_ARRAY_SIZE(compilers); c += 2) {
		struct codec_digest plain = digest_of(ids, compilers[c], NULL, NULL);

		for (size_t i = 0; i < HP_ARRAY_SIZE(options); i++) {
			struct codec_digest native = digest_of(ids, compilers[c], options[i], NULL);

			assert_true(same(native, digest_of(again, compilers[c], options[i], NULL)));
			assert_false(same(native, digest_of(ids, compilers[c], others[i], NULL)));
			assert_false(same(native, plain));
		}
	}
	daemon_identities_free(ids);
	daemon_identities_free(again);
}

/* Before and after one file appears and then changes, with this option or variable. */
static void check_appearing(void **state, const char *compiler, const char *args, const char *env, const char *file)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *before = expect(ids, compiler, args, env);
	DAEMON_AUTO_IDENTITY struct daemon_identity *one = NULL;
	DAEMON_AUTO_IDENTITY struct daemon_identity *two = NULL;
	bool config = hp_endswith(file, ".cfg");

	if (!daemon_identity_holds(before))
		fail_msg("%s: before it appears nothing holds", file);
	scratch_write(state, file, config ? "-DONE\n" : "*cpp_unique_options:\n+ -DONE\n\n");
	if (daemon_identity_holds(before))
		fail_msg("%s appears unseen", file);
	scratch_settle();
	one = expect(ids, compiler, args, env);
	assert_false(codec_digest_eq(&before->digest, &one->digest));
	assert_true(daemon_identity_holds(one));
	scratch_write(state, file, config ? "-DTWO\n" : "*cpp_unique_options:\n+ -DTWO\n\n");
	if (daemon_identity_holds(one))
		fail_msg("%s changes unseen", file);
	two = expect(ids, compiler, args, env);
	assert_false(codec_digest_eq(&one->digest, &two->digest));
	daemon_identities_free(ids);
}

static void specs_that_appear_where_gcc_looks_for_them_change_it(void **state)
{
	HP_AUTO_FREE char *prefix = hp_asprintf("-B%s/", scratch_mkdir(state, "b"));
	HP_AUTO_FREE char *none_yet = hp_asprintf("-B%s", scratch_path(state, "new"));
	HP_AUTO_FREE char *libraries = hp_asprintf("LIBRARY_PATH=%s", scratch_mkdir(state, "lib"));
	HP_AUTO_FREE char *exec_prefix = hp_asprintf("GCC_EXEC_PREFIX=%s/", scratch_mkdir(state, "x"));

	/* The compiler's programs have to be there. */
	assert_int_equal(symlink("/usr/lib/gcc/x86_64-linux-gnu", scratch_path(state, "x/x86_64-linux-gnu")), 0);
	scratch_settle();
	check_appearing(state, "/usr/bin/gcc", prefix, NULL, "b/specs");
	check_appearing(state, "/usr/bin/gcc", none_yet, NULL, "new/specs");
	check_appearing(state, "/usr/bin/gcc", NULL, libraries, "lib/specs");
	check_appearing(state, "/usr/bin/gcc", NULL, exec_prefix, "x/specs");
}

static void a_compiler_proper_that_appears_earlier_changes_it(void **state)
{
	HP_AUTO_FREE char *prefix = hp_asprintf("-B%s/", scratch_mkdir(state, "b"));
	HP_AUTO_FREE char *programs = hp_asprintf("COMPILER_PATH=%s", scratch_mkdir(state, "bin"));
	static const char *const files[] = {"b/cc1", "bin/cc1"};
	const char *args[] = {prefix, NULL};
	const char *env[] = {NULL, programs};

	for (size_t i = 0; i < HP_ARRAY_SIZE(files); i++) {
		struct daemon_identities *ids = daemon_identities_new(NULL);
		DAEMON_AUTO_IDENTITY struct daemon_identity *before = expect(ids, "/usr/bin/gcc", args[i], env[i]);
		DAEMON_AUTO_IDENTITY struct daemon_identity *after = NULL;

		assert_true(daemon_identity_holds(before));
		scratch_script(state, files[i], "#!/bin/sh\nexec /usr/lib/gcc/x86_64-linux-gnu/12/cc1 \"$@\" -g\n");
		assert_false(daemon_identity_holds(before));
		after = expect(ids, "/usr/bin/gcc", args[i], env[i]);
		assert_false(codec_digest_eq(&before->digest, &after->digest));
		daemon_identities_free(ids);
	}
}

/* Also that of Clang, where it does not assemble by itself. */
static void an_assembler_that_appears_in_a_place_of_clangs_changes_it(void **state)
{
	HP_AUTO_FREE char *prefix = hp_asprintf("-B%s", scratch_mkdir(state, "b"));
	struct hp_strv args HP_AUTO_STRV = {0};
	struct hp_strv env HP_AUTO_STRV = {0};
	struct daemon_identity_query q = {.compiler = "/usr/bin/clang", .lang = "c", .ident_args = &args, .env = &env};
	struct daemon_identities *ids = daemon_identities_new(NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *before = NULL;
	DAEMON_AUTO_IDENTITY struct daemon_identity *after = NULL;

	hp_strv_add(&args, "-fno-integrated-as");
	hp_strv_add(&args, prefix);
	hp_strv_add(&env, "PATH=/usr/bin:/bin");
	assert_int_equal(daemon_identity_get(ids, &q, &before, NULL), 0);
	assert_true(daemon_identity_holds(before));
	(void)scratch_script(state, "b/as", "#!/bin/sh\nexec /usr/bin/as \"$@\"\n");
	assert_false(daemon_identity_holds(before));
	assert_int_equal(daemon_identity_get(ids, &q, &after, NULL), 0);
	assert_false(codec_digest_eq(&before->digest, &after->digest));
	daemon_identities_free(ids);
}

static void a_configuration_file_that_appears_beside_clang_changes_it(void **state)
{
	static const char *const programs[] = {"p/x86_64-linux-gnu-clang", "q/x86_64-linux-gnu-clang"};
	static const char *const files[] = {"p/x86_64-linux-gnu-clang.cfg", "q/x86_64-linux-gnu.cfg"};
	HP_AUTO_BUF struct hp_buf clang = {0};

	assert_int_equal(sys_read_file("/usr/bin/clang", 1u << 30, &clang, NULL, NULL), 0);
	for (size_t i = 0; i < HP_ARRAY_SIZE(programs); i++) {
		const char *program = scratch_script(state, programs[i], "");

		scratch_write_at(program, clang.data, clang.len);
		scratch_settle();
		check_appearing(state, program, "-resource-dir=/usr/lib/llvm-14/lib/clang/14.0.6", NULL, files[i]);
	}
}

static void a_relative_entry_of_path_counts_only_behind_the_assembler(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = NULL;

	(void)state;
	assert_int_equal(ask(ids, "/usr/bin/gcc", NULL, "PATH=/usr/bin:bin:", &id), 0);
	daemon_identity_unref(id);
	id = NULL;
	assert_int_equal(ask(ids, "/usr/bin/gcc", NULL, "PATH=bin:/usr/bin", &id), -HP_PRECONDITION);
	assert_int_equal(ask(ids, "/usr/bin/gcc", NULL, "PATH=:/usr/bin", &id), -HP_PRECONDITION);
	daemon_identities_free(ids);
}

static void a_search_directory_that_appears_changes_it(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	HP_AUTO_FREE char *env = hp_asprintf("C_INCLUDE_PATH=%s", scratch_path(state, "none"));
	DAEMON_AUTO_IDENTITY struct daemon_identity *before = expect(ids, "/usr/bin/gcc", NULL, env);

	assert_true(daemon_identity_holds(before));
	(void)scratch_mkdir(state, "none");
	assert_false(daemon_identity_holds(before));
	daemon_identities_free(ids);
}

static void a_wrapper_written_just_now_is_not_believed(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	const char *path = wrapper(state, "gcc", "x");

	for (int i = 0; i < 3; i++) {
		DAEMON_AUTO_IDENTITY struct daemon_identity *id = NULL;
		HP_AUTO_FREE char *text = hp_asprintf("#!/bin/sh\n# %d\nexec /usr/bin/gcc \"$@\"\n", i);
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) + 10000}};

		(void)scratch_write(state, "gcc", text);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
		id = expect(ids, path, NULL, NULL);
		assert_false(id->trusted);
		assert_false(daemon_identity_holds(id));
	}
	daemon_identities_free(ids);
}

static void what_is_no_compiler_is_refused(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = NULL;

	assert_int_equal(ask(ids, scratch_script(state, "gcc", "#!/bin/sh\necho hello\n"), NULL, NULL, &id),
	                 -HP_NOT_FOUND);
	assert_true(ask(ids, scratch_script(state, "g++", "#!/bin/sh\nexit 1\n"), NULL, NULL, &id) < 0);
	assert_int_equal(ask(ids, scratch_path(state, "none"), NULL, NULL, &id), -HP_NOT_FOUND);
	assert_null(id);
	daemon_identities_free(ids);
}

/* A wrapper that notes each time it is asked. */
static const char *counting(void **state)
{
	HP_AUTO_FREE char *text =
	        hp_asprintf("#!/bin/sh\necho asked >>%s\nexec /usr/bin/gcc \"$@\"\n", scratch_path(state, "asked"));
	const char *path = scratch_script(state, "gcc", text);

	(void)scratch_write(state, "asked", "");
	scratch_settle();
	return path;
}

static bool asked(void **state)
{
	struct stat st;

	assert_int_equal(stat(scratch_path(state, "asked"), &st), 0);
	assert_int_equal(truncate(scratch_path(state, "asked"), 0), 0);
	return st.st_size > 0;
}

/* The only record in the folder, as a buffer path. */
static const char *record_path(void **state)
{
	DIR *d = opendir(scratch_path(state, "records"));
	const char *found = NULL;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		HP_AUTO_FREE char *name = hp_asprintf("records/%s", e->d_name);

		if (e->d_name[0] == '.')
			continue;
		assert_null(found);
		found = scratch_path(state, name);
	}
	(void)closedir(d);
	assert_non_null(found);
	return found;
}

static void a_record_on_disk_spares_the_questions(void **state)
{
	HP_AUTO_FREE char *compiler = hp_strdup(counting(state));
	struct daemon_identities *first = daemon_identities_new(scratch_path(state, "records"));
	struct daemon_identities *second = daemon_identities_new(scratch_path(state, "records"));
	DAEMON_AUTO_IDENTITY struct daemon_identity *a = expect(first, compiler, NULL, NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *b = NULL;
	struct stat st;

	assert_true(asked(state));
	b = expect(second, compiler, NULL, NULL);
	assert_false(asked(state));
	assert_true(codec_digest_eq(&a->digest, &b->digest));
	assert_string_equal(a->version, b->version);
	assert_int_equal(a->files.len, b->files.len);
	assert_int_equal(a->angle_dirs.len, b->angle_dirs.len);
	assert_int_equal(a->missing.len, b->missing.len);
	assert_int_equal(stat(record_path(state), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	daemon_identities_free(first);
	daemon_identities_free(second);
}

static void a_damaged_record_is_asked_for_anew(void **state)
{
	HP_AUTO_FREE char *compiler = hp_strdup(counting(state));
	struct daemon_identities *first = daemon_identities_new(scratch_path(state, "records"));
	struct codec_digest digest = digest_of(first, compiler, NULL, NULL);
	HP_AUTO_FREE char *record = hp_strdup(record_path(state));
	struct hp_buf whole HP_AUTO_BUF = {0};

	assert_true(scratch_read(record, &whole));
	for (size_t i = 0; i < 8; i++) {
		struct daemon_identities *next = daemon_identities_new(scratch_path(state, "records"));
		HP_AUTO_FREE char *damaged = hp_memdup(whole.data, whole.len);

		damaged[whole.len * i / 8] ^= 1;
		scratch_write_at(record, damaged, i == 7 ? whole.len / 2 : whole.len);
		(void)asked(state);
		assert_true(same(digest, digest_of(next, compiler, NULL, NULL)));
		assert_true(asked(state));
		daemon_identities_free(next);
	}
	daemon_identities_free(first);
}

static void a_record_of_an_older_compiler_is_not_used(void **state)
{
	HP_AUTO_FREE char *compiler = hp_strdup(wrapper(state, "gcc", "one"));
	struct daemon_identities *first = daemon_identities_new(scratch_path(state, "records"));
	struct daemon_identities *second = daemon_identities_new(scratch_path(state, "records"));
	struct codec_digest before = digest_of(first, compiler, NULL, NULL);

	(void)wrapper(state, "gcc", "two");
	assert_false(same(before, digest_of(second, compiler, NULL, NULL)));
	daemon_identities_free(first);
	daemon_identities_free(second);
}

static void records_are_written_and_read_as_they_were(void **state)
{
	struct daemon_identities *ids = daemon_identities_new(NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = expect(ids, "/usr/bin/clang", NULL, NULL);
	DAEMON_AUTO_IDENTITY struct daemon_identity *again = NULL;
	struct hp_buf text HP_AUTO_BUF = {0};

	(void)state;
	daemon_identity_encode(id, &text);
	again = daemon_identity_decode(text.data, text.len);
	assert_non_null(again);
	assert_true(daemon_identity_holds(again));
	assert_true(codec_digest_eq(&id->digest, &again->digest));
	assert_null(daemon_identity_decode(text.data, text.len - 1));
	assert_null(daemon_identity_decode(text.data, 31));
	assert_null(daemon_identity_decode(NULL, 0));
	daemon_identities_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(real_compilers_have_an_identity_each),
	        cmocka_unit_test(everything_that_would_run_is_in_it),
	        cmocka_unit_test(options_that_change_what_runs_change_it),
	        SCRATCH_TEST(a_changed_wrapper_is_another_compiler),
	        SCRATCH_TEST(a_copy_at_another_place_is_the_same_compiler),
	        SCRATCH_TEST(an_assembler_that_appears_earlier_on_path_changes_it),
	        SCRATCH_TEST(an_assembler_that_becomes_executable_changes_it),
	        SCRATCH_TEST(a_compiler_is_what_it_answers_whatever_its_name),
	        cmocka_unit_test(native_is_what_this_processor_is),
	        SCRATCH_TEST(specs_that_appear_where_gcc_looks_for_them_change_it),
	        SCRATCH_TEST(a_compiler_proper_that_appears_earlier_changes_it),
	        SCRATCH_TEST(an_assembler_that_appears_in_a_place_of_clangs_changes_it),
	        SCRATCH_TEST(a_configuration_file_that_appears_beside_clang_changes_it),
	        cmocka_unit_test(a_relative_entry_of_path_counts_only_behind_the_assembler),
	        SCRATCH_TEST(a_search_directory_that_appears_changes_it),
	        SCRATCH_TEST(a_wrapper_written_just_now_is_not_believed),
	        SCRATCH_TEST(what_is_no_compiler_is_refused),
	        SCRATCH_TEST(a_record_on_disk_spares_the_questions),
	        SCRATCH_TEST(a_damaged_record_is_asked_for_anew),
	        SCRATCH_TEST(a_record_of_an_older_compiler_is_not_used),
	        SCRATCH_TEST(records_are_written_and_read_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
