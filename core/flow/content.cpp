#include "core/flow/content.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/flow/condition.h"

namespace sluice::flow {
namespace {

// FNV-1a over the id, then a splitmix64 finish with the seed: the same session, content and seed always draw the same
// number.
std::uint64_t draw(std::uint64_t seed, std::string_view content_id) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const char c : content_id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  std::uint64_t mixed = (hash ^ seed) + 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31U);
}

double weight_of(const Json& variant) {
  const Json* weight = sluice::find(variant, "weight");
  return weight != nullptr && weight->IsNumber() ? std::max(0.0, weight->GetDouble()) : 1.0;
}

}  // namespace

std::expected<Json, std::string> Contents::find(std::string_view content_id) {
  const Json* row = source_ != nullptr ? source_->active(content_id) : nullptr;
  if (row == nullptr) return std::unexpected(fmt::format("there is no active content \"{}\"", content_id));
  const Json* body = sluice::find(*row, "content");
  Json content = body != nullptr && body->IsObject() ? clone(*body) : make_object();
  if (sluice::find(content, "type") == nullptr) set(content, "type", string_member(*row, "type", "text"));
  const Json* variants = sluice::find(*row, "variants");
  if (variants != nullptr && variants->IsArray() && !variants->Empty()) {
    const Json* chosen = variant(content_id, *variants);
    const Json* over = chosen != nullptr ? sluice::find(*chosen, "content") : nullptr;
    if (over != nullptr) deep_merge(content, *over);
  }
  return content;
}

const Json* Contents::variant(std::string_view content_id, const Json& variants) {
  if (const Json* choices = sluice::find(info_, "variants")) {
    const auto remembered = string_member(*choices, content_id);
    for (const auto& entry : variants.GetArray()) {
      if (!remembered.empty() && string_member(entry, "id") == remembered) return &entry;
    }
  }
  std::vector<const Json*> eligible;
  double total = 0;
  for (const auto& entry : variants.GetArray()) {
    const Json* when = sluice::find(entry, "if");
    if (when != nullptr && !when->IsNull() && !Condition::compile(*when).holds(state_)) continue;
    eligible.push_back(&entry);
    total += weight_of(entry);
  }
  if (eligible.empty() || total <= 0) return nullptr;
  double point = static_cast<double>(draw(seed_, content_id) >> 11U) * 0x1p-53 * total;
  const Json* chosen = eligible.back();
  for (const Json* entry : eligible) {
    point -= weight_of(*entry);
    if (point < 0) {
      chosen = entry;
      break;
    }
  }
  if (const auto id = string_member(*chosen, "id"); !id.empty()) {
    Json* choices = sluice::find(info_, "variants");
    if (choices == nullptr) choices = &set(info_, "variants", make_object());
    set(*choices, content_id, id);
  }
  return chosen;
}

}  // namespace sluice::flow
