#include <fmt/format.h>

#include <array>
#include <cctype>

#include "core/flow/import/watson_reader.h"

namespace sluice::flow::importing {
namespace {

constexpr int kDeepest = 40;
constexpr std::size_t kLongest = std::size_t{16} * 1024;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

}  // namespace

std::optional<Part> Reader::whole() {
  if (text_.size() > kLongest) return std::nullopt;
  auto part = disjunction(0);
  skip();
  return part && at_ == text_.size() ? std::move(part) : std::nullopt;
}

Part Reader::tested(Part part) {
  if (part.truth) return part;
  if (!part.context.empty()) part.cel = fmt::format("has({0}) && !({0} in [null, false])", part.context);
  part.truth = true;
  part.compound = true;
  return part;
}

void Reader::skip() {
  while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
}

bool Reader::take(std::string_view token) {
  skip();
  if (!text_.substr(at_).starts_with(token)) return false;
  const bool word = std::isalpha(static_cast<unsigned char>(token[0])) != 0;
  const std::size_t end = at_ + token.size();
  if (word && end < text_.size() && is_word(text_[end])) return false;
  at_ = end;
  return true;
}

char Reader::peek() {
  skip();
  return at_ < text_.size() ? text_[at_] : '\0';
}

std::string_view Reader::name(std::string_view also) {
  const std::size_t begin = at_;
  const auto belongs = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || also.find(c) != std::string_view::npos;
  };
  while (at_ < text_.size() && belongs(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

Part Reader::joined(Part left, Part right, bool any) {
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

Reader::Maybe Reader::disjunction(int depth) {
  if (depth > kDeepest) return std::nullopt;
  Maybe left = conjunction(depth);
  while (left && (take("||") || take("or") || take("OR"))) {
    Maybe right = conjunction(depth);
    if (!right) return std::nullopt;
    left = joined(std::move(*left), std::move(*right), true);
  }
  return left;
}

Reader::Maybe Reader::conjunction(int depth) {
  Maybe left = negation(depth);
  while (left && (take("&&") || take("and") || take("AND"))) {
    Maybe right = negation(depth);
    if (!right) return std::nullopt;
    left = joined(std::move(*left), std::move(*right), false);
  }
  return left;
}

Reader::Maybe Reader::negation(int depth) {
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

Reader::Maybe Reader::comparison(int depth) {
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
Part Reader::compared(const Part& left, const Part& right, std::string_view sign) {
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

Reader::Maybe Reader::sum(int depth) {
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

Reader::Maybe Reader::postfix(int depth) {
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
