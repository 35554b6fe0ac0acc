// Dispositions as the parameters of the statements that make them true.
#pragma once

#include <span>
#include <vector>

#include "core/pg/params.h"
#include "core/pg/pipeline.h"
#include "workers/disposition.h"

namespace sluice::workers {

// Adds to `pipeline` what `batch` needs: commit_steps for outcomes, retry_tasks, postpone_tasks. Returns where each
// statement's result will be; -1: not needed. Outcomes whose next task may be taken on come first in commit_steps, and
// those of the first `take_on` that are applied stay the caller's, under the same id and token.
struct BatchStatements {
  int commit = -1;
  int retry = -1;
  int postpone = -1;
  int take_on = 0;
  std::vector<std::size_t> commit_order;  // commit_steps is given batch[commit_order[0]], batch[commit_order[1]], …
};
[[nodiscard]] BatchStatements add_statements(pg::Pipeline& pipeline, std::span<const Disposition> batch,
                                             std::int64_t process, int take_on, int max_taken_on);

}  // namespace sluice::workers
