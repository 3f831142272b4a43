#include "oci/challenge.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

/* Reads a token or a quoted string into dst. Returns what follows, or NULL when it is malformed or does not fit. */
static const char *read_value(const char *at, char *dst, size_t size)
{
	size_t n = 0;

	if (*at != '"') {
		n = strspn(at, TOKEN);
		if (n == 0 || n >= size)
			return NULL;
		memcpy(dst, at, n);
		dst[n] = '\0';
		return at + n;
	}
	for (at++; *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if (!*at || n + 1 >= size)
			return NULL;
		dst[n++] = *at;
	}
	dst[n] = '\0';
	return at + 1;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* Where a parameter's value belongs; NULL: one that we have no use for. */
static char *place_of(struct oci_challenge *c, const char *name, size_t *ret_size)
{
	if (strcasecmp(name, "realm") == 0) {
		*ret_size = sizeof c->realm;
		return c->realm;
	}
	if (strcasecmp(name, "service") == 0) {
		*ret_size = sizeof c->service;
		return c->service;
	}
	if (strcasecmp(name, "scope") == 0) {
		*ret_size = sizeof c->scope;
		return c->scope;
	}
	return NULL;
}

/* name=value, … until something that is none: the next challenge. NULL when malformed. */
static const char *read_parameters(const char *at, struct oci_challenge *c)
{
	while (true) {
		char name[64];
		char other[2048];
		size_t size = sizeof other;
		char *place;
		const char *after = read_value(at, name, sizeof name);

		if (!after)
			return *at ? NULL : at;
		after = skip_blanks(after);
		if (*after != '=')
			return at;
		place = place_of(c, name, &size);
		at = read_value(skip_blanks(after + 1), place ? place : other, size);
		if (!at)
			return NULL;
		at = skip_blanks(at);
		if (*at && *at != ',')
			return NULL;
		at += strspn(at, ", \t");
	}
}

int oci_challenge_parse(const char *header, struct oci_challenge *ret_challenge, struct hp_err *err)
{
	const char *at = header + strspn(header, ", \t");

	while (at && *at) {
		struct oci_challenge c = {0};
		char scheme[32];

		at = read_value(at, scheme, sizeof scheme);
		if (!at)
			break;
		at = read_parameters(skip_blanks(at), &c);
		if (!at)
			break;
		if (strcasecmp(scheme, "Basic") == 0)
			c.scheme = OCI_SCHEME_BASIC;
		else if (strcasecmp(scheme, "Bearer") == 0 && c.realm[0])
			c.scheme = OCI_SCHEME_BEARER;
		if (c.scheme) {
			*ret_challenge = c;
			return 0;
		}
	}
	return hp_err_set(err, HP_INVALID, "the registry asks for credentials in a way that is not known: %.100s",
	                  header);
}
