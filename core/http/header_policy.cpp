#include "core/http/header_policy.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace sluice::http {
namespace {

constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxValueBytes = 8192;

constexpr std::array<std::string_view, 13> kConnectionHeaders{"connection",
                                                              "content-length",
                                                              "expect",
                                                              "host",
                                                              "http2-settings",
                                                              "keep-alive",
                                                              "proxy-authenticate",
                                                              "proxy-authorization",
                                                              "proxy-connection",
                                                              "te",
                                                              "trailer",
                                                              "transfer-encoding",
                                                              "upgrade"};

// RFC 9110 5.6.2.
constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || kTokenMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

Verdict judge_header(std::string_view name, std::string_view value) {
  if (!is_token(name) || name.size() > kMaxNameBytes) {
    return {false, "header_name", "a header's name is letters, digits and '-'"};
  }
  std::string key(name);
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!is_header_value(value)) {
    return {false, "header_value",
            "the value of " + key + " holds a line break or control character, or is longer than 8192 bytes"};
  }
  if (std::ranges::find(kConnectionHeaders, key) != kConnectionHeaders.end()) {
    return {false, "header_reserved", "the header " + key + " belongs to the connection"};
  }
  if (key.starts_with("webhook-") || key == "x-webhook-signature") {
    return {false, "header_reserved", "the header " + key + " belongs to the signature"};
  }
  return {true, "", ""};
}

bool is_header_value(std::string_view value) noexcept {
  // Bytes above 0x7f pass: receivers read them as UTF-8 or Latin-1.
  const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
  return value.size() <= kMaxValueBytes && std::ranges::none_of(value, is_control);
}

bool equal_names(std::string_view left, std::string_view right) noexcept {
  return std::ranges::equal(left, right,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

}  // namespace sluice::http
