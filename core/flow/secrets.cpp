#include "core/flow/secrets.h"

#include <algorithm>

#include "core/flow/url_text.h"

namespace sluice::flow {
namespace {

constexpr std::string_view kOpen = "\xEF\xB7\x90";   // U+FDD0
constexpr std::string_view kClose = "\xEF\xB7\x91";  // U+FDD1
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

enum class Place { kUrl, kHeader, kJson, kText };

std::string json_escaped(std::string_view secret) {
  const std::string quoted = to_text(make_string(secret));
  return quoted.substr(1, quoted.size() - 2);
}

template <typename Each>
void each_key(std::string_view text, const Each& each) {
  for (auto open = text.find(kOpen); open != std::string_view::npos; open = text.find(kOpen, open + 1)) {
    const auto begin = open + kOpen.size();
    const auto close = text.find(kClose, begin);
    if (close != std::string_view::npos) each(text.substr(begin, close - begin));
  }
}

std::expected<std::string, std::string> filled(std::string_view text, Place place, const SecretLookup& lookup) {
  std::string out;
  std::size_t done = 0;
  for (auto open = text.find(kOpen); open != std::string_view::npos; open = text.find(kOpen, done)) {
    const auto begin = open + kOpen.size();
    const auto close = text.find(kClose, begin);
    if (close == std::string_view::npos) break;
    out.append(text.substr(done, open - done));
    const auto key = text.substr(begin, close - begin);
    const auto secret = lookup(key);
    if (!secret) return std::unexpected(std::string(key));
    if (place == Place::kJson) {
      out.append(json_escaped(*secret));
    } else if (place == Place::kUrl && inside_url_path(out)) {
      out.append(percent_encoded(*secret));
    } else {
      out.append(*secret);
    }
    done = close + kClose.size();
  }
  out.append(text.substr(done));
  return out;
}

}  // namespace

std::string_view secret_key(std::string_view reference) {
  constexpr std::string_view kPrefix = "secret:";
  return reference.starts_with(kPrefix) ? reference.substr(kPrefix.size()) : std::string_view{};
}

std::string secret_mark(std::string_view key) {
  return std::string(kOpen).append(key).append(kClose);
}

std::string without_marks(std::string_view text) {
  std::string out(text);
  for (const auto mark : {kOpen, kClose}) {
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at))
      out.replace(at, mark.size(), kReplacement);
  }
  return out;
}

std::vector<std::string> secret_keys(const HttpCall& call) {
  std::vector<std::string> keys;
  const auto add = [&keys](std::string_view key) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.emplace_back(key);
  };
  each_key(call.url, add);
  for (const auto& header : call.headers) each_key(header.second, add);
  each_key(call.body, add);
  return keys;
}

std::expected<void, std::string> put_secrets(HttpCall& call, const SecretLookup& lookup) {
  auto url = filled(call.url, Place::kUrl, lookup);
  if (!url) return std::unexpected(url.error());
  auto body = filled(call.body, call.json_body ? Place::kJson : Place::kText, lookup);
  if (!body) return std::unexpected(body.error());
  auto headers = call.headers;
  for (auto& header : headers) {
    auto value = filled(header.second, Place::kHeader, lookup);
    if (!value) return std::unexpected(value.error());
    header.second = std::move(*value);
  }
  call.url = std::move(*url);
  call.body = std::move(*body);
  call.headers = std::move(headers);
  return {};
}

}  // namespace sluice::flow
