#include "core/flow/import/sluice_rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/flow/import/naming.h"

namespace sluice::flow::importing {
namespace {

constexpr std::array<std::string_view, 8> kScopes{"user",    "variables", "context", "temp",
                                                  "session", "input",     "output",  "local"};

// Members that hold expressions, patterns or code, where a brace is not ours to touch.
constexpr std::array<std::string_view, 8> kNoTemplates{"pattern",    "if",   "condition", "conditions",
                                                       "expression", "code", "cel",       "script"};

constexpr double kFirstMilliseconds = 1000;

// What follows `$` is a template of some other language.
bool foreign(std::string_view text, std::size_t open) {
  return open > 0 && text[open - 1] == '$';
}

}  // namespace

bool has_scope(std::string_view path) {
  const std::string_view scope = path.substr(0, path.find_first_of(".["));
  return scope.size() < path.size() && std::ranges::find(kScopes, scope) != kScopes.end();
}

void ContentRewriter::know(std::string_view variable) {
  if (safe_variable(variable) && !has_scope(variable)) known_.emplace(variable);
}

void ContentRewriter::know_those_of(const Json& content) {
  know(string_member(content, "variable"));
  if (const Json* mapping = find(content, "response_mapping"); mapping != nullptr && mapping->IsObject()) {
    for (const auto& member : mapping->GetObject()) know(text_of(member.name));
  }
  if (const Json* actions = find(content, "actions"); actions != nullptr && actions->IsArray()) {
    for (const Json& action : actions->GetArray()) {
      know(string_member(action, "variable"));
      know(string_member(action, "target"));
    }
  }
}

void ContentRewriter::rewrite(Json& content, const std::string& path) {
  rewrite_value(content, {}, path, 0);
}

void ContentRewriter::rewrite_value(Json& value, std::string_view key, const std::string& path, int depth) {
  if (depth >= kDeepestContent || std::ranges::find(kNoTemplates, key) != kNoTemplates.end()) return;
  if (value.IsString()) {
    std::string rewritten = with_double_braces(text_of(value));
    if (rewritten == text_of(value)) return;
    report_.push_back({path, Severity::kInfo, fmt::format("'{}' is written '{}'", text_of(value), rewritten)});
    value = make_string(rewritten);
  } else if (value.IsNumber() && key == "timeout") {
    rewrite_timeout(value, path);
  } else if (value.IsArray()) {
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i)
      rewrite_value(value[i], {}, fmt::format("{}[{}]", path, i), depth + 1);
  } else if (value.IsObject()) {
    for (auto& member : value.GetObject()) {
      rewrite_value(member.value, text_of(member.name), fmt::format("{}.{}", path, text_of(member.name)), depth + 1);
    }
  }
}

void ContentRewriter::rewrite_timeout(Json& value, const std::string& path) {
  if (milliseconds_ && value.GetDouble() >= kFirstMilliseconds) {
    const double seconds = value.GetDouble() / 1000;
    const std::string before = to_text(value);
    const bool whole = seconds == std::floor(seconds) && seconds < 1e15;
    value = whole ? Json(static_cast<std::int64_t>(seconds)) : Json(seconds);
    report_.push_back(
        {path, Severity::kInfo, fmt::format("timeout {} is milliseconds: {} seconds", before, to_text(value))});
  }
  long_timeout_left_ = long_timeout_left_ || value.GetDouble() >= kFirstMilliseconds;
}

std::string ContentRewriter::with_double_braces(std::string_view text) const {
  std::string result;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.substr(i).starts_with("{{")) {
      const std::size_t close = text.find("}}", i);
      const std::size_t end = close == std::string_view::npos ? text.size() : close + 2;
      result.append(text.substr(i, end - i));
      i = end;
      continue;
    }
    const std::size_t close =
        text[i] == '{' && !foreign(text, i) ? text.find_first_of("{}", i + 1) : std::string_view::npos;
    const std::string reference = close != std::string_view::npos && text[close] == '}'
                                      ? reference_for(text.substr(i + 1, close - i - 1))
                                      : std::string();
    if (reference.empty()) {
      result += text[i++];
    } else {
      result += reference;
      i = close + 1;
    }
  }
  return result;
}

std::string ContentRewriter::reference_for(std::string_view name) const {
  constexpr std::string_view kSecret = "secret:";
  if (name.starts_with(kSecret))
    return safe_variable(name.substr(kSecret.size())) ? fmt::format("{{{{{}}}}}", name) : std::string();
  if (!safe_variable(name)) return {};
  if (has_scope(name)) return fmt::format("{{{{{}}}}}", name);
  return known_.contains(name.substr(0, name.find('.'))) ? fmt::format("{{{{variables.{}}}}}", name) : std::string();
}

}  // namespace sluice::flow::importing
