#ifndef FAREBOX_COPENSSL_SHIM_H
#define FAREBOX_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// What OpenSSL offers only as function-like macros, which Swift cannot see.

static inline int farebox_ssl_ctx_set_min_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_min_proto_version(ctx, version);
}

static inline int farebox_ssl_ctx_set_groups(SSL_CTX *ctx, const char *groups) {
    return (int)SSL_CTX_set1_groups_list(ctx, groups);
}

// Applies to both sides: no compression, no renegotiation, and no buffers in an idle connection.
static inline void farebox_ssl_ctx_harden(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

// A client keeps no sessions itself: each goes to the callback.
static inline void farebox_ssl_ctx_on_session(SSL_CTX *ctx, int (*callback)(SSL *, SSL_SESSION *)) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, callback);
}

// The server's order of ciphers counts, with ChaCha20 first for clients that prefer it; an end of input that was not
// announced is left to the layer above.
static inline void farebox_ssl_ctx_prefer_own_order(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

static inline void farebox_ssl_ctx_refuse_tickets(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
}

static inline void farebox_ssl_ctx_on_server_name(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *)) {
    SSL_CTX_set_tlsext_servername_callback(ctx, callback);
}

static inline void farebox_ssl_ctx_on_status_request(SSL_CTX *ctx, int (*callback)(SSL *, void *), void *argument) {
    SSL_CTX_set_tlsext_status_cb(ctx, callback);
    SSL_CTX_set_tlsext_status_arg(ctx, argument);
}

static inline void farebox_ssl_ctx_on_ticket(
    SSL_CTX *ctx, int (*callback)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *, EVP_MAC_CTX *, int)) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, callback);
}

// Gives the session a copy of an OCSP response, which it frees; false without memory.
static inline int farebox_ssl_staple(SSL *ssl, const unsigned char *bytes, long count) {
    unsigned char *copy = OPENSSL_memdup(bytes, (size_t)count);
    if (copy == NULL) return 0;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, count);
    return 1;
}

// Prepares to seal or open one session ticket: AES-256-CBC, then HMAC-SHA-256 (RFC 5077 section 4).
static inline int farebox_ticket_begin(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *aes, const unsigned char *hmac,
    const unsigned char *iv, int seals) {
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_octet_string("key", (void *)hmac, 32);
    parameters[1] = OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0);
    parameters[2] = OSSL_PARAM_construct_end();
    if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return 0;
    return seals ? EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, aes, iv)
                 : EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, aes, iv);
}

// Calls back for each DNS name that a certificate is for.
static inline void farebox_x509_each_name(
    X509 *certificate, void *context, void (*each)(void *context, const unsigned char *name, int count)) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) continue;
        each(context, ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName));
    }
    GENERAL_NAMES_free(names);
}

static inline OCSP_RESPONSE *farebox_ocsp_read(BIO *bio) {
    return d2i_OCSP_RESPONSE_bio(bio, NULL);
}

static inline unsigned long farebox_rfc2253_flags(void) {
    return XN_FLAG_RFC2253;
}

static inline int farebox_bio_pending(BIO *bio) {
    return (int)BIO_pending(bio);
}

static inline int farebox_ssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

#endif
