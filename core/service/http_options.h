// The HTTP client as the configuration describes it.
#pragma once

#include "core/http/client.h"
#include "core/service/options.h"

namespace sluice {

// http.* options; metrics.listen, when it names an address, is denied as a destination. The database's address is known
// only when connected: deny it through Client::guard(). Throws ConfigError.
[[nodiscard]] http::ClientOptions http_client_options(const Options& options);

}  // namespace sluice
