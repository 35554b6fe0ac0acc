#include "core/flow/validate/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/flow/model.h"
#include "core/flow/validate/graph_facts.h"

namespace sluice::flow {
namespace {

constexpr int kDeepestComposite = 16;  // FLOW 9

const Json& nothing() {
  static const Json kNothing = make_object();
  return kNothing;
}

const Json* list_of(const Json& object, std::string_view key) {
  const Json* list = find(object, key);
  return list != nullptr && list->IsArray() ? list : nullptr;
}

// As the engine reads an edge (core/flow/model.cpp).
bool has_condition(const Json& edge) {
  const Json* info = find(edge, "info");
  if (!string_member(edge, "condition").empty() || (info != nullptr && !string_member(*info, "condition").empty()))
    return true;
  const Json* conditions = find(edge, "conditions");
  if (conditions == nullptr || conditions->IsNull()) return false;
  return !(conditions->IsObject() && conditions->ObjectEmpty()) && !(conditions->IsArray() && conditions->Empty()) &&
         !(conditions->IsString() && conditions->GetStringLength() == 0);
}

bool has_type(const Json& actions, std::string_view type) {
  return std::ranges::any_of(actions.GetArray(),
                             [&](const Json& action) { return string_member(action, "type") == type; });
}

class Walk {
 public:
  Walk(const Json& flow, const ValidateOptions& options, const PartSink& sink)
      : flow_(flow), options_(options), sink_(sink) {
    const Json* named = find(flow_, "conditions");
    named_ = named != nullptr && named->IsObject() ? named : &nothing();
    const Json* settings = find(flow_, "settings");
    settings_ = settings != nullptr && settings->IsObject() ? settings : &nothing();
  }

  void run() {
    std::vector<std::string_view> roots;
    collect_texts(*settings_, roots, 0);
    const GraphFacts facts(flow_, roots);
    settings(facts);
    if (const Json* variables = find(flow_, "variables"); variables != nullptr && variables->IsObject()) {
      for (const auto& member : variables->GetObject()) {
        sink_("variable", fmt::format("variables.{}", text_of(member.name)), name_fact(text_of(member.name)), nullptr);
      }
    }
    for (const auto& member : named_->GetObject()) {
      expression_part(member.value, fmt::format("conditions.{}", text_of(member.name)), *named_, sink_, nullptr);
    }
    graph(flow_, facts, "", 0);
  }

 private:
  static Json name_fact(std::string_view name) {
    Json fact = make_object();
    set(fact, "name", name);
    return fact;
  }

  // Any text in the settings may name a node that a keyword or a failure leads to.
  static void collect_texts(const Json& value, std::vector<std::string_view>& texts, int depth) {
    constexpr int kDeepest = 16;
    if (depth > kDeepest) return;
    if (value.IsString()) texts.push_back(text_of(value));
    if (value.IsArray()) {
      for (const Json& item : value.GetArray()) collect_texts(item, texts, depth + 1);
    } else if (value.IsObject()) {
      for (const auto& member : value.GetObject()) collect_texts(member.value, texts, depth + 1);
    }
  }

  void settings(const GraphFacts& facts) {
    for (const auto& member : settings_->GetObject()) {
      Json fact = make_object();
      set(fact, "key", text_of(member.name));
      set(fact, "value", clone(member.value));
      set(fact, "exists", Json(member.value.IsString() && facts.has(text_of(member.value))));
      sink_("setting", fmt::format("settings.{}", text_of(member.name)), std::move(fact), nullptr);
    }
  }

  void graph(const Json& source, const GraphFacts& facts, const std::string& prefix, int depth) {
    const std::string_view entry = string_member(source, "entry_node_id");
    Json fact = make_object();
    set(fact, "entry", entry);
    set(fact, "entry_exists", Json(facts.has(entry)));
    sink_("graph", prefix + "entry_node_id", std::move(fact), nullptr);
    if (const Json* nodes = list_of(source, "nodes")) {
      for (rapidjson::SizeType i = 0; i < nodes->Size(); ++i) node((*nodes)[i], facts, prefix, i, depth);
    }
    if (const Json* edges = list_of(source, "connections")) {
      Unconditional taken;
      for (rapidjson::SizeType i = 0; i < edges->Size(); ++i)
        connection((*edges)[i], facts, fmt::format("{}connections[{}]", prefix, i), taken);
    }
    for (const std::vector<std::string_view>& cycle : facts.hasty_cycles()) {
      Json names = make_object();
      set(names, "nodes", fmt::format("{}", fmt::join(cycle, ", ")));
      sink_("cycle", fmt::format("{}nodes.{}", prefix, cycle.front()), std::move(names), nullptr);
    }
  }

  void node(const Json& json, const GraphFacts& facts, const std::string& prefix, rapidjson::SizeType place,
            int depth) {
    const std::string_view id = string_member(json, "node_id");
    const std::string_view type = string_member(json, "node_type");
    const Json* found = find(json, "content");
    const Json& content = found != nullptr && found->IsObject() ? *found : nothing();
    const std::string path =
        id.empty() ? fmt::format("{}nodes[{}]", prefix, place) : fmt::format("{}nodes.{}", prefix, id);
    Json fact = make_object();
    set(fact, "id", id);
    set(fact, "type", type);
    set(fact, "known_type", Json(node_type_from(type).has_value()));
    set(fact, "copies", Json(facts.copies(id)));
    // Without an entry nothing is reachable, and one finding says so.
    set(fact, "reachable", Json(!facts.has_entry() || facts.reachable(id)));
    Json labels = make_array();
    for (const std::string_view label : facts.labels(id)) push(labels, make_string(label));
    set(fact, "labels", std::move(labels));
    const Json* actions = list_of(content, "actions");
    set(fact, "calls",
        Json(type == "webhook" || (type == "action" && actions != nullptr && has_type(*actions, "api_call"))));
    set(fact, "fallback", Json(!string_member(*settings_, "fallback_node").empty()));
    const Json* timeout = find(content, "timeout");
    set(fact, "timeout", Json(timeout != nullptr && !timeout->IsNull()));
    sink_("node", path, std::move(fact), &json);
    const std::string at = path + ".content";
    const ContentScope scope{json,     at,    *named_,
                             options_, sink_, [&](std::string_view name) { return facts.has(name); }};
    content_parts(content, type, scope);
    if (type == "composite" && find(content, "nodes") != nullptr && depth + 1 < kDeepestComposite) {
      graph(content, GraphFacts(content, {}), at + ".", depth + 1);
    }
  }

  // The target of the first edge without conditions, by source and label.
  using Unconditional = std::map<std::pair<std::string_view, std::string_view>, std::string_view>;

  void connection(const Json& edge, const GraphFacts& facts, const std::string& path, Unconditional& taken) {
    const std::string_view source = string_member(edge, "source_node_id");
    const std::string_view target = string_member(edge, "target_node_id");
    const std::string_view label = string_member(edge, "connection_type");
    Json fact = make_object();
    set(fact, "source", source);
    set(fact, "target", target);
    set(fact, "label", label);
    set(fact, "source_exists", Json(facts.has(source)));
    set(fact, "target_exists", Json(facts.has(target)));
    set(fact, "known_label", Json(is_edge_label(label)));
    const std::pair way(source, label);
    set(fact, "ambiguous", Json(!has_condition(edge) && taken.try_emplace(way, target).first->second != target));
    sink_("connection", path, std::move(fact), nullptr);
    for (const std::string_view key : {"condition", "conditions"}) {
      const Json* condition = find(edge, key);
      if (condition != nullptr && !condition->IsNull())
        expression_part(*condition, fmt::format("{}.{}", path, key), *named_, sink_, nullptr);
    }
  }

  const Json& flow_;
  const ValidateOptions& options_;
  const PartSink& sink_;
  const Json* named_;
  const Json* settings_;
};

}  // namespace

void for_each_part(const Json& flow, const ValidateOptions& options, const PartSink& sink) {
  Walk(flow, options, sink).run();
}

}  // namespace sluice::flow
