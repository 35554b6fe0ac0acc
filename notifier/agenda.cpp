#include "notifier/agenda.h"

#include <algorithm>

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kOthersEvery{50};  // while first attempts keep coming
constexpr seconds kLookBackEvery{1};
constexpr minutes kLookAtAllEvery{1};
constexpr milliseconds kLookAheadEvery{20};
constexpr milliseconds kOverdue{500};  // something is due that limits hold back, or that is in flight
constexpr milliseconds kRounding{1};   // so that a claim does not come just before what it is for
constexpr seconds kSoon{2};
constexpr milliseconds kMoreAfter{2};  // a claim that found less than it asked for has found most of what there is
constexpr milliseconds kEnoughFor{5};  // for lanes that have room and whose deliveries nobody has told of
constexpr int kAboutToSleep = 8;       // empty claims; the doorbell goes to sleep after some ten of them

}  // namespace

Agenda::Claim Agenda::next_claim(Clock::time_point now) {
  Claim claim;
  claim.others = !hungry_ || now - others_asked_ >= kOthersEvery;
  if (claim.others) others_asked_ = now;
  if (now - looked_at_all_ >= kLookAtAllEvery) {
    claim.reach = Reach::kAll;
    looked_at_all_ = now;
    looked_back_ = now;
  } else if (empty_claims_ >= kAboutToSleep || now - looked_back_ >= kLookBackEvery) {
    claim.reach = Reach::kHalfMinute;
    looked_back_ = now;
  }
  claim.ahead = next_due_ <= now || (empty_claims_ >= kAboutToSleep && now - looked_ahead_ >= kLookAheadEvery);
  if (claim.ahead) looked_ahead_ = now;
  return claim;
}

void Agenda::claimed(Yield yield, Deadline lanes_change, Clock::time_point now) {
  hungry_ = yield != Yield::kNothing;
  switch (yield) {
    case Yield::kNothing:
      again_at_ = kNoDeadline;
      break;
    case Yield::kSome:
      again_at_ = now + kMoreAfter;
      break;
    case Yield::kAll:
      again_at_ = now;
      break;
    case Yield::kEnough:
      again_at_ = now + kEnoughFor;
      break;
  }
  empty_claims_ = hungry_ ? 0 : empty_claims_ + 1;
  lanes_change_ = lanes_change;
  while (!soon_.empty() && soon_.top() <= now) soon_.pop();
}

void Agenda::due_in(std::optional<milliseconds> delay, Clock::time_point now) {
  next_due_ = kNoDeadline;
  if (delay) next_due_ = now + (delay->count() == 0 ? kOverdue : *delay + kRounding);
}

void Agenda::scheduled(milliseconds delay, Clock::time_point now) {
  if (delay <= kSoon) {
    soon_.push(now + delay + kRounding);
  } else {
    next_due_ = std::min(next_due_, now + delay + kRounding);
  }
}

Deadline Agenda::wake_at() const {
  return std::min({again_at_, next_due_, lanes_change_, soon_.empty() ? kNoDeadline : soon_.top()});
}

}  // namespace sluice::notifier
