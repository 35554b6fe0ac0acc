#include "core/http/correlation.h"

#include <algorithm>

#include "core/http/header_policy.h"

namespace sluice::http {
namespace {

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_all_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-') return false;
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  return is_lower_hex(trace) && is_lower_hex(parent) && is_lower_hex(text.substr(53)) && !is_all_zero(trace) &&
         !is_all_zero(parent);
}

std::optional<Header> correlation_header(std::string_view id) {
  if (is_traceparent(id)) return Header{"traceparent", std::string(id)};
  if (id.empty() || !is_header_value(id)) return std::nullopt;
  return Header{"x-correlation-id", std::string(id)};
}

}  // namespace sluice::http
