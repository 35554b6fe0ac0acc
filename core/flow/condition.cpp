#include "core/flow/condition.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/flow/condition_part.h"
#include "core/flow/path.h"

namespace sluice::flow {
namespace {

using Part = Condition::Part;

constexpr int kMaxDepth = 64;      // of and, or, not and $ref inside each other
constexpr int kMaxPattern = 4096;  // bytes of a matches pattern

constexpr std::array<std::pair<std::string_view, Operator>, 17> kOperators{{
    {"eq", Operator::kEq},
    {"ne", Operator::kNe},
    {"gt", Operator::kGt},
    {"gte", Operator::kGte},
    {"lt", Operator::kLt},
    {"lte", Operator::kLte},
    {"in", Operator::kIn},
    {"contains", Operator::kContains},
    {"not_contains", Operator::kNotContains},
    {"exists", Operator::kExists},
    {"is_set", Operator::kIsSet},
    {"is_empty", Operator::kIsEmpty},
    {"starts_with", Operator::kStartsWith},
    {"startsWith", Operator::kStartsWith},
    {"ends_with", Operator::kEndsWith},
    {"endsWith", Operator::kEndsWith},
    {"matches", Operator::kMatches},
}};

std::optional<Operator> operator_named(std::string_view name) {
  for (const auto& [text, op] : kOperators) {
    if (text == name) return op;
  }
  return std::nullopt;
}

Part never(std::string where, std::string problem) {
  Part part;
  part.where = std::move(where);
  part.problem = std::move(problem);
  return part;
}

std::string inside(const std::string& where, std::string_view step) {
  return where.empty() ? std::string(step) : fmt::format("{}.{}", where, step);
}

Part compile(const Json& source, const std::string& where, int depth);

Part compile_cel(std::string_view text, const std::string& where) {
  if (text.empty()) return never(where, "the expression is empty");
  auto program = cel::compile(text);
  if (!program) return never(where, "cel: " + cel::to_text(program.error()));
  Part part;
  part.kind = Part::Kind::kCel;
  part.where = where;
  part.program = std::move(*program);
  return part;
}

Part compile_list(Part::Kind kind, const Json& list, const std::string& where, int depth) {
  if (!list.IsArray()) return never(where, "needs a list of conditions");
  Part part;
  part.kind = kind;
  part.where = where;
  for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
    part.parts.push_back(compile(list[i], fmt::format("{}[{}]", where, i), depth + 1));
  }
  return part;
}

// The test of one operator, or the problem with its operand.
std::expected<Test, std::string> compile_test(Operator op, const Json& operand, bool ignore_case) {
  Test test{op, clone(operand), nullptr, {}};
  const bool flag = op == Operator::kExists || op == Operator::kIsSet || op == Operator::kIsEmpty;
  const bool text = op == Operator::kStartsWith || op == Operator::kEndsWith || op == Operator::kMatches;
  if (flag && !operand.IsBool()) return std::unexpected("needs true or false");
  if (text && !operand.IsString()) return std::unexpected("needs a text");
  if (op == Operator::kIn && !operand.IsArray()) return std::unexpected("needs a list");
  if (op == Operator::kMatches) {
    if (operand.GetStringLength() > kMaxPattern)
      return std::unexpected(fmt::format("pattern is over {} bytes", kMaxPattern));
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_case_sensitive(!ignore_case);
    auto pattern =
        std::make_shared<const re2::RE2>(re2::StringPiece(operand.GetString(), operand.GetStringLength()), options);
    if (!pattern->ok()) return std::unexpected("bad pattern: " + pattern->error());
    test.pattern = std::move(pattern);
  } else if (ignore_case && operand.IsString()) {
    test.folded.push_back(case_blind(text_of(operand)));
  } else if (ignore_case && operand.IsArray()) {
    for (const auto& item : operand.GetArray())
      test.folded.push_back(item.IsString() ? case_blind(text_of(item)) : nullptr);
  }
  return test;
}

// Several keys in one object must all hold.
Part compile_object(const Json& object, const std::string& where, int depth) {
  Part all;
  all.kind = Part::Kind::kAnd;
  all.where = where;
  Part tests;
  tests.kind = Part::Kind::kTests;
  tests.where = where;
  const Json* path = find(object, "var");
  const Json* fold = find(object, "ignore_case");
  const bool ignore_case = fold != nullptr && fold->IsTrue();

  for (const auto& member : object.GetObject()) {
    const auto key = text_of(member.name);
    const std::string at = inside(where, key);
    if (key == "var" || key == "ignore_case") continue;
    if (key == "and" || key == "or") {
      all.parts.push_back(compile_list(key == "and" ? Part::Kind::kAnd : Part::Kind::kOr, member.value, at, depth));
    } else if (key == "not") {
      Part negation;
      negation.kind = Part::Kind::kNot;
      negation.where = at;
      negation.parts.push_back(compile(member.value, at, depth + 1));
      all.parts.push_back(std::move(negation));
    } else if (key == "$ref") {
      if (!member.value.IsString()) return never(at, "needs the name of a condition");
      Part named;
      named.kind = Part::Kind::kNamed;
      named.where = at;
      named.name = text_of(member.value);
      all.parts.push_back(std::move(named));
    } else if (const auto op = operator_named(key)) {
      auto test = compile_test(*op, member.value, ignore_case);
      if (!test) return never(at, test.error());
      tests.tests.push_back(std::move(*test));
    } else {
      return never(at, fmt::format("\"{}\" is no operator", key));
    }
  }
  if (!tests.tests.empty()) {
    if (path == nullptr || !path->IsString()) return never(where, "an operator needs \"var\": path");
    tests.name = scoped(text_of(*path));
    all.parts.push_back(std::move(tests));
  } else if (path != nullptr) {
    return never(where, "\"var\" needs an operator");
  }
  if (all.parts.empty()) return never(where, "is empty");
  if (all.parts.size() > 1) return all;
  Part only = std::move(all.parts.front());
  return only;
}

Part compile(const Json& source, const std::string& where, int depth) {
  if (depth > kMaxDepth) return never(where, fmt::format("nested deeper than {} levels", kMaxDepth));
  if (source.IsString()) return compile_cel(text_of(source), where);
  if (source.IsObject()) return compile_object(source, where, depth);
  return never(where, "is neither an object nor an expression");
}

class Evaluation {
 public:
  Evaluation(const Json& state, Trace* trace) : state_(state), trace_(trace) {}

  bool holds(const Part& part, const Condition::Names* names, int depth) {
    if (depth > kMaxDepth) return no(part, fmt::format("nested deeper than {} levels", kMaxDepth));
    switch (part.kind) {
      case Part::Kind::kNever:
        return no(part, part.problem);
      case Part::Kind::kCel:
        return cel_holds(part);
      case Part::Kind::kAnd:
        for (const Part& inner : part.parts) {
          if (!holds(inner, names, depth + 1)) return false;
        }
        return true;
      case Part::Kind::kOr:
        for (const Part& inner : part.parts) {
          if (holds(inner, names, depth + 1)) return true;
        }
        return false;
      case Part::Kind::kNot:
        return !holds(part.parts.front(), names, depth + 1);
      case Part::Kind::kNamed:
        return named_holds(part, names, depth);
      case Part::Kind::kTests: {
        const Json* value = resolve(state_, part.name);
        for (const Test& test : part.tests) {
          if (!passes(test, value)) return false;
        }
        return true;
      }
    }
    return false;
  }

 private:
  bool no(const Part& part, std::string problem) {
    if (trace_ != nullptr) trace_->push_back({part.where, std::move(problem)});
    return false;
  }

  bool cel_holds(const Part& part) {
    auto result = cel::evaluate_bool(*part.program, state_);
    return result ? *result : no(part, "cel: " + cel::to_text(result.error()));
  }

  bool named_holds(const Part& part, const Condition::Names* names, int depth) {
    const auto named = names == nullptr ? Condition::Names::const_iterator{} : names->find(part.name);
    if (names == nullptr || named == names->end())
      return no(part, fmt::format("no condition is named \"{}\"", part.name));
    return holds(named->second.part(), names, depth + 1);
  }

  const Json& state_;
  Trace* trace_;
};

void collect(const Part& part, const Condition::Names* names, Trace& problems) {
  if (part.kind == Part::Kind::kNever) problems.push_back({part.where, part.problem});
  if (part.kind == Part::Kind::kNamed && (names == nullptr || !names->contains(part.name))) {
    problems.push_back({part.where, fmt::format("no condition is named \"{}\"", part.name)});
  }
  for (const Part& inner : part.parts) collect(inner, names, problems);
}

}  // namespace

Condition::Condition() : part_(std::make_shared<const Part>(never("", "there is no condition"))) {}

Condition Condition::compile(const Json& source, const Names* names) {
  Condition condition;
  condition.part_ = std::make_shared<const Part>(flow::compile(source, "", 0));
  condition.names_ = names;
  return condition;
}

bool Condition::holds(const Json& state, Trace* trace) const {
  return Evaluation(state, trace).holds(*part_, names_, 0);
}

Trace Condition::problems() const {
  Trace problems;
  collect(*part_, names_, problems);
  return problems;
}

}  // namespace sluice::flow
