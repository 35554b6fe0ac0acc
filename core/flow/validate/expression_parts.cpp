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

constexpr int kDeepestCondition = 64;

// Those of the flow's named conditions that this one refers to.
void collect_names(const Json& condition, const Json& named, Condition::Names& names, int depth) {
  if (depth > kDeepestCondition) return;
  if (condition.IsArray()) {
    for (const Json& item : condition.GetArray()) collect_names(item, named, names, depth + 1);
  } else if (condition.IsObject()) {
    const std::string_view name = string_member(condition, "$ref");
    if (!name.empty() && find(named, name) != nullptr) names.emplace(name, Condition());
    for (const auto& member : condition.GetObject()) collect_names(member.value, named, names, depth + 1);
  }
}

using Compiled = std::expected<cel::Program, cel::CelError>;

std::string problem_of_cel(const Compiled& program) {
  if (!program) return cel::to_text(program.error());
  if (!program->unknown_functions().empty())
    return fmt::format("there is no function '{}'", program->unknown_functions().front().name);
  for (const cel::Reference& reference : program->variables()) {
    if (!is_scope(reference.name)) return fmt::format("'{}' is no scope", reference.name);
  }
  return {};
}

// Of a JSON condition. Names are only looked up, so an empty condition stands for each.
std::string problem_of(const Json& expression, const Json& named) {
  Condition::Names names;
  collect_names(expression, named, names, 0);
  const Trace problems = Condition::compile(expression, &names).problems();
  if (problems.empty()) return {};
  const TraceEntry& first = problems.front();
  return first.where.empty() ? first.problem : first.where + ": " + first.problem;
}

// true or false when the expression does not depend on anything.
std::optional<bool> constant_of_cel(const Compiled& program) {
  if (!program || !program->variables().empty()) return std::nullopt;
  const Json nothing = make_object();
  const auto value = cel::evaluate_bool(*program, nothing);
  return value ? std::optional<bool>(*value) : std::nullopt;
}

std::optional<bool> constant_of(const Json& condition) {
  if (!condition.IsObject() || condition.MemberCount() != 1) return std::nullopt;
  const auto& only = *condition.MemberBegin();
  const bool empty_list = only.value.IsArray() && only.value.Empty();
  if (empty_list && text_of(only.name) == "and") return true;
  if (empty_list && text_of(only.name) == "or") return false;
  return std::nullopt;
}

}  // namespace

void expression_part(const Json& expression, const std::string& path, const Json& named, const PartSink& sink,
                     const Json* node) {
  Json fact = make_object();
  set(fact, "text", expression.IsString() ? text_of(expression) : std::string_view());
  set(fact, "problem",
      expression.IsString() ? problem_of_cel(cel::compile(text_of(expression))) : problem_of(expression, named));
  sink("expression", path, std::move(fact), node);
}

void condition_parts(const Json& content, const ContentScope& scope) {
  const Json* entries = find(content, "conditions");
  const bool listed = entries != nullptr && entries->IsArray();
  Json count = make_object();
  set(count, "entries", Json(listed ? static_cast<int>(entries->Size()) : -1));
  scope.emit("condition", scope.path, std::move(count));
  const auto known = [&](std::string_view target) {
    return target.empty() || is_edge_label(target) || scope.is_node(target);
  };
  std::unordered_set<std::string> seen;
  bool shadowed = false;
  for (rapidjson::SizeType i = 0; listed && i < entries->Size(); ++i) {
    const Json& entry = (*entries)[i];
    const std::string path = fmt::format("{}.conditions[{}]", scope.path, i);
    static const Json kNone;
    const Json* found = find(entry, "if");
    const Json& condition = found == nullptr ? kNone : *found;
    const auto program =
        condition.IsString() ? std::optional<Compiled>(cel::compile(text_of(condition))) : std::nullopt;
    const std::optional<bool> constant = program ? constant_of_cel(*program) : constant_of(condition);
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
    Json expression = make_object();
    set(expression, "text", condition.IsString() ? text_of(condition) : std::string_view());
    set(expression, "problem", program ? problem_of_cel(*program) : problem_of(condition, scope.named));
    scope.emit("expression", path + ".if", std::move(expression));
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
      for (const std::string_view sign : {"auth", "api-key", "apikey", "token"})
        authorized = authorized || name.find(sign) != std::string::npos;
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
