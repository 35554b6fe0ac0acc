// Pages made from the program's tables: they say what the program takes, and the one that is kept in docs/ is not an
// old one.
#include <fstream>
#include <iterator>

#include "tests/support/command.h"
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What bash offers for a line, a word each.
std::string completions(const std::string& line) {
  const std::string script = R"(
    source <("$0" reference completion)
    read -ra COMP_WORDS <<<"$1"
    [[ $1 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _sluice
    echo "${COMPREPLY[*]}")";
  return run_command({"bash", "-c", script, std::string(SLUICE_BINARY_DIR) + "/bin/sluice", line}).output;
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

TEST(CliReference, AnUnknownPageIsRefusedWithThoseThereAre) {
  const Outcome refused = run_sluice({"reference", "poems"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("there is no page 'poems'"));
  EXPECT_THAT(refused.err, HasSubstr("configuration"));
}

}  // namespace
}  // namespace sluice::test
