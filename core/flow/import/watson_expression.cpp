// Watson's expression language (a part of SpEL with $context, #intent and @entity) as CEL.
#include <fmt/format.h>

#include <array>
#include <cctype>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/watson_language.h"

namespace sluice::flow::importing {
namespace {

constexpr int kDeepest = 40;
constexpr std::size_t kLongest = 16 * 1024;

// A translated part. `context` is the variable's path when the part is nothing but a variable; `truth` is set when the part
// is already a truth value and needs no test.
struct Part {
  std::string cel;
  Json json;
  std::string context;
  bool truth = false;
  bool is_null = false;
  bool compound = false;  // has an operator outside parentheses
};

class Reader {
 public:
  Reader(std::string_view text, WatsonLanguage& language, const std::string& path) : text_(text), language_(language), path_(path) {}

  std::optional<Part> whole() {
    if (text_.size() > kLongest) return std::nullopt;
    auto part = disjunction(0);
    skip();
    return part && at_ == text_.size() ? std::move(part) : std::nullopt;
  }

  static Part tested(Part part) {
    if (part.truth) return part;
    if (!part.context.empty()) part.cel = fmt::format("has({0}) && !({0} in [null, false])", part.context);
    part.truth = true;
    part.compound = true;
    return part;
  }

 private:
  using Maybe = std::optional<Part>;

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    const bool word = std::isalpha(static_cast<unsigned char>(token[0])) != 0;
    const std::size_t end = at_ + token.size();
    if (word && end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_')) return false;
    at_ = end;
    return true;
  }
  [[nodiscard]] char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string_view name(std::string_view also) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || also.find(text_[at_]) != std::string_view::npos)) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  static std::string wrapped(const Part& part) { return part.compound ? "(" + part.cel + ")" : part.cel; }

  static Part joined(Part left, Part right, bool any) {
    left = tested(std::move(left));
    right = tested(std::move(right));
    Part part;
    part.truth = true;
    if (left.json.IsNull() && right.json.IsNull()) {
      part.cel = wrapped(left) + (any ? " || " : " && ") + wrapped(right);
      part.compound = true;
      return part;
    }
    const std::string_view key = any ? "or" : "and";
    Json list = make_array();
    for (Part* side : {&left, &right}) {
      Json* same = side->json.IsObject() && side->json.MemberCount() == 1 ? find(side->json, key) : nullptr;
      if (same != nullptr) {
        for (Json& item : same->GetArray()) push(list, Json(std::move(item)));
      } else {
        push(list, side->json.IsNull() ? make_string(side->cel) : Json(std::move(side->json)));
      }
    }
    part.json = make_object();
    set(part.json, key, std::move(list));
    return part;
  }

  Maybe disjunction(int depth) {
    if (depth > kDeepest) return std::nullopt;
    Maybe left = conjunction(depth);
    while (left && (take("||") || take("or") || take("OR"))) {
      Maybe right = conjunction(depth);
      if (!right) return std::nullopt;
      left = joined(std::move(*left), std::move(*right), true);
    }
    return left;
  }

  Maybe conjunction(int depth) {
    Maybe left = negation(depth);
    while (left && (take("&&") || take("and") || take("AND"))) {
      Maybe right = negation(depth);
      if (!right) return std::nullopt;
      left = joined(std::move(*left), std::move(*right), false);
    }
    return left;
  }

  Maybe negation(int depth) {
    if (depth > kDeepest) return std::nullopt;
    skip();
    const bool negated = !text_.substr(at_).starts_with("!=") && (take("!") || take("not"));
    if (!negated) return comparison(depth);
    Maybe inner = negation(depth + 1);
    if (!inner) return std::nullopt;
    Part part = tested(std::move(*inner));
    if (part.json.IsNull()) {
      part.cel = "!(" + part.cel + ")";
      part.compound = false;
    } else {
      Json json = make_object();
      set(json, "not", std::move(part.json));
      part.json = std::move(json);
    }
    return part;
  }

  Maybe comparison(int depth) {
    Maybe left = sum(depth);
    if (!left) return std::nullopt;
    constexpr std::array<std::string_view, 6> kSigns{"==", "!=", "<=", ">=", "<", ">"};
    for (const std::string_view sign : kSigns) {
      if (!take(sign)) continue;
      Maybe right = sum(depth);
      if (!right || !left->json.IsNull() || !right->json.IsNull()) return std::nullopt;
      return compared(*left, *right, sign);
    }
    return left;
  }

  // A variable that was never set equals null, and differs from everything else.
  static Part compared(const Part& left, const Part& right, std::string_view sign) {
    Part part;
    part.truth = true;
    part.compound = true;
    const bool equality = sign == "==" || sign == "!=";
    if (equality && right.is_null && !left.context.empty()) {
      part.cel = fmt::format("!has({0}) || {0} == null", left.context);
    } else if (equality && !left.context.empty()) {
      part.cel = fmt::format("has({}) && {} == {}", left.context, left.context, wrapped(right));
    } else {
      part.cel = fmt::format("{} {} {}", wrapped(left), equality ? std::string_view("==") : sign, wrapped(right));
    }
    if (sign == "!=") {
      part.cel = "!(" + part.cel + ")";
      part.compound = false;
    }
    return part;
  }

  Maybe sum(int depth) {
    Maybe left = postfix(depth);
    while (left) {
      const char sign = peek();
      if (sign != '+' && sign != '-' && sign != '*' && sign != '/') break;
      ++at_;
      Maybe right = postfix(depth);
      if (!right || !left->json.IsNull() || !right->json.IsNull()) return std::nullopt;
      Part part;
      part.cel = fmt::format("{} {} {}", wrapped(*left), sign, wrapped(*right));
      part.compound = true;
      left = std::move(part);
    }
    return left;
  }

  Maybe postfix(int depth) {
    Maybe part = primary(depth);
    while (part && at_ < text_.size()) {
      if (text_[at_] == '.') {
        ++at_;
        part = member(std::move(*part), name("_"), depth);
      } else if (text_[at_] == '[') {
        ++at_;
        Maybe index = disjunction(depth + 1);
        if (!index || !take("]") || !part->json.IsNull()) return std::nullopt;
        part->cel = fmt::format("{}[{}]", wrapped(*part), index->cel);
        part->context.clear();
      } else {
        break;
      }
    }
    return part;
  }

  Maybe primary(int depth) {
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
    return word(depth);
  }

  Maybe quoted(char quote) {
    const std::size_t close = text_.find(quote, at_ + 1);
    if (close == std::string_view::npos) return std::nullopt;
    Part part;
    part.cel = cel_string(text_.substr(at_ + 1, close - at_ - 1));
    at_ = close + 1;
    return part;
  }

  Maybe number() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '.')) ++at_;
    const std::string_view digits = text_.substr(begin, at_ - begin);
    if (!is_number(digits)) return std::nullopt;
    Part part;
    part.cel = digits;
    return part;
  }

  static Maybe of_context(std::string_view variable_name) {
    if (!safe_variable(variable_name)) return std::nullopt;
    Part part;
    part.context = fmt::format("variables.{}", variable_name);
    part.cel = part.context;
    return part;
  }

  Maybe variable() {
    ++at_;
    const bool bracketed = at_ < text_.size() && text_[at_] == '(';
    if (bracketed) ++at_;
    const std::string_view variable_name = name("_");
    if (bracketed && !take(")")) return std::nullopt;
    return of_context(variable_name);
  }

  static Maybe reference(const std::string& condition) {
    Part part;
    part.truth = true;
    if (condition.empty()) {
      part.cel = "false";
    } else {
      part.json = object_of({{"$ref", condition}});
    }
    return part;
  }

  Maybe intent() {
    ++at_;
    const std::string_view intent_name = name("_-.");
    const std::string condition = language_.intent(intent_name);
    if (condition.empty()) language_.note(path_, Severity::kWarning, fmt::format("the workspace has no intent '{}': it is never recognised", intent_name));
    return reference(condition);
  }

  Maybe entity() {
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
    if (condition.empty()) language_.note(path_, Severity::kWarning, fmt::format("'@{}' cannot be recognised here: it is never found", text_.substr(at_ - entity_name.size() - (value.empty() ? 0 : value.size() + 1), entity_name.size())));
    const bool used_as_value = value.empty() && followed_by_value_use();
    if (!used_as_value) return reference(condition);
    Part part;
    part.cel = language_.entity_value(entity_name);
    part.compound = true;
    if (part.cel.empty()) return std::nullopt;
    return part;
  }

  // A bare @entity is a test; one that is compared, computed with or asked for a member is a value.
  bool followed_by_value_use() {
    const char next = peek();
    if (next == '.') return true;
    const std::string_view rest = text_.substr(at_);
    return next == '<' || next == '>' || next == '+' || next == '*' || rest.starts_with("==") || rest.starts_with("!=");
  }

  Maybe word(int depth) {
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
    if (word == "context" || word == "entities") return bracketed(word, depth);
    return std::nullopt;
  }

  // context['x'], context.x and entities['x'].
  Maybe bracketed(std::string_view word, int /*depth*/) {
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

  Maybe member(Part of, std::string_view method, int depth) {
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
    if (peek() != '(') return of.context.empty() ? std::nullopt : of_context(of.context.substr(10) + "." + std::string(method));
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

  Maybe called(const std::string& self, std::string_view method, const Part& argument) {
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
      language_.note(path_, Severity::kWarning, fmt::format("dates are not reformatted ({}): the value is used as it is", argument.cel));
      part.cel = self;
    }
    return part;
  }

  std::string_view text_;
  WatsonLanguage& language_;
  const std::string& path_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<WatsonTest> read_spel(std::string_view spel, WatsonLanguage& language, const std::string& path) {
  auto part = Reader(spel, language, path).whole();
  if (!part) return std::nullopt;
  Part tested = Reader::tested(std::move(*part));
  return WatsonTest{std::move(tested.cel), std::move(tested.json)};
}

std::optional<std::string> read_spel_value(std::string_view spel, WatsonLanguage& language, const std::string& path) {
  if (spel.starts_with('@')) {
    // A whole entity is its value, where a condition would only ask whether it is there.
    const std::string_view name = spel.substr(1);
    if (name.find_first_of(" .:=<>+*/()") == std::string_view::npos) {
      std::string cel = language.entity_value(name);
      if (cel.empty()) return std::nullopt;
      return cel;
    }
  }
  auto part = Reader(spel, language, path).whole();
  if (!part || !part->json.IsNull()) return std::nullopt;
  return std::move(part->cel);
}

}  // namespace sluice::flow::importing
