#include "core/flow/cel/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace sluice::cel {

void* Work::allocate(std::size_t bytes) {
  constexpr std::size_t kAlignment = alignof(std::max_align_t);
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes > memory_left_) out_of_memory();
  memory_left_ -= bytes;
  if (block_ == nullptr) {
    block_ = first_.data();
    capacity_ = first_.size();
  }
  if (bytes > capacity_ - used_) {
    capacity_ = std::max(bytes, std::min<std::size_t>(capacity_ * 4, std::size_t{256} * 1024));
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(capacity_));
    block_ = blocks_.back().get();
    used_ = 0;
  }
  void* place = block_ + used_;
  used_ += bytes;
  return place;
}

std::string_view Work::keep(std::string_view text) {
  if (text.empty()) return {};
  charge_text(text.size());
  const std::span<char> copy = array<char>(text.size());
  std::memcpy(copy.data(), text.data(), text.size());
  return {copy.data(), copy.size()};
}

void Work::out_of_steps() const {
  throw LimitExceeded{{fmt::format("the expression needs more than {} steps", limits_.steps), offset_}};
}

void Work::out_of_memory() const {
  throw LimitExceeded{{fmt::format("the expression's values need more than {} bytes", limits_.memory), offset_}};
}

void Work::too_deep() const {
  throw LimitExceeded{{"a value is nested too deeply", offset_}};
}

}  // namespace sluice::cel
