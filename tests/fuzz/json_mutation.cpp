#include "tests/fuzz/json_mutation.h"

#include <array>
#include <string>
#include <vector>

namespace sluice::fuzz {
namespace {

constexpr std::array<std::string_view, 24> kOddities{
    "null",        "true",   "0",        "-1",         "1e308",       "18446744073709551615",
    "\"\"",        "\" \"",  "[]",       "{}",         "[[]]",        "{\"a\":{}}",
    "\"{{a.b}}\"", "\"{{\"", "\"{a}\"",  "\"$0\"",     "\"default\"", "\"$ref\"",
    "\"\\u0000\"", "[null]", "{\"\":1}", "\"user.a\"", "\"a - b\"",   "{\"id\":\"a\",\"type\":\"a\"}"};

// Every value of the document, the root first.
void collect(Json& value, std::vector<Json*>& places) {
  places.push_back(&value);
  if (value.IsArray()) {
    for (Json& item : value.GetArray()) collect(item, places);
  } else if (value.IsObject()) {
    for (auto& member : value.GetObject()) collect(member.value, places);
  }
}

std::size_t pick(Dice& dice, std::size_t count) {
  return static_cast<std::size_t>(dice()) % count;
}

void reshape_text(Json& value, Dice& dice) {
  std::string text(text_of(value));
  const std::size_t at = pick(dice, text.size() + 1);
  if (dice() % 2 == 0) {
    text.insert(at, std::string(1, " .{}$'\"@#<>=&|!()[]0a"[pick(dice, 21)]));
  } else if (!text.empty()) {
    text.erase(at, 1 + pick(dice, 3));
  }
  if (const Json checked = make_string(text); parse_json(to_text(checked))) value = make_string(text);
}

void change_object(Json& object, const Json& other, Dice& dice) {
  if (object.ObjectEmpty()) {
    set(object, "id", clone(other));
    return;
  }
  auto member = object.MemberBegin() + static_cast<std::ptrdiff_t>(pick(dice, object.MemberCount()));
  const std::string name(text_of(member->name));
  switch (dice() % 3) {
    case 0:
      object.RemoveMember(member);
      break;
    case 1:
      set(object, name + "_", clone(member->value));
      break;
    default:
      member->value = clone(other);
  }
}

void change_list(Json& list, const Json& other, Dice& dice) {
  if (list.Empty()) return push(list, clone(other));
  const auto at = static_cast<rapidjson::SizeType>(pick(dice, list.Size()));
  switch (dice() % 4) {
    case 0:
      list.Erase(list.Begin() + at);
      break;
    case 1:
      push(list, clone(list[at]));
      break;
    case 2:
      list[at].Swap(list[static_cast<rapidjson::SizeType>(pick(dice, list.Size()))]);
      break;
    default:
      list[at] = clone(other);
  }
}

}  // namespace

void mutate(Json& document, Dice& dice) {
  for (std::size_t changes = 1 + pick(dice, 4); changes > 0; --changes) {
    std::vector<Json*> places;
    collect(document, places);
    Json& place = *places[pick(dice, places.size())];
    const bool odd = dice() % 4 == 0;
    const Json other = odd ? std::move(*parse_json(kOddities[pick(dice, kOddities.size())]))
                           : clone(*places[pick(dice, places.size())]);
    const bool whole = odd && dice() % 2 == 0;
    if (!whole && place.IsString()) {
      reshape_text(place, dice);
    } else if (!whole && place.IsObject()) {
      change_object(place, other, dice);
    } else if (!whole && place.IsArray()) {
      change_list(place, other, dice);
    } else {
      place = clone(other);
    }
  }
}

}  // namespace sluice::fuzz
