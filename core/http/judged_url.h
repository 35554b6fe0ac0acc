// A URL as curl's own parser reads it, with the guard's verdict on its text. The client fetches from the same parsed
// handle, so what was judged is what is requested.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/address_guard.h"

namespace sluice::http {

class JudgedUrl {
 public:
  JudgedUrl(const AddressGuard& guard, std::string_view url);

  [[nodiscard]] const Verdict& verdict() const noexcept { return verdict_; }

  // The rest is meaningful only when the verdict allows.
  [[nodiscard]] CURLU* handle() const noexcept { return handle_.get(); }
  [[nodiscard]] bool is_https() const noexcept { return https_; }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }  // ASCII, without brackets
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::optional<Address>& literal() const noexcept { return literal_; }

  [[nodiscard]] bool is_localhost() const noexcept;  // this machine by definition (RFC 6761): never looked up

  // A name that is good only if all its addresses are in allowed networks: single-label, .local, .internal.
  [[nodiscard]] bool is_local_name() const noexcept { return local_name_; }

 private:
  bool parse(std::string_view url);
  bool read_host();
  void judge_name(const AddressGuard& guard);
  bool refuse(std::string reason, std::string sentence);

  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle_;
  Verdict verdict_;
  bool https_ = false;
  std::string host_;
  std::uint16_t port_ = 0;
  std::optional<Address> literal_;
  bool local_name_ = false;
};

}  // namespace sluice::http
