// What the HTTP client sends and what came of it. Whatever happens to a request is a value: send() throws only for
// faults of ours.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

struct Header {
  std::string name;
  std::string value;
};

// PEM texts. Requests with a certificate never share a connection with any other request.
struct ClientCertificate {
  std::string certificate;
  std::string key;
};

struct Request {
  std::string method = "POST";
  std::string url;
  std::vector<Header> headers;         // ours; names go out as written
  std::vector<Header> custom_headers;  // a user's: see header_policy.h; one of the same name as ours replaces it
  std::string body;
  std::chrono::milliseconds timeout{
      15'000};                         // of the whole attempt, resolving included; connecting has 5 s of it at most
  std::size_t keep_body = 16U << 10U;  // bytes of the response body to keep, at most 1 MiB
  std::shared_ptr<const ClientCertificate> certificate;
};

enum class Failure {
  kNone,            // a complete response
  kTimeout,         // the whole attempt, or connecting, took too long
  kConnect,         // refused, unreachable
  kDns,             // the name has no address
  kRefusedAddress,  // the guard: an address, on the URL's text or when resolved
  kRefusedUrl,      // the guard: anything else about the URL
  kRefusedRequest,  // a header or the method
  kTls,             // handshake or certificate
  kReset,           // the connection ended before the response was complete
  kProtocol,        // what came is not HTTP
  kTooLarge,        // more than 32 KiB of response headers
  kResource,        // ours: no descriptors or memory, the resolver is down, a client certificate does not load
  kStopped,         // the StopToken
};

// The class name that is stored and shown: "timeout", "refused_address" …; "" for kNone.
[[nodiscard]] std::string_view name_of(Failure failure);

struct Response {
  Failure failure = Failure::kNone;
  std::string refusal;  // the guard's class name and sentence when it refused, else empty; safe to show to tenants

  int status = 0;            // of the final response, once its headers were complete; it stays when the body then fails
  std::string body;          // as bytes, at most keep_body of them, never decompressed
  bool cut = false;          // the body was longer than what is kept, or broke off
  std::string content_type;  // header values as received, "" if absent
  std::string retry_after;
  std::string webhook_delivery;
  std::string webhook_allowed_origin;
  std::string webhook_allowed_rate;

  std::string address;  // the peer's, "" if none was connected
  std::chrono::microseconds duration{0};
  bool reused_connection = false;

  // WEBHOOKS 3: success is decided by the status alone, even if the body was cut or broke off.
  [[nodiscard]] bool is_2xx() const { return status >= 200 && status < 300; }
};

}  // namespace sluice::http
