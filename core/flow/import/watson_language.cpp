#include "core/flow/import/watson_language.h"

#include <fmt/format.h>

#include <array>

#include "core/flow/import/cel_text.h"

namespace sluice::flow::importing {
namespace {

constexpr std::size_t kMostPatternBytes = std::size_t{16} * 1024;
constexpr std::size_t kMostWritten = 8U << 20U;
constexpr std::size_t kMostValues = 80;  // of an entity in one expression, below CEL's nesting limit

// System entities have no dictionary: these stand for what Watson's own recognisers find.
struct SystemEntity {
  std::string_view name;
  std::string_view pattern;  // empty: cannot be recognised here
};
constexpr std::array<SystemEntity, 7> kSystem{{{"sys-number", "[0-9]+"},
                                               {"sys-currency", "[0-9]+"},
                                               {"sys-percentage", "[0-9]+ ?%"},
                                               {"sys-date", "[0-9]{4}-[0-9]{2}-[0-9]{2}"},
                                               {"sys-time", "[0-9]{1,2}:[0-9]{2}"},
                                               {"sys-person", ""},
                                               {"sys-location", ""}}};

const SystemEntity* system_entity(std::string_view name) {
  for (const SystemEntity& entity : kSystem) {
    if (entity.name == name) return &entity;
  }
  return nullptr;
}

std::string escaped(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view(R"(\.+*?()|[]{}^$)").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// Any of the phrases, of whole words, in any case.
std::string whole_words(std::string_view phrases) {
  return fmt::format(R"((?i)(?:^|\W)(?:{})(?:\W|$))", phrases);
}

void index(const Json& workspace, std::string_view list_key, std::string_view name_key,
           std::map<std::string, const Json*, std::less<>>& into) {
  const Json* list = find(workspace, list_key);
  if (list == nullptr || !list->IsArray()) return;
  for (const Json& item : list->GetArray()) into.emplace(string_member(item, name_key), &item);
}

std::string is_said(std::string_view pattern) {
  return fmt::format("{}.matches({})", kSaid, cel_string(pattern));
}

}  // namespace

Json WatsonTest::as_json() const {
  return json.IsNull() ? make_string(cel) : clone(json);
}

WatsonLanguage::WatsonLanguage(const Json& workspace, Draft& draft) : workspace_(workspace), draft_(draft) {
  index(workspace_, "entities", "entity", entities_);
  index(workspace_, "intents", "intent", intents_);
}

Json WatsonLanguage::condition(std::string_view spel, const std::string& path) {
  const std::string_view text = stripped(spel);
  if (auto test = read_spel(text, *this, path)) return test->as_json();
  note(path, Severity::kError, fmt::format("the condition '{}' could not be translated and is never true", text));
  return make_string("false");
}

std::optional<std::string> WatsonLanguage::value(std::string_view spel, const std::string& path) {
  return read_spel_value(stripped(spel), *this, path);
}

std::string WatsonLanguage::add(std::string name, const std::string& cel) {
  Json& conditions = draft_.member("conditions");
  if (find(conditions, name) == nullptr) set(conditions, name, cel);
  return name;
}

std::string WatsonLanguage::intent(std::string_view name) {
  const auto found = intents_.find(name);
  if (found == intents_.end()) return {};
  std::string phrases;
  const Json* examples = find(*found->second, "examples");
  if (examples != nullptr && examples->IsArray()) {
    for (const Json& example : examples->GetArray()) {
      std::string_view text = stripped(string_member(example, "text"));
      while (!text.empty() && std::string_view(".?!").find(text.back()) != std::string_view::npos)
        text.remove_suffix(1);
      if (!text.empty() && phrases.size() < kMostPatternBytes) phrases += (phrases.empty() ? "" : "|") + escaped(text);
    }
  }
  return add("intent " + std::string(name), phrases.empty() ? "false" : is_said(whole_words(phrases)));
}

const Json* WatsonLanguage::entity_named(std::string_view name) const {
  const auto found = entities_.find(name);
  const Json* values = found == entities_.end() ? nullptr : find(*found->second, "values");
  return values != nullptr && values->IsArray() && !values->Empty() ? values : nullptr;
}

// The value, its synonyms and its patterns as one alternation.
std::string WatsonLanguage::pattern_of(const Json& value) const {
  std::string words = escaped(string_member(value, "value"));
  std::string patterns;
  const Json* synonyms = find(value, "synonyms");
  if (synonyms != nullptr && synonyms->IsArray()) {
    for (const Json& synonym : synonyms->GetArray()) {
      if (synonym.IsString() && words.size() < kMostPatternBytes) words += "|" + escaped(text_of(synonym));
    }
  }
  const Json* own = find(value, "patterns");
  if (own != nullptr && own->IsArray()) {
    for (const Json& pattern : own->GetArray()) {
      if (pattern.IsString() && patterns.size() < kMostPatternBytes) patterns += "|" + std::string(text_of(pattern));
    }
  }
  return whole_words(words) + patterns;
}

std::string WatsonLanguage::entity(std::string_view name, std::string_view value) {
  if (const SystemEntity* system = system_entity(name)) {
    if (system->pattern.empty()) return {};
    return add(fmt::format("entity {}", name), is_said(system->pattern));
  }
  const Json* values = entity_named(name);
  if (values == nullptr) return {};
  std::string cel;
  for (const Json& item : values->GetArray()) {
    if (!value.empty() && string_member(item, "value") != value) continue;
    if (cel.size() < kMostPatternBytes * 3) cel += (cel.empty() ? "" : " || ") + is_said(pattern_of(item));
  }
  if (cel.empty()) return {};
  return add(value.empty() ? fmt::format("entity {}", name) : fmt::format("entity {}:{}", name, value), cel);
}

std::string WatsonLanguage::entity_value(std::string_view name) {
  if (name == "sys-number" || name == "sys-currency") return fmt::format("double({})", kSaid);
  if (system_entity(name) != nullptr) return std::string(kSaid);
  const Json* values = entity_named(name);
  if (values == nullptr || values->Size() > kMostValues) return {};
  std::string cel;
  for (const Json& item : values->GetArray()) {
    cel += fmt::format("{} ? {} : ", is_said(pattern_of(item)), cel_string(string_member(item, "value")));
  }
  written_ += cel.size();
  return written_ > kMostWritten ? std::string() : cel + "null";
}

std::string WatsonLanguage::text(std::string_view text, const std::string& path, Json& actions) {
  std::string result;
  const auto computed = [&](std::string_view expression, std::string_view raw) {
    const auto cel = value(expression, path);
    if (!cel) {
      note(path, Severity::kError, fmt::format("'{}' could not be translated and stays as it is", raw));
      result += raw;
      return;
    }
    const auto known = computed_.find(*cel);
    std::string variable =
        known == computed_.end() ? "temp." + names_.take(slug(expression).substr(0, 30), "value") : known->second;
    computed_.emplace(*cel, variable);
    push(actions, object_of({{"type", "calculate"}, {"variable", variable}, {"expression", *cel}}));
    result += "{{" + variable + "}}";
  };
  const auto name_length = [](std::string_view rest, std::string_view also) {
    std::size_t length = 0;
    while (length < rest.size() && (std::isalnum(static_cast<unsigned char>(rest[length])) != 0 ||
                                    also.find(rest[length]) != std::string_view::npos))
      ++length;
    return length;
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const std::size_t close = rest.starts_with("<?") ? rest.find("?>") : std::string_view::npos;
    if (close != std::string_view::npos) {
      computed(rest.substr(2, close - 2), rest.substr(0, close + 2));
      i += close + 2;
      continue;
    }
    const char next = rest.size() > 1 ? rest[1] : ' ';
    const bool letter = std::isalpha(static_cast<unsigned char>(next)) != 0 || next == '_';
    const bool starts = i == 0 || std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0;
    if (rest[0] == '$' && letter) {
      const std::size_t length = name_length(rest.substr(1), "_");
      result += fmt::format("{{{{variables.{}}}}}", rest.substr(1, length));
      i += length + 1;
    } else if (rest[0] == '@' && letter && starts) {
      const std::size_t length = name_length(rest.substr(1), "_-");
      const std::string_view name = rest.substr(1, length);
      if (system_entity(name) != nullptr || entity_named(name) != nullptr) {
        computed(rest.substr(0, length + 1), rest.substr(0, length + 1));
      } else {
        result += rest.substr(0, length + 1);
      }
      i += length + 1;
    } else {
      result += rest[0];
      ++i;
    }
  }
  return result;
}

}  // namespace sluice::flow::importing
