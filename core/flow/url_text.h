// Percent-encoding of what templates and secrets put into a URL (FLOW 4).
#pragma once

#include <string>
#include <string_view>

namespace sluice::flow {

// Everything but RFC 3986's unreserved characters.
[[nodiscard]] std::string percent_encoded(std::string_view text);

// Whether the next character of a URL that begins like this belongs to its path, query or fragment.
[[nodiscard]] bool inside_url_path(std::string_view url_so_far);

}  // namespace sluice::flow
