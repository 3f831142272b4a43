#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cc/environ.h"

static void variables_have_their_class(void **state)
{
	(void)state;
	assert_int_equal(cc_env_class("PATH=/usr/bin"), CC_ENV_IDENT);
	assert_int_equal(cc_env_class("CPATH="), CC_ENV_IDENT);
	assert_int_equal(cc_env_class("LANG=C"), CC_ENV_KEY);
	assert_int_equal(cc_env_class("SOURCE_DATE_EPOCH=1"), CC_ENV_KEY);
	assert_int_equal(cc_env_class("DEPENDENCIES_OUTPUT=x"), CC_ENV_BYPASS);
	assert_int_equal(cc_env_class("CCC_OVERRIDE_OPTIONS=#"), CC_ENV_BYPASS);
	assert_int_equal(cc_env_class("PWD=/"), CC_ENV_CWD);
	assert_int_equal(cc_env_class("MACOSX_DEPLOYMENT_TARGET=11"), CC_ENV_IDENT);
	assert_int_equal(cc_env_class("IPHONEOS_DEPLOYMENT_TARGET=11"), CC_ENV_IDENT);
}

static void other_variables_are_of_no_interest(void **state)
{
	(void)state;
	assert_int_equal(cc_env_class(""), CC_ENV_NONE);
	assert_int_equal(cc_env_class("=x"), CC_ENV_NONE);
	assert_int_equal(cc_env_class("PATH"), CC_ENV_NONE);
	assert_int_equal(cc_env_class("PATHX=1"), CC_ENV_NONE);
	assert_int_equal(cc_env_class("XPATH=1"), CC_ENV_NONE);
	assert_int_equal(cc_env_class("A_DEPLOYMENT_TARGETS=1"), CC_ENV_NONE);
	assert_int_equal(cc_env_class("CI=true"), CC_ENV_NONE);
	assert_int_equal(cc_env_class("X=_DEPLOYMENT_TARGET=1"), CC_ENV_NONE);
}

static void what_ci_and_packagers_set_never_joins(void **state)
{
	static const char *const noise[] = {
	        "CI=1",
	        "GITHUB_RUN_ID=7",
	        "GITHUB_SHA=x",
	        "CI_JOB_ID=8",
	        "BUILD_NUMBER=9",
	        "BUILD_ID=9",
	        "JENKINS_URL=u",
	        "RPM_BUILD_ROOT=/b",
	        "RPM_PACKAGE_NAME=p",
	        "DEB_BUILD_OPTIONS=n",
	        "HOSTNAME=h",
	        "USER=u",
	        "LOGNAME=u",
	        "HOME=/h",
	        "SHLVL=3",
	        "MAKEFLAGS=-j",
	        "MAKELEVEL=2",
	        "MFLAGS=-j",
	        "OLDPWD=/o",
	        "_=/usr/bin/make",
	        "CFLAGS=-O3",
	        "CC=gcc",
	        "LDFLAGS=-s",
	        "SSH_AUTH_SOCK=/s",
	        "XDG_SESSION_ID=4",
	        "INVOCATION_ID=5",
	        "JOURNAL_STREAM=8:1",
	        "TERM=xterm",
	        "COLUMNS=80",
	        "TZ=UTC",
	};

	(void)state;
	for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
		if (cc_env_class(noise[i]) != CC_ENV_NONE)
			fail_msg("%s joins", noise[i]);
	}
}

static void the_list_is_sorted_and_classified_by_itself(void **state)
{
	enum cc_env_kind kind;
	enum cc_env_kind previous_kind;
	char text[128];

	(void)state;
	for (size_t i = 0; cc_env_name(i, &kind); i++) {
		const char *name = cc_env_name(i, &kind);

		if (i > 0)
			assert_true(strcmp(cc_env_name(i - 1, &previous_kind), name) < 0);
		(void)snprintf(text, sizeof text, "%s=1", name[0] == '*' ? "X_DEPLOYMENT_TARGET" : name);
		assert_int_equal(cc_env_class(text), kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(variables_have_their_class),
	        cmocka_unit_test(other_variables_are_of_no_interest),
	        cmocka_unit_test(what_ci_and_packagers_set_never_joins),
	        cmocka_unit_test(the_list_is_sorted_and_classified_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
