/* Credentials as podman and docker keep them: "auths" in an auth.json or config.json (containers-auth.json(5)). Helpers are not
 * run. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* "user:password" for the registry's host in the file, or NULL when it has none (0). `path` NULL: the first of
 * $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json that is
 * there. The caller frees. */
int oci_credentials_find(const char *path, const char *host, char **ret_userpwd, struct hp_err *err);

/* The same in the text of such a file, for tests and fuzzers. */
int oci_credentials_parse(const char *text, size_t len, const char *host, char **ret_userpwd, struct hp_err *err);
