// What becomes of a claimed task once it was run.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "workers/claimed_task.h"

namespace sluice::workers {

// What a session's engine steps are made of, besides the session.
struct Material {
  std::shared_ptr<const flow::FlowSet> flows;
  std::shared_ptr<const flow::ContentSource> content;  // null: the flows refer to none
};

// To be committed by commit_steps.
struct Outcome {
  enum class Kind {
    kStep,       // the session moves as `step` says
    kFailed,     // as kStep by the failure edge, or without a step: out of attempts; kept as a dead letter
    kDone,       // a free-standing task succeeded
    kDiscarded,  // the task no longer fits its session; `error` says why
  };
  Kind kind = Kind::kStep;
  std::optional<flow::Step> step;
  std::shared_ptr<flow::NodeRun> run;  // of an action or webhook: to apply the same results to a patched session
  Material material;                   // what `step` and `run` were made with; `run` refers to it
  Json result;                         // for the idempotency record; null: none
  std::string error;
};

// Run it again later, with the attempt counted.
struct Retry {
  std::chrono::milliseconds delay{0};
  std::string error;
};

// Give it back without counting an attempt: a timer that is not due, a circuit breaker that is open, our own shutdown.
struct Postpone {
  std::chrono::milliseconds delay{0};
};

// Its effect and its end are committed already: a sql task, a schedule. Lost: by another, whose claim it is now.
struct Committed {
  bool lost = false;
};

using Ending = std::variant<Outcome, Retry, Postpone, Committed>;

struct Disposition {
  ClaimedTask task;
  Ending what;
};

[[nodiscard]] std::string_view to_text(Outcome::Kind kind);  // as commit_steps names them

// What a task comes to that could not be run or committed for a fault of ours or its own: again with backoff, or a dead
// letter when it is out of attempts.
[[nodiscard]] Ending after_fault(const ClaimedTask& task, const std::string& error);

}  // namespace sluice::workers
