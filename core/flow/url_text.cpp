#include "core/flow/url_text.h"

namespace sluice::flow {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kUnreserved.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
  return out;
}

bool inside_url_path(std::string_view url_so_far) {
  const auto scheme = url_so_far.find("://");
  return url_so_far.find_first_of("/?#", scheme == std::string_view::npos ? 0 : scheme + 3) != std::string_view::npos;
}

}  // namespace sluice::flow
