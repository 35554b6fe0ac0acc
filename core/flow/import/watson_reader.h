// The parser of Watson's expression language (a part of SpEL with $context, #intent and @entity), which writes CEL as
// it reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/import/watson_language.h"

namespace sluice::flow::importing {

// A translated part. `context` is the variable's path when the part is nothing but a variable; `truth` is set when the
// part is already a truth value and needs no test.
struct Part {
  std::string cel;
  Json json;  // instead of cel, when it names conditions of the flow
  std::string context;
  bool truth = false;
  bool is_null = false;
  bool compound = false;  // has an operator outside parentheses
};

// Bounded in depth and in what it writes; what it cannot read is no result.
class Reader {
 public:
  Reader(std::string_view text, WatsonLanguage& language, const std::string& path)
      : text_(text), language_(language), path_(path) {}

  [[nodiscard]] std::optional<Part> whole();

  // The part as a truth value.
  [[nodiscard]] static Part tested(Part part);

 private:
  using Maybe = std::optional<Part>;

  // watson_expression.cpp: tokens and operators, loosest first.
  void skip();
  bool take(std::string_view token);
  char peek();
  std::string_view name(std::string_view also);
  static std::string wrapped(const Part& part) { return part.compound ? "(" + part.cel + ")" : part.cel; }
  static Part joined(Part left, Part right, bool any);
  static Part compared(const Part& left, const Part& right, std::string_view sign);
  Maybe disjunction(int depth);
  Maybe conjunction(int depth);
  Maybe negation(int depth);
  Maybe comparison(int depth);
  Maybe sum(int depth);
  Maybe postfix(int depth);

  // watson_terms.cpp: operands and methods.
  Maybe primary(int depth);
  Maybe quoted(char quote);
  Maybe number();
  Maybe variable();
  Maybe intent();
  Maybe entity();
  Maybe word();
  Maybe bracketed(std::string_view word);
  Maybe member(Part of, std::string_view method, int depth);
  Maybe called(const std::string& self, std::string_view method, const Part& argument);
  bool followed_by_value_use();
  static Maybe of_context(std::string_view variable_name);
  static Maybe reference(const std::string& condition);

  std::string_view text_;
  WatsonLanguage& language_;
  const std::string& path_;
  std::size_t at_ = 0;
  std::size_t written_ = 0;  // bytes that entities' values took
};

}  // namespace sluice::flow::importing
