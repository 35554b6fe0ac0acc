#include "core/http/header_lines.h"

namespace sluice::http {
namespace {

// Room for the lines of a usual request, so that it does not grow from one line to the next.
constexpr std::size_t kUsualLines = 16;
constexpr std::size_t kUsualBytes = 1024;

}  // namespace

HeaderLines::HeaderLines() {
  text_.reserve(kUsualBytes);
  starts_.reserve(kUsualLines);
}

void HeaderLines::add(std::string_view first, std::string_view second, std::string_view third) {
  starts_.push_back(text_.size());
  text_.append(first).append(second).append(third).push_back('\0');
}

curl_slist* HeaderLines::list() {
  if (starts_.empty()) return nullptr;
  nodes_.resize(starts_.size());
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    nodes_[i] = {.data = text_.data() + starts_[i], .next = i + 1 < starts_.size() ? &nodes_[i + 1] : nullptr};
  }
  return nodes_.data();
}

}  // namespace sluice::http
