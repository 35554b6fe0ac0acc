#include "core/flow/cel/tree_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace sluice::cel {
namespace {

constexpr std::array<std::string_view, 17> kReserved{"as",       "break",  "const",  "continue", "else", "for",
                                                     "function", "if",     "import", "let",      "loop", "namespace",
                                                     "package",  "return", "var",    "void",     "while"};

Op binary_operator(std::string_view token) {
  static constexpr std::array<std::pair<std::string_view, Op>, 12> kOperators{{{"*", Op::kMultiply},
                                                                               {"/", Op::kDivide},
                                                                               {"%", Op::kModulo},
                                                                               {"+", Op::kAdd},
                                                                               {"-", Op::kSubtract},
                                                                               {"<=", Op::kLessEqual},
                                                                               {">=", Op::kGreaterEqual},
                                                                               {"==", Op::kEqual},
                                                                               {"!=", Op::kNotEqual},
                                                                               {"<", Op::kLess},
                                                                               {">", Op::kGreater},
                                                                               {"in", Op::kIn}}};
  // The token ends in what space follows it.
  return std::ranges::find_if(kOperators, [&](const auto& known) { return token.starts_with(known.first); })->second;
}

void check_height(const Node& node) {
  if (node.height <= kMaxHeight) return;
  throw SyntaxError{fmt::format("more than {} operators on top of each other", kMaxHeight), node.offset};
}

}  // namespace

void TreeBuilder::literal(std::string_view token, const std::expected<Value, LiteralError>& value) {
  if (!value) throw SyntaxError{value.error().message, offset_of(token) + value.error().offset};
  push(Op::kLiteral, offset_of(token)).literal = *value;
}

void TreeBuilder::text(std::string_view token) {
  auto literal = text_literal(token);
  if (!literal) throw SyntaxError{literal.error().message, offset_of(token) + literal.error().offset};
  push(literal->bytes ? Op::kBytes : Op::kString, offset_of(token)).text = std::move(literal->text);
}

void TreeBuilder::name(std::string_view token) {
  const std::size_t offset = offset_of(token);
  if (token == "true" || token == "false") {
    push(Op::kLiteral, offset).literal = Value::boolean(token == "true");
    return;
  }
  if (token == "null") {
    push(Op::kLiteral, offset);
    return;
  }
  if (token.starts_with('.')) token.remove_prefix(1);
  if (std::ranges::find(kReserved, token) != kReserved.end())
    throw SyntaxError{fmt::format("reserved word: {}", token), offset};
  push(Op::kVariable, offset).text = token;
}

void TreeBuilder::open(std::string_view token) {
  brackets_.push_back({operands_.size(), offset_of(token)});
}

Node TreeBuilder::close_bracket(Op op) {
  const Bracket bracket = brackets_.back();
  brackets_.pop_back();
  Node node{.op = op, .offset = static_cast<std::uint32_t>(bracket.offset)};
  const auto first = operands_.begin() + static_cast<std::ptrdiff_t>(bracket.operands);
  node.args.assign(std::move_iterator(first), std::move_iterator(operands_.end()));
  operands_.erase(first, operands_.end());
  return node;
}

void TreeBuilder::close(Op op) {
  Node node = close_bracket(op);
  const std::size_t offset = node.offset;
  put(std::move(node), offset);
}

void TreeBuilder::call() {
  Node node = close_bracket(Op::kCall);
  Node function = pop();
  if (function.op != Op::kVariable) throw SyntaxError{"this cannot be called", function.offset};
  node.text = std::move(function.text);
  put(std::move(node), function.offset);
}

void TreeBuilder::index() {
  const Bracket bracket = brackets_.back();
  brackets_.pop_back();
  combine(Op::kIndex, 2, bracket.offset);
}

void TreeBuilder::member_name(std::string_view token) {
  const std::size_t offset = offset_of(token);
  if (token.starts_with('`')) token = token.substr(1, token.size() - 2);
  members_.push_back({std::string(token), offset});
}

void TreeBuilder::select() {
  Node node{.op = Op::kSelect};
  node.args.push_back(pop());
  finish_member(std::move(node));
}

void TreeBuilder::member_call() {
  Node node = close_bracket(Op::kMemberCall);
  node.args.insert(node.args.begin(), pop());
  finish_member(std::move(node));
}

void TreeBuilder::operation(std::string_view token) {
  operators_.push_back(token);
}

void TreeBuilder::combine_unary() {
  const std::string_view token = operators_.back();
  operators_.pop_back();
  combine(token.front() == '!' ? Op::kNot : Op::kNegate, 1, offset_of(token));
}

void TreeBuilder::combine_binary() {
  const std::string_view token = operators_.back();
  operators_.pop_back();
  combine(binary_operator(token), 2, offset_of(token));
}

void TreeBuilder::join(Op op) {
  Node& left = operands_[operands_.size() - 2];
  if (left.op != op) return combine(op, 2, left.offset);
  Node right = pop();
  left.height = std::max(left.height, right.height + 1);
  check_height(left);
  left.args.push_back(std::move(right));
}

void TreeBuilder::conditional() {
  combine(Op::kConditional, 3, operands_[operands_.size() - 3].offset);
}

void TreeBuilder::enter(std::size_t offset) {
  if (++nesting_ > kMaxNesting) throw SyntaxError{fmt::format("nested deeper than {} levels", kMaxNesting), offset};
}

Node& TreeBuilder::push(Op op, std::size_t offset) {
  operands_.push_back(Node{.op = op, .offset = static_cast<std::uint32_t>(offset)});
  return operands_.back();
}

Node TreeBuilder::pop() {
  Node node = std::move(operands_.back());
  operands_.pop_back();
  return node;
}

void TreeBuilder::combine(Op op, std::size_t count, std::size_t offset) {
  Node node{.op = op};
  const auto first = operands_.end() - static_cast<std::ptrdiff_t>(count);
  node.args.assign(std::move_iterator(first), std::move_iterator(operands_.end()));
  operands_.erase(first, operands_.end());
  put(std::move(node), offset);
}

void TreeBuilder::finish_member(Node node) {
  Member member = std::move(members_.back());
  members_.pop_back();
  node.text = std::move(member.name);
  put(std::move(node), member.offset);
}

void TreeBuilder::put(Node node, std::size_t offset) {
  node.offset = static_cast<std::uint32_t>(offset);
  for (const Node& arg : node.args) node.height = std::max(node.height, arg.height + 1);
  check_height(node);
  operands_.push_back(std::move(node));
}

}  // namespace sluice::cel
