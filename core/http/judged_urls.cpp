#include "core/http/judged_urls.h"

namespace sluice::http {
namespace {

constexpr std::size_t kMaxKept = 4096;

}  // namespace

std::shared_ptr<const JudgedUrl> JudgedUrls::of(const std::string& url) {
  if (denials_ != guard_.denials() || judged_.size() >= kMaxKept) judged_.clear();
  denials_ = guard_.denials();
  std::shared_ptr<const JudgedUrl>& known = judged_[url];
  if (known == nullptr) known = std::make_shared<const JudgedUrl>(guard_, url);
  return known;
}

}  // namespace sluice::http
