// The guarded HTTP client as the options describe it.
#pragma once

#include "core/http/client.h"
#include "core/service/options.h"

namespace sluice {

// http.allow_networks, http.ca_file and http.resolver_threads. Throws ConfigError for a network that is no CIDR.
[[nodiscard]] http::ClientOptions client_options(const Options& options);

}  // namespace sluice
