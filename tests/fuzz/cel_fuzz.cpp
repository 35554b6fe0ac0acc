// Any text as an expression: compiling and evaluating it must end soon, within its limits, and never crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/flow/cel/cel.h"

namespace {

const sluice::Json& context() {
  static const sluice::Json parsed = *sluice::parse_json(
      R"({"user":{"name":"Ana","age":15,"tags":["a","b",null,1.5,{"k":-1}]},"x":[1,2,3],"s":"t\u00e9xt","m":{"a":1,"b":2},
          "n":18446744073709551615,"t":"2009-02-13T23:31:30Z","d":"1h2m3.5s"})");
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = sluice::cel::compile(text);
  if (!program) {
    if (program.error().offset > size) std::abort();
    return 0;
  }
  const sluice::cel::Limits limits{.steps = 20'000, .memory = 1U << 20U};
  const auto first = sluice::cel::evaluate(*program, context(), limits);
  const auto second = sluice::cel::evaluate(*program, context(), limits);
  // Evaluation is a function of program and context.
  if (first.has_value() != second.has_value() || (first && sluice::to_text(*first) != sluice::to_text(*second)))
    std::abort();
  if (!first && (first.error().offset > size || first.error().message != second.error().message)) std::abort();
  (void)sluice::cel::eval_typed_json(text, sluice::make_object(), limits);
  return 0;
}
