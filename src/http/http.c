#include "http/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"

/* As much of a body as waits for its reader before the connection is told to wait. */
#define BODY_SIZE_MAX (1u << 20)
/* Heads: lines and their sum. libcurl's own limit is 300 KiB. */
#define HEADERS_MAX 256u
#define WAIT_MS 1000

struct http_client {
	CURLM *multi;
	char *ca_file;
	char *user_agent;
	struct http_options opt;
};

struct http_response {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *list;
	struct hp_strv headers; /* of the last answer, as they came */
	struct hp_buf body;
	size_t body_at;
	bool head_done;
	bool paused;
	bool done;
	CURLcode result; /* once done */
	char error[CURL_ERROR_SIZE];
};

static void init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_client *http_client_new(const struct http_options *options)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_client *c = hp_zalloc(sizeof *c);

	(void)pthread_once(&once, init_curl);
	c->opt = *options;
	c->ca_file = options->ca_file ? hp_strdup(options->ca_file) : NULL;
	c->user_agent = hp_strdup(options->user_agent);
	c->multi = curl_multi_init();
	return c;
}

void http_client_free(struct http_client *take_client)
{
	if (!take_client)
		return;
	(void)curl_multi_cleanup(take_client->multi);
	free(take_client->ca_file);
	free(take_client->user_agent);
	free(take_client);
}

static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
	struct http_response *r = ctx;
	size_t len = size * count;

	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		hp_strv_done(&r->headers);
	while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
		len--;
	if (r->headers.len >= HEADERS_MAX)
		return 0;
	hp_strv_addn(&r->headers, data, len);
	return size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct http_response *r = ctx;

	r->head_done = true;
	if (r->body.len - r->body_at >= BODY_SIZE_MAX) {
		r->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (r->body_at == r->body.len) {
		hp_buf_reset(&r->body);
		r->body_at = 0;
	}
	hp_buf_append(&r->body, data, size * count);
	return size * count;
}

static int set_options(struct http_response *r, const struct http_request *q)
{
	const struct http_client *c = r->client;
	const char *protocols = q->plain ? "http,https" : "https";
	CURL *e = r->easy;
	CURLcode code = CURLE_OK;

	for (size_t i = 0; i < q->headers_len; i++)
		r->list = curl_slist_append(r->list, q->headers[i]);
#define SET(option, value)                                         \
	do {                                                       \
		if (code == CURLE_OK)                              \
			code = curl_easy_setopt(e, option, value); \
	} while (0)
	SET(CURLOPT_URL, q->url);
	SET(CURLOPT_PROTOCOLS_STR, protocols);
	SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, (long)HTTP_REDIRECTS_MAX);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)c->opt.connect_timeout_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_SPEED_MIN);
	SET(CURLOPT_LOW_SPEED_TIME, (long)c->opt.silence_timeout_s);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, c->user_agent);
	SET(CURLOPT_HTTPHEADER, r->list);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_ERRORBUFFER, r->error);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, r);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_PRIVATE, r);
	if (c->ca_file)
		SET(CURLOPT_CAINFO, c->ca_file);
	if (q->userpwd) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		SET(CURLOPT_USERPWD, q->userpwd);
	} else if (q->bearer) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, q->bearer);
	}
#undef SET
	return code == CURLE_OK ? 0 : -1;
}

static int fail(const struct http_response *r, struct hp_err *err)
{
	const char *url = NULL;
	enum hp_code code = HP_UNAVAILABLE;

	(void)curl_easy_getinfo(r->easy, CURLINFO_EFFECTIVE_URL, &url);
	switch (r->result) {
	case CURLE_OPERATION_TIMEDOUT:
		code = HP_DEADLINE;
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
		code = HP_DENIED;
		break;
	case CURLE_URL_MALFORMAT:
		code = HP_INVALID;
		break;
	case CURLE_WRITE_ERROR:
		return hp_err_set(err, HP_DENIED, "%s: an answer with more than %u header lines", url ? url : "",
		                  HEADERS_MAX);
	default:
		break;
	}
	return hp_err_set(err, code, "%s: %s", url ? url : "", r->error[0] ? r->error : curl_easy_strerror(r->result));
}

/* Lets libcurl work once, and wait, at most WAIT_MS, if nothing came for this response. Answers of other requests end as
 * well. */
static void turn(struct http_response *response)
{
	struct http_client *c = response->client;
	bool had_head = response->head_done;
	CURLMsg *message;
	int running;
	int left;

	if (curl_multi_perform(c->multi, &running) == CURLM_OK && running && response->body_at == response->body.len &&
	    !response->paused && response->head_done == had_head) {
		(void)curl_multi_poll(c->multi, NULL, 0, WAIT_MS, NULL);
		(void)curl_multi_perform(c->multi, &running);
	}
	while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
		struct http_response *r = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		r->done = r->head_done = true;
		r->result = message->data.result;
	}
}

int http_get(struct http_client *c, const struct http_request *request, struct http_response **ret_response,
             struct hp_err *err)
{
	struct http_response *r = hp_zalloc(sizeof *r);
	int code;

	r->client = c;
	r->easy = curl_easy_init();
	if (!r->easy || set_options(r, request) < 0 || curl_multi_add_handle(c->multi, r->easy) != CURLM_OK) {
		http_response_free(r);
		return hp_err_set(err, HP_INTERNAL, "%s: libcurl takes no request", request->url);
	}
	while (!r->head_done)
		turn(r);
	/* What came before it broke off is given first. */
	if (r->done && r->result != CURLE_OK && r->body.len == 0) {
		code = fail(r, err);
		http_response_free(r);
		return code;
	}
	*ret_response = r;
	return 0;
}

void http_response_free(struct http_response *take_response)
{
	struct http_response *r = take_response;

	if (!r)
		return;
	if (r->easy) {
		(void)curl_multi_remove_handle(r->client->multi, r->easy);
		curl_easy_cleanup(r->easy);
	}
	curl_slist_free_all(r->list);
	hp_strv_done(&r->headers);
	hp_buf_done(&r->body);
	free(r);
}

int http_status(const struct http_response *r)
{
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

const char *http_header(const struct http_response *r, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < r->headers.len; i++) {
		const char *line = r->headers.v[i];

		if (strncasecmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

int64_t http_read(struct http_response *r, void *buf, size_t size, struct hp_err *err)
{
	size_t part;

	while (r->body_at == r->body.len && !r->done) {
		if (r->paused) {
			r->paused = false;
			(void)curl_easy_pause(r->easy, CURLPAUSE_CONT);
			continue;
		}
		turn(r);
	}
	part = r->body.len - r->body_at < size ? r->body.len - r->body_at : size;
	if (part == 0)
		return r->result == CURLE_OK ? 0 : fail(r, err);
	memcpy(buf, r->body.data + r->body_at, part);
	r->body_at += part;
	return (int64_t)part;
}
