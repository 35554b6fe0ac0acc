#include "core/http/decode.h"

#include "core/base/utf8.h"

namespace sluice::http {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Char next = decode_utf8(bytes, at);
    if (!next.valid || next.code < 0x20 || next.code == 0x7f) return false;
    at += next.length;
  }
  return true;
}

// The text up to the next separator, which is taken off as well.
std::string_view take(std::string_view& rest, char separator) {
  const std::string_view piece = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(piece.size() + 1, rest.size()));
  return piece;
}

std::optional<std::string> decode_word(std::string_view word) {
  std::string spaced(word);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  return percent_decode(spaced);
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      bytes += text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const int high = digit(text[at + 1]);
    const int low = digit(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
    at += 2;
  }
  if (!is_text(bytes)) return std::nullopt;
  return bytes;
}

std::expected<Parameters, std::string> parse_query(std::string_view query) {
  Parameters parameters;
  std::size_t count = 0;
  while (!query.empty()) {
    std::string_view value = take(query, '&');
    if (value.empty()) continue;
    if (++count > kMaxParameters) {
      return std::unexpected("the query has more than " + std::to_string(kMaxParameters) + " parameters");
    }
    const std::optional<std::string> name = decode_word(take(value, '='));
    const std::optional<std::string> decoded = decode_word(value);
    if (!name || name->empty() || !decoded) return std::unexpected("the query is not percent-encoded UTF-8 text");
    if (decoded->empty()) continue;
    if (!parameters.emplace(*name, *decoded).second) return std::unexpected("parameter '" + *name + "' comes twice");
  }
  return parameters;
}

std::optional<std::string_view> cookie(std::string_view header, std::string_view name) {
  std::optional<std::string_view> found;
  while (!header.empty()) {
    std::string_view value = take(header, ';');
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (take(value, '=') != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

}  // namespace sluice::http
