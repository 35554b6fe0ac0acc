// flow_bench [Google Benchmark's flags] | --list | --times NAME N: the last runs a subject N times and measures
// nothing.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/micro/subject.h"

namespace {

using sluice::bench::Subject;

std::vector<Subject> all_subjects() {
  std::vector<Subject> all = sluice::bench::cel_subjects();
  for (auto& subject : sluice::bench::engine_subjects()) all.push_back(std::move(subject));
  for (auto& subject : sluice::bench::import_subjects()) all.push_back(std::move(subject));
  return all;
}

void measure(benchmark::State& state, const Subject& subject) {
  const auto operation = subject.prepare();
  if (!operation) return state.SkipWithError("what it needs is not beside the source tree");
  for (auto _ : state) operation();
  if (subject.operators == 0) return;
  state.counters["operators"] = subject.operators;
  state.counters["per_operator"] = benchmark::Counter(
      subject.operators, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

int run_times(const std::string& name, long times) {
  for (const Subject& subject : all_subjects()) {
    if (subject.name != name) continue;
    const auto operation = subject.prepare();
    if (!operation) return 77;
    for (long i = 0; i < times; ++i) operation();
    return 0;
  }
  (void)std::fprintf(stderr, "there is no subject %s\n", name.c_str());
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string first = count > 1 ? arguments[1] : "";
  if (first == "--times" && count == 4) return run_times(arguments[2], std::strtol(arguments[3], nullptr, 10));
  if (first == "--list") {
    for (const Subject& subject : all_subjects()) std::puts(subject.name.c_str());
    return 0;
  }
  for (const Subject& subject : all_subjects())
    benchmark::RegisterBenchmark(subject.name.c_str(), [subject](benchmark::State& state) { measure(state, subject); });
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
