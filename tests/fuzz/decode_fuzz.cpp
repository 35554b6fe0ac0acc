// Any text as a request's query, as a part of its path and as its cookies: what is taken is text without control
// characters.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/http/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto plain = [](std::string_view value) {
    for (const char c : value) {
      if ((c >= 0 && c < 0x20) || c == 0x7f) std::abort();
    }
  };
  if (const auto decoded = percent_decode(text)) plain(*decoded);
  if (const auto query = parse_query(text)) {
    if (query->size() > kMaxParameters) std::abort();
    for (const auto& [name, value] : *query) {
      if (name.empty() || value.empty()) std::abort();
      plain(name);
      plain(value);
    }
  }
  if (const auto value = cookie(text, "sluice_console_9470"); value && value->size() >= text.size()) std::abort();
  return 0;
}
