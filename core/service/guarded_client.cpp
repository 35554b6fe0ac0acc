#include "core/service/guarded_client.h"

#include "core/base/errors.h"

namespace sluice {

http::ClientOptions client_options(const Options& options) {
  http::ClientOptions client;
  for (const std::string& text : options.list("http.allow_networks")) {
    const auto network = http::Network::parse(text);
    if (!network) throw ConfigError("http.allow_networks: " + text + " is no network", "write ADDRESS/PREFIX, such as 10.0.0.0/8");
    client.policy.allow_networks.push_back(*network);
  }
  client.ca_file = options.text("http.ca_file");
  client.resolver_threads = static_cast<int>(options.integer("http.resolver_threads"));
  return client;
}

}  // namespace sluice
