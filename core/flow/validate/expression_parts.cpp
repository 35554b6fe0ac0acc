// Facts about conditions, expressions and requests.
#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "core/flow/cel/cel.h"
#include "core/flow/condition.h"
#include "core/flow/path.h"
#include "core/flow/validate/graph_facts.h"
#include "core/flow/validate/parts.h"

namespace sluice::flow {
namespace {

// What cannot be compiled, or names what does not exist. Names are only looked up, so an empty condition stands for each.
std::string problem_of(const Json& expression, const Json& named) {
  if (expression.IsString()) {
    const auto program = cel::compile(text_of(expression));
    if (!program) return cel::to_text(program.error());
    if (!program->unknown_functions().empty()) return fmt::format("there is no function '{}'", program->unknown_functions().front().name);
    for (const cel::Reference& reference : program->variables()) {
      if (!is_scope(reference.name)) return fmt::format("'{}' is no scope", reference.name);
    }
    return {};
  }
  Condition::Names names;
  for (const auto& member : named.GetObject()) names.emplace(text_of(member.name), Condition());
  const Trace problems = Condition::compile(expression, &names).problems();
  if (problems.empty()) return {};
  const TraceEntry& first = problems.front();
  return first.where.empty() ? first.problem : first.where + ": " + first.problem;
}

// true or false when the condition does not depend on anything.
std::optional<bool> constant_of(const Json& condition) {
  if (condition.IsString()) {
    const auto program = cel::compile(text_of(condition));
    if (!program || !program->variables().empty()) return std::nullopt;
    const Json nothing = make_object();
    const auto value = cel::evaluate_bool(*program, nothing);
    return value ? std::optional<bool>(*value) : std::nullopt;
  }
  if (!condition.IsObject() || condition.MemberCount() != 1) return std::nullopt;
  const auto& only = *condition.MemberBegin();
  const bool empty_list = only.value.IsArray() && only.value.Empty();
  if (empty_list && text_of(only.name) == "and") return true;
  if (empty_list && text_of(only.name) == "or") return false;
  return std::nullopt;
}

}  // namespace

void expression_part(const Json& expression, const std::string& path, const Json& named, const PartSink& sink, const Json* node) {
  Json fact = make_object();
  set(fact, "text", expression.IsString() ? text_of(expression) : std::string_view());
  set(fact, "problem", problem_of(expression, named));
  sink("expression", path, std::move(fact), node);
}

void condition_parts(const Json& content, const ContentScope& scope) {
  const Json* entries = find(content, "conditions");
  const bool listed = entries != nullptr && entries->IsArray();
  Json count = make_object();
  set(count, "entries", Json(listed ? static_cast<int>(entries->Size()) : -1));
  scope.emit("condition", scope.path, std::move(count));
  const auto known = [&](std::string_view target) { return target.empty() || is_edge_label(target) || scope.is_node(target); };
  std::unordered_set<std::string> seen;
  bool shadowed = false;
  for (rapidjson::SizeType i = 0; listed && i < entries->Size(); ++i) {
    const Json& entry = (*entries)[i];
    const std::string path = fmt::format("{}.conditions[{}]", scope.path, i);
    static const Json kNone;
    const Json* found = find(entry, "if");
    const Json& condition = found == nullptr ? kNone : *found;
    const std::optional<bool> constant = constant_of(condition);
    const std::string_view then = string_member(entry, "then");
    const std::string_view otherwise = string_member(entry, "else");
    Json fact = make_object();
    set(fact, "constant", constant ? (*constant ? "true" : "false") : "");
    set(fact, "last", Json(i + 1 == entries->Size()));
    set(fact, "repeated", Json(!seen.insert(to_text(condition)).second));
    set(fact, "shadowed", Json(shadowed));
    set(fact, "target", known(then) ? otherwise : then);
    set(fact, "known_target", Json(known(then) && known(otherwise)));
    scope.emit("branch", path, std::move(fact));
    expression_part(condition, path + ".if", scope.named, scope.sink, &scope.node);
    shadowed = shadowed || constant.value_or(false) || !otherwise.empty();
  }
  for (const std::string_view key : {"else", "default_path"}) {
    const std::string_view target = string_member(content, key);
    if (known(target)) continue;
    Json fact = make_object();
    set(fact, "constant", "");
    set(fact, "last", Json(true));
    set(fact, "repeated", Json(false));
    set(fact, "shadowed", Json(false));
    set(fact, "target", target);
    set(fact, "known_target", Json(false));
    scope.emit("branch", fmt::format("{}.{}", scope.path, key), std::move(fact));
  }
}

void request_part(const Json& request, const std::string& path, const ContentScope& scope) {
  const std::string_view url = string_member(request, "url");
  const std::size_t colon = url.find("://");
  std::string scheme(colon == std::string_view::npos ? std::string_view() : url.substr(0, colon));
  for (char& c : scheme) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  std::string_view authority = colon == std::string_view::npos ? std::string_view() : url.substr(colon + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const std::size_t user_end = authority.rfind('@');
  std::string_view host = user_end == std::string_view::npos ? authority : authority.substr(user_end + 1);
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  host = bracket == std::string_view::npos ? host.substr(0, host.find(':')) : host.substr(0, bracket + 1);
  std::string lower_host(host);
  for (char& c : lower_host) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  bool authorized = false;
  if (const Json* headers = find(request, "headers"); headers != nullptr && headers->IsObject()) {
    for (const auto& header : headers->GetObject()) {
      std::string name(text_of(header.name));
      for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      for (const std::string_view sign : {"auth", "api-key", "apikey", "token"}) authorized = authorized || name.find(sign) != std::string::npos;
    }
  }
  const Json* timeout = find(request, "timeout");
  Json fact = make_object();
  set(fact, "url", url);
  set(fact, "scheme", scheme);
  set(fact, "host", lower_host);
  set(fact, "userinfo", Json(user_end != std::string_view::npos));
  set(fact, "absolute", Json(url.starts_with("{{") || ((scheme == "http" || scheme == "https") && !authority.empty())));
  set(fact, "timeout", timeout == nullptr ? Json() : clone(*timeout));
  set(fact, "authorized", Json(authorized));
  scope.emit("request", path, std::move(fact));
}

}  // namespace sluice::flow
