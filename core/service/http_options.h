// The HTTP client as the configuration describes it.
#pragma once

#include "core/http/client.h"
#include "core/service/options.h"

namespace sluice {

// http.* options; `own`, the "host:port" that this process listens on or "" for none, is denied as a destination. The
// database's address is known only when connected: deny it through Client::guard(). Throws ConfigError.
[[nodiscard]] http::ClientOptions http_client_options(const Options& options, const std::string& own);

}  // namespace sluice
