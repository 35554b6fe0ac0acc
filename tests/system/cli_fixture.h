// The built `sluice` command, run to its end, and a migrated database for it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "tests/support/test_database.h"

namespace sluice::test {

struct Outcome {
  int code = 0;  // 128 + signal when one ended it
  std::string out;
  std::string err;

  [[nodiscard]] Json json() const;  // of `out`; a failed test when it is none
};

// Runs `sluice WORDS…` with `input` on standard input. The environment is the test's own without SLUICE_* and PG*, and
// `environment`.
Outcome run_sluice(const std::vector<std::string>& words, std::string_view input = {},
                   const std::vector<std::string>& environment = {});

// A command on a terminal of its own (TERM=xterm), whose output is read as it comes.
class OnTerminal {
 public:
  explicit OnTerminal(const std::vector<std::string>& words, const std::vector<std::string>& environment = {});
  ~OnTerminal();
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  // Everything written so far, once `text` is in it or the command has ended.
  const std::string& read_until(std::string_view text);
  const std::string& read_to_end() { return read_until("\x01 is never written"); }

 private:
  pid_t child_ = -1;
  int terminal_ = -1;
  std::string output_;
};

// The JSON documents of an output with one a line.
std::vector<Json> json_lines(std::string_view text);

// A file of its own for the test, with this text; removed with the object.
class TextFile {
 public:
  explicit TextFile(std::string_view text, std::string_view name = "file.json");
  ~TextFile();
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string folder_;
  std::string path_;
};

class CliTest : public testing::Test {
 protected:
  // With --dsn of the test's database.
  Outcome sluice(std::vector<std::string> words, std::string_view input = {}) const;
  // The same, which must end well.
  Outcome good(const std::vector<std::string>& words, std::string_view input = {}) const;

  // One value as text, "null" for null.
  std::string value(const std::string& sql) const;
  void run_sql(const std::string& script) const { run_sql(script, database_.dsn()); }
  void run_sql(const std::string& script, const std::string& dsn) const;

  // Stores and publishes a flow that greets, asks for a name, and says good-bye.
  void publish_greeter() const;

  TestDatabase database_;
};

inline constexpr std::string_view kGreeter = R"({
  "name": "greeter", "version": "1.0", "entry_node_id": "hello",
  "nodes": [
    {"node_id": "hello", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Hello!"}]}},
    {"node_id": "name", "node_type": "question", "content": {"question": "What is your name?", "input_type": "text", "variable": "user.name"}},
    {"node_id": "bye", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Bye, {{user.name}}."}]}}],
  "connections": [
    {"source_node_id": "hello", "target_node_id": "name", "connection_type": "default"},
    {"source_node_id": "name", "target_node_id": "bye", "connection_type": "default"}],
  "test_scenarios": [
    {"name": "Ada says her name", "steps": [{"expect_node": "name", "expect_text_contains": "Hello"}, {"input": "Ada", "expect_text_contains": "Bye, Ada"}]}]
})";

}  // namespace sluice::test
