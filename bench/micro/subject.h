// What is measured: an operation by name, for Google Benchmark and for counting instructions.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sluice::bench {

struct Subject {
  std::string name;
  // Prepares, and gives the operation; an empty one means that what it needs is not there.
  std::function<std::function<void()>()> prepare;
  double operators = 0;  // of CEL that one operation evaluates
};

[[nodiscard]] std::vector<Subject> cel_subjects();
[[nodiscard]] std::vector<Subject> engine_subjects();
[[nodiscard]] std::vector<Subject> import_subjects();

}  // namespace sluice::bench
