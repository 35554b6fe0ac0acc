// Rewrites inside the contents of nodes that older spellings of our own format need (FLOW 1).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/report.h"

namespace sluice::flow::importing {

inline constexpr int kDeepestContent = 128;

// Whether the text begins with a scope's name: user.age, temp.
[[nodiscard]] bool has_scope(std::string_view path);

class ContentRewriter {
 public:
  // `milliseconds`: timeouts of 1000 or more are milliseconds.
  ContentRewriter(std::vector<Note>& report, bool milliseconds) : report_(report), milliseconds_(milliseconds) {}

  // An unscoped variable that templates may name: {score}.
  void know(std::string_view variable);
  // Those that a node's content sets.
  void know_those_of(const Json& content);

  // Rewrites {name} to {{…}} in all texts that are templates, and milliseconds to seconds.
  void rewrite(Json& content, const std::string& path);

  // Whether a timeout of 1000 s or more is left, which a second import would take for milliseconds.
  [[nodiscard]] bool long_timeout_left() const { return long_timeout_left_; }

 private:
  void rewrite_value(Json& value, std::string_view key, const std::string& path, int depth);
  void rewrite_timeout(Json& value, const std::string& path);
  [[nodiscard]] std::string with_double_braces(std::string_view text) const;
  [[nodiscard]] std::string reference_for(std::string_view name) const;

  std::vector<Note>& report_;
  bool milliseconds_;
  bool long_timeout_left_ = false;
  std::set<std::string, std::less<>> known_;
};

}  // namespace sluice::flow::importing
