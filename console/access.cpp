#include "console/access.h"

#include <algorithm>

#include "core/base/crypto.h"
#include "core/http/address.h"
#include "core/http/decode.h"

namespace sluice::console {
namespace {

constexpr std::size_t kSecretBytes = 32;

std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  const bool port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return port ? host.substr(0, colon) : host;
}

std::string_view port_of(std::string_view address) {
  return address.substr(address.rfind(':') + 1);
}

std::optional<http::Address> literal(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return http::Address::from_numeric(host);
}

bool is_loopback(std::string_view host) {
  static const http::Network kNetworks[] = {http::Network::parse("127.0.0.0/8"), http::Network::parse("::1/128")};
  const std::optional<http::Address> address = literal(host);
  return address &&
         std::ranges::any_of(kNetworks, [&](const http::Network& network) { return network.contains(*address); });
}

}  // namespace

Access::Access(std::string_view address, std::string_view listen)
    : address_(address),
      host_(without_port(address)),
      listen_(without_port(listen)),
      every_address_(host_ == "0.0.0.0" || host_ == "[::]"),
      cookie_name_("sluice_console_" + std::string(port_of(address))),
      cookie_(hex_encode(random_bytes(kSecretBytes))),
      token_(hex_encode(random_bytes(kSecretBytes))) {}

std::string Access::link() const {
  return "http://" + (every_address_ ? "localhost:" + std::string(port_of(address_)) : address_) + "/?token=" + token_;
}

bool Access::meant(const http::ServerRequest& request) const {
  const std::optional<std::string> header = request.header("Host");
  if (!header) return false;
  const std::string_view host = without_port(*header);
  return host == "localhost" || host == host_ || (host == listen_ && !host.empty()) || is_loopback(host) ||
         (every_address_ && literal(host));
}

bool Access::signed_in(const http::ServerRequest& request) const {
  const std::optional<std::string> header = request.header("Cookie");
  if (!header) return false;
  const std::optional<std::string_view> value = http::cookie(*header, cookie_name_);
  return value && constant_time_equal(*value, cookie_);
}

std::optional<std::string> Access::sign_in(const http::ServerRequest& request) const {
  const auto parameters = http::parse_query(request.query());
  if (!parameters) return std::nullopt;
  const auto token = parameters->find("token");
  if (token == parameters->end() || !constant_time_equal(token->second, token_)) return std::nullopt;
  return cookie_name_ + "=" + cookie_ + "; HttpOnly; SameSite=Strict; Path=/";
}

bool Access::own_page(const http::ServerRequest& request) {
  const std::optional<std::string> origin = request.header("Origin");
  const std::optional<std::string> host = request.header("Host");
  return origin && host && *origin == "http://" + *host;
}

}  // namespace sluice::console
