// Runs the grammar with a TreeBuilder.
#include <fmt/format.h>

#include "core/flow/cel/grammar.h"
#include "core/flow/cel/tree_builder.h"
#include "core/flow/cel/utf8.h"

namespace sluice::cel {
namespace {

namespace pegtl = tao::pegtl;

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
  static void apply(const Input& in, TreeBuilder& builder) {
    (builder.*Member)(token_of(in));
  }
};
template <auto Member, auto... Arguments>
struct Plain {
  static void apply0(TreeBuilder& builder) { (builder.*Member)(Arguments...); }
};

// Counts the nesting of a rule that contains itself.
struct Nested : pegtl::maybe_nothing {
  template <typename Rule, pegtl::apply_mode A, pegtl::rewind_mode M, template <typename...> class Actions,
            template <typename...> class Control, typename Input>
  static bool match(Input& in, TreeBuilder& builder) {
    struct Leave {
      TreeBuilder& builder;
      ~Leave() { builder.leave(); }
    };
    builder.enter(builder.offset_of({in.current(), in.size()}));
    const Leave leave{builder};
    return pegtl::match<Rule, A, M, Actions, Control>(in, builder);
  }
};

template <>
struct Action<grammar::name> : WithToken<&TreeBuilder::name> {};
template <>
struct Action<grammar::text> : WithToken<&TreeBuilder::text> {};
template <>
struct Action<grammar::member_name> : WithToken<&TreeBuilder::member_name> {};
template <>
struct Action<grammar::arguments_open> : WithToken<&TreeBuilder::open> {};
template <>
struct Action<grammar::list_open> : WithToken<&TreeBuilder::open> {};
template <>
struct Action<grammar::map_open> : WithToken<&TreeBuilder::open> {};
template <>
struct Action<grammar::index_open> : WithToken<&TreeBuilder::open> {};
template <>
struct Action<grammar::not_operator> : WithToken<&TreeBuilder::operation> {};
template <>
struct Action<grammar::minus_operator> : WithToken<&TreeBuilder::operation> {};
template <>
struct Action<grammar::multiply_operator> : WithToken<&TreeBuilder::operation> {};
template <>
struct Action<grammar::add_operator> : WithToken<&TreeBuilder::operation> {};
template <>
struct Action<grammar::relation_operator> : WithToken<&TreeBuilder::operation> {};
template <>
struct Action<grammar::list> : Plain<&TreeBuilder::close, Op::kList> {};
template <>
struct Action<grammar::map> : Plain<&TreeBuilder::close, Op::kMap> {};
template <>
struct Action<grammar::call> : Plain<&TreeBuilder::call> {};
template <>
struct Action<grammar::member_call> : Plain<&TreeBuilder::member_call> {};
template <>
struct Action<grammar::plain_member> : Plain<&TreeBuilder::select> {};
template <>
struct Action<grammar::index> : Plain<&TreeBuilder::index> {};
template <>
struct Action<grammar::inverted> : Nested, Plain<&TreeBuilder::combine_unary> {};
template <>
struct Action<grammar::negated> : Nested, Plain<&TreeBuilder::combine_unary> {};
template <>
struct Action<grammar::product_rest> : Plain<&TreeBuilder::combine_binary> {};
template <>
struct Action<grammar::sum_rest> : Plain<&TreeBuilder::combine_binary> {};
template <>
struct Action<grammar::relation_rest> : Plain<&TreeBuilder::combine_binary> {};
template <>
struct Action<grammar::conjunction_rest> : Plain<&TreeBuilder::join, Op::kAnd> {};
template <>
struct Action<grammar::disjunction_rest> : Plain<&TreeBuilder::join, Op::kOr> {};
template <>
struct Action<grammar::choice> : Plain<&TreeBuilder::conditional> {};
template <>
struct Action<grammar::expression> : Nested {};

template <auto Parse>
struct Number {
  template <typename Input>
  static void apply(const Input& in, TreeBuilder& builder) {
    builder.literal(token_of(in), Parse(token_of(in)));
  }
};
template <>
struct Action<grammar::real> : Number<&real_literal> {};
template <>
struct Action<grammar::hexadecimal> : Number<&integer_literal> {};
template <>
struct Action<grammar::decimal> : Number<&integer_literal> {};

template <typename Rule>
using Control = pegtl::must_if<grammar::Messages>::control<Rule>;

}  // namespace

std::expected<Node, CelError> parse(std::string_view expression) {
  if (expression.size() > kMaxExpressionBytes) {
    return std::unexpected(
        CelError{fmt::format("the expression is longer than {} bytes", kMaxExpressionBytes), kMaxExpressionBytes});
  }
  if (!is_utf8(expression)) return std::unexpected(CelError{"the expression is not UTF-8", 0});
  TreeBuilder builder(expression);
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
