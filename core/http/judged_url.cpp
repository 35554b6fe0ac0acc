#include "core/http/judged_url.h"

#include <idn2.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::http {
namespace {

constexpr std::size_t kMaxUrlBytes = 8192;

// A part of the URL; "" when it is absent, which `present` tells from an empty one.
std::string part(CURLU* url, CURLUPart which, unsigned flags = 0, bool* present = nullptr) {
  char* text = nullptr;
  const CURLUcode code = curl_url_get(url, which, &text, flags);
  if (present != nullptr) *present = code == CURLUE_OK;
  if (code != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

// The ASCII form of an international name, as curl makes it; "" when there is none. By libidn2 itself, because
// curl 7.88 leaks the name when the conversion fails, and converts in the thread's locale only.
std::string ascii_name(const std::string& name) {
  const auto* utf8 = reinterpret_cast<const std::uint8_t*>(name.c_str());
  std::uint8_t* ascii = nullptr;
  if (idn2_lookup_u8(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK &&
      idn2_lookup_u8(utf8, &ascii, IDN2_TRANSITIONAL) != IDN2_OK) {
    return {};
  }
  const std::unique_ptr<std::uint8_t, decltype(&idn2_free)> owner(ascii, &idn2_free);
  return reinterpret_cast<const char*>(ascii);
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool ends_with_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  if (last.starts_with("0x")) return true;
  return !last.empty() && std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

JudgedUrl::JudgedUrl(const AddressGuard& guard, std::string_view url) : handle_(curl_url(), &curl_url_cleanup) {
  if (!parse(url) || !read_host()) return;
  literal_ = Address::from_numeric(host_);
  if (literal_) {
    verdict_ = guard.judge_target(*literal_, port_);
  } else {
    judge_name(guard);
  }
}

bool JudgedUrl::parse(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return refuse("url_length", "a URL has at most 8192 bytes");
  if (url.find('\0') != std::string_view::npos) return refuse("url_syntax", "the URL contains a NUL");
  const CURLUcode code =
      curl_url_set(handle_.get(), CURLUPART_URL, std::string(url).c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
  if (code != CURLUE_OK) return refuse("url_syntax", std::string("no URL: ") + curl_url_strerror(code));

  const std::string scheme = part(handle_.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return refuse("url_scheme", "the scheme must be https or http");
  https_ = scheme == "https";
  bool has_user = false;
  bool has_password = false;
  (void)part(handle_.get(), CURLUPART_USER, 0, &has_user);
  (void)part(handle_.get(), CURLUPART_PASSWORD, 0, &has_password);
  if (has_user || has_password) return refuse("url_userinfo", "a URL must not hold a user name or password");
  if (!part(handle_.get(), CURLUPART_ZONEID).empty()) return refuse("url_zone", "an address must not have a zone");

  const std::string port = part(handle_.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), port_);
  if (port_ == 0) return refuse("port", "port 0 cannot be connected to");
  return true;
}

// Brings the host to the one form that is judged, looked up and requested: ASCII, lower case, no dot at the end.
// Full-width digits become digits on the way, so the result may be a numeric address again.
bool JudgedUrl::read_host() {
  const std::string written = part(handle_.get(), CURLUPART_HOST);
  std::string name = is_ascii(written) ? written : ascii_name(written);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name.ends_with('.')) name.pop_back();
  if (name.empty() || name.size() > 253) return refuse("url_host", "the host is no valid name");
  if (name != written && curl_url_set(handle_.get(), CURLUPART_HOST, name.c_str(), 0) != CURLUE_OK) {
    return refuse("url_host", "the host is no valid name");
  }
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  host_ = bracketed ? name.substr(1, name.size() - 2) : name;
  return true;
}

void JudgedUrl::judge_name(const AddressGuard& guard) {
  const bool valid = std::ranges::all_of(
      host_, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; });
  if (!valid || host_.starts_with('.') || host_.find("..") != std::string::npos || ends_with_number(host_)) {
    refuse("url_host", "the host is no valid name");
    return;
  }
  const bool any_allowed = !guard.policy_.allow_networks.empty();
  if (is_localhost()) {
    if (guard.loopback_addresses().empty()) {
      refuse("local_name", "localhost is this machine");
      return;
    }
    local_name_ = true;
  } else if (host_.find('.') == std::string::npos || host_.ends_with(".local") || host_.ends_with(".internal")) {
    if (!any_allowed) {
      refuse("local_name", "the name belongs to a local network");
      return;
    }
    local_name_ = true;
  }
  if (!guard.is_open_port(port_) && !any_allowed) {
    refuse("port", "port " + std::to_string(port_) + " is not open to requests; 443, 80 and 8000 to 9000 are");
    return;
  }
  verdict_ = {true, "name_unresolved", "the name was not looked up; its addresses are judged at each request"};
}

bool JudgedUrl::is_localhost() const noexcept {
  return host_ == "localhost" || host_.ends_with(".localhost");
}

bool JudgedUrl::refuse(std::string reason, std::string sentence) {
  verdict_ = {false, std::move(reason), std::move(sentence)};
  return false;
}

}  // namespace sluice::http
