#include "notifier/lanes.h"

#include <algorithm>
#include <unordered_set>

namespace sluice::notifier {
namespace {

constexpr std::chrono::seconds kLateCommit{
    30};  // a fan-out is visible this long after its due_at was taken, at the latest

}  // namespace

Lanes::Review Lanes::review(const pg::Result& acquired, Clock::time_point now) {
  Review result;
  std::unordered_set<Uuid> ours;
  int fair_share = acquired.rows();
  for (const pg::Row& row : acquired) {
    const Uuid endpoint = row.get<Uuid>("endpoint_id");
    ours.insert(endpoint);
    fair_share = row.get<std::int32_t>("fair_share");
    const auto token = row.get<std::int64_t>("token");
    Lane& lane = lanes_[endpoint];
    result.gained |= !lane.owned() || lane.token() != token;
    lane.acquire(token, std::chrono::milliseconds(row.get<std::int64_t>("paused_ms")),
                 row.get<std::optional<std::string_view>>("breaker"), now);
  }
  for (auto& [endpoint, lane] : lanes_) {
    if (!ours.contains(endpoint)) lane.lose();
    if (lane.waits_in_vain(now)) drop_waiting(lane);
  }
  std::erase_if(lanes_, [](const auto& entry) { return !entry.second.owned() && !entry.second.busy(); });

  int to_give = static_cast<int>(ours.size()) - fair_share;
  for (auto& [endpoint, lane] : lanes_) {
    if (to_give <= 0 || !lane.owned() || lane.busy()) continue;
    result.surplus.push_back(endpoint);
    to_give -= 1;
  }
  for (auto& [endpoint, lane] : lanes_) {
    if (!lane.owned() || !lane.busy()) continue;
    if (to_give > 0) {
      lane.leave();
      to_give -= 1;
    } else {
      lane.stay();
    }
  }
  return result;
}

std::vector<Uuid> Lanes::owned() const {
  std::vector<Uuid> endpoints;
  for (const auto& [endpoint, lane] : lanes_) {
    if (lane.owned()) endpoints.push_back(endpoint);
  }
  return endpoints;
}

void Lanes::lose(const std::vector<Uuid>& endpoints) {
  for (const Uuid& endpoint : endpoints) {
    const auto found = lanes_.find(endpoint);
    if (found == lanes_.end()) continue;
    found->second.lose();
    drop_waiting(found->second);
    if (!found->second.busy()) lanes_.erase(found);
  }
}

void Lanes::lose_all() {
  for (auto& [endpoint, lane] : lanes_) {
    lane.lose();
    drop_waiting(lane);
  }
  std::erase_if(lanes_, [](const auto& entry) { return !entry.second.busy(); });
}

void Lanes::add_claim_params(pg::Params& params, Queue queue, Reach reach, Clock::time_point now) const {
  std::vector<Uuid> endpoints;
  std::vector<std::optional<std::int32_t>> rooms;
  std::vector<std::optional<Timestamp>> floors;
  std::vector<std::optional<std::int64_t>> floor_ids;
  for (const auto& [endpoint, lane] : lanes_) {
    const std::optional<int> room = lane.wanted(queue, now);
    std::optional<Floor> floor = reach == Reach::kAll ? std::nullopt : lane.floor(queue);
    if (floor && reach == Reach::kHalfMinute) *floor = {.due_at = floor->due_at - kLateCommit};
    if (!room && !floor) continue;
    endpoints.push_back(endpoint);
    rooms.push_back(room);
    floors.push_back(floor ? std::optional(floor->due_at) : std::nullopt);
    floor_ids.push_back(floor ? std::optional(floor->id) : std::nullopt);
  }
  std::vector<std::int64_t> busy;
  busy.reserve(busy_.size());
  for (const auto& [id, endpoint] : busy_) busy.push_back(id);
  params.uuid_array(endpoints).int4_array(rooms).timestamptz_array(floors).int8_array(floor_ids).int8_array(busy);
}

std::optional<std::uint64_t> Lanes::begin(const Delivery& delivery, Clock::time_point now) {
  const auto lane = lanes_.find(delivery.endpoint);
  if (lane == lanes_.end() || busy_.contains(delivery.id)) return std::nullopt;
  const auto era = lane->second.begin(delivery, now);
  if (!era) return std::nullopt;
  busy_.emplace(delivery.id, delivery.endpoint);
  requests_ += 1;
  return era;
}

bool Lanes::keep(Delivery& delivery, Clock::time_point now) {
  const auto lane = lanes_.find(delivery.endpoint);
  if (lane == lanes_.end() || busy_.contains(delivery.id)) return false;
  const std::int64_t id = delivery.id;
  if (!lane->second.keep(delivery, now)) return false;
  busy_.emplace(id, lane->first);
  waiting_ += 1;
  return true;
}

std::optional<Lanes::Begun> Lanes::begin_waiting(const Uuid& endpoint, Clock::time_point now) {
  const auto found = lanes_.find(endpoint);
  if (found == lanes_.end()) return std::nullopt;
  Lane& lane = found->second;
  if (lane.waits_in_vain(now)) drop_waiting(lane);
  std::optional<Delivery> next = lane.take_waiting(now);
  if (!next) return std::nullopt;
  busy_.erase(next->id);
  waiting_ -= 1;
  const auto era = begin(*next, now);
  if (!era) return std::nullopt;
  return Begun{std::move(*next), *era};
}

void Lanes::drop_waiting(Lane& lane) {
  for (const std::int64_t id : lane.drop_waiting()) {
    busy_.erase(id);
    waiting_ -= 1;
  }
}

void Lanes::drop_waiting() {
  for (auto& [endpoint, lane] : lanes_) drop_waiting(lane);
}

void Lanes::begin_unsent(const Delivery& delivery) {
  if (!busy_.emplace(delivery.id, delivery.endpoint).second) return;
  lanes_[delivery.endpoint].ended_unsent();
}

void Lanes::end(const Delivery& delivery, const Outcome& outcome, std::uint64_t era, Clock::time_point now, double u) {
  lanes_[delivery.endpoint].end(delivery, outcome, era, now, u);
  requests_ -= 1;
}

void Lanes::written(const Delivery& delivery) {
  busy_.erase(delivery.id);
  lanes_[delivery.endpoint].written();
}

// Whatever became of it, it may be due below the floor.
void Lanes::lost(const Delivery& delivery) {
  written(delivery);
  lanes_[delivery.endpoint].forget_floors();
}

Lanes::News Lanes::take_news(std::span<const Ended> batch, Clock::time_point now) {
  News news;
  for (const Ended& ended : batch) {
    const Uuid& endpoint = ended.delivery.endpoint;
    LaneNews lane = lanes_[endpoint].take_news(now);
    if (!lane.empty()) news.emplace(endpoint, std::move(lane));
  }
  return news;
}

void Lanes::give_back(const News& news) {
  for (const auto& [endpoint, lane] : news) lanes_[endpoint].give_back(lane);
}

Deadline Lanes::next_change(Clock::time_point now) const {
  Deadline next = kNoDeadline;
  for (const auto& [endpoint, lane] : lanes_) next = std::min(next, lane.next_change(now));
  return next;
}

Lanes::Count Lanes::count(Clock::time_point now) const {
  Count count;
  for (const auto& [endpoint, lane] : lanes_) {
    if (!lane.owned()) continue;
    count.owned += 1;
    if (lane.paused(now)) count.paused += 1;
    if (lane.breaker().state() != Breaker::State::kClosed) count.open += 1;
  }
  return count;
}

}  // namespace sluice::notifier
