// The compiled form of a condition, shared by its compiler and its evaluation.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/flow/cel/cel.h"
#include "core/flow/condition.h"

namespace sluice::flow {

enum class Operator {
  kEq,
  kNe,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kContains,
  kNotContains,
  kExists,
  kIsSet,
  kIsEmpty,
  kStartsWith,
  kEndsWith,
  kMatches
};

// One operator with its operand; `folded` are the operand's texts as case-blind patterns when ignore_case is set.
struct Test {
  Operator op;
  Json operand;
  std::shared_ptr<const re2::RE2> pattern;              // of matches
  std::vector<std::shared_ptr<const re2::RE2>> folded;  // of the operand, or of its items when it is a list
};

struct Condition::Part {
  enum class Kind { kNever, kCel, kAnd, kOr, kNot, kNamed, kTests };

  Kind kind = Kind::kNever;
  std::string where;
  std::string problem;  // of kNever
  std::optional<cel::Program> program;
  std::vector<Part> parts;  // of kAnd, kOr, kNot
  std::string name;         // of kNamed; the path of kTests
  std::vector<Test> tests;
};

// A pattern that matches exactly this text whatever its case.
[[nodiscard]] std::shared_ptr<const re2::RE2> case_blind(std::string_view text);

[[nodiscard]] bool passes(const Test& test, const Json* value);

}  // namespace sluice::flow
