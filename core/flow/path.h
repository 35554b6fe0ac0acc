// Paths into a session's state: scope.member.0.member[1] (FLOW 4). A step of digits indexes a list, any step names a
// member.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

// The steps of a path one after the other, without copying it.
class PathSteps {
 public:
  explicit PathSteps(std::string_view path) : rest_(path), bad_(path.empty()) {}

  // The next step, or none at the end or at a malformed place (then bad() is true).
  [[nodiscard]] std::optional<std::string_view> next();
  [[nodiscard]] bool bad() const { return bad_; }

 private:
  std::string_view rest_;
  bool first_ = true;
  bool bad_ = false;
};

// user, variables, context, temp, session, input, output or local.
[[nodiscard]] bool is_scope(std::string_view name);

// `path` when it begins with a scope, else variables.<path> (FLOW 6, 7).
[[nodiscard]] std::string scoped(std::string_view path);

// The value under `root`, or nullptr when the path is malformed or leads nowhere.
[[nodiscard]] const Json* at_path(const Json& root, std::string_view path);

// The value of a reference: a scope and at least one member after it; nullptr when unresolved.
[[nodiscard]] const Json* resolve(const Json& state, std::string_view reference);

// Writes that can be taken back, last first: what a node changes is kept whole or not at all (FLOW 7).
class Undo {
 public:
  // Sets `path` under `root`, making objects on the way; in a list an index replaces or, one past the end, appends. The
  // error names the step that is in the way.
  std::expected<void, std::string> assign(Json& root, std::string_view path, Json value);

  // Removes a member or list item; nothing when it is absent.
  void erase(Json& root, std::string_view path);

  // Takes back every write since construction or the last forget().
  void roll_back(Json& root);
  void forget() { writes_.clear(); }

 private:
  struct Write {
    std::string path;
    std::optional<Json> previous;  // none: it was absent
    bool removed_item = false;     // of a list: goes back by insertion
  };
  std::vector<Write> writes_;
};

}  // namespace sluice::flow
