// Conditions (FLOW 5), compiled once when a flow is loaded: a CEL text or a JSON object of tests, and, or, not and
// $ref.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

// Why a condition was false although nobody asked: evaluation never raises.
struct TraceEntry {
  std::string where;  // the part of the condition, such as and[1].gte
  std::string problem;
};
using Trace = std::vector<TraceEntry>;

class Condition {
 public:
  struct Part;

  // A condition that is always false.
  Condition();

  // Never fails: what cannot be understood is false and says so in problems(). `names` are the flow's named conditions,
  // which $ref looks up at evaluation; it must outlive the condition and may still be filled.
  using Names = std::map<std::string, Condition, std::less<>>;
  [[nodiscard]] static Condition compile(const Json& source, const Names* names = nullptr);

  // Against a state whose members are the scopes. Safe from any thread.
  [[nodiscard]] bool holds(const Json& state, Trace* trace = nullptr) const;

  // What validation calls an ERROR: bad CEL, unknown operators, operands of the wrong kind.
  [[nodiscard]] Trace problems() const;

  [[nodiscard]] const Part& part() const { return *part_; }

 private:
  std::shared_ptr<const Part> part_;
  const Names* names_ = nullptr;
};

}  // namespace sluice::flow
