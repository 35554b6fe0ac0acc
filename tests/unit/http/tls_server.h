// A TLS receiver for tests, with a certificate authority of its own. Keys and certificates are made at run time.
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/unit/http/raw_server.h"

namespace sluice::http {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// An identity; signed by `issuer`, or by itself.
struct Identity {
  Key key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  Certificate certificate{X509_new(), &X509_free};

  explicit Identity(const std::string& name, const Identity* issuer = nullptr, bool authority = false,
                    int valid_seconds = 3600) {
    X509* x = certificate.get();
    X509_set_version(x, 2);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), valid_seconds);
    X509_set_pubkey(x, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : x));
    extend(NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!authority) extend(NID_subject_alt_name, "DNS:" + name);
    X509_sign(x, issuer != nullptr ? issuer->key.get() : key.get(), EVP_sha256());
  }

  [[nodiscard]] std::string certificate_pem() const {
    return pem([this](BIO* out) { PEM_write_bio_X509(out, certificate.get()); });
  }
  [[nodiscard]] std::string key_pem() const {
    return pem([this](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  void extend(int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  template <typename Write>
  static std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    write(out.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }
};

// Speaks TLS with each connection, answers every request with 200 and the client certificate's name as body.
class TlsServer {
 public:
  TlsServer(const Identity& identity, const Identity* client_authority = nullptr)
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free), server_([this](Peer& peer) { serve(peer); }) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    if (client_authority != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), client_authority->certificate.get());
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] int connections() const { return server_.connections(); }

 private:
  void serve(Peer& peer) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(tls.get(), peer.fd());
    if (SSL_accept(tls.get()) != 1) return;
    std::string name;
    if (const std::unique_ptr<X509, decltype(&X509_free)> client(SSL_get1_peer_certificate(tls.get()), &X509_free);
        client) {
      char text[64] = {};
      X509_NAME_get_text_by_NID(X509_get_subject_name(client.get()), NID_commonName, text, sizeof text);
      name = text;
    }
    std::string buffer;
    char chunk[4096];
    for (int got = SSL_read(tls.get(), chunk, sizeof chunk); got > 0; got = SSL_read(tls.get(), chunk, sizeof chunk)) {
      buffer.append(chunk, static_cast<std::size_t>(got));
      if (buffer.find("\r\n\r\n") == std::string::npos) continue;
      buffer.clear();
      const std::string reply = "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(name.size()) + "\r\n\r\n" + name;
      SSL_write(tls.get(), reply.data(), static_cast<int>(reply.size()));
    }
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  RawServer server_;
};

}  // namespace sluice::http
