/* Asking a compiler who it is. Four kinds of questions, each run once and remembered:
 *   COMPILER -v                                     family and version
 *   COMPILER IDENT_ARGS -v -E -x LANG /dev/null     where it looks for headers
 *   COMPILER IDENT_ARGS -### -x LANG -c /dev/null   which programs it would run, and with what (-march=native resolved)
 *   COMPILER IDENT_ARGS -print-search-dirs          where it would look for programs and specs before its own (GCC)
 * and the dynamic loader's list of libraries for each of those programs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cc/probe.h"
#include "daemon/identity_priv.h"
#include "sys/clock.h"
#include "sys/process.h"

/* A compiler answers in milliseconds; the first start from a cold disk can take seconds. */
#define ANSWER_DEADLINE_MS 20000
#define ANSWER_SIZE_MAX (1u << 20)

struct asking {
	const struct daemon_identity_query *q;
	struct hp_strv env;
	struct daemon_identity *id;
	struct codec_hasher hasher;
};

/* The user's identity variables, the untranslated language, and a PATH. */
static void make_env(const struct daemon_identity_query *q, struct hp_strv *ret_env)
{
	for (size_t i = 0; i < q->env->len; i++)
		hp_strv_add(ret_env, q->env->v[i]);
	hp_strv_add(ret_env, "LC_ALL=C");
}

static int run(const struct asking *a, const char *const *words, const char *extra_env, struct hp_buf *out,
               struct hp_err *err)
{
	HP_AUTO_STRV struct hp_strv argv = {0};
	HP_AUTO_STRV struct hp_strv env = {0};
	int status;
	int r;

	for (size_t i = 0; words[i]; i++) {
		if (!hp_streq(words[i], "@ident@")) {
			hp_strv_add(&argv, words[i]);
			continue;
		}
		hp_strv_copy(&argv, a->q->ident_args);
	}
	hp_strv_copy(&env, &a->env);
	if (extra_env)
		hp_strv_add(&env, extra_env);
	r = sys_process_capture(argv.v, env.v, "/", ANSWER_DEADLINE_MS, ANSWER_SIZE_MAX, out, &status, err);
	if (r < 0)
		return r;
	if (status != 0)
		return hp_err_set(err, HP_PRECONDITION, "%s: its answer to %s ended with status %d", a->q->compiler,
		                  words[1], status);
	return 0;
}

/* Joins one file to the identity, once. Missing ones are left out: what does not exist does not run. */
static void add_file(struct asking *a, const char *path)
{
	struct daemon_identity *id = a->id;
	HP_AUTO_BUF struct hp_buf text = {0};
	struct codec_digest digest;
	struct sys_stamp stamp;
	int64_t now_ns = sys_file_clock_ns();

	if (hp_strv_has(&id->files, path) || sys_read_file(path, 1u << 30, &text, &stamp, NULL) < 0)
		return;
	codec_blake3(text.data, text.len, &digest);
	codec_hasher_add(&a->hasher, digest.b, sizeof digest.b);
	id->stamps = hp_realloc(id->stamps, (id->files.len + 1) * sizeof *id->stamps);
	id->stamps[id->files.len] = stamp;
	hp_strv_add(&id->files, path);
	if (sys_stamp_time_ns(&stamp) + sys_fs_step_path(path) >= now_ns)
		id->trusted = false;
}

/* A program named without a slash is the first of that name in the driver's directories, then on PATH; the places
 * passed over must stay empty. */
static char *find_program(struct asking *a, const char *name, const struct hp_strv *dirs)
{
	struct sys_stamp stamp;

	if (strchr(name, '/'))
		return hp_strdup(name);
	for (size_t i = 0; i < dirs->len && dirs->v[i][0] == '/'; i++) {
		char *path = hp_asprintf("%s%s%s", dirs->v[i], hp_endswith(dirs->v[i], "/") ? "" : "/", name);
		int r = sys_stamp_path(path, &stamp);

		if (r == 0 && S_ISREG(stamp.mode) && access(path, X_OK) == 0)
			return path;
		if (r < 0 && !hp_strv_has(&a->id->missing, path))
			hp_strv_add(&a->id->missing, path);
		else if (r == 0)
			add_file(a, path); /* one that cannot run may be made to */
		free(path);
	}
	return NULL;
}

static void path_dirs(const struct asking *a, struct hp_strv *dirs)
{
	for (size_t i = 0; i < a->env.len; i++) {
		const char *p = a->env.v[i];

		if (!hp_startswith(p, "PATH="))
			continue;
		for (p += 5; p;) {
			const char *colon = strchr(p, ':');
			size_t len = colon ? (size_t)(colon - p) : strlen(p);

			/* What a relative entry names depends on the compile's directory, which the identity does not
			 * know: a program that is found before it is certain, one that might lie there is not. */
			hp_strv_addn(dirs, p, len);
			p = colon ? colon + 1 : NULL;
		}
	}
}

static void add_libraries(struct asking *a, const char *program)
{
	const char *words[] = {program, "--version", NULL};
	HP_AUTO_STRV struct hp_strv libraries = {0};
	HP_AUTO_BUF struct hp_buf text = {0};

	/* A static program ignores the variable and prints its version instead: no libraries to find. */
	if (run(a, words, "LD_TRACE_LOADED_OBJECTS=1", &text, NULL) < 0)
		return;
	cc_probe_libraries(hp_buf_cstr(&text), &libraries);
	for (size_t i = 0; i < libraries.len; i++)
		add_file(a, libraries.v[i]);
}

/* The name promises MSVC's command line: that it is understood shows in the help. */
static int ask_grammar(struct asking *a, struct hp_err *err)
{
	const char *words[] = {a->q->compiler, "/?", NULL};
	HP_AUTO_BUF struct hp_buf text = {0};

	if (a->id->family != CC_FAMILY_CLANG || run(a, words, NULL, &text, NULL) < 0 ||
	    !cc_probe_help_is_cl(hp_buf_cstr(&text)))
		return hp_err_set(err, HP_NOT_FOUND, "%s: not clang-cl", a->q->compiler);
	a->id->family = CC_FAMILY_CLANG_CL;
	return 0;
}

static int ask_version(struct asking *a, struct hp_err *err)
{
	const char *words[] = {a->q->compiler, "-v", NULL};
	HP_AUTO_BUF struct hp_buf version = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	int r = run(a, words, NULL, &text, err);

	if (r < 0)
		return r;
	if (!cc_probe_version(hp_buf_cstr(&text), &a->id->family, &version))
		return hp_err_set(err, HP_NOT_FOUND, "%s: neither GCC nor Clang", a->q->compiler);
	a->id->version = hp_buf_steal(&version);
	return cc_probe_name_is_cl(a->q->compiler) ? ask_grammar(a, err) : 0;
}

/* The language in MSVC's grammar. */
static const char *cl_lang(const struct asking *a)
{
	return hp_streq(a->q->lang, "c") ? "/TC" : "/TP";
}

static int ask_search(struct asking *a, struct hp_err *err)
{
	const char *words[] = {a->q->compiler, "@ident@",   "-v", "-E",        "-x",
	                       a->q->lang,     "/dev/null", "-o", "/dev/null", NULL};
	const char *cl_words[] = {a->q->compiler, "@ident@", "-v", "/E", cl_lang(a), "--", "/dev/null", NULL};
	HP_AUTO_BUF struct hp_buf text = {0};
	int r;

	/* Plain assembler has no include search of the preprocessor's. */
	if (hp_streq(a->q->lang, "assembler"))
		return 0;
	r = run(a, cc_family_is_msvc(a->id->family) ? cl_words : words, NULL, &text, err);
	if (r < 0)
		return r;
	if (!cc_probe_search(hp_buf_cstr(&text), &a->id->quote_dirs, &a->id->angle_dirs, &a->id->missing))
		return hp_err_set(err, HP_PRECONDITION, "%s: its include search cannot be read", a->q->compiler);
	return 0;
}

/* What is at a place joins; where nothing is, nothing may appear. */
static void add_place(struct asking *a, const char *path)
{
	struct sys_stamp stamp;

	if (sys_stamp_path(path, &stamp) == 0)
		add_file(a, path);
	else if (!hp_strv_has(&a->id->missing, path))
		hp_strv_add(&a->id->missing, path);
}

/* `name` behind a prefix. One that would end in a slash if there were such a directory changes when there is one. */
static void add_prefixed(struct asking *a, const char *prefix, const char *name)
{
	HP_AUTO_FREE char *path = hp_asprintf("%s%s", prefix, name);

	add_place(a, path);
	if (!hp_endswith(prefix, "/"))
		add_place(a, prefix);
}

/* The last place in a string; NULL: none. */
static char *find_last(char *text, const char *part)
{
	char *last = NULL;

	for (char *p = strstr(text, part); p; p = strstr(p + 1, part))
		last = p;
	return last;
}

/* GCC reads the first file called specs, plain and below MACHINE/VERSION/, in the places that -B, GCC_EXEC_PREFIX and
 * LIBRARY_PATH name and in two around its own. The system's, which come last in its list, it knows only afterwards. */
static void add_specs(struct asking *a, const char *install, const struct hp_strv *places)
{
	HP_AUTO_FREE char *around = hp_asprintf("%s../", install);
	const char *suffix = install + strlen(install);
	unsigned slashes = 0;

	while (suffix > install && slashes < 3)
		slashes += *--suffix == '/';
	if (slashes < 3)
		return;
	suffix++; /* MACHINE/VERSION/ */
	add_prefixed(a, around, "specs");
	for (size_t i = 0; i < places->len; i++) {
		HP_AUTO_FREE char *place = hp_strdup(places->v[i]);
		char *end = find_last(place, suffix);

		/* Behind it may stand the multilib's part: ".../12/32/". */
		if (!end || strstr(end, "../"))
			continue;
		end[strlen(suffix)] = '\0';
		add_prefixed(a, place, "specs");
		*end = '\0';
		add_prefixed(a, place, "specs");
		if (strstr(place, "/../../../../"))
			break;
	}
}

/* GCC takes the first program of a name in the places that -B, COMPILER_PATH and GCC_EXEC_PREFIX name before its own. */
static int ask_gcc_places(struct asking *a, const struct hp_strv *programs, struct hp_err *err)
{
	const char *words[] = {a->q->compiler, "@ident@", "-print-search-dirs", NULL};
	HP_AUTO_STRV struct hp_strv places = {0};
	HP_AUTO_BUF struct hp_buf install = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	bool own = false;
	int r = run(a, words, NULL, &text, err);

	if (r < 0)
		return r;
	cc_probe_install(hp_buf_cstr(&text), &install);
	cc_probe_prefixes(hp_buf_cstr(&text), "programs", &places);
	for (size_t i = 0; i < places.len; i++) {
		own = own || hp_streq(places.v[i], hp_buf_cstr(&install));
		for (size_t k = 0; k < programs->len; k++) {
			/* One with a slash was found: only what comes before it counts. */
			if (!own || !strchr(programs->v[k], '/'))
				add_prefixed(a, places.v[i], hp_basename(programs->v[k]));
		}
	}
	hp_strv_done(&places);
	cc_probe_prefixes(hp_buf_cstr(&text), "libraries", &places);
	add_specs(a, hp_buf_cstr(&install), &places);
	return 0;
}

/* Clang reads a configuration file named for the program ("x86_64-linux-gnu-clang.cfg", then "x86_64-linux-gnu.cfg") beside
 * the program; from version 16 also "clang.cfg" and one for the target. */
static void add_clang_places(struct asking *a, const char *program)
{
	static const char *const gnu_modes[] = {"clang", "clang++", NULL};
	static const char *const cl_modes[] = {"clang-cl", NULL};
	const char *const *modes = cc_family_is_msvc(a->id->family) ? cl_modes : gnu_modes;
	const char *places[] = {a->q->compiler, program};
	const char *base = hp_basename(a->q->compiler);
	const char *mode = strstr(base, "clang");
	size_t prefix_len = mode > base ? (size_t)(mode - base) - 1 : 0;

	for (size_t i = 0; i < HP_ARRAY_SIZE(places); i++) {
		int dir_len = (int)(hp_basename(places[i]) - places[i]);

		for (size_t k = 0; modes[k]; k++) {
			HP_AUTO_FREE char *plain = hp_asprintf("%.*s%s.cfg", dir_len, places[i], modes[k]);
			HP_AUTO_FREE char *full =
			        hp_asprintf("%.*s%.*s-%s.cfg", dir_len, places[i], (int)prefix_len, base, modes[k]);

			add_place(a, plain);
			if (prefix_len > 0)
				add_place(a, full);
		}
		if (prefix_len > 0) {
			HP_AUTO_FREE char *target =
			        hp_asprintf("%.*s%.*s.cfg", dir_len, places[i], (int)prefix_len, base);

			add_place(a, target);
		}
	}
}

/* Clang with an assembler of its own process takes TARGET-as before as, in the places of -B and around itself, then on
 * PATH. */
static int ask_clang_assembler(struct asking *a, const char *commands, const char *assembler, struct hp_err *err)
{
	const char *words[] = {a->q->compiler, "@ident@", "-print-search-dirs", NULL};
	const char *target = strstr(commands, "Target: ");
	HP_AUTO_STRV struct hp_strv places = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	bool found = false;
	int r = run(a, words, NULL, &text, err);

	if (r < 0)
		return r;
	cc_probe_prefixes(hp_buf_cstr(&text), "programs", &places);
	path_dirs(a, &places);
	target = target ? target + strlen("Target: ") : "";
	for (size_t i = 0; i < places.len; i++) {
		const char *base = hp_basename(assembler);
		HP_AUTO_FREE char *plain = hp_asprintf("%s/%s", places.v[i], base);
		HP_AUTO_FREE char *full =
		        hp_asprintf("%s/%.*s-%s", places.v[i], (int)strcspn(target, "\n"), target, base);

		found = found || hp_streq(plain, assembler);
		if (!found)
			add_place(a, plain);
		add_place(a, full);
	}
	return 0;
}

static int ask_programs(struct asking *a, struct hp_err *err)
{
	const char *words[] = {a->q->compiler, "@ident@",   "-###", "-x",        a->q->lang,
	                       "-c",           "/dev/null", "-o",   "/dev/null", NULL};
	const char *cl_words[] = {a->q->compiler, "@ident@", "-###", "/c", cl_lang(a), "--", "/dev/null", NULL};
	HP_AUTO_STRV struct hp_strv option_files = {0};
	HP_AUTO_STRV struct hp_strv programs = {0};
	HP_AUTO_STRV struct hp_strv dirs = {0};
	HP_AUTO_BUF struct hp_buf commands = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	int r = run(a, cc_family_is_msvc(a->id->family) ? cl_words : words, NULL, &text, err);

	if (r < 0)
		return r;
	cc_probe_commands(hp_buf_cstr(&text), &programs, &dirs, &commands);
	if (programs.len == 0)
		return hp_err_set(err, HP_PRECONDITION, "%s: does not say what it runs", a->q->compiler);
	path_dirs(a, &dirs);
	codec_hasher_add_str(&a->hasher, hp_buf_cstr(&commands));
	for (size_t i = 0; i < programs.len; i++) {
		HP_AUTO_FREE char *path = find_program(a, programs.v[i], &dirs);

		if (!path)
			return hp_err_set(err, HP_PRECONDITION, "%s: would run %s, which is nowhere for certain",
			                  a->q->compiler, programs.v[i]);
		add_file(a, path);
		add_libraries(a, path);
	}
	cc_probe_option_files(hp_buf_cstr(&text), &option_files);
	for (size_t i = 0; i < option_files.len; i++)
		add_file(a, option_files.v[i]);
	if (a->id->family == CC_FAMILY_GCC)
		return ask_gcc_places(a, &programs, err);
	add_clang_places(a, programs.v[0]);
	for (size_t i = 0; i < programs.len && r == 0; i++) {
		if (!hp_streq(programs.v[i], programs.v[0]))
			r = ask_clang_assembler(a, hp_buf_cstr(&text), programs.v[i], err);
	}
	return r;
}

int daemon_identity_ask(const struct daemon_identity_query *q, struct daemon_identity **ret_id, struct hp_err *err)
{
	DAEMON_AUTO_IDENTITY struct daemon_identity *id = daemon_identity_new();
	struct asking a = {.q = q, .id = id};
	int r;

	id->trusted = true;
	make_env(q, &a.env);
	codec_hasher_init(&a.hasher);
	codec_hasher_add_str(&a.hasher, "hpcc identity 1");
	r = ask_version(&a, err);
	if (r == 0) {
		codec_hasher_add_str(&a.hasher, id->version);
		add_file(&a, q->compiler);
		if (q->lang) {
			add_libraries(&a, q->compiler);
			r = ask_search(&a, err);
		}
	}
	if (r == 0 && q->lang)
		r = ask_programs(&a, err);
	hp_strv_done(&a.env);
	if (r < 0)
		return r;
	codec_hasher_end(&a.hasher, &id->digest);
	*ret_id = hp_steal(id);
	return 0;
}
