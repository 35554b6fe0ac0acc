// Turns the parser's tree into what the evaluator runs: macros are recognised, their variables become slots, names of
// types and functions are looked up. A function that does not exist is no error yet: the standard lets `true || f(1)`
// be true.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/cel/functions.h"
#include "core/flow/cel/pattern.h"

namespace sluice::cel {
namespace {

struct Macro {
  std::string_view name;
  Op op;
  std::size_t variables;
  std::size_t least;  // arguments, the variables included
  std::size_t most;
};

constexpr std::array kMacros{
    Macro{"all", Op::kAll, 1, 2, 2},
    Macro{"exists", Op::kExists, 1, 2, 2},
    Macro{"exists_one", Op::kExistsOne, 1, 2, 2},
    Macro{"existsOne", Op::kExistsOne, 1, 2, 2},
    Macro{"map", Op::kCollect, 1, 2, 3},
    Macro{"filter", Op::kFilter, 1, 2, 2},
    Macro{"all", Op::kAll, 2, 3, 3},
    Macro{"exists", Op::kExists, 2, 3, 3},
    Macro{"exists_one", Op::kExistsOne, 2, 3, 3},
    Macro{"existsOne", Op::kExistsOne, 2, 3, 3},
    Macro{"transformList", Op::kCollect, 2, 3, 4},
    Macro{"transformMap", Op::kCollectMap, 2, 3, 4},
    Macro{"transformMapEntry", Op::kCollectEntries, 2, 3, 4},
};

constexpr std::array<std::string_view, 10> kTypeNames{"bool", "bytes",     "double", "int",  "list",
                                                      "map",  "null_type", "string", "type", "uint"};

class Resolver {
 public:
  explicit Resolver(Compiled& compiled) : compiled_(compiled) {}

  void resolve(Node& node) {
    switch (node.op) {
      case Op::kVariable:
        return variable(node);
      case Op::kSelect:
        return select(node);
      case Op::kCall:
        return call(node);
      case Op::kMemberCall:
        return member_call(node);
      default:
        return resolve_all(node);
    }
  }

  [[nodiscard]] std::optional<CelError>& error() { return error_; }

 private:
  void fail_at(std::size_t offset, std::string message) {
    if (!error_) error_ = CelError{std::move(message), offset};
  }

  void resolve_all(Node& node) {
    for (Node& arg : node.args) resolve(arg);
  }

  // The slot of the innermost macro variable of that name.
  std::optional<std::uint32_t> local(std::string_view name) const {
    for (std::size_t at = locals_.size(); at > 0; --at) {
      if (locals_[at - 1] == name) return static_cast<std::uint32_t>(at - 1);
    }
    return std::nullopt;
  }

  void variable(Node& node) {
    if (const auto slot = local(node.text)) {
      node.op = Op::kLocal;
      node.slot = *slot;
      return;
    }
    if (std::ranges::find(kTypeNames, node.text) == kTypeNames.end())
      compiled_.variables.push_back({node.text, node.offset});
  }

  // google.protobuf.Timestamp and Duration are names of types, not of members.
  void select(Node& node) {
    const Node& owner = node.args[0];
    if (owner.op == Op::kSelect && owner.text == "protobuf" && owner.args[0].op == Op::kVariable &&
        owner.args[0].text == "google" && (node.text == "Timestamp" || node.text == "Duration")) {
      node.text.insert(0, "google.protobuf.");
      node.op = Op::kTypeName;
      node.args.clear();
      return;
    }
    resolve_all(node);
  }

  void call(Node& node) {
    if (node.text == "has") return has(node);
    resolve_all(node);
    look_up(node, Style::kGlobal);
  }

  void has(Node& node) {
    if (node.args.size() != 1 || node.args[0].op != Op::kSelect) {
      return fail_at(node.offset, "has() takes one member, as in has(user.age)");
    }
    Node member = std::move(node.args[0]);
    resolve_all(member);
    member.op = Op::kHas;
    node = std::move(member);
  }

  void member_call(Node& node) {
    for (const Macro& macro : kMacros) {
      if (node.text == macro.name && fits(macro, node)) return expand(macro, node);
    }
    if (in_namespace(node)) return;
    const bool misused = std::ranges::any_of(kMacros, [&](const Macro& macro) { return node.text == macro.name; });
    if (misused)
      return fail_at(node.offset,
                     fmt::format("{}() takes the name of a variable and an expression, as in list.{}(x, x > 0)",
                                 node.text, node.text));
    resolve_all(node);
    look_up(node, Style::kMember);
  }

  // math.abs(x): the receiver is the namespace, unless a macro's variable bears its name.
  bool in_namespace(Node& node) {
    const Node& owner = node.args[0];
    if (owner.op != Op::kVariable || local(owner.text)) return false;
    const std::string name = owner.text + "." + node.text;
    if (!is_function(name)) return false;
    node.text = name;
    node.args.erase(node.args.begin());
    resolve_all(node);
    look_up(node, Style::kGlobal);
    return true;
  }

  void look_up(Node& node, Style style) {
    node.function = find_function(node.text, style, node.args.size());
    node.op = node.function != nullptr ? Op::kCall : Op::kUnknown;
    if (!is_function(node.text)) compiled_.unknown_functions.push_back({node.text, node.offset});
    if (node.text == "matches" && node.args.size() == 2 && node.args[1].op == Op::kString) {
      node.pattern = std::make_shared<const Pattern>(node.args[1].text);
    }
  }

  static bool fits(const Macro& macro, const Node& node) {
    const std::size_t arguments = node.args.size() - 1;
    if (arguments < macro.least || arguments > macro.most) return false;
    // list.map(x, filter, body) and list.exists(i, v, body) differ in what their second argument is.
    for (std::size_t i = 1; i <= macro.variables; ++i) {
      if (node.args[i].op != Op::kVariable) return false;
    }
    return true;
  }

  void expand(const Macro& macro, Node& node) {
    resolve(node.args[0]);  // the range does not see the macro's variables
    if (macro.variables == 2 && node.args[1].text == node.args[2].text) {
      return fail_at(node.args[2].offset,
                     fmt::format("{}() has two variables of one name: {}", node.text, node.args[2].text));
    }
    node.op = macro.op;
    node.two_variables = macro.variables == 2;
    node.slot = static_cast<std::uint32_t>(locals_.size());
    for (std::size_t i = 1; i <= macro.variables; ++i) locals_.push_back(node.args[i].text);
    compiled_.slots = std::max(compiled_.slots, static_cast<std::uint32_t>(locals_.size()));
    node.args.erase(node.args.begin() + 1, node.args.begin() + 1 + static_cast<std::ptrdiff_t>(macro.variables));
    for (std::size_t i = 1; i < node.args.size(); ++i) resolve(node.args[i]);
    locals_.resize(node.slot);
  }

  Compiled& compiled_;
  std::vector<std::string> locals_;
  std::optional<CelError> error_;
};

}  // namespace

std::expected<void, CelError> resolve(Compiled& compiled) {
  Resolver resolver(compiled);
  resolver.resolve(compiled.root);
  if (resolver.error()) return std::unexpected(std::move(*resolver.error()));
  return {};
}

}  // namespace sluice::cel
