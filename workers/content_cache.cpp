#include "workers/content_cache.h"

#include <map>
#include <set>
#include <string>

#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

constexpr std::chrono::seconds kFresh{1};

class Rows : public flow::ContentSource {
 public:
  explicit Rows(const pg::Result& rows) {
    for (const pg::Row& row : rows) rows_.emplace(row.get<std::string>("content_id"), row.get<Json>("content"));
  }
  [[nodiscard]] const Json* active(std::string_view content_id) const override {
    const auto found = rows_.find(content_id);
    return found == rows_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, Json, std::less<>> rows_;
};

std::set<std::string> content_ids(const flow::FlowSet& flows) {
  std::set<std::string> ids = flows.main->content_ids;
  for (const auto& [caller, called] : flows.pins) {
    for (const auto& [reference, subflow] : called)
      ids.insert(subflow->content_ids.begin(), subflow->content_ids.end());
  }
  return ids;
}

}  // namespace

Task<std::shared_ptr<const flow::ContentSource>> ContentCache::get(std::shared_ptr<const flow::FlowSet> flows) {
  const auto found = entries_.find(flows.get());
  if (found != entries_.end() && Clock::now() - found->second.read_at < kFresh) co_return found->second.source;
  forget_old();
  std::shared_ptr<const flow::ContentSource> source = co_await load(*flows);
  const flow::FlowSet* key = flows.get();
  entries_.insert_or_assign(key, Entry{std::move(flows), source, Clock::now()});
  co_return source;
}

Task<std::shared_ptr<const flow::ContentSource>> ContentCache::load(const flow::FlowSet& flows) {
  const std::set<std::string> written = content_ids(flows);
  if (written.empty()) co_return nullptr;
  std::set<std::string> ids;
  std::set<std::string> prefixes;  // of those that are templates: what they will be is known at the step only
  for (const std::string& id : written) {
    const auto reference = id.find("{{");
    reference == std::string::npos ? ids.insert(id) : prefixes.insert(id.substr(0, reference));
  }
  pg::Lease connection = co_await pool_.acquire();
  const pg::Result rows =
      co_await connection->query(sql::query("load_content"), pg::Params().text_array(ids).text_array(prefixes));
  co_return std::make_shared<Rows>(rows);
}

// Also lets go of flow versions that the flow cache has dropped.
void ContentCache::forget_old() {
  std::erase_if(entries_, [](const auto& entry) { return Clock::now() - entry.second.read_at >= kFresh; });
}

}  // namespace sluice::workers
