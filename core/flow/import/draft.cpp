#include "core/flow/import/draft.h"

#include <fmt/format.h>

#include <cmath>

namespace sluice::flow::importing {

Draft::Draft() : flow_(make_object()), nodes_(make_array()), connections_(make_array()) {
  name("");
  entry("");
}

void Draft::name(std::string_view text, std::string_view version) {
  set(flow_, "name", text.empty() ? "imported flow" : text);
  set(flow_, "version", version);
}

void Draft::entry(std::string_view node_id) {
  entry_ = node_id;
  set(flow_, "entry_node_id", node_id);
}

std::string Draft::reserve(std::string_view wish, std::string_view fallback) {
  return names_.take(slug(wish), fallback);
}

void Draft::add_node(std::string_view id, std::string_view type, Json content, Json position, Json info) {
  Json node = object_of({{"node_id", id}, {"node_type", type}});
  set(node, "content", std::move(content));
  if (!position.IsNull()) set(node, "position", std::move(position));
  if (info.IsObject() && info.MemberCount() > 0) set(node, "info", std::move(info));
  push(nodes_, std::move(node));
}

void Draft::connect(std::string_view source, std::string_view label, std::string_view target,
                    std::string_view condition) {
  if (target.empty()) return;
  Json edge = object_of({{"source_node_id", source}, {"target_node_id", target}, {"connection_type", label}});
  if (!condition.empty()) set(edge, "condition", condition);
  push(connections_, std::move(edge));
}

Json& Draft::member(std::string_view key) {
  if (Json* existing = find(flow_, key)) return *existing;
  return set(flow_, key, make_object());
}

void Draft::note(std::string path, Severity severity, std::string message) {
  report_.push_back({std::move(path), severity, std::move(message)});
}

std::string Draft::end_node() {
  if (end_.empty()) {
    end_ = reserve("end");
    Json content = make_object();
    set(content, "conditions", make_array());
    add_node(end_, "condition", std::move(content));
  }
  return end_;
}

Imported Draft::finish() && {
  set(flow_, "nodes", std::move(nodes_));
  set(flow_, "connections", std::move(connections_));
  return {std::move(flow_), std::move(report_)};
}

Json object_of(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  Json object = make_object();
  for (const auto& [key, text] : members) set(object, key, text);
  return object;
}

Json array_of(Json element) {
  Json array = make_array();
  push(array, std::move(element));
  return array;
}

Json position_of(const Json* coordinates) {
  if (coordinates == nullptr) return {};
  const Json* x = find(*coordinates, "x");
  const Json* y = find(*coordinates, "y");
  constexpr double kFarthest = 1e9;
  if (x == nullptr || y == nullptr || !x->IsNumber() || !y->IsNumber()) return {};
  if (!(std::abs(x->GetDouble()) < kFarthest && std::abs(y->GetDouble()) < kFarthest)) return {};
  Json position = make_object();
  set(position, "x", Json(static_cast<std::int64_t>(std::lround(x->GetDouble()))));
  set(position, "y", Json(static_cast<std::int64_t>(std::lround(y->GetDouble()))));
  return position;
}

std::string at(std::string_view path, std::string_view list, std::size_t index) {
  return fmt::format("{}.{}[{}]", path, list, index);
}
std::string at(std::string_view list, std::size_t index) {
  return fmt::format("{}[{}]", list, index);
}

}  // namespace sluice::flow::importing
