// The syntax tree: made by the parser, resolved once (locals to slots, names to functions), then only read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/flow/cel/cel.h"
#include "core/flow/cel/value.h"

namespace sluice::cel {

struct Function;
class Pattern;

enum class Op : std::uint8_t {
  // leaves
  kLiteral,   // literal
  kString,    // text
  kBytes,     // text
  kVariable,  // text: a name of the context
  kLocal,     // slot: a macro's variable
  kTypeName,  // text
  // access and construction
  kSelect,  // args[0].text
  kHas,     // has(args[0].text)
  kIndex,   // args[0][args[1]]
  kList,    // args
  kMap,     // key, value, key, value …
  // operators
  kNot,
  kNegate,
  kAnd,  // two or more args
  kOr,   // likewise
  kConditional,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  // calls
  kCall,        // text(args), resolved: function
  kMemberCall,  // args[0].text(args[1] …)
  kUnknown,     // a call that no function answers: an error when it is evaluated
  // macros: args[0] is the range, then an optional filter, then the body; slot holds the variable, slot + 1 the second
  kAll,
  kExists,
  kExistsOne,
  kCollect,
  kFilter,
  kCollectMap,
  kCollectEntries,
};

struct Node {
  Op op = Op::kLiteral;
  bool two_variables = false;  // of a macro: index or key, and value
  std::uint32_t offset = 0;    // byte of the expression
  std::uint32_t slot = 0;
  int height = 1;
  Value literal = Value::null();
  std::string text{};
  const Function* function = nullptr;
  std::shared_ptr<const Pattern> pattern{};  // of matches() with a literal pattern
  std::vector<Node> args{};
};

struct Compiled {
  std::string text{};
  Node root;
  std::uint32_t slots = 0;
  std::vector<Reference> variables;
  std::vector<Reference> unknown_functions;
};

// The tree of an expression's syntax, names unresolved.
[[nodiscard]] std::expected<Node, CelError> parse(std::string_view expression);

// Expands macros and resolves names in `compiled.root`.
[[nodiscard]] std::expected<void, CelError> resolve(Compiled& compiled);

// The error with line and column counted from its offset.
[[nodiscard]] CelError located(CelError error, std::string_view expression);

}  // namespace sluice::cel
