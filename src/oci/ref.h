/* Image references of registries, as containers' users write them:
 *     [HOST[:PORT]/]REPOSITORY[:TAG][@sha256:DIGEST]
 * (the grammar of distribution/reference). "gcc:12" is docker.io/library/gcc:12. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

#define OCI_REF_SIZE_MAX 512u

struct oci_ref {
	char host[256]; /* with the port; IPv6 in brackets; "registry-1.docker.io" for Docker's own */
	char repository[256];
	char tag[129];   /* "latest" when neither tag nor digest is there; "" beside a digest alone */
	char digest[72]; /* "" */
	bool loopback;   /* the host is this machine by its name or number */
};

/* Whether "HOST", "HOST:PORT" or what follows them in a URL names this machine; nothing with a user in front does. */
bool oci_host_is_loopback(const char *host);

/* -HP_INVALID with what is wrong. Never reads beyond the string's end. */
int oci_ref_parse(const char *text, struct oci_ref *ret_ref, struct hp_err *err);
