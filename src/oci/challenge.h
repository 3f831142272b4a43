/* The WWW-Authenticate header of a registry (RFC 9110, 11.6.1; distribution's token specification). */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum oci_scheme {
	OCI_SCHEME_BASIC = 1,
	OCI_SCHEME_BEARER,
};

struct oci_challenge {
	enum oci_scheme scheme;
	char realm[512]; /* BEARER: URL of the token server */
	char service[256];
	char scope[512];
};

/* The first challenge of a scheme that we know. -HP_INVALID for anything else, and for values that do not fit. */
int oci_challenge_parse(const char *header, struct oci_challenge *ret_challenge, struct hp_err *err);
