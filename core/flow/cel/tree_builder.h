// Builds the syntax tree as the grammar matches: operands on a stack, combined by each operator when its right side
// ends.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/flow/cel/ast.h"
#include "core/flow/cel/literals.h"

namespace sluice::cel {

// Thrown through the parser.
struct SyntaxError {
  std::string message;
  std::size_t offset;
};

// Tokens are views into the source that it was made with.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string_view source) : source_(source) {}

  // Operands.
  void literal(std::string_view token, const std::expected<Value, LiteralError>& value);
  void text(std::string_view token);
  void name(std::string_view token);

  // Brackets: what stands between them becomes one operand.
  void open(std::string_view token);
  void close(Op op);  // a list or a map
  void call();        // name(…): the name stands below the arguments
  void index();       // container[key]

  // .name, and .name(…)
  void member_name(std::string_view token);
  void select();
  void member_call();

  // Operators: announced by their token, combined once their operands are complete.
  void operation(std::string_view token);
  void combine_unary();
  void combine_binary();
  void join(Op op);  // a && b && c is one node, so that a long chain is not deep
  void conditional();

  // Around every rule that contains itself.
  void enter(std::size_t offset);
  void leave() { --nesting_; }

  [[nodiscard]] std::size_t offset_of(std::string_view token) const {
    return static_cast<std::size_t>(token.data() - source_.data());
  }
  [[nodiscard]] Node take() { return pop(); }

 private:
  struct Bracket {
    std::size_t operands;  // below it
    std::size_t offset;
  };
  struct Member {
    std::string name;
    std::size_t offset;
  };

  Node& push(Op op, std::size_t offset);
  Node pop();
  Node close_bracket(Op op);
  void combine(Op op, std::size_t count, std::size_t offset);
  void finish_member(Node node);
  void put(Node node, std::size_t offset);

  std::string_view source_;
  std::vector<Node> operands_;
  std::vector<Bracket> brackets_;
  std::vector<Member> members_;
  std::vector<std::string_view> operators_;
  int nesting_ = 0;
};

}  // namespace sluice::cel
