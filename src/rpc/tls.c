#include "rpc/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "rpc/transport_priv.h"

struct tls {
	struct rpc_secure base;
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	bool pinned;
	uint8_t pin[RPC_PIN_SIZE];
};

struct tls_transport {
	struct rpc_transport base;
	struct tls *tls;
	SSL *ssl;
	bool server;
};

/* The text of OpenSSL's latest error. */
static int set_err(struct hp_err *err, enum hp_code code, const char *what)
{
	char text[160] = "closed";
	unsigned long e = ERR_peek_last_error();

	if (e)
		ERR_error_string_n(e, text, sizeof text);
	ERR_clear_error();
	return hp_err_set(err, code, "%s: %s", what, text);
}

/* ---- The descriptor beneath: OpenSSL's own would raise SIGPIPE. */

static int bio_write(BIO *bio, const char *data, int len)
{
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = send((int)(intptr_t)BIO_get_data(bio), data, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	return (int)n;
}

static int bio_read(BIO *bio, char *dst, int size)
{
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = recv((int)(intptr_t)BIO_get_data(bio), dst, (size_t)size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *bio_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hpcc socket");

	if (m) {
		(void)BIO_meth_set_write(m, bio_write);
		(void)BIO_meth_set_read(m, bio_read);
		(void)BIO_meth_set_ctrl(m, bio_ctrl);
	}
	return m;
}

/* ---- The transport. */

static int result(struct tls_transport *t, int r)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return errno ? -errno : -ECONNRESET;
	default:
		ERR_clear_error();
		return -EPROTO;
	}
}

/* Whether the peer is the one we were told to expect. */
static bool pin_matches(const struct tls_transport *t)
{
	const X509 *cert = SSL_get0_peer_certificate(t->ssl);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	return cert && X509_digest(cert, EVP_sha256(), digest, &len) == 1 && len == RPC_PIN_SIZE &&
	       CRYPTO_memcmp(digest, t->tls->pin, RPC_PIN_SIZE) == 0;
}

static int tls_handshake(struct rpc_transport *base, struct hp_err *err)
{
	struct tls_transport *t = (struct tls_transport *)base;
	const unsigned char *alpn;
	unsigned alpn_len;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(t->ssl);
	if (r != 1) {
		switch (SSL_get_error(t->ssl, r)) {
		case SSL_ERROR_WANT_READ:
		case SSL_ERROR_WANT_WRITE:
			return 0;
		case SSL_ERROR_SSL:
			return set_err(err,
			               SSL_get_verify_result(t->ssl) != X509_V_OK ? HP_UNAUTHENTICATED : HP_DATA_LOSS,
			               "TLS");
		default:
			return hp_err_set(err, HP_UNAVAILABLE, "TLS: the peer has closed the connection");
		}
	}
	if (t->tls->pinned && !pin_matches(t))
		return hp_err_set(err, HP_UNAUTHENTICATED, "TLS: the server's certificate is not the pinned one");
	SSL_get0_alpn_selected(t->ssl, &alpn, &alpn_len);
	if (alpn_len != 2 || memcmp(alpn, "h2", 2) != 0)
		return hp_err_set(err, HP_DATA_LOSS, "TLS: the peer does not speak HTTP/2 (ALPN)");
	return 1;
}

static ssize_t tls_recv(struct rpc_transport *base, void *dst, size_t size)
{
	struct tls_transport *t = (struct tls_transport *)base;
	size_t n;
	int r;

	errno = 0;
	r = SSL_read_ex(t->ssl, dst, size, &n);
	return r == 1 ? (ssize_t)n : result(t, r);
}

static ssize_t tls_send(struct rpc_transport *base, const void *src, size_t len)
{
	struct tls_transport *t = (struct tls_transport *)base;
	size_t n;
	int r;

	errno = 0;
	r = SSL_write_ex(t->ssl, src, len, &n);
	if (r == 1)
		return (ssize_t)n;
	r = result(t, r);
	return r == 0 ? -EPIPE : r;
}

static void tls_transport_free(struct rpc_transport *base)
{
	struct tls_transport *t = (struct tls_transport *)base;

	if (SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl); /* says goodbye if the socket takes it, and waits for nothing */
	SSL_free(t->ssl);
	(void)close(t->base.fd);
	ERR_clear_error();
	free(t);
}

static const struct rpc_transport_ops tls_ops = {
        .name = "tls",
        .handshake = tls_handshake,
        .recv = tls_recv,
        .send = tls_send,
        .free = tls_transport_free,
};

/* What a client wants of the server: the name in SNI, and, where authorities count, in the certificate. */
static bool expect_host(struct tls *tls, SSL *ssl, const char *host)
{
	struct in6_addr any;
	bool number = inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;

	if (!number && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (tls->pinned)
		return true;
	return number ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 : SSL_set1_host(ssl, host) == 1;
}

static int tls_wrap(struct rpc_secure *secure, int take_fd, bool server, const char *host,
                    struct rpc_transport **ret_transport, struct hp_err *err)
{
	struct tls *tls = (struct tls *)secure;
	struct tls_transport *t = hp_zalloc(sizeof *t);
	BIO *bio = BIO_new(tls->bio);

	ERR_clear_error();
	t->ssl = SSL_new(tls->ctx);
	if (!t->ssl || !bio || (!server && !expect_host(tls, t->ssl, host))) {
		SSL_free(t->ssl);
		(void)BIO_free(bio);
		(void)close(take_fd);
		free(t);
		return set_err(err, HP_EXHAUSTED, "TLS");
	}
	t->base = (struct rpc_transport){.ops = &tls_ops, .fd = take_fd};
	t->tls = tls;
	t->server = server;
	BIO_set_data(bio, (void *)(intptr_t)take_fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	if (server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	*ret_transport = &t->base;
	return 0;
}

/* ---- Credentials. */

static const struct rpc_secure_ops secure_ops = {.wrap = tls_wrap};
static const unsigned char alpn_h2[] = {2, 'h', '2'};

static int select_h2(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                     unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
		if (in[at] == 2 && at + 2 < in_len && memcmp(in + at + 1, "h2", 2) == 0) {
			*out = in + at + 1;
			*out_len = 2;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static struct tls *tls_new(bool server)
{
	struct tls *tls = hp_zalloc(sizeof *tls);

	ERR_clear_error();
	tls->base.ops = &secure_ops;
	tls->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	tls->bio = bio_method_new();
	if (!tls->ctx || !tls->bio || SSL_CTX_set_min_proto_version(tls->ctx, TLS1_3_VERSION) != 1) {
		rpc_tls_free(&tls->base);
		return NULL;
	}
	(void)SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                         SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_num_tickets(tls->ctx, 0);
	(void)SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
	if (server)
		SSL_CTX_set_alpn_select_cb(tls->ctx, select_h2, NULL);
	else
		(void)SSL_CTX_set_alpn_protos(tls->ctx, alpn_h2, sizeof alpn_h2);
	return tls;
}

void rpc_tls_free(struct rpc_secure *secure)
{
	struct tls *tls = (struct tls *)secure;

	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	BIO_meth_free(tls->bio);
	free(tls);
}

int rpc_tls_server_new(const char *cert_file, const char *key_file, struct rpc_secure **ret_secure, struct hp_err *err)
{
	struct tls *tls = tls_new(true);
	const char *at = cert_file;

	if (!tls)
		return set_err(err, HP_EXHAUSTED, "TLS");
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, cert_file) == 1) {
		at = key_file;
		if (SSL_CTX_use_PrivateKey_file(tls->ctx, key_file, SSL_FILETYPE_PEM) == 1 &&
		    SSL_CTX_check_private_key(tls->ctx) == 1) {
			*ret_secure = &tls->base;
			return 0;
		}
	}
	rpc_tls_free(&tls->base);
	return set_err(err, HP_INVALID, at);
}

int rpc_tls_pinned_new(const uint8_t pin[RPC_PIN_SIZE], struct rpc_secure **ret_secure, struct hp_err *err)
{
	struct tls *tls = tls_new(false);

	if (!tls)
		return set_err(err, HP_EXHAUSTED, "TLS");
	tls->pinned = true;
	memcpy(tls->pin, pin, RPC_PIN_SIZE);
	/* The handshake proves that the peer has the certificate's key; which certificate that is, we look at after it. */
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_NONE, NULL);
	*ret_secure = &tls->base;
	return 0;
}

int rpc_tls_verified_new(const char *ca_file, struct rpc_secure **ret_secure, struct hp_err *err)
{
	struct tls *tls = tls_new(false);

	if (!tls)
		return set_err(err, HP_EXHAUSTED, "TLS");
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
	if ((ca_file ? SSL_CTX_load_verify_file(tls->ctx, ca_file) : SSL_CTX_set_default_verify_paths(tls->ctx)) != 1) {
		rpc_tls_free(&tls->base);
		return set_err(err, HP_INVALID, ca_file ? ca_file : "the system's authorities");
	}
	*ret_secure = &tls->base;
	return 0;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

int rpc_tls_pin_parse(const char *text, uint8_t ret_pin[RPC_PIN_SIZE], struct hp_err *err)
{
	uint8_t pin[RPC_PIN_SIZE];

	for (size_t i = 0; i < RPC_PIN_SIZE; i++) {
		int high = hex_value(text[0]);
		int low = high < 0 ? -1 : hex_value(text[1]);

		if (low < 0)
			return hp_err_set(err, HP_INVALID, "a pin is %d hexadecimal digits", 2 * RPC_PIN_SIZE);
		pin[i] = (uint8_t)(high << 4 | low);
		text += 2;
		if (*text == ':' && i + 1 < RPC_PIN_SIZE)
			text++;
	}
	if (*text)
		return hp_err_set(err, HP_INVALID, "a pin is %d hexadecimal digits", 2 * RPC_PIN_SIZE);
	memcpy(ret_pin, pin, sizeof pin);
	return 0;
}

int rpc_tls_pin_of(const char *cert_file, uint8_t ret_pin[RPC_PIN_SIZE], struct hp_err *err)
{
	BIO *bio = BIO_new_file(cert_file, "re");
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool ok = cert && X509_digest(cert, EVP_sha256(), digest, &len) == 1 && len == RPC_PIN_SIZE;

	X509_free(cert);
	(void)BIO_free(bio);
	if (!ok)
		return set_err(err, HP_INVALID, cert_file);
	memcpy(ret_pin, digest, RPC_PIN_SIZE);
	return 0;
}
