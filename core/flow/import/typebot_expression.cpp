// Set variable expressions: numbers, texts and arithmetic run here as CEL; what is JavaScript is handed to the client.
#include <array>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

struct Token {
  enum class Type { kNumber, kVariable, kOperator } type;
  std::string_view text;
  const TypebotVariable* variable = nullptr;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Numbers, {{variables}}, + - * / % and parentheses; nothing when there is anything else.
std::vector<Token> tokens_of(std::string_view text, const TypebotVariables& variables) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++i;
    } else if (is_digit(c)) {
      std::size_t end = i;
      while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
      if (!is_number(text.substr(i, end - i))) return {};
      tokens.push_back({Token::Type::kNumber, text.substr(i, end - i)});
      i = end;
    } else if (text.substr(i).starts_with("{{")) {
      const std::size_t close = text.find("}}", i);
      if (close == std::string_view::npos) return {};
      const std::string_view label = stripped(text.substr(i + 2, close - i - 2));
      const TypebotVariable* variable = variables.by_label(label);
      if (variable == nullptr) return {};
      tokens.push_back({Token::Type::kVariable, label, variable});
      i = close + 2;
    } else if (std::string_view("+-*/%()").contains(c)) {
      tokens.push_back({Token::Type::kOperator, text.substr(i, 1)});
      ++i;
    } else {
      return {};
    }
  }
  return tokens;
}

// Operands and operators in turn, parentheses in pairs, at least one operator between two operands.
bool is_arithmetic(const std::vector<Token>& tokens) {
  constexpr int kDeepest = 32;
  bool wants_operand = true;
  int open = 0;
  for (const Token& token : tokens) {
    const bool is_operator = token.type == Token::Type::kOperator;
    if (wants_operand) {
      if (!is_operator) {
        wants_operand = false;
      } else if (token.text == "(") {
        if (++open > kDeepest) return false;
      } else if (token.text != "-") {
        return false;
      }
    } else {
      if (!is_operator || token.text == "(") return false;
      if (token.text == ")") {
        if (--open < 0) return false;
      } else {
        wants_operand = true;
      }
    }
  }
  return !wants_operand && open == 0;
}

// CEL never mixes integers and doubles, so an expression is wholly one or the other; JavaScript's division is a
// double's.
TypebotExpression arithmetic(const std::vector<Token>& tokens) {
  bool whole = true;
  bool remainder = false;
  for (const Token& token : tokens) {
    if (token.type == Token::Type::kNumber) whole = whole && is_integer(token.text);
    if (token.type == Token::Type::kVariable) {
      whole = whole && (token.variable->kind == ValueKind::kInteger || token.variable->kind == ValueKind::kUnset);
    }
    if (token.text == "/") whole = false;
    if (token.text == "%") remainder = true;
  }
  if (remainder && !whole) return {TypebotExpression::Form::kCode, ValueKind::kNumber, {}};
  std::string cel;
  for (const Token& token : tokens) {
    const bool tight = cel.empty() || cel.ends_with('(') || token.text == ")";
    if (!tight) cel += ' ';
    switch (token.type) {
      case Token::Type::kNumber:
        cel += whole ? std::string(token.text) : cel_double(token.text);
        break;
      case Token::Type::kVariable:
        cel += whole ? token.variable->path : "double(" + token.variable->path + ")";
        break;
      case Token::Type::kOperator:
        cel += token.text;
        break;
    }
  }
  return {TypebotExpression::Form::kArithmetic, whole ? ValueKind::kInteger : ValueKind::kNumber, std::move(cel)};
}

// Signs of JavaScript in a text that Typebot would run. A plain text that it cannot run is taken literally there, and
// here.
bool looks_like_code(std::string_view text) {
  constexpr std::array<std::string_view, 12> kSigns{"return ", "=>",   "const ", "let ", "function", "new ",
                                                    "Math.",   "JSON", ".map(",  "`",    ";",        "}} + \""};
  for (const std::string_view sign : kSigns) {
    if (text.contains(sign)) return true;
  }
  const bool quoted = text.size() > 1 && (text.front() == '"' || text.front() == '\'');
  return quoted && text.contains(" + ");
}

}  // namespace

TypebotExpression read_expression(std::string_view text, bool is_code, const TypebotVariables& variables) {
  using Form = TypebotExpression::Form;
  text = stripped(text);
  if (is_number(text)) return {Form::kNumber, is_integer(text) ? ValueKind::kInteger : ValueKind::kNumber, {}};
  const std::vector<Token> tokens = tokens_of(text, variables);
  if (tokens.size() == 1 && tokens[0].type == Token::Type::kVariable)
    return {Form::kReference, tokens[0].variable->kind, {}};
  if (tokens.size() > 1 && is_arithmetic(tokens)) return arithmetic(tokens);
  if (is_code || looks_like_code(text)) return {Form::kCode, ValueKind::kText, {}};
  return {Form::kText, ValueKind::kText, {}};
}

}  // namespace sluice::flow::importing
