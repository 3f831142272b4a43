#include "oci/credentials.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/fs.h"

/* Base64 of "user:password". NULL when it is none. */
static char *decode(const char *text)
{
	size_t len = strlen(text);
	HP_AUTO_FREE unsigned char *out = hp_zalloc(len + 1);
	int n;

	if (len == 0 || len % 4 || len > HP_SECRET_SIZE_MAX)
		return NULL;
	n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	if (n < 0)
		return NULL;
	for (size_t pad = 0; pad < 2 && text[len - 1 - pad] == '='; pad++)
		n--;
	out[n] = '\0';
	if (strlen((char *)out) != (size_t)n || !strchr((char *)out, ':'))
		return NULL;
	return (char *)hp_steal(out);
}

int oci_credentials_parse(const char *text, size_t len, const char *host, char **ret_userpwd, struct hp_err *err)
{
	/* What docker calls its own registry. */
	const char *key = hp_streq(host, "registry-1.docker.io") ? "https://index.docker.io/v1/" : host;
	json_error_t error;
	json_t *json = json_loadb(text, len, 0, &error);
	const json_t *auths = json_object_get(json, "auths");
	const json_t *entry = json_object_get(auths, key);
	const char *auth;
	int r = 0;

	*ret_userpwd = NULL;
	if (!json) {
		return hp_err_set(err, HP_INVALID, "line %d: %s", error.line, error.text);
	}
	if (!entry && hp_streq(host, "registry-1.docker.io"))
		entry = json_object_get(auths, "docker.io");
	auth = json_string_value(json_object_get(entry, "auth"));
	if (auth) {
		*ret_userpwd = decode(auth);
		if (!*ret_userpwd)
			r = hp_err_set(err, HP_INVALID, "the entry of %s is not base64 of user:password", key);
	}
	json_decref(json);
	return r;
}

static char *default_path(void)
{
	const char *file = getenv("REGISTRY_AUTH_FILE");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *home = getenv("HOME");

	if (file && file[0])
		return hp_strdup(file);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"containers/auth.json", ".config/containers/auth.json",
		                                    ".docker/config.json"};
		const char *dir = i == 0 ? runtime : home;
		HP_AUTO_FREE char *path = dir && dir[0] == '/' ? hp_asprintf("%s/%s", dir, names[i]) : NULL;

		if (path && access(path, F_OK) == 0)
			return hp_steal(path);
	}
	return NULL;
}

int oci_credentials_find(const char *path, const char *host, char **ret_userpwd, struct hp_err *err)
{
	HP_AUTO_FREE char *file = path ? hp_strdup(path) : default_path();
	HP_AUTO_BUF struct hp_buf text = {0};
	int r;

	*ret_userpwd = NULL;
	if (!file)
		return 0;
	r = sys_read_file(file, HP_SECRET_SIZE_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	r = oci_credentials_parse(hp_buf_cstr(&text), text.len, host, ret_userpwd, err);
	return r < 0 ? hp_err_wrap(err, "%s", file) : 0;
}
