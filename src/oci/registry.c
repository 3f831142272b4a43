#define HP_LOG_TOPIC "registry"
#include "oci/registry.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/http.h"
#include "oci/challenge.h"
#include "oci/credentials.h"

#define CONNECT_TIMEOUT_MS 10000
#define SILENCE_TIMEOUT_S 30
/* A blob that breaks off is gone on with where it broke, so often in a row without a byte in between. */
#define ATTEMPTS_MAX 4
#define BACKOFF_MS 200

static const char *const manifest_accept[] = {
        "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, "
        "application/vnd.docker.distribution.manifest.v2+json",
};

struct registry {
	struct oci_source base;
	struct oci_ref ref;
	struct oci_registry_options opt;
	char *auth_file;
	struct http_client *http;
	char *userpwd; /* from the file; NULL */
	bool asked;    /* the file was read */
	bool basic;    /* the registry wants them as they are */
	char *bearer;  /* token; NULL */
};

/* Reads the whole answer, at most HP_IMAGE_JSON_MAX bytes. */
static int read_body(struct http_response *r, struct hp_buf *out, struct hp_err *err)
{
	int64_t n;

	while ((n = http_read(r, hp_buf_reserve(out, 16384), 16384, err)) > 0) {
		hp_buf_added(out, (size_t)n);
		if (out->len > HP_IMAGE_JSON_MAX)
			return hp_err_set(err, HP_EXHAUSTED, "an answer of more than %u bytes", HP_IMAGE_JSON_MAX);
	}
	return (int)n;
}

static int load_credentials(struct registry *g, struct hp_err *err)
{
	if (g->asked)
		return 0;
	g->asked = true;
	return oci_credentials_find(g->auth_file, g->ref.host, &g->userpwd, err);
}

/* Unreserved characters as they are (RFC 3986). */
static void add_query(struct hp_buf *url, const char *name, const char *value)
{
	hp_buf_printf(url, "%c%s=", strchr(url->data, '?') ? '&' : '?', name);
	for (; *value; value++) {
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", *value))
			hp_buf_char(url, *value);
		else
			hp_buf_printf(url, "%%%02X", (unsigned char)*value);
	}
}

static int take_token(struct registry *g, const struct hp_buf *text, struct hp_err *err)
{
	json_error_t error;
	json_t *json = json_loadb(hp_buf_cstr(text), text->len, 0, &error);
	const char *token = json_string_value(json_object_get(json, "token"));
	int r = 0;

	if (!token)
		token = json_string_value(json_object_get(json, "access_token"));
	/* It becomes part of a header line. */
	if (!token || !token[0] || strpbrk(token, "\r\n"))
		r = hp_err_set(err, HP_INVALID, "the token server's answer has no token");
	else
		g->bearer = hp_strdup(token);
	json_decref(json);
	return r;
}

/* The token server gives one, for our credentials or to anybody (distribution's token specification). */
static int get_token(struct registry *g, const struct oci_challenge *c, struct hp_err *err)
{
	HP_AUTO_BUF struct hp_buf url = {0};
	HP_AUTO_BUF struct hp_buf text = {0};
	struct http_request q = {.userpwd = g->userpwd, .plain = g->opt.insecure};
	struct http_response *r;
	int code;

	/* Credentials go there. */
	if (!hp_startswith(c->realm, "https://") && !(g->opt.insecure && hp_startswith(c->realm, "http://") &&
	                                              oci_host_is_loopback(c->realm + strlen("http://"))))
		return hp_err_set(err, HP_DENIED, "the registry names a token server without TLS: %.100s", c->realm);
	hp_buf_str(&url, c->realm);
	if (c->service[0])
		add_query(&url, "service", c->service);
	if (c->scope[0])
		add_query(&url, "scope", c->scope);
	q.url = url.data;
	code = http_get(g->http, &q, &r, err);
	if (code < 0)
		return code;
	if (http_status(r) != 200)
		code = hp_err_set(err, HP_UNAUTHENTICATED, "the token server answers %d: %s", http_status(r),
		                  g->userpwd ? "the credentials are wrong, or not good for this image"
		                             : "there are no credentials for this registry");
	if (code == 0)
		code = read_body(r, &text, err);
	if (code == 0)
		code = take_token(g, &text, err);
	http_response_free(r);
	return code;
}

/* After a 401. */
static int authenticate(struct registry *g, const char *header, struct hp_err *err)
{
	struct oci_challenge c;
	int r = header ? oci_challenge_parse(header, &c, err)
	               : hp_err_set(err, HP_UNAUTHENTICATED, "the registry answers 401 without saying what it wants");

	if (r == 0)
		r = load_credentials(g, err);
	if (r < 0)
		return r;
	free(g->bearer);
	g->bearer = NULL;
	if (c.scheme == OCI_SCHEME_BEARER)
		return get_token(g, &c, err);
	if (!g->userpwd || g->basic)
		return hp_err_set(err, HP_UNAUTHENTICATED,
		                  g->userpwd ? "the registry refuses the credentials"
		                             : "there are no credentials for %s",
		                  g->ref.host);
	g->basic = true;
	return 0;
}

static int status_error(const struct registry *g, int status, const char *path, struct hp_err *err)
{
	enum hp_code code = status == 404                    ? HP_NOT_FOUND
	                    : status == 401                  ? HP_UNAUTHENTICATED
	                    : status == 403                  ? HP_DENIED
	                    : status == 429 || status >= 500 ? HP_UNAVAILABLE
	                                                     : HP_UNKNOWN;

	return hp_err_set(err, code, "%s/%s: the registry answers %d%s", g->ref.host, path, status,
	                  status == 404   ? ": there is no such image or blob"
	                  : status == 401 ? ": the credentials are not good for this"
	                                  : "");
}

/* GET of v2/REPOSITORY/path from byte `from`, with what authentication it takes. */
static int get(struct registry *g, const char *path, int64_t from, bool manifest, struct http_response **ret_response,
               struct hp_err *err)
{
	HP_AUTO_FREE char *url = hp_asprintf("%s://%s/v2/%s/%s", g->opt.insecure ? "http" : "https", g->ref.host,
	                                     g->ref.repository, path);
	char range[64];
	const char *headers[2] = {manifest ? manifest_accept[0] : "Accept: */*", range};
	int r;

	(void)snprintf(range, sizeof range, "Range: bytes=%lld-", (long long)from);
	for (int attempt = 0;; attempt++) {
		struct http_request q = {.url = url,
		                         .headers = headers,
		                         .headers_len = from > 0 ? 2 : 1,
		                         .userpwd = g->basic ? g->userpwd : NULL,
		                         .bearer = g->bearer,
		                         .plain = g->opt.insecure};
		struct http_response *answer;
		int status;

		r = http_get(g->http, &q, &answer, err);
		if (r < 0)
			return r;
		status = http_status(answer);
		if (status == (from > 0 ? 206 : 200)) {
			*ret_response = answer;
			return 0;
		}
		/* A token can have run out since: one more is asked for, and no third. */
		r = status == 401 && attempt < 2 ? authenticate(g, http_header(answer, "WWW-Authenticate"), err)
		                                 : status_error(g, status, path, err);
		http_response_free(answer);
		if (r < 0)
			return r;
	}
}

struct body {
	struct oci_stream base;
	struct registry *g;
	struct http_response *r; /* NULL after a break */
	char *path;
	int64_t at;
	int attempts; /* since the last byte */
};

static bool worth_trying_again(const struct hp_err *err)
{
	return err->code == HP_UNAVAILABLE || err->code == HP_DEADLINE;
}

static int64_t body_read(struct oci_stream *s, void *buf, size_t size, struct hp_err *err)
{
	struct body *b = (struct body *)s;
	struct hp_err local = {0};
	int64_t n;

	while (true) {
		n = b->r ? 0 : get(b->g, b->path, b->at, false, &b->r, &local);
		if (n == 0)
			n = http_read(b->r, buf, size, &local);
		if (n >= 0 || !worth_trying_again(&local) || ++b->attempts >= ATTEMPTS_MAX)
			break;
		hp_debug("%s: going on at byte %lld: %s", b->path, (long long)b->at, local.msg);
		http_response_free(b->r);
		b->r = NULL;
		(void)nanosleep(&(struct timespec){.tv_nsec = BACKOFF_MS * 1000000L << (b->attempts - 1)}, NULL);
	}
	if (n > 0) {
		b->at += n;
		b->attempts = 0;
	} else if (n < 0 && err) {
		*err = local;
	}
	return n;
}

static void body_close(struct oci_stream *take_s)
{
	struct body *b = (struct body *)take_s;

	http_response_free(b->r);
	free(b->path);
	free(b);
}

/* Manifests, other than blobs, have an address of their own, and it is not told which a digest names: what came from here as a
 * root or was named by an index is one. */
static bool is_manifest(const char *media)
{
	return strstr(media, "manifest") || strstr(media, "index");
}

static int registry_open(struct oci_source *s, const struct oci_desc *desc, struct oci_stream **ret_stream,
                         struct hp_err *err)
{
	struct registry *g = (struct registry *)s;
	bool manifest = is_manifest(desc->media);
	struct body *b = hp_zalloc(sizeof *b);
	int r;

	*b = (struct body){
	        .base = {.read = body_read, .close = body_close},
	        .g = g,
	        .path = hp_asprintf("%s/%s", manifest ? "manifests" : "blobs", desc->digest),
	};
	r = get(g, b->path, 0, manifest, &b->r, err);
	if (r < 0) {
		body_close(&b->base);
		return r;
	}
	*ret_stream = &b->base;
	return 0;
}

static int sha256(const struct hp_buf *data, char ret_digest[OCI_DIGEST_SIZE], struct hp_err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(hp_buf_cstr(data), data->len, sum, &len, EVP_sha256(), NULL) != 1 || len != OCI_SHA256_SIZE)
		return hp_err_set(err, HP_INTERNAL, "SHA-256 does not work");
	oci_digest_text(sum, ret_digest);
	return 0;
}

/* What the reference names now: the digest is that of the bytes that came, whatever a header says. From here on only the
 * digest counts, so a tag that moves meanwhile changes nothing. */
static int registry_root(struct oci_source *s, struct oci_desc *ret_desc, struct hp_err *err)
{
	struct registry *g = (struct registry *)s;
	HP_AUTO_FREE char *path = hp_asprintf("manifests/%s", g->ref.digest[0] ? g->ref.digest : g->ref.tag);
	HP_AUTO_BUF struct hp_buf text = {0};
	struct oci_desc desc = {.media = "manifest"};
	struct http_response *answer;
	int r = get(g, path, 0, true, &answer, err);

	if (r < 0)
		return r;
	r = read_body(answer, &text, err);
	http_response_free(answer);
	if (r == 0)
		r = sha256(&text, desc.digest, err);
	if (r == 0 && g->ref.digest[0] && !hp_streq(desc.digest, g->ref.digest))
		r = hp_err_set(err, HP_DATA_LOSS, "%s: the registry's manifest has another digest, %s", g->ref.digest,
		               desc.digest);
	desc.size = (int64_t)text.len;
	if (r == 0)
		*ret_desc = desc;
	return r;
}

static void registry_close(struct oci_source *take_s)
{
	struct registry *g = (struct registry *)take_s;

	http_client_free(g->http);
	free(g->auth_file);
	free(g->userpwd);
	free(g->bearer);
	free(g);
}

int oci_registry_open(const struct oci_ref *ref, const struct oci_registry_options *options,
                      struct oci_source **ret_source, struct hp_err *err)
{
	static const struct oci_source_ops ops = {
	        .root = registry_root, .open = registry_open, .close = registry_close};
	struct http_options http = {
	        .ca_file = options->ca_file,
	        .user_agent = "hpcc",
	        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
	        .silence_timeout_s = options->timeout_s ? options->timeout_s : SILENCE_TIMEOUT_S,
	};
	struct registry *g;

	if (options->insecure && !ref->loopback)
		return hp_err_set(err, HP_DENIED, "%s: without TLS only registries on this machine are asked",
		                  ref->host);
	g = hp_zalloc(sizeof *g);
	g->base.ops = &ops;
	g->ref = *ref;
	g->opt = *options;
	g->auth_file = options->auth_file ? hp_strdup(options->auth_file) : NULL;
	g->http = http_client_new(&http);
	*ret_source = &g->base;
	return 0;
}
