// The operators of JSON conditions (FLOW 5): typed equality, ordering within a type, and what a missing operand means.
#include <algorithm>

#include "core/flow/condition_part.h"

namespace sluice::flow {
namespace {

bool is_missing(const Json* value) {
  return value == nullptr || value->IsNull();
}

bool is_empty(const Json* value) {
  if (is_missing(value)) return true;
  if (value->IsString()) return value->GetStringLength() == 0;
  if (value->IsArray()) return value->Empty();
  return value->IsObject() && value->ObjectEmpty();
}

// Exact for every int64, uint64 and double: x86's long double has 64 bits of mantissa.
long double number(const Json& value) {
  if (value.IsInt64()) return static_cast<long double>(value.GetInt64());
  if (value.IsUint64()) return static_cast<long double>(value.GetUint64());
  return static_cast<long double>(value.GetDouble());
}

bool same(const Json& value, const Json& operand, const re2::RE2* folded) {
  if (folded != nullptr && value.IsString())
    return re2::RE2::FullMatch(re2::StringPiece(value.GetString(), value.GetStringLength()), *folded);
  return equal(value, operand);
}

const re2::RE2* folded_at(const Test& test, std::size_t index) {
  return index < test.folded.size() ? test.folded[index].get() : nullptr;
}

// A missing value equals only null.
bool equals(const Test& test, const Json* value) {
  return is_missing(value) ? test.operand.IsNull() : same(*value, test.operand, folded_at(test, 0));
}

bool in(const Test& test, const Json* value) {
  if (!test.operand.IsArray()) return false;
  for (rapidjson::SizeType i = 0; i < test.operand.Size(); ++i) {
    if (is_missing(value) ? test.operand[i].IsNull() : same(*value, test.operand[i], folded_at(test, i))) return true;
  }
  return false;
}

enum class Anchor { kStart, kEnd, kAnywhere };

// The folded operand at the very end: the last match may begin anywhere, so each is tried from the end backwards.
bool ends_with_folded(re2::StringPiece text, const re2::RE2& folded) {
  for (std::size_t begin = text.size() + 1; begin-- > 0;) {
    if (folded.Match(text, begin, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0)) return true;
  }
  return false;
}

bool text_has(const Test& test, std::string_view text, Anchor anchor) {
  if (!test.operand.IsString()) return false;
  if (const re2::RE2* folded = folded_at(test, 0)) {
    const re2::StringPiece piece(text.data(), text.size());
    if (anchor == Anchor::kStart) return folded->Match(piece, 0, piece.size(), re2::RE2::ANCHOR_START, nullptr, 0);
    if (anchor == Anchor::kAnywhere) return folded->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0);
    return ends_with_folded(piece, *folded);
  }
  const auto part = text_of(test.operand);
  if (anchor == Anchor::kStart) return text.starts_with(part);
  if (anchor == Anchor::kEnd) return text.ends_with(part);
  return text.find(part) != std::string_view::npos;
}

bool contains(const Test& test, const Json* value) {
  if (is_missing(value)) return false;
  if (value->IsString()) return text_has(test, text_of(*value), Anchor::kAnywhere);
  if (value->IsArray()) {
    return std::any_of(value->Begin(), value->End(),
                       [&](const Json& item) { return same(item, test.operand, folded_at(test, 0)); });
  }
  if (!value->IsObject() || !test.operand.IsString()) return false;
  return std::any_of(value->MemberBegin(), value->MemberEnd(),
                     [&](const auto& member) { return same(member.name, test.operand, folded_at(test, 0)); });
}

bool ordered(const Test& test, const Json* value) {
  if (is_missing(value)) return false;
  int order = 0;
  if (value->IsNumber() && test.operand.IsNumber()) {
    const long double left = number(*value);
    const long double right = number(test.operand);
    order = left < right ? -1 : left > right ? 1 : 0;
  } else if (value->IsString() && test.operand.IsString()) {
    order = text_of(*value).compare(text_of(test.operand));  // bytes of UTF-8 order as code points do
  } else {
    return false;
  }
  switch (test.op) {
    case Operator::kGt:
      return order > 0;
    case Operator::kGte:
      return order >= 0;
    case Operator::kLt:
      return order < 0;
    default:
      return order <= 0;
  }
}

}  // namespace

std::shared_ptr<const re2::RE2> case_blind(std::string_view text) {
  return std::make_shared<const re2::RE2>("(?i)" + re2::RE2::QuoteMeta(re2::StringPiece(text.data(), text.size())));
}

bool passes(const Test& test, const Json* value) {
  const bool wanted = !test.operand.IsFalse();  // of exists, is_set and is_empty
  switch (test.op) {
    case Operator::kEq:
      return equals(test, value);
    case Operator::kNe:
      return !equals(test, value);
    case Operator::kGt:
    case Operator::kGte:
    case Operator::kLt:
    case Operator::kLte:
      return ordered(test, value);
    case Operator::kIn:
      return in(test, value);
    case Operator::kContains:
      return contains(test, value);
    case Operator::kNotContains:
      return !contains(test, value);
    case Operator::kExists:
      return is_missing(value) != wanted;
    case Operator::kIsSet:
      return is_empty(value) != wanted;
    case Operator::kIsEmpty:
      return is_empty(value) == wanted;
    case Operator::kStartsWith:
      return !is_missing(value) && value->IsString() && text_has(test, text_of(*value), Anchor::kStart);
    case Operator::kEndsWith:
      return !is_missing(value) && value->IsString() && text_has(test, text_of(*value), Anchor::kEnd);
    case Operator::kMatches:
      return test.pattern != nullptr && !is_missing(value) && value->IsString() &&
             re2::RE2::PartialMatch(re2::StringPiece(value->GetString(), value->GetStringLength()), *test.pattern);
  }
  return false;
}

}  // namespace sluice::flow
