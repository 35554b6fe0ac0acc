// Running a program to its end.
#pragma once

#include <string>
#include <vector>

namespace sluice::test {

struct CommandResult {
  int exit_code = 0;   // 128 + signal when one ended it
  std::string output;  // of standard output and standard error together
};

// Looks the program up in PATH. Standard input is empty. What the program leaves running in the background must not
// hold its output open, or this waits for it: use `output_file`, and then nothing is returned of it.
CommandResult run_command(const std::vector<std::string>& arguments, const std::string& output_file = {});

}  // namespace sluice::test
