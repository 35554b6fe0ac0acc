// Flow versions by id. A version never changes, so what is loaded stays true for ever; only memory bounds how many are
// kept.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "core/flow/model.h"
#include "core/pg/pool.h"

namespace sluice::workers {

class FlowCache {
 public:
  FlowCache(pg::Pool& pool, std::size_t capacity) : pool_(pool), capacity_(capacity) {}

  // The version with every sub-flow it pins. Throws Error when it does not exist or is no flow, PgError when it cannot
  // be read.
  Task<std::shared_ptr<const flow::FlowSet>> get(std::int64_t version);

 private:
  struct Entry {
    std::shared_ptr<const flow::FlowSet> flows;
    std::list<std::int64_t>::iterator used;
  };

  Task<std::shared_ptr<const flow::FlowSet>> load(std::int64_t version);
  void keep(std::int64_t version, const std::shared_ptr<const flow::FlowSet>& flows);

  pg::Pool& pool_;
  std::size_t capacity_;
  std::unordered_map<std::int64_t, Entry> entries_;
  std::list<std::int64_t> by_use_;  // the most recently used first
};

}  // namespace sluice::workers
