// CEL: the goal is 1 µs an operator. `operators` counts those that an evaluation runs, `per_operator` is its time
// divided by them.
#include <benchmark/benchmark.h>

#include <string>

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

void evaluates(benchmark::State& run, std::string_view expression, double operators) {
  const Json context = state();
  const auto program = compile(expression);
  if (!program) return run.SkipWithError(to_text(program.error()).c_str());
  if (const auto result = evaluate(*program, context); !result)
    return run.SkipWithError(to_text(result.error()).c_str());
  for (auto _ : run) {
    auto result = evaluate(*program, context);
    benchmark::DoNotOptimize(result);
  }
  run.counters["operators"] = operators;
  run.counters["per_operator"] =
      benchmark::Counter(operators, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void compiles(benchmark::State& run, std::string_view expression) {
  for (auto _ : run) {
    auto program = compile(expression);
    benchmark::DoNotOptimize(program);
  }
}

constexpr std::string_view kCondition = "user.age >= 13 && user.age < 18 && 'reader' in user.tags";

BENCHMARK_CAPTURE(evaluates, comparison, "user.age >= 13", 2);
BENCHMARK_CAPTURE(evaluates, condition, kCondition, 8);
BENCHMARK_CAPTURE(evaluates, arithmetic, "variables.score * 2.0 + 1.0 - double(variables.limit) / 3.0", 7);
BENCHMARK_CAPTURE(evaluates, text, "user.name + ' <' + user.email + '>' == 'Ana <ana@example.org>'", 6);
BENCHMARK_CAPTURE(evaluates, matches, "user.email.matches('^[a-z]+@[a-z.]+$')", 2);
BENCHMARK_CAPTURE(evaluates, missing_key, "user.missing == 1 || true", 3);
BENCHMARK_CAPTURE(evaluates, timestamp, "timestamp(context.now).getHours() < 18", 4);
BENCHMARK_CAPTURE(evaluates, sum_of_100, "sum(scores)", 1);
BENCHMARK_CAPTURE(evaluates, filter_100, "scores.filter(s, s % 2 == 0).size()", 202);
BENCHMARK_CAPTURE(compiles, condition, kCondition);

}  // namespace
}  // namespace sluice::cel
