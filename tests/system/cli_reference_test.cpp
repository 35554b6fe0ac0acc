// Pages made from the program's tables: they say what the program takes, and the one that is kept in docs/ is not an
// old one.
#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/support/command.h"
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::UnorderedElementsAreArray;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What bash offers for each line, words on a line.
std::string completions(const std::vector<std::string>& lines) {
  const std::string script = R"(
    source <("$0" reference completion)
    for line in "$@"; do
      read -ra COMP_WORDS <<<"$line"
      [[ $line == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _sluice
      echo "${COMPREPLY[*]}"
    done)";
  std::vector<std::string> words{"bash", "-c", script, std::string(SLUICE_BINARY_DIR) + "/bin/sluice"};
  words.insert(words.end(), lines.begin(), lines.end());
  return run_command(words).output;
}

std::string completions(const std::string& line) {
  return completions(std::vector<std::string>{line});
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

// What a page of help has at the beginning of its lines, `first` being what such a line begins with.
std::vector<std::string> listed(const std::string& help, const std::string& first) {
  std::vector<std::string> found;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    const std::string begin = "  " + first;
    if (line.starts_with(begin) && line.size() > begin.size() && line[begin.size()] != ' ') found.push_back(line);
  }
  return found;
}

TEST(CliReference, TheConfigurationPageInTheDocumentationIsThisOne) {
  const Outcome page = run_sluice({"reference", "configuration"});
  EXPECT_EQ(page.out, content_of(std::string(SLUICE_SOURCE_DIR) + "/docs/configuration.md"))
      << "make it anew: build/bin/sluice reference configuration >docs/configuration.md";
}

TEST(CliReference, TheMetricsPageInTheDocumentationIsThisOne) {
  const Outcome page = run_sluice({"reference", "metrics"});
  EXPECT_EQ(page.out, content_of(std::string(SLUICE_SOURCE_DIR) + "/docs/metrics.md"))
      << "make it anew: build/bin/sluice reference metrics >docs/metrics.md";
}

TEST(CliReference, BashCompletesCommandsFlagsAndValues) {
  EXPECT_EQ(completions("sluice work"), "worker\n");
  EXPECT_EQ(completions("sluice flow imp"), "import\n");
  EXPECT_EQ(completions("sluice flow import --form"), "--format\n");
  EXPECT_EQ(completions("sluice worker --worker.c"), "--worker.concurrency\n");
  EXPECT_EQ(completions("sluice worker --log.level w"), "warn\n");
  EXPECT_EQ(completions("sluice status --js"), "--json\n");
}

// The words of a command in the list of all: those before its arguments, which are in capitals or brackets.
std::string command_on(const std::string& line) {
  std::string command;
  for (const std::string& word : words_of(line.substr(0, line.find("  ", 2)))) {
    if (std::islower(static_cast<unsigned char>(word.front())) == 0) break;
    command += (command.empty() ? "" : " ") + word;
  }
  return command;
}

TEST(CliReference, BashCompletesEveryCommandThatHelpListsAndEachOfItsOptions) {
  const std::string help = run_sluice({"--help"}).out;
  const std::vector<std::string> lines = listed(help.substr(0, help.find("\n\n", help.find("\n  up "))), "");
  std::vector<std::string> asked;
  for (const std::string& line : lines) {
    const std::string command = command_on(line);
    ASSERT_FALSE(command.empty()) << line;
    asked.push_back("sluice " + command);
    asked.push_back("sluice " + command + (command.find(' ') == std::string::npos ? " x" : "") + " --");
  }
  ASSERT_GT(asked.size(), 100U);
  std::istringstream answers(completions(asked));
  for (std::size_t i = 0; i < asked.size(); i += 2) {
    std::string offered;
    const std::string command = asked[i].substr(asked[i].find(' ') + 1);
    ASSERT_TRUE(std::getline(answers, offered));
    EXPECT_THAT(words_of(offered), Contains(command.substr(command.find(' ') + 1))) << command;

    std::vector<std::string> arguments = words_of(command);
    arguments.emplace_back("--help");
    std::set<std::string> options{"--help"};
    for (const std::string& line : listed(run_sluice(arguments).out, "--"))
      options.insert(line.substr(2, line.find(' ', 2) - 2));
    ASSERT_TRUE(std::getline(answers, offered));
    EXPECT_THAT(words_of(offered), UnorderedElementsAreArray(options)) << command;
  }
}

TEST(CliReference, AnUnknownPageIsRefusedWithThoseThereAre) {
  const Outcome refused = run_sluice({"reference", "poems"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("there is no page 'poems'"));
  EXPECT_THAT(refused.err, HasSubstr("configuration"));
}

}  // namespace
}  // namespace sluice::test
