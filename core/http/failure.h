// curl's error codes as the classes that are stored and shown.
#pragma once

#include <curl/curl.h>

#include "core/http/request.h"

namespace sluice::http {

// `system_error` is the errno of a failed connect, 0 if none.
[[nodiscard]] Failure failure_of(CURLcode code, long system_error) noexcept;

}  // namespace sluice::http
