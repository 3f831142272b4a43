#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/keys_priv.h"
#include "config/value_priv.h"
#include "sys/fs.h"

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(setenv("HOME", "/home/u", 1), 0);
	(void)unsetenv("XDG_CACHE_HOME");
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("HPCC_CACHE_DIR");
	(void)unsetenv("HPCC_CONFIG");
	return 0;
}

static int parse(const char *text, struct config *ret_config, struct hp_err *err)
{
	return config_parse("c.toml", text, strlen(text), ret_config, err);
}

/* The text must be refused with exactly this message. */
static void refused(const char *text, int code, const char *message)
{
	struct config config = {0};
	struct hp_err err = {0};

	assert_int_equal(parse(text, &config, &err), -code);
	assert_string_equal(err.msg, message);
	assert_null(config.path);
}

static void assert_defaults(const struct config *c)
{
	assert_int_equal(c->source_mode, CONFIG_SOURCE_DIRECT);
	assert_int_equal(c->caches_len, 1);
	assert_int_equal(c->caches[0].type, CONFIG_CACHE_DISK);
	assert_string_equal(c->caches[0].location, "/home/u/.cache/hpcc");
	assert_int_equal(c->caches[0].size_max, UINT64_C(10) << 30);
	assert_int_equal(c->caches[0].zstd_level, 1);
	assert_false(c->caches[0].read_only);
	assert_int_equal(c->daemon.port, 0);
	assert_int_equal(c->daemon.memory_size_max, 64u << 20);
	assert_int_equal(c->daemon.threads, 0);
	assert_int_equal(c->log.level, HP_LOG_INFO);
	assert_int_equal(c->log.format, CONFIG_LOG_LOGFMT);
	assert_null(c->log.file);
	assert_false(c->determinism.auto_inject);
	assert_int_equal(c->msvc.zi, CONFIG_MSVC_ZI_KEEP);
}

static void an_empty_file_gives_the_defaults(void **state)
{
	CONFIG_AUTO struct config config = {0};

	(void)state;
	assert_int_equal(parse("", &config, NULL), 0);
	assert_defaults(&config);
	assert_string_equal(config.path, "c.toml");
}

static void every_key_can_be_set(void **state)
{
	CONFIG_AUTO struct config c = {0};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(parse("source_mode = \"direct\"\n"
	                       "[[cache]]\ntype = 'disk'\nlocation = '/var/c'\nmax_size = 1024\n"
	                       "compression = 'none'\nread_only = true\n"
	                       "[daemon]\nlisten = '127.0.0.1:4711'\nmemory_max = '64K'\nthreads = 1024\n"
	                       "[log]\nlevel = 'trace'\nformat = 'json'\nfile = '~/hpcc.log'\n"
	                       "[determinism]\nauto_inject = false\n"
	                       "[msvc]\nzi = \"z7\"\n",
	                       &c, &err),
	                 0);
	assert_string_equal(c.caches[0].location, "/var/c");
	assert_int_equal(c.caches[0].size_max, 1024);
	assert_int_equal(c.caches[0].zstd_level, 0);
	assert_true(c.caches[0].read_only);
	assert_int_equal(c.daemon.port, 4711);
	assert_int_equal(c.daemon.memory_size_max, 65536);
	assert_int_equal(c.daemon.threads, 1024);
	assert_int_equal(c.log.level, HP_LOG_TRACE);
	assert_int_equal(c.log.format, CONFIG_LOG_JSON);
	assert_string_equal(c.log.file, "/home/u/hpcc.log");
	assert_int_equal(c.msvc.zi, CONFIG_MSVC_ZI_Z7);
}

static void mistakes_name_their_place_and_the_nearest_key(void **state)
{
	(void)state;
	refused("[daemon]\n\n  memroy_max = '1M'\n", HP_INVALID,
	        "c.toml:3:3: unknown key \"memroy_max\": did you mean \"memory_max\"?");
	refused("[daemno]\nthreads = 1\n", HP_INVALID,
	        "c.toml:1:2: unknown section \"daemno\": did you mean \"daemon\"?");
	refused("threads = 4\n", HP_INVALID, "c.toml:1:1: unknown key \"threads\": \"threads\" belongs in [daemon]");
	refused("[log]\nsource_mode = 'direct'\n", HP_INVALID,
	        "c.toml:2:1: unknown key \"source_mode\": \"source_mode\" belongs above the first section");
	refused("[log]\ncolour = true\n", HP_INVALID,
	        "c.toml:2:1: unknown key \"colour\": there is level, format, file");
	refused("zzz = 1\n", HP_INVALID,
	        "c.toml:1:1: unknown key \"zzz\": there is source_mode, [cache], [daemon], [log], [determinism], [msvc]");
	refused("[log]\n\"a\\u001bb\" = true\n", HP_INVALID,
	        "c.toml:2:1: unknown key \"a?b\": there is level, format, file");
}

static void the_first_mistake_of_the_file_is_reported(void **state)
{
	(void)state;
	refused("[log]\nzebra = 1\n[daemon]\nant = 1\n", HP_INVALID,
	        "c.toml:2:1: unknown key \"zebra\": there is level, format, file");
}

static void wrong_types_and_ranges_are_refused(void **state)
{
	(void)state;
	refused("[daemon]\nthreads = '4'\n", HP_INVALID,
	        "c.toml:2:11: threads: expected an integer from 0 to 1024, got \"4\"");
	refused("[daemon]\nthreads = 1025\n", HP_INVALID,
	        "c.toml:2:11: threads: expected an integer from 0 to 1024, got 1025");
	refused("[daemon]\nthreads = -1\n", HP_INVALID,
	        "c.toml:2:11: threads: expected an integer from 0 to 1024, got -1");
	refused("[daemon]\nmemory_max = true\n", HP_INVALID,
	        "c.toml:2:14: memory_max: expected a size such as \"10G\", got true");
	refused("[daemon]\nmemory_max = 1.5\n", HP_INVALID,
	        "c.toml:2:14: memory_max: expected a size such as \"10G\", got a value of another kind");
	refused("[daemon]\nlisten = '0.0.0.0:1'\n", HP_INVALID,
	        "c.toml:2:10: listen: expected \"127.0.0.1:PORT\", got \"0.0.0.0:1\"");
	refused("[log]\nlevel = 'loud'\n", HP_INVALID,
	        "c.toml:2:9: level: expected \"off\" or \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\", got "
	        "\"loud\"");
	refused("[log]\nlevel = {}\n", HP_INVALID,
	        "c.toml:2:9: level: expected \"off\" or \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\", got a "
	        "value of another kind");
	refused("[log]\nfile = 'relative'\n", HP_INVALID,
	        "c.toml:2:8: file: expected an absolute path, or one that starts with ~/, got \"relative\"");
	refused("[log]\nfile = \"/a\\u0000b\"\n", HP_INVALID,
	        "c.toml:2:8: file: expected an absolute path, or one that starts with ~/, got a value of another kind");
	refused("[[cache]]\ncompression = 'zstd:20'\n", HP_INVALID,
	        "c.toml:2:15: compression: expected \"zstd:LEVEL\" with a level from 1 to 19, or \"none\", got \"zstd:20\"");
}

static void sections_must_be_written_as_they_are(void **state)
{
	(void)state;
	refused("[cache]\nread_only = true\n", HP_INVALID, "c.toml:1:2: cache is a section: write it as [[cache]]");
	refused("[[log]]\nlevel = 'info'\n", HP_INVALID, "c.toml:1:3: log is a section: write it as [section]");
	refused("daemon = 1\n", HP_INVALID, "c.toml:1:1: daemon is a section: write it as [section]");
	refused("[a.b]\nx = 1\n", HP_INVALID,
	        "c.toml:1:2: unknown section \"a\": there is source_mode, [cache], [daemon], [log], [determinism], [msvc]");
	refused("[\"\"]\nx = 1\n", HP_INVALID,
	        "c.toml:1:2: unknown section \"\": there is source_mode, [cache], [daemon], [log], [determinism], [msvc]");
}

static void what_is_planned_is_refused_by_name(void **state)
{
	(void)state;
	refused("[[cache]]\n[[cache]]\n", HP_UNIMPLEMENTED,
	        "c.toml:1:3: more than one [[cache]] is not there yet: keep one");
}

static void text_that_is_no_toml_has_a_place_too(void **state)
{
	struct config config;
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(parse("a = 1\na = 2\n", &config, &err), -HP_INVALID);
	assert_true(hp_startswith(err.msg, "c.toml:2:"));
	assert_int_equal(parse("[log\n", &config, &err), -HP_INVALID);
	assert_true(hp_startswith(err.msg, "c.toml:1:"));
	/* Both end toml++ 3.3 in one of its own assertions: found by fuzzing. */
	refused("[log]\n [/x]\n", HP_INVALID, "c.toml:2:3: not valid TOML");
	assert_int_equal(parse("cache \xc9\xb8 = 1\n", &config, &err), -HP_INVALID);
	assert_true(hp_startswith(err.msg, "c.toml:1:"));
}

static void limits_hold_and_one_past_them_is_refused(void **state)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	struct config config;
	struct hp_err err;

	(void)state;
	while (text.len < HP_CONFIG_SIZE_MAX)
		hp_buf_char(&text, text.len % 64 ? ' ' : '\n');
	assert_int_equal(config_parse("x", text.data, text.len, &config, NULL), 0);
	config_done(&config);
	hp_buf_char(&text, '\n');
	assert_int_equal(config_parse("x", text.data, text.len, &config, &err), -HP_EXHAUSTED);

	hp_buf_reset(&text);
	for (size_t i = 0; i < HP_CONFIG_DOTS_MAX; i++)
		hp_buf_str(&text, "a.");
	hp_buf_str(&text, "a = 1\n");
	assert_int_equal(config_parse("x", text.data, text.len, &config, &err), -HP_INVALID);
	hp_buf_str(&text, "# .\n");
	assert_int_equal(config_parse("x", text.data, text.len, &config, &err), -HP_EXHAUSTED);
}

/* Removes the # before each key, so that every default goes through the parser. */
static char *uncomment(const char *text)
{
	struct hp_buf out = {0};

	for (const char *p = text; *p; p++) {
		if (p[0] == '#' && (p == text || p[-1] == '\n') && p[1] != ' ')
			continue;
		hp_buf_char(&out, *p);
	}
	return hp_buf_steal(&out);
}

static void the_template_says_the_defaults(void **state)
{
	HP_AUTO_BUF struct hp_buf text = {0};
	CONFIG_AUTO struct config as_is = {0};
	CONFIG_AUTO struct config uncommented = {0};
	struct hp_err err = {0};

	(void)state;
	config_template(&text);
	assert_int_equal(parse(text.data, &as_is, &err), 0);
	assert_defaults(&as_is);
	HP_AUTO_FREE char *live = uncomment(text.data);
	if (parse(live, &uncommented, &err) < 0)
		fail_msg("%s", err.msg);
	assert_defaults(&uncommented);
	for (size_t i = 0; i < config_keys_len; i++) {
		HP_AUTO_FREE char *line = hp_asprintf("\n#%s = ", config_keys[i].name);

		assert_non_null(strstr(text.data, line));
	}
}

static void the_documents_hold_the_table_of_keys(void **state)
{
	HP_AUTO_BUF struct hp_buf page = {0};
	HP_AUTO_BUF struct hp_buf reference = {0};

	(void)state;
	assert_int_equal(sys_read_file(TEST_CONFIG_MD, 1 << 20, &page, NULL, NULL), 0);
	config_reference(&reference);
	if (!strstr(page.data, reference.data))
		fail_msg("docs/config.md must hold this:\n%s", reference.data);
}

static void sizes_are_powers_of_1024(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(config_size_parse("0", &v) && v == 0);
	assert_true(config_size_parse("10G", &v) && v == UINT64_C(10) << 30);
	assert_true(config_size_parse("1KiB", &v) && v == 1024);
	assert_true(config_size_parse("3Ti", &v) && v == UINT64_C(3) << 40);
	assert_true(config_size_parse("18446744073709551615", &v) && v == UINT64_MAX);
	for (const char *const *bad = (const char *const[]){"", "G", "1 G", "1GB", "1g", "-1", "+1", "1.5G", "1Gi ",
	                                                    "18446744073709551616", "16777216T", NULL};
	     *bad; bad++) {
		v = 7;
		assert_false(config_size_parse(*bad, &v));
		assert_int_equal(v, 7);
	}
}

static void durations_are_units_in_order(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(config_duration_parse("30d", &v) && v == 30 * 86400);
	assert_true(config_duration_parse("1d 2h 3m 4s", &v) && v == 86400 + 7200 + 180 + 4);
	assert_true(config_duration_parse("2h4s", &v) && v == 7204);
	for (const char *const *bad = (const char *const[]){"", "5", "d", "1h 1d", "1d 1d", "1d ", " 1d", "1w",
	                                                    "1d  2h", "18446744073709551615d", NULL};
	     *bad; bad++) {
		v = 7;
		assert_false(config_duration_parse(*bad, &v));
		assert_int_equal(v, 7);
	}
}

static void listen_takes_loopback_only(void **state)
{
	uint16_t port = 7;

	(void)state;
	assert_true(config_listen_parse("127.0.0.1:0", &port) && port == 0);
	assert_true(config_listen_parse("127.0.0.1:65535", &port) && port == 65535);
	assert_false(config_listen_parse("127.0.0.1:65536", &port));
	assert_false(config_listen_parse("127.0.0.1:", &port));
	assert_false(config_listen_parse("127.0.0.1", &port));
	assert_false(config_listen_parse("0.0.0.0:1", &port));
	assert_false(config_listen_parse("localhost:1", &port));
}

static void secrets_come_from_elsewhere(void **state)
{
	static const struct config_key key = {.section = "", .name = "token", .type = CONFIG_TYPE_SECRET};
	HP_AUTO_BUF struct hp_buf secret = {0};
	struct config_value value = {.kind = CONFIG_VALUE_TEXT, .text = "env:HPCC_TEST_TOKEN"};
	HP_AUTO_FREE char *field = NULL;
	struct hp_err err;
	char path[] = "/tmp/hpcc-test-XXXXXX";
	int fd = mkstemp(path);
	HP_AUTO_FREE char *spec = hp_asprintf("file:%s", path);

	(void)state;
	assert_int_equal(config_value_set(&key, &value, &field, &err), 0);
	assert_string_equal(field, "env:HPCC_TEST_TOKEN");
	value.text = "hunter2";
	assert_int_equal(config_value_set(&key, &value, &field, &err), -HP_INVALID);
	assert_null(strstr(err.msg, "hunter2"));

	assert_int_equal(config_secret_get("hunter2", &secret, &err), -HP_INVALID);
	assert_null(strstr(err.msg, "hunter2"));
	assert_int_equal(config_secret_get("env:HPCC_TEST_TOKEN", &secret, &err), -HP_NOT_FOUND);
	assert_int_equal(setenv("HPCC_TEST_TOKEN", "s3", 1), 0);
	assert_int_equal(config_secret_get("env:HPCC_TEST_TOKEN", &secret, &err), 0);
	assert_string_equal(secret.data, "s3");

	hp_buf_reset(&secret);
	assert_true(fd >= 0);
	assert_int_equal(config_secret_get(spec, &secret, &err), -HP_INVALID); /* empty */
	assert_int_equal(sys_write_all(fd, "a b\n", 4), 0);
	assert_int_equal(config_secret_get(spec, &secret, &err), 0);
	assert_string_equal(secret.data, "a b");
	(void)close(fd);
	(void)unlink(path);
	assert_int_equal(config_secret_get(spec, &secret, &err), -HP_NOT_FOUND);
}

static void files_are_searched_in_order(void **state)
{
	char dir[] = "/tmp/hpcc-test-XXXXXX";
	struct config config = {0};
	struct hp_err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	HP_AUTO_FREE char *folder = hp_asprintf("%s/hpcc", dir);
	HP_AUTO_FREE char *user = hp_asprintf("%s/hpcc/config.toml", dir);
	HP_AUTO_FREE char *named = hp_asprintf("%s/named.toml", dir);
	assert_int_equal(sys_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", dir, 1), 0);

	assert_int_equal(sys_write_file_atomic(user, 0600, "[daemon]\nthreads = 1\n", 21, NULL), 0);
	assert_int_equal(config_load(NULL, &config, NULL), 0);
	assert_int_equal(config.daemon.threads, 1);
	assert_string_equal(config.path, user);
	config_done(&config);

	/* A file that was named must be there. */
	assert_int_equal(setenv("HPCC_CONFIG", named, 1), 0);
	assert_int_equal(config_load(NULL, &config, &err), -HP_NOT_FOUND);
	assert_int_equal(sys_write_file_atomic(named, 0600, "[daemon]\nthreads = 2\n", 21, NULL), 0);
	assert_int_equal(config_load(NULL, &config, NULL), 0);
	assert_int_equal(config.daemon.threads, 2);
	config_done(&config);
	assert_int_equal(config_load(user, &config, NULL), 0);
	assert_int_equal(config.daemon.threads, 1);
	config_done(&config);

	(void)unlink(user);
	(void)unlink(named);
	(void)rmdir(folder);
	(void)rmdir(dir);
}

static void the_cache_folder_follows_the_environment(void **state)
{
	CONFIG_AUTO struct config config = {0};
	struct hp_err err;

	(void)state;
	assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0); /* XDG: counts as unset */
	assert_int_equal(parse("", &config, NULL), 0);
	assert_string_equal(config.caches[0].location, "/home/u/.cache/hpcc");
	config_done(&config);
	assert_int_equal(setenv("XDG_CACHE_HOME", "/x", 1), 0);
	assert_int_equal(parse("", &config, NULL), 0);
	assert_string_equal(config.caches[0].location, "/x/hpcc");
	config_done(&config);
	assert_int_equal(setenv("HPCC_CACHE_DIR", "/y", 1), 0);
	assert_int_equal(parse("[[cache]]\nlocation = '/z'\n", &config, NULL), 0);
	assert_string_equal(config.caches[0].location, "/y");
	config_done(&config);
	assert_int_equal(setenv("HPCC_CACHE_DIR", "y", 1), 0);
	assert_int_equal(parse("", &config, &err), -HP_INVALID);

	(void)unsetenv("HPCC_CACHE_DIR");
	(void)unsetenv("XDG_CACHE_HOME");
	(void)unsetenv("HOME");
	assert_int_equal(parse("", &config, &err), -HP_PRECONDITION);
	assert_int_equal(parse("[[cache]]\nlocation = '/z'\n", &config, NULL), 0);
	assert_string_equal(config.caches[0].location, "/z");
}

static void edit_distance_counts_edits(void **state)
{
	(void)state;
	assert_int_equal(hp_edit_distance("", ""), 0);
	assert_int_equal(hp_edit_distance("abc", ""), 3);
	assert_int_equal(hp_edit_distance("abc", "abd"), 1);
	assert_int_equal(hp_edit_distance("abc", "acb"), 1);
	assert_int_equal(hp_edit_distance("kitten", "sitting"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(an_empty_file_gives_the_defaults, set_up),
	        cmocka_unit_test_setup(every_key_can_be_set, set_up),
	        cmocka_unit_test_setup(mistakes_name_their_place_and_the_nearest_key, set_up),
	        cmocka_unit_test_setup(the_first_mistake_of_the_file_is_reported, set_up),
	        cmocka_unit_test_setup(wrong_types_and_ranges_are_refused, set_up),
	        cmocka_unit_test_setup(sections_must_be_written_as_they_are, set_up),
	        cmocka_unit_test_setup(what_is_planned_is_refused_by_name, set_up),
	        cmocka_unit_test_setup(text_that_is_no_toml_has_a_place_too, set_up),
	        cmocka_unit_test_setup(limits_hold_and_one_past_them_is_refused, set_up),
	        cmocka_unit_test_setup(the_template_says_the_defaults, set_up),
	        cmocka_unit_test_setup(the_documents_hold_the_table_of_keys, set_up),
	        cmocka_unit_test(sizes_are_powers_of_1024),
	        cmocka_unit_test(durations_are_units_in_order),
	        cmocka_unit_test(listen_takes_loopback_only),
	        cmocka_unit_test(secrets_come_from_elsewhere),
	        cmocka_unit_test_setup(files_are_searched_in_order, set_up),
	        cmocka_unit_test_setup(the_cache_folder_follows_the_environment, set_up),
	        cmocka_unit_test(edit_distance_counts_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
