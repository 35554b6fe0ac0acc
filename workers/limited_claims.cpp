#include "workers/limited_claims.h"

#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

constexpr std::chrono::seconds kAskEvery{1};

}  // namespace

int LimitedClaims::share(int room) {
  if (!any_ || room <= 0) return 0;
  if (room > 1) return room / 2;
  turn_ = !turn_;
  return turn_ ? 1 : 0;
}

void LimitedClaims::add(pg::Pipeline& pipeline, std::int64_t process, int share) {
  question_at_ = -1;
  claim_at_ = -1;
  if (Clock::now() - asked_ >= kAskEvery) {
    question_at_ = static_cast<int>(pipeline.size());
    pipeline.add(sql::query("limited_queues"));
  }
  if (share > 0) {
    claim_at_ = static_cast<int>(pipeline.size());
    pipeline.add(sql::query("claim_limited"), pg::Params().int8(process).int4(share));
  }
}

const pg::Result* LimitedClaims::answer(std::span<const pg::Result> results) {
  if (question_at_ >= 0) {
    any_ = results[static_cast<std::size_t>(question_at_)].one().get<bool>(0);
    asked_ = Clock::now();
  }
  look_again_.reset();
  if (claim_at_ < 0) return nullptr;
  const pg::Result& rows = results[static_cast<std::size_t>(claim_at_)];
  if (!rows.empty()) look_again_ = rows[0].get<std::optional<Timestamp>>("look_again");
  return &rows;
}

}  // namespace sluice::workers
