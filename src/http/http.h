/* HTTP requests over libcurl, pulled: the caller reads the body as it likes, and no more than a bounded part of it waits in
 * memory. Certificates are always verified. Redirects are followed a few times, to HTTPS alone (to HTTP when the
 * first request was); credentials go to the first host only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct http_options {
	const char *ca_file; /* PEM, instead of the system's; NULL */
	const char *user_agent;
	unsigned connect_timeout_ms;
	unsigned silence_timeout_s; /* less than HTTP_SPEED_MIN bytes a second for so long: -HP_DEADLINE */
};

#define HTTP_SPEED_MIN 512
#define HTTP_REDIRECTS_MAX 5

/* A connection cache: requests of one client reuse connections. By one thread at a time. */
struct http_client;
struct http_client *http_client_new(const struct http_options *options);
void http_client_free(struct http_client *take_client);

struct http_request {
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t headers_len;
	const char *userpwd; /* "user:password" for Basic; NULL */
	const char *bearer;  /* token; NULL */
	bool plain;          /* http:// is allowed; else https:// alone */
};

struct http_response;

/* Sends a GET and waits for the answer's head. Errors: -HP_UNAVAILABLE (no connection, broken off), -HP_DEADLINE,
 * -HP_DENIED (a certificate that is not trusted, a redirect to where none may lead), -HP_INVALID (no URL). Any status is a
 * success here. */
int http_get(struct http_client *c, const struct http_request *request, struct http_response **ret_response,
             struct hp_err *err);
void http_response_free(struct http_response *take_response); /* NULL is allowed */

int http_status(const struct http_response *r);
/* Of the last answer (behind redirects), or NULL; without the name and surrounding blanks. */
const char *http_header(const struct http_response *r, const char *name);

/* Up to `size` bytes of the body, at least one; 0 at its end; -code as http_get. */
int64_t http_read(struct http_response *r, void *buf, size_t size, struct hp_err *err);
