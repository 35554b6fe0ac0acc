#include "core/flow/graph_model.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <unordered_map>

namespace sluice::flow {
namespace {

constexpr std::size_t kLabelLength = 28;
constexpr std::size_t kSummaryLength = 90;

const Json* list_of(const Json& object, std::string_view key) {
  const Json* list = find(object, key);
  return list != nullptr && list->IsArray() ? list : nullptr;
}

std::string first_text(const Json& content) {
  if (const Json* messages = list_of(content, "messages")) {
    for (const Json& message : messages->GetArray()) {
      if (message.IsString()) return std::string(text_of(message));
      const std::string_view text = string_member(message, "text", string_member(message, "url"));
      if (!text.empty()) return std::string(text);
    }
  }
  return std::string(string_member(content, "text", string_member(content, "content_id")));
}

std::string summary_of(std::string_view type, const Json& content) {
  if (type == "message") return first_text(content);
  if (type == "question") {
    const Json* question = find(content, "question");
    return std::string(question != nullptr && question->IsObject()
                           ? string_member(*question, "text")
                           : string_member(content, "question", string_member(content, "text")));
  }
  if (type == "condition") {
    const Json* entries = list_of(content, "conditions");
    return entries == nullptr ? std::string()
                              : fmt::format("{} {}", entries->Size(), entries->Size() == 1 ? "case" : "cases");
  }
  if (type == "action") {
    const Json* actions = list_of(content, "actions");
    if (actions == nullptr || actions->Empty()) return {};
    const Json& first = (*actions)[0];
    std::string text =
        fmt::format("{} {}", string_member(first, "type"),
                    string_member(first, "variable", string_member(first, "target", string_member(first, "url"))));
    if (actions->Size() > 1) text += fmt::format(" and {} more", actions->Size() - 1);
    return text;
  }
  if (type == "webhook")
    return fmt::format("{} {}", string_member(content, "method", "POST"), string_member(content, "url"));
  if (type == "composite") return std::string(string_member(content, "flow", "inline"));
  return {};
}

std::string_view sign_of(std::string_view operation) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kSigns{
      {{"eq", "="}, {"ne", "≠"}, {"gt", ">"}, {"gte", "≥"}, {"lt", "<"}, {"lte", "≤"}}};
  for (const auto& [name, sign] : kSigns) {
    if (name == operation) return sign;
  }
  return operation;
}

// {"var": "user.age", "gte": 13} → user.age ≥ 13. A label is short, so what is nested deeper than it shows is left out.
std::string condition_text(const Json& condition, int depth = 0) {
  constexpr int kDeepest = 4;
  if (condition.IsString()) return std::string(text_of(condition));
  if (!condition.IsObject() || depth > kDeepest) return "…";
  if (const auto name = string_member(condition, "$ref"); !name.empty()) return std::string(name);
  std::string text(string_member(condition, "var"));
  for (const auto& member : condition.GetObject()) {
    const std::string_view key = text_of(member.name);
    if (key == "var" || key == "ignore_case") continue;
    if (!text.empty()) text += ' ';
    if ((key == "and" || key == "or") && member.value.IsArray()) {
      if (member.value.Empty()) text += key == "or" ? "never" : "always";
      for (rapidjson::SizeType i = 0; i < member.value.Size() && text.size() < kLabelLength * 2; ++i) {
        text += (i == 0 ? "" : fmt::format(" {} ", key)) + condition_text(member.value[i], depth + 1);
      }
    } else if (key == "not") {
      text += "not " + condition_text(member.value, depth + 1);
    } else {
      text += fmt::format("{} {}", sign_of(key),
                          member.value.IsString() ? std::string(text_of(member.value)) : to_text(member.value));
    }
  }
  return text;
}

std::optional<rapidjson::SizeType> choice_index(std::string_view label) {
  rapidjson::SizeType index = 0;
  if (!label.starts_with('$')) return std::nullopt;
  const auto [end, error] = std::from_chars(label.data() + 1, label.data() + label.size(), index);
  return error == std::errc() && end == label.data() + label.size() ? std::optional(index) : std::nullopt;
}

// What the reader of the picture calls an edge $N: the option or the case that takes it.
std::string choice_text(std::string_view type, const Json& content, std::string_view label) {
  const auto index = choice_index(label);
  if (!index) return {};
  if (type == "condition") {
    const Json* entries = list_of(content, "conditions");
    for (rapidjson::SizeType i = 0; entries != nullptr && i < entries->Size(); ++i) {
      const Json* condition = find((*entries)[i], "if");
      if (condition != nullptr && string_member((*entries)[i], "then") == label) return condition_text(*condition);
    }
    return {};
  }
  for (const std::string_view key : {"options", "choices", "buttons"}) {
    const Json* options = list_of(content, key);
    if (options == nullptr || *index >= options->Size()) continue;
    const Json& option = (*options)[*index];
    return std::string(option.IsString() ? text_of(option)
                                         : string_member(option, "label", string_member(option, "text")));
  }
  return {};
}

class Reader {
 public:
  explicit Reader(const Json& graph) : json_(graph) { graph_.name = string_member(graph, "name"); }

  DrawnGraph read() {
    const std::string_view entry = string_member(json_, "entry_node_id");
    const Json* nodes = list_of(json_, "nodes");
    for (rapidjson::SizeType i = 0; nodes != nullptr && i < nodes->Size(); ++i) {
      const Json& node = (*nodes)[i];
      const std::string id(string_member(node, "node_id"));
      if (!index_.emplace(id, graph_.nodes.size()).second) continue;
      const std::string_view type = string_member(node, "node_type");
      graph_.nodes.push_back(
          {id, std::string(type), shortened(summary_of(type, content_of(node)), kSummaryLength), id == entry});
      sources_.push_back(&node);
    }
    read_edges();
    for (std::size_t i = 0; i < sources_.size(); ++i) read_named_targets(i);
    return std::move(graph_);
  }

 private:
  static const Json& content_of(const Json& node) {
    static const Json kNothing = make_object();
    const Json* content = find(node, "content");
    return content == nullptr ? kNothing : *content;
  }

  void add(std::size_t source, std::string_view target, std::string label) {
    const auto to = index_.find(std::string(target));
    if (to == index_.end()) return;
    label = shortened(label, kLabelLength);
    const auto [known, added] = edges_.emplace(std::pair(source, to->second), graph_.edges.size());
    if (added) {
      graph_.edges.push_back({source, to->second, std::move(label)});
      return;
    }
    // With the unlabelled way among them, all lead there whatever happens.
    std::string& joined = graph_.edges[known->second].label;
    joined = joined.empty() || label.empty() ? std::string() : shortened(joined + ", " + label, kLabelLength);
  }

  void read_edges() {
    const Json* edges = list_of(json_, "connections");
    for (rapidjson::SizeType i = 0; edges != nullptr && i < edges->Size(); ++i) {
      const Json& edge = (*edges)[i];
      const auto from = index_.find(std::string(string_member(edge, "source_node_id")));
      if (from == index_.end()) continue;
      const Json& node = *sources_[from->second];
      const std::string_view type = graph_.nodes[from->second].type;
      const std::string_view label = string_member(edge, "connection_type");
      std::string text = choice_text(type, content_of(node), label);
      if (text.empty()) text = label == "default" ? (type == "condition" ? "else" : "") : label;
      if (label == "success" && type != "webhook") text.clear();
      if (const auto cel = string_member(edge, "condition"); !cel.empty()) text = cel;
      add(from->second, string_member(edge, "target_node_id"), std::move(text));
    }
  }

  // Conditions may name nodes instead of edges.
  void read_named_targets(std::size_t source) {
    if (graph_.nodes[source].type != "condition") return;
    const Json& content = content_of(*sources_[source]);
    const Json* entries = list_of(content, "conditions");
    for (rapidjson::SizeType i = 0; entries != nullptr && i < entries->Size(); ++i) {
      const Json* condition = find((*entries)[i], "if");
      add(source, string_member((*entries)[i], "then"),
          condition == nullptr ? std::string() : condition_text(*condition));
      add(source, string_member((*entries)[i], "else"), "else");
    }
    add(source, string_member(content, "else"), "else");
    add(source, string_member(content, "default_path"), "else");
  }

  const Json& json_;
  DrawnGraph graph_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<const Json*> sources_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> edges_;
};

}  // namespace

DrawnGraph drawn_graph(const Json& graph) {
  return Reader(graph).read();
}

std::string shortened(std::string_view text, std::size_t length) {
  std::string result;
  std::size_t points = 0;
  std::size_t cut_at = 0;  // bytes up to the point that an ellipsis would replace
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins = (byte & 0xC0U) != 0x80U;
    if (begins) {
      if (points + 1 == length) cut_at = result.size();
      if (points == length) {
        result.resize(cut_at);
        return result + "…";
      }
      ++points;
    }
    result += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return result;
}

}  // namespace sluice::flow
