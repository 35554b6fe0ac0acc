// What Watson understands of an utterance, without its classifier: entities by their dictionaries, intents by their
// training examples, as named conditions of the flow; and its expression language, put into CEL.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

inline constexpr std::string_view kSaid = "temp.said";  // where every question of an imported workspace puts the answer

// A condition as CEL, or as JSON when it names conditions of the flow.
struct WatsonTest {
  std::string cel;
  Json json;  // null: use cel
  [[nodiscard]] Json as_json() const;
};

class WatsonLanguage {
 public:
  WatsonLanguage(const Json& workspace, Draft& draft);

  // A dialog node's condition; false, and an ERROR in the report, when it cannot be translated.
  [[nodiscard]] Json condition(std::string_view spel, const std::string& path);

  // The value of a SpEL expression as CEL, or nothing. What is only approximate is reported.
  [[nodiscard]] std::optional<std::string> value(std::string_view spel, const std::string& path);

  // The text with $x as {{variables.x}}. What needs computing first, such as <? … ?> and @entity, becomes calculate
  // actions.
  [[nodiscard]] std::string text(std::string_view text, const std::string& path, Json& actions);

  // Names of conditions, made on first use. Empty when the workspace has no such thing.
  [[nodiscard]] std::string intent(std::string_view name);
  [[nodiscard]] std::string entity(std::string_view name, std::string_view value);

  // The value of the entity found in what was said, as CEL; null when nothing is found.
  [[nodiscard]] std::string entity_value(std::string_view name);

  void note(const std::string& path, Severity severity, std::string message) {
    draft_.note(path, severity, std::move(message));
  }

 private:
  [[nodiscard]] std::string pattern_of(const Json& value) const;
  [[nodiscard]] const Json* entity_named(std::string_view name) const;
  [[nodiscard]] std::string add(std::string name, const std::string& cel);

  const Json& workspace_;
  Draft& draft_;
  std::map<std::string, const Json*, std::less<>> entities_;
  std::map<std::string, const Json*, std::less<>> intents_;
  std::map<std::string, std::string, std::less<>> computed_;  // temp variable by expression
  Names names_;
  std::size_t written_ = 0;  // bytes of entities' values, which repeat their dictionaries
};

// Reads one SpEL expression. The parser is bounded in depth and never throws.
[[nodiscard]] std::optional<WatsonTest> read_spel(std::string_view spel, WatsonLanguage& language,
                                                  const std::string& path);
[[nodiscard]] std::optional<std::string> read_spel_value(std::string_view spel, WatsonLanguage& language,
                                                         const std::string& path);

}  // namespace sluice::flow::importing
