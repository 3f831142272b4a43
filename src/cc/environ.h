/* The environment variables that matter to a compile. This is also compiled into the client: nothing but string.h,
 * no allocation. */
#pragma once

#include <stddef.h>

enum cc_env_kind {
	CC_ENV_NONE = 0, /* of no interest: not sent */
	CC_ENV_KEY,      /* joins the action key when set */
	CC_ENV_IDENT,    /* decides which programs and directories the driver uses */
	CC_ENV_BYPASS,   /* makes the compiler write or do more than is handled */
	CC_ENV_CL_ARGS,  /* further arguments of cl and clang-cl */
	CC_ENV_CL_IDENT, /* as CC_ENV_IDENT, for cl and clang-cl alone */
	CC_ENV_CWD,      /* PWD: how the working directory is spelled in debug information */
};

/* The class of "NAME=value". A string without '=' is none. */
enum cc_env_kind cc_env_class(const char *name_eq_value);

/* The name at `index`, NULL past the last; "*_NAME" stands for every name that ends so. For listings and tests. */
const char *cc_env_name(size_t index, enum cc_env_kind *ret_kind);
