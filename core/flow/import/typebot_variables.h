// Typebot's variables: ids and free-form names there, temp.<name> here, with the kind of value that the bot's blocks
// put in.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

// Typebot compares texts that look like numbers; our conditions are typed, so what writes a variable decides how it is
// read.
enum class ValueKind { kUnset, kInteger, kNumber, kText, kList };

struct TypebotVariable {
  std::string label;  // its name in Typebot
  std::string path;   // temp.<name>
  ValueKind kind = ValueKind::kUnset;

  [[nodiscard]] bool numeric() const { return kind == ValueKind::kInteger || kind == ValueKind::kNumber; }
};

class TypebotVariables {
 public:
  // Names that had to be changed are reported to `draft`.
  TypebotVariables(const Json& document, Draft& draft);

  [[nodiscard]] const TypebotVariable* by_id(std::string_view id) const;
  [[nodiscard]] const TypebotVariable* by_label(std::string_view label) const;
  [[nodiscard]] const std::vector<TypebotVariable>& all() const { return variables_; }

  // The variable that the block's options.variableId names.
  [[nodiscard]] const TypebotVariable* of_block(const Json& block) const;

  // The text with each {{Lead Score}} as {{temp.lead_score}}. What names no variable stays and is reported at `path`.
  [[nodiscard]] std::string rewrite(std::string_view text, Draft& draft, const std::string& path) const;

 private:
  void infer_kinds(const Json& document);

  std::vector<TypebotVariable> variables_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_label_;
};

// What a Set variable block's expression is, as far as it can run without Typebot's JavaScript.
struct TypebotExpression {
  enum class Form { kNumber, kText, kReference, kArithmetic, kCode } form = Form::kText;
  ValueKind kind = ValueKind::kText;
  std::string cel;  // of kArithmetic
};
[[nodiscard]] TypebotExpression read_expression(std::string_view text, bool is_code, const TypebotVariables& variables);

}  // namespace sluice::flow::importing
