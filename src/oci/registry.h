/* A registry as a source: OCI distribution specification 1.0 ("pull"), Docker registry HTTP API v2. */
#pragma once

#include "oci/ref.h"
#include "oci/source.h"

struct oci_registry_options {
	const char *ca_file;   /* PEM; NULL: the system's */
	const char *auth_file; /* NULL: the usual places */
	bool insecure;         /* http://, to this machine only */
	unsigned timeout_s;    /* of silence; 0: 30 */
};

/* Connects to nobody yet. -HP_DENIED for `insecure` with another machine's registry. */
int oci_registry_open(const struct oci_ref *ref, const struct oci_registry_options *options,
                      struct oci_source **ret_source, struct hp_err *err);
