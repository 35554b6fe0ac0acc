#include "notifier/commit.h"

#include <algorithm>
#include <limits>

namespace sluice::notifier {
namespace {

std::optional<std::string_view> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

std::int32_t whole_milliseconds(std::chrono::microseconds duration) {
  const auto milliseconds = std::chrono::round<std::chrono::milliseconds>(duration).count();
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(milliseconds, 0, std::numeric_limits<std::int32_t>::max()));
}

template <typename Value, typename Of>
std::vector<Value> column(std::span<const Ended> batch, Of of) {
  std::vector<Value> values;
  values.reserve(batch.size());
  for (const Ended& ended : batch) values.push_back(of(ended));
  return values;
}

void add_lanes(pg::Params& params, const Lanes::News& news) {
  std::vector<Uuid> endpoints;
  std::vector<std::optional<std::int64_t>> pauses;
  std::vector<std::optional<std::string_view>> breakers;
  std::vector<std::optional<std::string_view>> reasons;
  for (const auto& [endpoint, lane] : news) {
    endpoints.push_back(endpoint);
    pauses.push_back(lane.pause ? std::optional<std::int64_t>(lane.pause->count()) : std::nullopt);
    breakers.push_back(lane.breaker ? std::optional<std::string_view>(*lane.breaker) : std::nullopt);
    reasons.push_back(unless_empty(lane.disable));
  }
  params.uuid_array(endpoints).int8_array(pauses).jsonb_text_array(breakers).text_array(reasons);
}

}  // namespace

pg::Params commit_params(std::int64_t process, std::span<const Ended> batch, const Lanes::News& news) {
  pg::Params params;
  params.int8(process)
      .int8_array(column<std::int64_t>(batch, [](const Ended& e) { return e.delivery.id; }))
      .uuid_array(column<Uuid>(batch, [](const Ended& e) { return e.delivery.endpoint; }))
      .int8_array(column<std::int64_t>(batch, [](const Ended& e) { return e.delivery.lane_token; }))
      .text_array(column<std::string_view>(batch, [](const Ended& e) { return name_of(e.outcome.kind); }))
      .int8_array(column<std::int64_t>(batch, [](const Ended& e) { return e.outcome.delay.count(); }))
      .int4_array(column<std::int32_t>(batch, [](const Ended& e) { return e.delivery.attempts + 1; }))
      .timestamptz_array(column<Timestamp>(batch, [](const Ended& e) { return e.started_at; }))
      .int4_array(column<std::int32_t>(batch, [](const Ended& e) { return whole_milliseconds(e.duration); }))
      .int4_array(column<std::optional<std::int32_t>>(batch, [](const Ended& e) { return e.status; }))
      .text_array(column<std::optional<std::string_view>>(
          batch, [](const Ended& e) { return unless_empty(e.outcome.error_class); }))
      .text_array(
          column<std::optional<std::string_view>>(batch, [](const Ended& e) { return unless_empty(e.address); }))
      .bytea_array(column<std::optional<std::string_view>>(batch, [](const Ended& e) {
        return e.response ? std::optional<std::string_view>(*e.response) : std::nullopt;
      }));
  add_lanes(params, news);
  params.timestamptz_array(column<Timestamp>(batch, [](const Ended& e) { return e.delivery.created_at; }));
  return params;
}

}  // namespace sluice::notifier
