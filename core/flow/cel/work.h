// The means of one evaluation: the steps it may still take and the memory of what it produces, all freed at once at its
// end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/flow/cel/cel.h"

namespace sluice::cel {

// Thrown by Work when a limit is passed; ends the evaluation at its boundary, whatever the expression would absorb.
struct LimitExceeded {
  CelError error;
};

class Work {
 public:
  explicit Work(const Limits& limits) : limits_(limits), steps_left_(limits.steps), memory_left_(limits.memory) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  void charge(std::uint64_t steps) {
    if (steps > steps_left_) out_of_steps();
    steps_left_ -= steps;
  }

  // For work on `bytes` of text: one step a 64 bytes.
  void charge_text(std::size_t bytes) { charge(bytes / 64); }

  // Where the evaluation is, for the position in a limit's error.
  void at(std::uint32_t offset) { offset_ = offset; }

  // Uninitialised storage that lives as long as this. Nothing is destroyed, so only trivial types are stored.
  template <typename T>
  [[nodiscard]] std::span<T> array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignof(std::max_align_t));
    if (count > limits_.memory / sizeof(T)) out_of_memory();
    return {static_cast<T*>(allocate(count * sizeof(T))), count};
  }

  [[nodiscard]] std::string_view keep(std::string_view text);

  [[noreturn]] void too_deep() const;

 private:
  [[nodiscard]] void* allocate(std::size_t bytes);
  [[noreturn]] void out_of_steps() const;
  [[noreturn]] void out_of_memory() const;

  Limits limits_;
  std::uint64_t steps_left_;
  std::size_t memory_left_;
  std::uint32_t offset_ = 0;
  std::size_t used_ = 0;      // of the current block
  std::size_t capacity_ = 0;  // of the current block; the first block is `first_`
  std::byte* block_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  alignas(std::max_align_t) std::array<std::byte, 1024> first_;  // most conditions need no more
};

// A list of trivial values that grows in the memory of a Work.
template <typename T>
class Growing {
 public:
  explicit Growing(Work& work) : work_(work) {}

  void push(const T& value) {
    if (size_ == items_.size()) grow(size_ + 1);
    items_[size_++] = value;
  }
  void append(std::span<const T> values) {
    if (values.size() > items_.size() - size_) grow(size_ + values.size());
    for (const T& value : values) items_[size_++] = value;
  }
  [[nodiscard]] std::span<T> items() const { return items_.first(size_); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void grow(std::size_t wanted) {
    const std::span<T> larger = work_.array<T>(wanted < 8 ? 8 : wanted * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = items_[i];
    items_ = larger;
  }

  Work& work_;
  std::span<T> items_;
  std::size_t size_ = 0;
};

// Text that grows likewise.
class GrowingText {
 public:
  explicit GrowingText(Work& work) : work_(work), bytes_(work) {}

  GrowingText& operator<<(std::string_view text) {
    work_.charge_text(text.size());
    bytes_.append({text.data(), text.size()});
    return *this;
  }
  GrowingText& operator<<(char byte) {
    bytes_.push(byte);
    return *this;
  }
  [[nodiscard]] std::string_view text() const { return {bytes_.items().data(), bytes_.size()}; }

 private:
  Work& work_;
  Growing<char> bytes_;
};

}  // namespace sluice::cel
