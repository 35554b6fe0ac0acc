// Builds the tree while the grammar matches: operands on a stack, combined by each operator as its right side ends.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/cel/ast.h"
#include "core/flow/cel/grammar.h"
#include "core/flow/cel/literals.h"
#include "core/flow/cel/utf8.h"

namespace sluice::cel {
namespace {

namespace pegtl = tao::pegtl;

constexpr std::array<std::string_view, 17> kReserved{"as",     "break", "const",     "continue", "else",   "for",
                                                     "function", "if",  "import",    "let",      "loop",   "package",
                                                     "namespace", "return", "var",   "void",     "while"};

struct SyntaxError {
  std::string message;
  std::size_t offset;
};

class Builder {
 public:
  explicit Builder(std::string_view source) : source_(source) {}

  [[nodiscard]] std::size_t offset_of(std::string_view token) const { return static_cast<std::size_t>(token.data() - source_.data()); }

  void literal(std::string_view token, const std::expected<Value, LiteralError>& value) {
    if (!value) throw SyntaxError{value.error().message, offset_of(token) + value.error().offset};
    push(Op::kLiteral, offset_of(token)).literal = *value;
  }

  void text(std::string_view token) {
    auto literal = text_literal(token);
    if (!literal) throw SyntaxError{literal.error().message, offset_of(token) + literal.error().offset};
    push(literal->bytes ? Op::kBytes : Op::kString, offset_of(token)).text = std::move(literal->text);
  }

  void name(std::string_view token) {
    const std::size_t offset = offset_of(token);
    if (token == "true" || token == "false") {
      push(Op::kLiteral, offset).literal = Value::boolean(token == "true");
    } else if (token == "null") {
      push(Op::kLiteral, offset);
    } else {
      if (token.starts_with('.')) token.remove_prefix(1);
      if (std::ranges::find(kReserved, token) != kReserved.end()) {
        throw SyntaxError{fmt::format("reserved word: {}", token), offset};
      }
      push(Op::kVariable, offset).text = token;
    }
  }

  void member_name(std::string_view token) {
    member_offsets_.push_back(offset_of(token));
    if (token.starts_with('`')) token = token.substr(1, token.size() - 2);
    member_names_.emplace_back(token);
  }

  void open() { marks_.push_back(operands_.size()); }

  void close(Op op) {
    Node node{.op = op};
    const std::size_t first = marks_.back();
    marks_.pop_back();
    node.args.assign(std::move_iterator(operands_.begin() + static_cast<std::ptrdiff_t>(first)), std::move_iterator(operands_.end()));
    operands_.resize(first);
    put(std::move(node), first_offset_);
  }

  // The mark's own offset is where its bracket stands.
  void open_at(std::string_view token) {
    open();
    bracket_offsets_.push_back(offset_of(token));
  }
  void close_bracket(Op op) {
    first_offset_ = bracket_offsets_.back();
    bracket_offsets_.pop_back();
    close(op);
  }

  // name(args): the name stands below the arguments.
  void call() {
    close_bracket(Op::kCall);
    Node call = pop();
    const Node function = pop();
    if (function.op != Op::kVariable) throw SyntaxError{"this cannot be called", function.offset};
    call.text = function.text;
    put(std::move(call), function.offset);
  }

  void member_call() {
    close_bracket(Op::kMemberCall);
    Node call = pop();
    call.args.insert(call.args.begin(), pop());
    finish_member(std::move(call));
  }

  void select() {
    Node node{.op = Op::kSelect};
    node.args.push_back(pop());
    finish_member(std::move(node));
  }

  void index() {
    const std::size_t offset = bracket_offsets_.back();
    bracket_offsets_.pop_back();
    marks_.pop_back();
    combine(Op::kIndex, 2, offset);
  }

  // An operator waits for its right operand.
  void operation(std::string_view token) { operators_.emplace_back(token); }

  void combine_operator(int count) {
    const std::string_view token = operators_.back();
    operators_.pop_back();
    combine(count == 1 ? (token.front() == '!' ? Op::kNot : Op::kNegate) : binary(token), count, offset_of(token));
  }

  void combine(Op op, int count, std::size_t offset) {
    Node node{.op = op};
    const auto first = operands_.end() - count;
    node.args.assign(std::move_iterator(first), std::move_iterator(operands_.end()));
    operands_.erase(first, operands_.end());
    put(std::move(node), offset);
  }

  // a && b && c is one node, so that a long chain is not deep.
  void join(Op op) {
    Node& left = operands_[operands_.size() - 2];
    if (left.op != op) return combine(op, 2, left.offset);
    Node right = pop();
    operands_.back().height = std::max(operands_.back().height, right.height + 1);
    check_height(operands_.back());
    operands_.back().args.push_back(std::move(right));
  }

  void conditional() { combine(Op::kConditional, 3, operands_[operands_.size() - 3].offset); }

  void enter(std::size_t offset) {
    if (++nesting_ > kMaxNesting) throw SyntaxError{fmt::format("nested deeper than {} levels", kMaxNesting), offset};
  }
  void leave() { --nesting_; }

  Node take() { return pop(); }

 private:
  static Op binary(std::string_view token) {
    static constexpr std::array<std::pair<std::string_view, Op>, 12> kOperators{
        {{"*", Op::kMultiply}, {"/", Op::kDivide}, {"%", Op::kModulo}, {"+", Op::kAdd}, {"-", Op::kSubtract}, {"<=", Op::kLessEqual},
         {">=", Op::kGreaterEqual}, {"==", Op::kEqual}, {"!=", Op::kNotEqual}, {"<", Op::kLess}, {">", Op::kGreater}, {"in", Op::kIn}}};
    for (const auto& [text, op] : kOperators) {
      if (token.starts_with(text)) return op;  // the token ends in what space follows it
    }
    return Op::kAdd;
  }

  Node& push(Op op, std::size_t offset) {
    operands_.push_back(Node{.op = op, .offset = static_cast<std::uint32_t>(offset)});
    return operands_.back();
  }

  Node pop() {
    Node node = std::move(operands_.back());
    operands_.pop_back();
    return node;
  }

  void finish_member(Node node) {
    node.text = std::move(member_names_.back());
    const std::size_t offset = member_offsets_.back();
    member_names_.pop_back();
    member_offsets_.pop_back();
    put(std::move(node), offset);
  }

  void put(Node node, std::size_t offset) {
    node.offset = static_cast<std::uint32_t>(offset);
    node.height = 1;
    for (const Node& arg : node.args) node.height = std::max(node.height, arg.height + 1);
    check_height(node);
    operands_.push_back(std::move(node));
  }

  static void check_height(const Node& node) {
    if (node.height > kMaxHeight) throw SyntaxError{fmt::format("more than {} operators on top of each other", kMaxHeight), node.offset};
  }

  std::string_view source_;
  std::vector<Node> operands_;
  std::vector<std::size_t> marks_;            // operands below an open bracket
  std::vector<std::size_t> bracket_offsets_;
  std::vector<std::string> member_names_;
  std::vector<std::size_t> member_offsets_;
  std::vector<std::string_view> operators_;
  std::size_t first_offset_ = 0;
  int nesting_ = 0;
};

template <typename Input>
std::string_view token_of(const Input& in) {
  return {in.begin(), in.size()};
}

template <typename Rule>
struct Action : pegtl::nothing<Rule> {};

// Calls a member of the builder, with or without the matched token.
template <auto Member>
struct WithToken {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    (builder.*Member)(token_of(in));
  }
};
template <auto Member, auto... Arguments>
struct Plain {
  static void apply0(Builder& builder) { (builder.*Member)(Arguments...); }
};

// Counts the nesting of a rule that contains itself.
struct Nested : pegtl::maybe_nothing {
  template <typename Rule, pegtl::apply_mode A, pegtl::rewind_mode M, template <typename...> class Actions,
            template <typename...> class Control, typename Input>
  static bool match(Input& in, Builder& builder) {
    struct Leave {
      Builder& builder;
      ~Leave() { builder.leave(); }
    };
    builder.enter(builder.offset_of({in.current(), 0}));
    const Leave leave{builder};
    return pegtl::match<Rule, A, M, Actions, Control>(in, builder);
  }
};

template <> struct Action<grammar::name> : WithToken<&Builder::name> {};
template <> struct Action<grammar::text> : WithToken<&Builder::text> {};
template <> struct Action<grammar::member_name> : WithToken<&Builder::member_name> {};
template <> struct Action<grammar::arguments_open> : WithToken<&Builder::open_at> {};
template <> struct Action<grammar::list_open> : WithToken<&Builder::open_at> {};
template <> struct Action<grammar::map_open> : WithToken<&Builder::open_at> {};
template <> struct Action<grammar::index_open> : WithToken<&Builder::open_at> {};
template <> struct Action<grammar::not_operator> : WithToken<&Builder::operation> {};
template <> struct Action<grammar::minus_operator> : WithToken<&Builder::operation> {};
template <> struct Action<grammar::multiply_operator> : WithToken<&Builder::operation> {};
template <> struct Action<grammar::add_operator> : WithToken<&Builder::operation> {};
template <> struct Action<grammar::relation_operator> : WithToken<&Builder::operation> {};
template <> struct Action<grammar::list> : Plain<&Builder::close_bracket, Op::kList> {};
template <> struct Action<grammar::map> : Plain<&Builder::close_bracket, Op::kMap> {};
template <> struct Action<grammar::call> : Plain<&Builder::call> {};
template <> struct Action<grammar::member_call> : Plain<&Builder::member_call> {};
template <> struct Action<grammar::plain_member> : Plain<&Builder::select> {};
template <> struct Action<grammar::index> : Plain<&Builder::index> {};
template <> struct Action<grammar::inverted> : Nested, Plain<&Builder::combine_operator, 1> {};
template <> struct Action<grammar::negated> : Nested, Plain<&Builder::combine_operator, 1> {};
template <> struct Action<grammar::product_rest> : Plain<&Builder::combine_operator, 2> {};
template <> struct Action<grammar::sum_rest> : Plain<&Builder::combine_operator, 2> {};
template <> struct Action<grammar::relation_rest> : Plain<&Builder::combine_operator, 2> {};
template <> struct Action<grammar::conjunction_rest> : Plain<&Builder::join, Op::kAnd> {};
template <> struct Action<grammar::disjunction_rest> : Plain<&Builder::join, Op::kOr> {};
template <> struct Action<grammar::choice> : Plain<&Builder::conditional> {};
template <> struct Action<grammar::expression> : Nested {};

template <auto Parse>
struct Number {
  template <typename Input>
  static void apply(const Input& in, Builder& builder) {
    builder.literal(token_of(in), Parse(token_of(in)));
  }
};
template <> struct Action<grammar::real> : Number<&real_literal> {};
template <> struct Action<grammar::hexadecimal> : Number<&integer_literal> {};
template <> struct Action<grammar::decimal> : Number<&integer_literal> {};

template <typename Rule>
using Control = pegtl::must_if<grammar::Messages>::control<Rule>;

}  // namespace

std::expected<Node, CelError> parse(std::string_view expression) {
  if (expression.size() > kMaxExpressionBytes) {
    return std::unexpected(CelError{fmt::format("the expression is longer than {} bytes", kMaxExpressionBytes), kMaxExpressionBytes});
  }
  if (!is_utf8(expression)) return std::unexpected(CelError{"the expression is not UTF-8", 0});
  Builder builder(expression);
  pegtl::memory_input<pegtl::tracking_mode::lazy> input(expression.data(), expression.size(), "");
  try {
    pegtl::parse<grammar::program, Action, Control>(input, builder);
  } catch (const SyntaxError& error) {
    return std::unexpected(CelError{error.message, error.offset});
  } catch (const pegtl::parse_error& error) {
    return std::unexpected(CelError{std::string(error.message()), error.positions().front().byte});
  }
  return builder.take();
}

}  // namespace sluice::cel
