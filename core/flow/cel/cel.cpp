#include "core/flow/cel/cel.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/flow/cel/ast.h"
#include "core/flow/cel/evaluator.h"
#include "core/flow/cel/result.h"

namespace sluice::cel {
namespace {

class ContextVariables final : public Variables {
 public:
  explicit ContextVariables(const Context& context) : context_(context) {}

  [[nodiscard]] std::optional<Value> find(std::string_view name) const override {
    const Json* value = context_.find(name);
    if (value == nullptr) return std::nullopt;
    return Value::from_json(*value);
  }

 private:
  const Context& context_;
};

class TypedVariables final : public Variables {
 public:
  void add(std::string_view name, const Value& value) { values_.insert_or_assign(name, value); }

  [[nodiscard]] std::optional<Value> find(std::string_view name) const override {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] bool has_qualified_names() const override {
    return std::ranges::any_of(values_, [](const auto& entry) { return entry.first.contains('.'); });
  }

 private:
  std::map<std::string_view, Value> values_;
};

// Evaluates and gives the value, which lives in `work`, to `convert`.
template <typename Result, typename Convert>
std::expected<Result, CelError> run(const Compiled& compiled, Work& work, const Variables& variables, Convert convert) {
  const auto failed = [&](std::string message, std::size_t offset) {
    return std::unexpected(located({std::move(message), offset}, compiled.text));
  };
  try {
    const Value value = Evaluator(work, variables, compiled.slots).evaluate(compiled.root);
    if (value.is_error()) return failed(std::string(value.failure().message), value.failure().offset);
    std::expected<Result, std::string> result = convert(value);
    if (!result) return failed(std::move(result.error()), compiled.root.offset);
    return std::move(*result);
  } catch (const LimitExceeded& limit) {
    return std::unexpected(located(limit.error, compiled.text));
  }
}

}  // namespace

std::string to_text(const CelError& error) { return fmt::format("{}:{}: {}", error.line, error.column, error.message); }

const std::string& Program::text() const { return compiled_->text; }
const std::vector<Reference>& Program::variables() const { return compiled_->variables; }
const std::vector<Reference>& Program::unknown_functions() const { return compiled_->unknown_functions; }

const Json* Context::find(std::string_view name) const {
  for (auto entry = extra_.rbegin(); entry != extra_.rend(); ++entry) {
    if (entry->first == name) return entry->second;
  }
  return sluice::find(*object_, name);
}

CelError located(CelError error, std::string_view expression) {
  const std::string_view before = expression.substr(0, error.offset);
  error.line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
  error.column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0: the first line
  return error;
}

std::expected<Program, CelError> compile(std::string_view expression) {
  auto root = parse(expression);
  if (!root) return std::unexpected(located(std::move(root.error()), expression));
  auto compiled = std::make_shared<Compiled>();
  compiled->text = expression;
  compiled->root = std::move(*root);
  if (auto resolved = resolve(*compiled); !resolved) return std::unexpected(located(std::move(resolved.error()), expression));
  return Program(std::move(compiled));
}

std::expected<Json, CelError> evaluate(const Program& program, const Context& context, Limits limits) {
  Work work(limits);
  return run<Json>(program.compiled(), work, ContextVariables(context), [](const Value& value) { return to_json(value); });
}

std::expected<bool, CelError> evaluate_bool(const Program& program, const Context& context, Limits limits) {
  Work work(limits);
  return run<bool>(program.compiled(), work, ContextVariables(context), [](const Value& value) -> std::expected<bool, std::string> {
    if (!value.is(Kind::kBool)) return std::unexpected(fmt::format("the result is no bool but {}", type_name(value.kind())));
    return value.as_bool();
  });
}

std::expected<Json, CelError> eval_typed_json(std::string_view expression, const Json& bindings, Limits limits) {
  const auto program = compile(expression);
  if (!program) return std::unexpected(program.error());
  Work work(limits);
  TypedVariables variables;
  if (!bindings.IsObject()) return std::unexpected(CelError{"bindings must be an object of typed values"});
  try {
    for (const auto& member : bindings.GetObject()) {
      const auto value = from_typed_json(work, member.value);
      if (!value) return std::unexpected(CelError{fmt::format("binding {}: {}", text_of(member.name), value.error())});
      variables.add(text_of(member.name), *value);
    }
  } catch (const LimitExceeded& limit) {
    return std::unexpected(limit.error);
  }
  return run<Json>(program->compiled(), work, variables, [](const Value& value) { return to_typed_json(value); });
}

}  // namespace sluice::cel
