#include "core/flow/path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::flow {
namespace {

constexpr std::array<std::string_view, 8> kScopes{"user",    "variables", "context", "temp",
                                                  "session", "input",     "output",  "local"};

std::optional<rapidjson::SizeType> index_of(std::string_view step) {
  rapidjson::SizeType index = 0;
  auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  return index;
}

Json* child(Json& value, std::string_view step) {
  if (value.IsObject()) return find(value, step);
  if (!value.IsArray()) return nullptr;
  const auto index = index_of(step);
  return index && *index < value.Size() ? &value[*index] : nullptr;
}

std::string_view kind_of(const Json& value) {
  if (value.IsString()) return "text";
  if (value.IsNumber()) return "a number";
  if (value.IsBool()) return "a boolean";
  return value.IsArray() ? "a list" : "an object";
}

void remove_child(Json& value, std::string_view step) {
  if (value.IsObject()) {
    auto member = std::find_if(value.MemberBegin(), value.MemberEnd(),
                               [&](const auto& entry) { return text_of(entry.name) == step; });
    if (member != value.MemberEnd()) value.EraseMember(member);
  } else if (const auto index = index_of(step); index && value.IsArray() && *index < value.Size()) {
    value.Erase(value.Begin() + *index);
  }
}

struct Split {
  std::string_view parent, step;
};

// The path up to its last step, and that step.
Split split(std::string_view path) {
  if (path.ends_with(']')) {
    const auto open = path.rfind('[');
    return {path.substr(0, open), path.substr(open + 1, path.size() - open - 2)};
  }
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? Split{{}, path} : Split{path.substr(0, dot), path.substr(dot + 1)};
}

Json* mutable_at(Json& root, std::string_view path) {
  return path.empty() ? &root : const_cast<Json*>(at_path(std::as_const(root), path));
}

}  // namespace

std::optional<std::string_view> PathSteps::next() {
  if (rest_.empty() || bad_) return std::nullopt;
  std::string_view step;
  if (rest_.front() == '[') {
    const auto close = rest_.find(']');
    step = close == std::string_view::npos ? std::string_view{} : rest_.substr(1, close - 1);
    bad_ = first_ || !index_of(step);
    if (bad_) return std::nullopt;
    rest_.remove_prefix(close + 1);
  } else {
    if (!first_ && rest_.front() == '.') {
      rest_.remove_prefix(1);
    } else if (!first_) {
      bad_ = true;
      return std::nullopt;
    }
    step = rest_.substr(0, rest_.find_first_of(".["));
    bad_ = step.empty();
    if (bad_) return std::nullopt;
    rest_.remove_prefix(step.size());
  }
  first_ = false;
  return step;
}

bool is_scope(std::string_view name) {
  return std::find(kScopes.begin(), kScopes.end(), name) != kScopes.end();
}

std::string scoped(std::string_view path) {
  if (is_scope(path.substr(0, path.find_first_of(".[")))) return std::string(path);
  return "variables." + std::string(path);
}

const Json* at_path(const Json& root, std::string_view path) {
  PathSteps steps(path);
  const Json* value = &root;
  while (auto step = steps.next()) {
    value = child(const_cast<Json&>(*value), *step);
    if (value == nullptr) return nullptr;
  }
  return steps.bad() ? nullptr : value;
}

const Json* resolve(const Json& state, std::string_view reference) {
  const auto end = reference.find_first_of(".[");
  if (end == std::string_view::npos || !is_scope(reference.substr(0, end))) return nullptr;
  return at_path(state, reference);
}

std::expected<void, std::string> Undo::assign(Json& root, std::string_view path, Json value) {
  std::vector<std::string_view> steps;
  PathSteps reader(path);
  while (auto step = reader.next()) steps.push_back(*step);
  if (reader.bad()) return std::unexpected(fmt::format("\"{}\" is no path", path));

  Json* place = &root;
  std::size_t at = 0;  // the first step that must be made, or the last one
  Json* existing = nullptr;
  for (;; ++at) {
    existing = child(*place, steps[at]);
    const bool last = at + 1 == steps.size();
    if (last || existing == nullptr || existing->IsNull()) break;  // a null in the way counts as absent
    place = existing;
  }
  for (std::size_t i = steps.size() - 1; i > at; --i) {
    Json object = make_object();
    set(object, steps[i], std::move(value));
    value = std::move(object);
  }
  const auto end = static_cast<std::size_t>(steps[at].data() + steps[at].size() - path.data());
  std::string prefix(path.substr(0, end < path.size() && path[end] == ']' ? end + 1 : end));
  if (existing != nullptr) {
    writes_.push_back({std::move(prefix), std::move(*existing), false});
    *existing = std::move(value);
  } else if (place->IsObject()) {
    writes_.push_back({std::move(prefix), std::nullopt, false});
    set(*place, steps[at], std::move(value));
  } else if (place->IsArray() && index_of(steps[at]) == place->Size()) {
    writes_.push_back({std::move(prefix), std::nullopt, false});
    push(*place, std::move(value));
  } else {
    return std::unexpected(fmt::format("cannot set {}: {} is no member of {}", path, steps[at], kind_of(*place)));
  }
  return {};
}

void Undo::erase(Json& root, std::string_view path) {
  const auto [parent_path, step] = split(path);
  Json* parent = mutable_at(root, parent_path);
  if (parent == nullptr) return;
  Json* value = child(*parent, step);
  if (value == nullptr) return;
  writes_.push_back({std::string(path), std::move(*value), parent->IsArray()});
  remove_child(*parent, step);
}

void Undo::roll_back(Json& root) {
  for (auto write = writes_.rbegin(); write != writes_.rend(); ++write) {
    const auto [parent_path, step] = split(write->path);
    Json* parent = mutable_at(root, parent_path);
    if (parent == nullptr) continue;
    if (!write->previous) {
      remove_child(*parent, step);
    } else if (Json* value = child(*parent, step); value != nullptr && !write->removed_item) {
      *value = std::move(*write->previous);
    } else if (parent->IsObject()) {
      set(*parent, step, std::move(*write->previous));
    } else if (const auto index = index_of(step); index && parent->IsArray() && *index <= parent->Size()) {
      push(*parent, std::move(*write->previous));
      std::rotate(parent->Begin() + *index, parent->End() - 1, parent->End());
    }
  }
  writes_.clear();
}

}  // namespace sluice::flow
