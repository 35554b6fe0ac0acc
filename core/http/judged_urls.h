// URLs that were judged, kept for the next requests to them.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "core/http/judged_url.h"

namespace sluice::http {

class JudgedUrls {
 public:
  explicit JudgedUrls(const AddressGuard& guard) : guard_(guard) {}

  // By the guard as it is now: what it has denied since counts.
  [[nodiscard]] std::shared_ptr<const JudgedUrl> of(const std::string& url);

 private:
  const AddressGuard& guard_;
  std::size_t denials_ = 0;  // of the guard, when what is kept was judged
  std::unordered_map<std::string, std::shared_ptr<const JudgedUrl>> judged_;
};

}  // namespace sluice::http
