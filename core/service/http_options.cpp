#include "core/service/http_options.h"

namespace sluice {
namespace {

// "127.0.0.1:9464", "[::1]:9464", ":9464" (everywhere). What is only configured may hold a port 0 or a host name, which
// the server alone resolves.
std::optional<http::Target> target_of(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = http::Address::from_numeric(host.empty() ? "0.0.0.0" : host);
  const auto port = static_cast<std::uint16_t>(std::stoul(listen.substr(colon + 1)));
  if (!address || port == 0) return std::nullopt;
  return http::Target{*address, port};
}

}  // namespace

http::ClientOptions http_client_options(const Options& options, const std::string& own) {
  http::ClientOptions client;
  for (const std::string& network : options.list("http.allow_networks")) {
    client.policy.allow_networks.push_back(http::Network::parse(network));
  }
  if (const auto target = target_of(own)) client.policy.deny.push_back(*target);
  client.ca_file = options.text("http.ca_file");
  client.resolver_threads = static_cast<int>(options.integer("http.resolver_threads"));
  return client;
}

}  // namespace sluice
