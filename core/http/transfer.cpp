#include "core/http/transfer.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/http/failure.h"
#include "core/http/header_policy.h"

namespace sluice::http {
namespace {

constexpr std::size_t kMaxHeaderBytes = 32U << 10U;  // all header blocks of a response, interim ones included
constexpr std::size_t kMaxDroppedBytes =
    256U << 10U;  // of body beyond what is kept; reading a little more saves the connection
constexpr std::size_t kMaxKeptBytes = 1U << 20U;

template <typename Value>
void set_option(CURL* easy, CURLoption option, Value value) {
  if (curl_easy_setopt(easy, option, value) != CURLE_OK) throw std::bad_alloc();
}

bool has(const std::vector<Header>& headers, std::string_view name) {
  return std::ranges::any_of(headers, [name](const Header& header) { return equal_names(header.name, name); });
}

std::uint16_t port_of(const sockaddr* address) {
  return ntohs(address->sa_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(address)->sin6_port
                                              : reinterpret_cast<const sockaddr_in*>(address)->sin_port);
}

}  // namespace

Easy make_easy(const ClientOptions& options) {
  Easy easy(curl_easy_init());
  if (!easy) throw std::bad_alloc();
  CURL* handle = easy.get();
  set_option(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set_option(handle, CURLOPT_PROXY, "");  // also keeps the environment's proxies out
  set_option(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set_option(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set_option(handle, CURLOPT_NOSIGNAL, 1L);
  set_option(handle, CURLOPT_HTTP09_ALLOWED, 0L);
  set_option(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set_option(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_option(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  if (!options.ca_file.empty()) {
    set_option(handle, CURLOPT_CAINFO, options.ca_file.c_str());
    set_option(handle, CURLOPT_CAPATH, nullptr);
  }
  set_option(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set_option(handle, CURLOPT_MAXAGE_CONN, static_cast<long>(options.max_connection_age.count()));
  set_option(handle, CURLOPT_MAXLIFETIME_CONN, static_cast<long>(options.max_connection_age.count()));
  return easy;
}

void Transfer::prepare(const Request& request, const JudgedUrl& url, const std::vector<Address>& pinned) {
  CURL* handle = easy_.get();
  keep_body_ = std::min(request.keep_body, kMaxKeptBytes);
  set_option(handle, CURLOPT_PRIVATE, this);
  set_option(handle, CURLOPT_CURLU, url.handle());
  // Rather wait for what a handshake agrees on than open a connection a request to a server that speaks HTTP/2.
  set_option(handle, CURLOPT_PIPEWAIT, url.is_https() ? 1L : 0L);
  set_option(handle, CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  set_option(handle, CURLOPT_OPENSOCKETDATA, this);
  set_option(handle, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set_option(handle, CURLOPT_HEADERDATA, this);
  set_option(handle, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set_option(handle, CURLOPT_WRITEDATA, this);
  if (!pinned.empty()) {
    // '+' lets the entry age like any other in curl's cache; each request replaces it before it connects.
    std::string entry = "+" + url.host() + ":" + std::to_string(url.port()) + ":";
    for (const Address& address : pinned)
      entry += (address.is_v4() ? address.text() : "[" + address.text() + "]") + ",";
    entry.pop_back();
    pinned_.reset(curl_slist_append(nullptr, entry.c_str()));
    if (!pinned_) throw std::bad_alloc();
  }
  set_option(handle, CURLOPT_RESOLVE, pinned_.get());
  set_method(request);
  set_headers(request);
  set_certificate(request.certificate.get());
}

void Transfer::set_method(const Request& request) {
  CURL* handle = easy_.get();
  set_option(handle, CURLOPT_HTTPGET, 1L);  // undoes what an earlier request has set
  set_option(handle, CURLOPT_CUSTOMREQUEST, nullptr);
  const bool takes_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (request.method == "HEAD") {
    set_option(handle, CURLOPT_NOBODY, 1L);
  } else if (takes_body || !request.body.empty()) {
    set_option(handle, CURLOPT_POST, 1L);
    set_option(handle, CURLOPT_POSTFIELDS, request.body.data());
    set_option(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    if (request.method != "POST") set_option(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method != "GET") {
    set_option(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

void Transfer::set_headers(const Request& request) {
  // curl sends "Name;" as a header with an empty value, and leaves out one of its own that is given as "Name:".
  const auto add = [this](const Header& header) {
    if (header.value.empty()) {
      headers_.add(header.name, ";");
    } else {
      headers_.add(header.name, ": ", header.value);
    }
  };
  for (const Header& header : request.headers) {
    if (!has(request.custom_headers, header.name)) add(header);
  }
  for (const Header& header : request.custom_headers) add(header);
  headers_.add("Expect:");
  for (const char* own : {"Accept", "Content-Type"}) {
    if (!has(request.headers, own) && !has(request.custom_headers, own)) headers_.add(own, ":");
  }
  set_option(easy_.get(), CURLOPT_HTTPHEADER, headers_.list());
}

void Transfer::set_certificate(const ClientCertificate* certificate) {
  CURL* handle = easy_.get();
  const bool apart = certificate != nullptr;
  set_option(handle, CURLOPT_FRESH_CONNECT, apart ? 1L : 0L);
  set_option(handle, CURLOPT_FORBID_REUSE, apart ? 1L : 0L);
  set_option(handle, CURLOPT_SSL_SESSIONID_CACHE, apart ? 0L : 1L);
  curl_blob pem{};
  curl_blob key{};
  if (apart) {
    pem = {const_cast<char*>(certificate->certificate.data()), certificate->certificate.size(), CURL_BLOB_COPY};
    key = {const_cast<char*>(certificate->key.data()), certificate->key.size(), CURL_BLOB_COPY};
  }
  set_option(handle, CURLOPT_SSLCERT_BLOB, apart ? &pem : nullptr);
  set_option(handle, CURLOPT_SSLKEY_BLOB, apart ? &key : nullptr);
}

curl_socket_t Transfer::open_socket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto peer = Address::from_socket(&address->addr);
  const Verdict verdict = peer ? transfer.guard_.judge_target(*peer, port_of(&address->addr))
                               : Verdict{false, "address_family", "only IPv4 and IPv6 are requested"};
  if (!verdict.allowed) {
    transfer.refused_ = verdict;
    return CURL_SOCKET_BAD;
  }
  const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
    transfer.out_of_descriptors_ = true;
  return fd < 0 ? CURL_SOCKET_BAD : fd;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  transfer.header_bytes_ += bytes;
  if (transfer.header_bytes_ > kMaxHeaderBytes) {
    transfer.headers_too_large_ = true;
    return 0;
  }
  if (!transfer.headers_complete_) transfer.read_header({data, bytes});  // what follows the body are trailers
  return bytes;
}

void Transfer::read_header(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    const auto space = line.find(' ');
    header_status_ = 0;
    if (space != std::string_view::npos)
      std::from_chars(line.data() + space + 1, line.data() + line.size(), header_status_);
    return;
  }
  if (header_status_ < 200) return;
  if (line.empty()) {
    headers_complete_ = true;
    response_.status = header_status_;
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  if (equal_names(name, "content-type")) response_.content_type = value;
  if (equal_names(name, "retry-after")) response_.retry_after = value;
  if (equal_names(name, "webhook-delivery")) response_.webhook_delivery = value;
  if (equal_names(name, "webhook-allowed-origin")) response_.webhook_allowed_origin = value;
  if (equal_names(name, "webhook-allowed-rate")) response_.webhook_allowed_rate = value;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  const std::size_t room = transfer.keep_body_ - transfer.response_.body.size();
  transfer.response_.body.append(data, std::min(room, bytes));
  transfer.body_bytes_ += bytes;
  transfer.response_.cut = transfer.body_bytes_ > transfer.keep_body_;
  if (transfer.body_bytes_ > transfer.keep_body_ + kMaxDroppedBytes) {
    transfer.body_too_large_ = true;
    return 0;  // curl closes the connection
  }
  return bytes;
}

// A server that answers without reading the request's body resets the HTTP/2 stream after its response, with NO_ERROR
// (RFC 9113, 8.1). curl 7.88 calls that an error; whether the response was whole has to be told from its length.
bool Transfer::is_complete() const noexcept {
  curl_off_t length = -1;
  curl_easy_getinfo(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  const bool bodiless = response_.status == 204 || response_.status == 304;
  return headers_complete_ && (bodiless || (length >= 0 && static_cast<std::size_t>(length) == body_bytes_));
}

void Transfer::finish(CURLcode code) noexcept {
  long system_error = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &system_error);
  response_.failure = failure_of(code, system_error);
  if (code == CURLE_COULDNT_CONNECT && !refused_.allowed) {
    response_.failure = Failure::kRefusedAddress;
    // What a name server answered is not for tenants to see.
    response_.refusal = pinned_ ? refused_.reason + ": the name leads to an address that is not allowed"
                                : refused_.reason + ": " + refused_.sentence;
  } else if (code == CURLE_COULDNT_CONNECT && out_of_descriptors_) {
    response_.failure = Failure::kResource;
  } else if (headers_too_large_) {
    response_.failure = Failure::kTooLarge;
  } else if (body_too_large_ || (code == CURLE_HTTP2_STREAM && is_complete())) {
    response_.failure = Failure::kNone;  // it is whole, or as much as is kept was read, and `cut` says so
  } else if (code == CURLE_OK && response_.status == 0) {
    response_.failure = Failure::kProtocol;  // it ended in the midst of an interim answer, which libcurl lets pass
  }
  done_.set();
}

Response Transfer::take_response() {
  char* peer = nullptr;
  long connections = 1;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &peer);
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connections);
  if (peer != nullptr) response_.address = peer;
  response_.reused_connection = connections == 0 && !response_.address.empty();
  if (response_.failure != Failure::kNone && headers_complete_) response_.cut = true;
  return std::move(response_);
}

Easy Transfer::release() noexcept {
  CURL* handle = easy_.get();
  for (const CURLoption option : {CURLOPT_POSTFIELDS, CURLOPT_CURLU, CURLOPT_RESOLVE, CURLOPT_HTTPHEADER,
                                  CURLOPT_PRIVATE, CURLOPT_SSLCERT_BLOB, CURLOPT_SSLKEY_BLOB}) {
    curl_easy_setopt(handle, option, nullptr);
  }
  return std::move(easy_);
}

}  // namespace sluice::http
