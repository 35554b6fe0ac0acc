// CEL: the goal is 1 µs an operator. `operators` of a subject are those that an evaluation runs.
#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>

#include "bench/micro/subject.h"
#include "core/flow/cel/cel.h"

namespace sluice::cel {
namespace {

Json state() {
  Json made = *parse_json(
      R"({"user":{"name":"Ana","age":15,"email":"ana@example.org","tags":["reader","new"]},
          "variables":{"score":7.5,"limit":10,"level":"beginner"},"context":{"now":"2024-05-01T12:00:00Z"},"temp":{}})");
  Json scores = make_array();
  for (int i = 0; i < 100; ++i) push(scores, Json(i));
  set(made, "scores", std::move(scores));
  return made;
}

std::function<std::function<void()>()> evaluates(std::string_view expression) {
  return [expression]() -> std::function<void()> {
    const auto context = std::make_shared<const Json>(state());
    const auto program = compile(expression);
    if (!program || !evaluate(*program, *context)) return {};
    return [context, program = *program] { benchmark::DoNotOptimize(evaluate(program, *context)); };
  };
}

constexpr std::string_view kCondition = "user.age >= 13 && user.age < 18 && 'reader' in user.tags";

}  // namespace
}  // namespace sluice::cel

namespace sluice::bench {

std::vector<Subject> cel_subjects() {
  using cel::evaluates;
  return {
      {"cel/comparison", evaluates("user.age >= 13"), 2},
      {"cel/condition", evaluates(cel::kCondition), 8},
      {"cel/arithmetic", evaluates("variables.score * 2.0 + 1.0 - double(variables.limit) / 3.0"), 7},
      {"cel/text", evaluates("user.name + ' <' + user.email + '>' == 'Ana <ana@example.org>'"), 6},
      {"cel/matches", evaluates("user.email.matches('^[a-z]+@[a-z.]+$')"), 2},
      {"cel/missing_key", evaluates("user.missing == 1 || true"), 3},
      {"cel/timestamp", evaluates("timestamp(context.now).getHours() < 18"), 4},
      {"cel/sum_of_100", evaluates("sum(scores)"), 1},
      {"cel/filter_100", evaluates("scores.filter(s, s % 2 == 0).size()"), 202},
      {"cel/compile", [] { return [] { benchmark::DoNotOptimize(cel::compile(cel::kCondition)); }; }},
  };
}

}  // namespace sluice::bench
