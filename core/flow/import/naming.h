// Names that a flow of ours may carry, made from whatever text another system allows.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace sluice::flow::importing {

// "Lead Score" → "lead_score": lower-case ASCII letters, digits and single underscores, at most 60 characters; empty
// when nothing is left.
[[nodiscard]] std::string slug(std::string_view text);

// Whether the text may name a variable (FLOW 10: ^[a-zA-Z_][a-zA-Z0-9_.]*$).
[[nodiscard]] bool safe_variable(std::string_view name);

// Hands out names, each once: a second "add_20" becomes "add_20_2".
class Names {
 public:
  // `fallback` names what has no usable characters.
  [[nodiscard]] std::string take(std::string_view wish, std::string_view fallback);

 private:
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> next_;
};

}  // namespace sluice::flow::importing
