#include "oci/ref.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "oci/source.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static int bad(const char *text, const char *what, struct hp_err *err)
{
	return hp_err_set(err, HP_INVALID, "%.128s: not an image: %s", text, what);
}

/* "HOST", "HOST:PORT", "[IPv6]:PORT". */
static bool host_ok(const char *host)
{
	const char *port = NULL;
	size_t len;

	if (host[0] == '[') {
		len = strspn(host + 1, DIGITS "abcdefABCDEF:.");
		if (len < 2 || host[1 + len] != ']')
			return false;
		port = host + len + 2;
	} else {
		len = strspn(host, LOWER UPPER DIGITS "-.");
		if (len == 0 || host[0] == '-' || host[0] == '.')
			return false;
		port = host + len;
	}
	if (!*port)
		return true;
	len = strlen(port + 1);
	return *port == ':' && len >= 1 && len <= 5 && strspn(port + 1, DIGITS) == len;
}

bool oci_host_is_loopback(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	size_t authority = strcspn(host, "/?#");

	if (memchr(host, '@', authority))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(host, names[i], len) == 0 && (len == authority || (len < authority && host[len] == ':')))
			return true;
	}
	return false;
}

/* Components of lower-case letters and digits, joined by '/', with '.', '_', '-' inside of them. */
static bool repository_ok(const char *text)
{
	while (true) {
		size_t len = strcspn(text, "/");

		if (len == 0 || strspn(text, LOWER DIGITS "._-") < len || strchr("._-", text[0]) ||
		    strchr("._-", text[len - 1]))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool tag_ok(const char *tag)
{
	size_t len = strlen(tag);

	return len >= 1 && len <= 128 && strspn(tag, LOWER UPPER DIGITS "_.-") == len && !strchr(".-", tag[0]);
}

/* Cuts HOST/ off the front. Returns what follows. */
static char *split_host(char *text, struct oci_ref *ref)
{
	char *slash = strchr(text, '/');

	(void)snprintf(ref->host, sizeof ref->host, "registry-1.docker.io");
	if (!slash)
		return text;
	*slash = '\0';
	if (strpbrk(text, ".:") || hp_streq(text, "localhost")) {
		if (strlen(text) >= sizeof ref->host)
			return NULL;
		if (!hp_streq(text, "docker.io") && !hp_streq(text, "index.docker.io"))
			(void)snprintf(ref->host, sizeof ref->host, "%s", text);
		return slash + 1;
	}
	*slash = '/';
	return text;
}

int oci_ref_parse(const char *text, struct oci_ref *ret_ref, struct hp_err *err)
{
	struct oci_ref ref = {0};
	char copy[OCI_REF_SIZE_MAX];
	char *rest;
	char *at;
	char *colon;
	bool official;

	if (strlen(text) >= sizeof copy)
		return bad(text, "too long", err);
	(void)snprintf(copy, sizeof copy, "%s", text);
	at = strchr(copy, '@');
	if (at) {
		*at = '\0';
		if (!oci_digest_valid(at + 1))
			return bad(text, "what follows @ is no sha256:DIGEST", err);
		(void)snprintf(ref.digest, sizeof ref.digest, "%s", at + 1);
	}
	rest = split_host(copy, &ref);
	if (!rest || !host_ok(ref.host))
		return bad(text, "no such host can be", err);
	colon = strrchr(rest, ':');
	if (colon) {
		*colon = '\0';
		if (!tag_ok(colon + 1))
			return bad(text, "no such tag can be", err);
		(void)snprintf(ref.tag, sizeof ref.tag, "%.128s", colon + 1);
	} else if (!at) {
		(void)snprintf(ref.tag, sizeof ref.tag, "latest");
	}
	official = hp_streq(ref.host, "registry-1.docker.io") && !strchr(rest, '/');
	if (strlen(rest) + sizeof "library/" > sizeof ref.repository || !repository_ok(rest))
		return bad(text, "no such repository can be", err);
	(void)snprintf(ref.repository, sizeof ref.repository, "%s%.240s", official ? "library/" : "", rest);
	ref.loopback = oci_host_is_loopback(ref.host);
	*ret_ref = ref;
	return 0;
}
