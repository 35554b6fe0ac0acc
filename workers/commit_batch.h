// Dispositions as the parameters of the statements that make them true.
#pragma once

#include <span>
#include <vector>

#include "core/pg/params.h"
#include "core/pg/pipeline.h"
#include "workers/disposition.h"

namespace sluice::workers {

// Adds to `pipeline` what `batch` needs: commit_steps for outcomes, retry_tasks, postpone_tasks. Returns where each
// statement's result will be; -1: not needed. Outcomes that may be taken on come first in commit_steps and `take_on` of
// their next tasks are born claimed.
struct BatchStatements {
  int commit = -1;
  int retry = -1;
  int postpone = -1;
  int take_on = 0;                        // at most so many next tasks will be the caller's
  std::vector<std::size_t> commit_order;  // row i of commit_steps is about batch[commit_order[i]]
};
[[nodiscard]] BatchStatements add_statements(pg::Pipeline& pipeline, std::span<const Disposition> batch,
                                             std::int64_t process, int take_on, int max_taken_on);

}  // namespace sluice::workers
