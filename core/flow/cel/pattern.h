// A regular expression of matches(): RE2 syntax, linear time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::cel {

inline constexpr std::size_t kMaxPatternBytes = 2048;

class Pattern {
 public:
  explicit Pattern(std::string_view text);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  [[nodiscard]] const std::string& error() const { return error_; }  // empty: valid

  // Steps that matching a text of that size may cost; RE2's worst case grows with the pattern's program.
  [[nodiscard]] std::uint64_t cost(std::size_t text_bytes) const;

  // Whether it matches anywhere in `text`. Only when valid; from any thread.
  [[nodiscard]] bool found_in(std::string_view text) const;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
  std::string error_;
};

}  // namespace sluice::cel
