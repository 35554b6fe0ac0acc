// The only way by which nodes change a session's state: it knows what may be written, the declared types, the size
// limit, and how to take a node's changes back.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/path.h"

namespace sluice::flow {

class Writer {
 public:
  // `state` outlives the writer. In a composite (`isolated`) user and context are read-only (FLOW 9).
  Writer(Json& state, const Json& declarations, bool isolated)
      : state_(&state), declarations_(&declarations), isolated_(isolated) {}

  [[nodiscard]] const Json& state() const { return *state_; }

  // The value of an unscoped or scoped name, or nullptr.
  [[nodiscard]] const Json* value(std::string_view name) const;

  // Sets or removes an unscoped (variables.<name>) or scoped name. Errors: a read-only scope, a scope alone, a declared
  // type that does not fit, something in the way.
  std::expected<void, std::string> set(std::string_view name, Json value);
  std::expected<void, std::string> remove(std::string_view name);

  // Keeps what was written if the state is within its limit; else takes it back and gives the error.
  [[nodiscard]] std::expected<void, std::string> keep();
  void take_back() { undo_.roll_back(*state_); }

 private:
  [[nodiscard]] std::expected<std::string, std::string> writable(std::string_view name) const;

  Json* state_;
  const Json* declarations_;
  bool isolated_;
  Undo undo_;
};

}  // namespace sluice::flow
