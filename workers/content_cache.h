// The content rows that flows refer to, read anew at most once a second.
#pragma once

#include <memory>
#include <unordered_map>

#include "core/flow/engine.h"
#include "core/pg/pool.h"

namespace sluice::workers {

class ContentCache {
 public:
  explicit ContentCache(pg::Pool& pool) : pool_(pool) {}

  // What `flows` may show, at most a second old; null when it refers to no content at all. `flows` is kept alive
  // meanwhile.
  Task<std::shared_ptr<const flow::ContentSource>> get(std::shared_ptr<const flow::FlowSet> flows);

 private:
  struct Entry {
    std::shared_ptr<const flow::FlowSet> flows;
    std::shared_ptr<const flow::ContentSource> source;
    Clock::time_point read_at;
  };

  Task<std::shared_ptr<const flow::ContentSource>> load(const flow::FlowSet& flows);
  void forget_old();

  pg::Pool& pool_;
  std::unordered_map<const flow::FlowSet*, Entry> entries_;
};

}  // namespace sluice::workers
