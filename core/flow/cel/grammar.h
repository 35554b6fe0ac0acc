// The grammar of CEL (cel-spec's langdef, "Syntax") in PEGTL. It never gives up what it has consumed: after the first
// token of a rule the rest must follow, so that the builder's actions run once and an error stands where the text went
// wrong.
#pragma once

#include <tao/pegtl.hpp>

namespace sluice::cel::grammar {

namespace pegtl = tao::pegtl;
using pegtl::at;
using pegtl::if_must;
using pegtl::not_at;
using pegtl::one;
using pegtl::opt;
using pegtl::plus;
using pegtl::seq;
using pegtl::sor;
using pegtl::star;

// NOLINTBEGIN(readability-identifier-naming): rules are named as PEGTL names its own

struct comment : seq<pegtl::two<'/'>, pegtl::until<pegtl::eolf>> {};
struct space : star<sor<one<' ', '\t', '\n', '\f', '\r'>, comment>> {};
template <typename... Rules>
struct token : seq<Rules..., space> {};

struct word_end : not_at<sor<pegtl::alnum, one<'_'>>> {};
struct identifier : seq<sor<pegtl::alpha, one<'_'>>, star<sor<pegtl::alnum, one<'_'>>>> {};
struct quoted_identifier : seq<one<'`'>, plus<sor<pegtl::alnum, one<'_', '.', '-', '/', ' '>>>, one<'`'>> {};

// Numbers carry their sign, so that the least int can be written.
struct minus_sign : opt<one<'-'>> {};
struct exponent : seq<one<'e', 'E'>, opt<one<'+', '-'>>, plus<pegtl::digit>> {};
struct fraction : seq<one<'.'>, plus<pegtl::digit>> {};
struct unsigned_mark : one<'u', 'U'> {};
struct real
    : seq<minus_sign,
          sor<seq<plus<pegtl::digit>, sor<seq<fraction, opt<exponent>>, exponent>>, seq<fraction, opt<exponent>>>> {};
struct hexadecimal : seq<minus_sign, one<'0'>, one<'x', 'X'>, plus<pegtl::xdigit>, opt<unsigned_mark>> {};
struct decimal : seq<minus_sign, plus<pegtl::digit>, opt<unsigned_mark>> {};

// The rest of a text after its opening quote.
template <char Quote>
struct rest : pegtl::until<one<Quote>, sor<seq<one<'\\'>, pegtl::any>, pegtl::not_one<'\n', '\r', '\\'>>> {};
template <char Quote>
struct raw_rest : pegtl::until<one<Quote>, pegtl::not_one<'\n', '\r'>> {};
template <char Quote>
struct long_rest : pegtl::until<pegtl::three<Quote>, sor<seq<one<'\\'>, pegtl::any>, pegtl::not_one<'\\'>>> {};
template <char Quote>
struct raw_long_rest : pegtl::until<pegtl::three<Quote>> {};
struct closing_quote {};  // raised where the text began when it has none
template <char Quote, typename LongRest, typename Rest>
struct closed
    : sor<if_must<at<pegtl::three<Quote>>, sor<seq<pegtl::three<Quote>, LongRest>, pegtl::raise<closing_quote>>>,
          if_must<at<one<Quote>>, sor<seq<one<Quote>, Rest>, pegtl::raise<closing_quote>>>> {};
template <char Quote>
struct quoted : closed<Quote, long_rest<Quote>, rest<Quote>> {};
template <char Quote>
struct raw_quoted : closed<Quote, raw_long_rest<Quote>, raw_rest<Quote>> {};
struct raw_text : seq<one<'r', 'R'>, sor<raw_quoted<'"'>, raw_quoted<'\''>>> {};
struct text : seq<opt<one<'b', 'B'>>, sor<raw_text, quoted<'"'>, quoted<'\''>>> {};

struct expression;
struct unary;

struct arguments_open : one<'('> {};
struct arguments_close : one<')'> {};
struct list_open : one<'['> {};
struct list_close : one<']'> {};
struct map_open : one<'{'> {};
struct map_close : one<'}'> {};
struct index_open : one<'['> {};
struct index_close : one<']'> {};
struct paren_close : one<')'> {};
struct colon : one<':'> {};

struct comma : token<one<','>> {};
struct items : opt<expression, star<comma, expression>> {};
struct arguments : if_must<token<arguments_open>, items, token<arguments_close>> {};

struct entry : seq<expression, pegtl::must<token<colon>, expression>> {};
struct entries : opt<entry, star<comma, entry>, opt<comma>> {};
struct list : if_must<token<list_open>, items, opt<comma>, token<list_close>> {};
struct map : if_must<token<map_open>, entries, token<map_close>> {};
struct parenthesised : if_must<token<one<'('>>, expression, token<paren_close>> {};

struct keyword_in : seq<pegtl::string<'i', 'n'>, word_end> {};
struct name : seq<opt<one<'.'>>, not_at<keyword_in>, identifier> {};
struct call : seq<at<arguments_open>, arguments> {};
struct named : seq<token<name>, opt<call>> {};
struct primary : sor<token<real>, token<hexadecimal>, token<decimal>, token<text>, list, map, parenthesised, named> {};

struct member_name : sor<identifier, quoted_identifier> {};
struct plain_member : pegtl::success {};
struct member_call : seq<at<arguments_open>, arguments> {};
struct select : if_must<token<one<'.'>>, token<member_name>, sor<member_call, plain_member>> {};
struct index : if_must<token<index_open>, expression, token<index_close>> {};
struct member : seq<primary, star<sor<select, index>>> {};

struct not_operator : token<one<'!'>> {};
struct minus_operator : token<one<'-'>> {};
struct negated : if_must<minus_operator, unary> {};
struct inverted : if_must<not_operator, unary> {};
struct unary : sor<member, inverted, negated> {};

struct multiply_operator : token<one<'*', '/', '%'>> {};
struct add_operator : token<one<'+', '-'>> {};
struct relation_operator : token<sor<pegtl::string<'<', '='>, pegtl::string<'>', '='>, pegtl::string<'=', '='>,
                                     pegtl::string<'!', '='>, one<'<', '>'>, keyword_in>> {};
struct product_rest : if_must<multiply_operator, unary> {};
struct product : seq<unary, star<product_rest>> {};
struct sum_rest : if_must<add_operator, product> {};
struct sum : seq<product, star<sum_rest>> {};
struct relation_rest : if_must<relation_operator, sum> {};
struct relation : seq<sum, star<relation_rest>> {};
struct conjunction_rest : if_must<token<pegtl::two<'&'>>, relation> {};
struct conjunction : seq<relation, star<conjunction_rest>> {};
struct disjunction_rest : if_must<token<pegtl::two<'|'>>, conjunction> {};
struct disjunction : seq<conjunction, star<disjunction_rest>> {};
struct choice : if_must<token<one<'?'>>, disjunction, token<colon>, expression> {};
struct expression : seq<disjunction, opt<choice>> {};

struct program : seq<space, pegtl::must<expression, pegtl::eof>> {};

// What a must that fails says; everything not named here is an expression that is missing.
template <typename Rule>
inline constexpr const char* kMessage = "expected an expression";
template <>
inline constexpr const char* kMessage<closing_quote> = "this text has no closing quote";
template <>
inline constexpr const char* kMessage<token<arguments_close>> = "expected ',' or ')' after an argument";
template <>
inline constexpr const char* kMessage<token<list_close>> = "expected ',' or ']' after a list's item";
template <>
inline constexpr const char* kMessage<token<map_close>> = "expected ',' or '}' after a map's entry";
template <>
inline constexpr const char* kMessage<token<index_close>> = "expected ']' after an index";
template <>
inline constexpr const char* kMessage<token<paren_close>> = "expected ')'";
template <>
inline constexpr const char* kMessage<token<colon>> = "expected ':'";
template <>
inline constexpr const char* kMessage<token<member_name>> = "expected a name after '.'";
template <>
inline constexpr const char* kMessage<pegtl::eof> = "expected an operator or the end";

struct Messages {
  template <typename Rule>
  static constexpr const char* message = kMessage<Rule>;
  template <typename Rule>
  static constexpr bool raise_on_failure = false;
};

// NOLINTEND(readability-identifier-naming)

}  // namespace sluice::cel::grammar
