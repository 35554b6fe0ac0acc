// What a peer writes into a request's target and cookies, read strictly: a text that is not wholly as it should be is
// none.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

// Undoes %XX. Nothing when an escape is broken, or when the result is not UTF-8 or has control characters.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

using Parameters = std::map<std::string, std::string, std::less<>>;
inline constexpr std::size_t kMaxParameters = 16;

// "a=1&b=two+words": names and values decoded, a plus being a space; an empty value counts like none and is left out.
// The error, in lower case, when there are more than kMaxParameters, one comes twice, or one cannot be decoded.
[[nodiscard]] std::expected<Parameters, std::string> parse_query(std::string_view query);

// The value of the cookie of that name in a Cookie header, "a=1; b=2"; nothing when it is not there or there more than
// once.
[[nodiscard]] std::optional<std::string_view> cookie(std::string_view header, std::string_view name);

}  // namespace sluice::http
