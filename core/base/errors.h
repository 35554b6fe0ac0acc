// The exceptions that end an operation. What is expected (an empty queue, an HTTP status, a timeout) is a value
// instead.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace sluice {

// Exit codes of every command (DESIGN 9.2).
enum class ExitCode : int {
  kGood = 0,
  kFailed = 1,
  kUsage = 2,
  kUnavailable = 69,   // the database cannot be reached
  kNotPermitted = 77,  // the database refuses the role
  kBadConfig = 78,
};

// A message in lower case that names object and value; the hint is the reader's next step.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string hint = {}, ExitCode exit_code = ExitCode::kFailed)
      : std::runtime_error(message), hint_(std::move(hint)), exit_code_(exit_code) {}
  [[nodiscard]] const std::string& hint() const { return hint_; }
  [[nodiscard]] ExitCode exit_code() const { return exit_code_; }

 private:
  std::string hint_;
  ExitCode exit_code_;
};

class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message, std::string hint = {})
      : Error(message, std::move(hint), ExitCode::kUsage) {}
};

class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message, std::string hint = {})
      : Error(message, std::move(hint), ExitCode::kBadConfig) {}
};

}  // namespace sluice
