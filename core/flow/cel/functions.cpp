#include "core/flow/cel/functions.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <unordered_map>

namespace sluice::cel {
namespace {

using Index = std::unordered_multimap<std::string_view, const Function*>;

const Index& functions() {
  static const Index index = [] {
    Index built;
    for (const auto& table :
         {conversion_functions(), string_functions(), math_functions(), time_functions(), aggregate_functions()}) {
      for (const Function& function : table) built.emplace(function.name, &function);
    }
    return built;
  }();
  return index;
}

}  // namespace

Value Call::no_overload() const {
  std::string kinds;
  for (const Value& arg : args) {
    if (!kinds.empty()) kinds += ", ";
    kinds += type_name(arg.kind());
  }
  return error(fmt::format("no such overload: {}({})", node.text, kinds));
}

const Function* find_function(std::string_view name, Style style, std::size_t arguments) {
  const auto [begin, end] = functions().equal_range(name);
  for (auto entry = begin; entry != end; ++entry) {
    const Function& function = *entry->second;
    if (function.style == style && arguments >= function.least && arguments <= function.most) return &function;
  }
  return nullptr;
}

bool is_function(std::string_view name) {
  return functions().contains(name);
}

}  // namespace sluice::cel
