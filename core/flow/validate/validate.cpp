#include "core/flow/validate/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/flow/cel/cel.h"
#include "core/flow/validate/parts.h"
#include "core/flow/validate/schema.h"

namespace sluice::flow {
namespace {

constexpr std::string_view kSchemaRule = "schema";

// A rule with its expression compiled, or with why it could not be.
struct Ready {
  const Rule* rule;
  std::expected<cel::Program, cel::CelError> when;
};
using ByKind = std::map<std::string, std::vector<Ready>, std::less<>>;

ByKind ready(const std::vector<Rule>& rules) {
  ByKind kinds;
  for (const Rule& rule : rules) kinds[rule.on].push_back({&rule, cel::compile(rule.when)});
  return kinds;
}

// {name} is the fact of that name; other braces stay.
std::string filled(std::string_view text, const Json& facts) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t close = text[i] == '{' ? text.find('}', i) : std::string_view::npos;
    const Json* fact = close == std::string_view::npos ? nullptr : find(facts, text.substr(i + 1, close - i - 1));
    if (fact == nullptr) {
      result += text[i++];
      continue;
    }
    result += fact->IsString() ? std::string(text_of(*fact)) : to_text(*fact);
    i = close + 1;
  }
  return result;
}

class Validation {
 public:
  Validation(const Json& flow, const ValidateOptions& options)
      : flow_(flow), options_(options), more_(ready(options.more)) {
    const Json* settings = find(flow, "settings");
    const Json* https = settings == nullptr ? nullptr : find(*settings, "require_https");
    set(facts_of_options_, "require_https", Json(options.require_https || (https != nullptr && https->IsTrue())));
  }

  std::vector<Finding> run() {
    static const ByKind kBuiltIn = ready(built_in_rules());
    for_each_part(flow_, options_,
                  [&](std::string_view kind, const std::string& path, const Json& facts, const Json* node) {
                    for (const ByKind* rules : {&kBuiltIn, &std::as_const(more_)}) {
                      const auto found = rules->find(kind);
                      if (found == rules->end()) continue;
                      for (const Ready& rule : found->second) ask(rule, path, facts, node);
                    }
                    if (kind == "node" && node != nullptr) check_content(path, *node);
                  });
    return std::move(findings_);
  }

 private:
  [[nodiscard]] bool is_off(std::string_view rule) const { return options_.switched_off.contains(rule); }

  void ask(const Ready& ready_rule, const std::string& path, const Json& facts, const Json* node) {
    const Rule& rule = *ready_rule.rule;
    if (is_off(rule.name)) return;
    static const Json kNull;
    const auto found = ready_rule.when ? evaluate(*ready_rule.when, facts, node == nullptr ? kNull : *node)
                                       : std::expected<bool, cel::CelError>(std::unexpected(ready_rule.when.error()));
    if (!found) {
      findings_.push_back({path, Severity::kWarning, rule.name,
                           "the rule could not be evaluated: " + cel::to_text(found.error()),
                           "correct the rule's expression, or switch it off"});
    } else if (*found) {
      findings_.push_back({path, rule.severity, rule.name, filled(rule.message, facts), filled(rule.fix, facts)});
    }
  }

  [[nodiscard]] std::expected<bool, cel::CelError> evaluate(const cel::Program& program, const Json& facts,
                                                            const Json& node) const {
    static const Json kNothing = make_object();
    cel::Context context(kNothing);
    context.with("it", facts).with("node", node).with("flow", flow_).with("options", facts_of_options_);
    return cel::evaluate_bool(program, context);
  }

  void check_content(const std::string& path, const Json& node) {
    if (is_off(kSchemaRule)) return;
    const Json* content = find(node, "content");
    if (content == nullptr) return;
    for (const SchemaProblem& problem : check_schema(string_member(node, "node_type"), *content)) {
      const bool indexed = problem.path.empty() || problem.path.front() == '[';
      findings_.push_back({fmt::format("{}.content{}{}", path, indexed ? "" : ".", problem.path), Severity::kError,
                           std::string(kSchemaRule), problem.message, "see the schema of this node type"});
    }
  }

  const Json& flow_;
  const ValidateOptions& options_;
  ByKind more_;
  Json facts_of_options_ = make_object();
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> validate(const Json& flow, const ValidateOptions& options) {
  if (!flow.IsObject())
    return {
        {"", Severity::kError, std::string(kSchemaRule), "a flow must be a JSON object", "give the object of FLOW 11"}};
  return Validation(flow, options).run();
}

bool has_errors(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings, [](const Finding& finding) { return finding.severity == Severity::kError; });
}

}  // namespace sluice::flow
