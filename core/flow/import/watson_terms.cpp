// The operands and methods of Watson's expressions.
#include <fmt/format.h>

#include <array>
#include <cctype>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/watson_reader.h"

namespace sluice::flow::importing {
namespace {

constexpr std::size_t kMostWritten = std::size_t{64} * 1024;  // as long as a CEL expression may be
constexpr std::size_t kLongestRepeated = 2048;  // of a part that a method's translation writes more than once

}  // namespace

Reader::Maybe Reader::primary(int depth) {
  const char c = peek();
  if (c == '(') {
    ++at_;
    Maybe inner = disjunction(depth + 1);
    if (!inner || !take(")")) return std::nullopt;
    return inner;
  }
  if (c == '\'' || c == '"') return quoted(c);
  if (c == '$') return variable();
  if (c == '#') return intent();
  if (c == '@') return entity();
  if (c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0) return number();
  return word();
}

Reader::Maybe Reader::quoted(char quote) {
  const std::size_t close = text_.find(quote, at_ + 1);
  if (close == std::string_view::npos) return std::nullopt;
  Part part;
  part.cel = cel_string(text_.substr(at_ + 1, close - at_ - 1));
  at_ = close + 1;
  return part;
}

Reader::Maybe Reader::number() {
  const std::size_t begin = at_++;
  while (at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '.')) ++at_;
  const std::string_view digits = text_.substr(begin, at_ - begin);
  if (!is_number(digits)) return std::nullopt;
  Part part;
  part.cel = digits;
  return part;
}

Reader::Maybe Reader::of_context(std::string_view variable_name) {
  if (!safe_variable(variable_name)) return std::nullopt;
  Part part;
  part.context = fmt::format("variables.{}", variable_name);
  part.cel = part.context;
  return part;
}

Reader::Maybe Reader::variable() {
  ++at_;
  const bool bracketed = at_ < text_.size() && text_[at_] == '(';
  if (bracketed) ++at_;
  const std::string_view variable_name = name("_");
  if (bracketed && !take(")")) return std::nullopt;
  return of_context(variable_name);
}

Reader::Maybe Reader::reference(const std::string& condition) {
  Part part;
  part.truth = true;
  if (condition.empty()) {
    part.cel = "false";
  } else {
    part.json = object_of({{"$ref", condition}});
  }
  return part;
}

Reader::Maybe Reader::intent() {
  ++at_;
  const std::string_view intent_name = name("_-.");
  const std::string condition = language_.intent(intent_name);
  if (condition.empty())
    language_.note(path_, Severity::kWarning,
                   fmt::format("the workspace has no intent '{}': it is never recognised", intent_name));
  return reference(condition);
}

Reader::Maybe Reader::entity() {
  ++at_;
  const std::string_view entity_name = name("_-");
  std::string_view value;
  if (at_ < text_.size() && text_[at_] == ':') {
    ++at_;
    if (at_ < text_.size() && text_[at_] == '(') {
      const std::size_t close = text_.find(')', at_);
      if (close == std::string_view::npos) return std::nullopt;
      value = text_.substr(at_ + 1, close - at_ - 1);
      at_ = close + 1;
    } else {
      value = name("_-");
    }
  }
  const std::string condition = language_.entity(entity_name, value);
  if (condition.empty()) {
    language_.note(path_, Severity::kWarning,
                   fmt::format("'@{}' cannot be recognised here: it is never found", entity_name));
  }
  const bool used_as_value = value.empty() && followed_by_value_use();
  if (!used_as_value) return reference(condition);
  Part part;
  part.cel = language_.entity_value(entity_name);
  part.compound = true;
  written_ += part.cel.size();
  if (part.cel.empty() || written_ > kMostWritten) return std::nullopt;
  return part;
}

// A bare @entity is a test; one that is compared, computed with or asked for a member is a value.
bool Reader::followed_by_value_use() {
  const char next = peek();
  if (next == '.') return true;
  const std::string_view rest = text_.substr(at_);
  return next == '<' || next == '>' || next == '+' || next == '*' || rest.starts_with("==") || rest.starts_with("!=");
}

Reader::Maybe Reader::word() {
  const std::string_view word = name("_");
  Part part;
  part.truth = true;
  if (word == "true" || word == "anything_else") {
    part.cel = "true";
    return part;
  }
  if (word == "false" || word == "conversation_start" || word == "welcome" || word == "irrelevant") {
    part.cel = "false";
    return part;
  }
  part.truth = false;
  if (word == "null") {
    part.cel = "null";
    part.is_null = true;
    return part;
  }
  if (word == "now" && take("(") && take(")")) {
    part.cel = "string(timestamp(context.now))";
    return part;
  }
  if (word == "input" && take(".text")) {
    part.cel = kSaid;
    return part;
  }
  if (word == "context" || word == "entities") return bracketed(word);
  return std::nullopt;
}

// context['x'], context.x and entities['x'].
Reader::Maybe Reader::bracketed(std::string_view word) {
  std::string_view key;
  if (take("['") || take("[\"")) {
    key = name("_-");
    if (!take("']") && !take("\"]")) return std::nullopt;
  } else if (take(".")) {
    key = name("_");
  }
  if (key.empty()) return std::nullopt;
  return word == "context" ? of_context(key) : reference(language_.entity(key, {}));
}

Reader::Maybe Reader::member(Part of, std::string_view method, int depth) {
  if (!of.json.IsNull()) return std::nullopt;
  const std::string self = wrapped(of);
  Part part;
  if (method == "literal") {
    part.cel = kSaid;
    return part;
  }
  if (method == "value") return of;
  if (method == "values") {
    part.cel = "[" + of.cel + "]";
    return part;
  }
  if (peek() != '(')
    return of.context.empty() ? std::nullopt : of_context(of.context.substr(10) + "." + std::string(method));
  ++at_;
  Part argument;
  if (peek() != ')') {
    Maybe read = disjunction(depth + 1);
    if (!read || !read->json.IsNull()) return std::nullopt;
    argument = std::move(*read);
  }
  if (!take(")")) return std::nullopt;
  return called(self, method, argument);
}

Reader::Maybe Reader::called(const std::string& self, std::string_view method, const Part& argument) {
  struct Method {
    std::string_view name, cel;
    bool truth;
  };
  constexpr std::array<Method, 13> kMethods{{{"before", "{0} < {1}", true},
                                             {"after", "{0} > {1}", true},
                                             {"contains", "{0}.contains({1})", true},
                                             {"find", "{0}.matches({1})", true},
                                             {"matches", "{0}.matches({1})", true},
                                             {"startsWith", "{0}.startsWith({1})", true},
                                             {"endsWith", "{0}.endsWith({1})", true},
                                             {"length", "size({0})", false},
                                             {"size", "size({0})", false},
                                             {"toLowerCase", "{0}.lowerAscii()", false},
                                             {"toUpperCase", "{0}.upperAscii()", false},
                                             {"trim", "{0}.trim()", false},
                                             {"append", "(type({0}) == list ? {0} + [{1}] : {0} + {1})", false}}};
  Part part;
  for (const Method& known : kMethods) {
    if (known.name != method) continue;
    if (self.size() > kLongestRepeated && method == "append") return std::nullopt;
    part.cel = fmt::format(fmt::runtime(known.cel), self, argument.cel);
    part.truth = known.truth;
    part.compound = method == "before" || method == "after";
    return part;
  }
  if (method == "plusMonths" || method == "plusDays") {
    if (!is_integer(argument.cel) || argument.cel.size() > 4) return std::nullopt;
    const int hours = std::stoi(argument.cel) * (method == "plusDays" ? 24 : 730);
    if (method == "plusMonths") language_.note(path_, Severity::kInfo, "a month is counted as 730 hours");
    part.cel = fmt::format("string(timestamp({}) + duration(\"{}h\"))", self, hours);
    return part;
  }
  if (method != "reformatDateTime") return std::nullopt;
  if (argument.cel == "\"yyyy-MM-dd\"") {
    part.cel = fmt::format("{}.substring(0, 10)", self);
  } else {
    language_.note(path_, Severity::kWarning,
                   fmt::format("dates are not reformatted ({}): the value is used as it is", argument.cel));
    part.cel = self;
  }
  return part;
}

}  // namespace sluice::flow::importing
