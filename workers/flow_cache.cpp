#include "workers/flow_cache.h"

#include "core/base/errors.h"
#include "sql/sql_text.h"

namespace sluice::workers {

Task<std::shared_ptr<const flow::FlowSet>> FlowCache::get(std::int64_t version) {
  auto found = entries_.find(version);
  if (found != entries_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second.used);
    co_return found->second.flows;
  }
  // Several tasks may load the same version at once; the first to finish is kept, the others' work is lost and
  // harmless.
  std::shared_ptr<const flow::FlowSet> flows = co_await load(version);
  keep(version, flows);
  co_return flows;
}

Task<std::shared_ptr<const flow::FlowSet>> FlowCache::load(std::int64_t version) {
  pg::Lease connection = co_await pool_.acquire();
  const pg::Result rows = co_await connection->query(sql::query("load_flow_version"), pg::Params().int8(version));
  if (rows.empty()) {
    throw Error("flow version " + std::to_string(version) + " does not exist",
                "was it deleted while sessions still run on it?");
  }
  std::unordered_map<std::int64_t, std::shared_ptr<const flow::Flow>> by_id;
  for (const pg::Row& row : rows) {
    by_id.emplace(row.get<std::int64_t>("id"), flow::Flow::from_json(row.get<Json>("document")));
  }
  auto flows = std::make_shared<flow::FlowSet>();
  flows->main = by_id.at(version);
  for (const pg::Row& row : rows) {
    const Json pins = row.get<Json>("pins");
    flow::FlowSet::ByReference& called = flows->pins[by_id.at(row.get<std::int64_t>("id")).get()];
    for (const auto& pin : pins.GetObject()) {
      called.emplace(std::string(text_of(pin.name)), by_id.at(pin.value.GetInt64()));
    }
  }
  co_return flows;
}

void FlowCache::keep(std::int64_t version, const std::shared_ptr<const flow::FlowSet>& flows) {
  if (entries_.contains(version)) return;
  by_use_.push_front(version);
  entries_.emplace(version, Entry{flows, by_use_.begin()});
  if (entries_.size() > capacity_) {
    entries_.erase(by_use_.back());
    by_use_.pop_back();
  }
}

}  // namespace sluice::workers
