// What the command says before it does anything: help, versions, misspellings, configuration, an unreachable database.
#include <fmt/format.h>

#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(CliUsage, HelpListsEveryCommandAndEachExplainsItselfWithAnExample) {
  const Outcome overview = run_sluice({"--help"});
  EXPECT_EQ(overview.code, 0);
  EXPECT_EQ(overview.err, "");
  for (const std::string name : {"up",
                                 "listener",
                                 "worker",
                                 "notifier",
                                 "migrate",
                                 "check-config",
                                 "flow import",
                                 "flow validate",
                                 "flow test",
                                 "flow export",
                                 "flow graph",
                                 "flow list",
                                 "chat",
                                 "session list",
                                 "session show",
                                 "session end",
                                 "tasks list",
                                 "tasks show",
                                 "tasks retry",
                                 "tasks discard",
                                 "cron list",
                                 "deliveries list",
                                 "deliveries show",
                                 "deliveries retry",
                                 "deliveries replay",
                                 "events list",
                                 "events show",
                                 "events tail",
                                 "events retry",
                                 "events discard",
                                 "events replay",
                                 "events resync",
                                 "endpoints list",
                                 "endpoints show",
                                 "endpoints test",
                                 "endpoints rotate",
                                 "endpoints enable",
                                 "endpoints disable",
                                 "status",
                                 "eval condition",
                                 "eval template",
                                 "eval cel",
                                 "eval mapping",
                                 "eval hash",
                                 "eval sign",
                                 "eval url",
                                 "reference"}) {
    EXPECT_THAT(overview.out, HasSubstr("\n  " + name)) << name;
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= name.size();) {
      const auto end = std::min(name.find(' ', at), name.size());
      words.push_back(name.substr(at, end - at));
      at = end + 1;
    }
    words.emplace_back("--help");
    const Outcome help = run_sluice(words);
    EXPECT_EQ(help.code, 0) << name;
    EXPECT_THAT(help.out, StartsWith("usage: sluice " + name)) << name;
    EXPECT_THAT(help.out, HasSubstr("--dsn")) << name;
  }
}

TEST(CliUsage, GroupsListTheirCommands) {
  const Outcome help = run_sluice({"flow", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("flow import FILE"));
  EXPECT_THAT(help.out, testing::Not(HasSubstr("session")));
  const Outcome bare = run_sluice({"flow"});
  EXPECT_EQ(bare.code, 2);
  EXPECT_THAT(bare.err, HasSubstr("'flow' is a group of commands"));
}

TEST(CliUsage, VersionIsOneLine) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--version"}, {"worker", "--version"}}) {
    const Outcome outcome = run_sluice(words);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, testing::MatchesRegex("sluice [0-9.]+\n"));
  }
}

TEST(CliUsage, MisspellingsNameTheNearest) {
  const struct {
    std::vector<std::string> words;
    std::string hint;
  } cases[] = {
      {{"wrker"}, "did you mean 'worker'?"},
      {{"flow", "imprt", "x"}, "did you mean 'flow import'?"},
      {{"sesion", "list"}, "did you mean 'session"},
      {{"migrate", "--chek"}, "did you mean '--check'?"},
      {{"zzzzzzzzzz"}, "sluice --help lists the commands"},
  };
  for (const auto& each : cases) {
    const Outcome outcome = run_sluice(each.words);
    EXPECT_EQ(outcome.code, 2) << each.words.front();
    EXPECT_THAT(outcome.err, StartsWith("error: unknown ")) << each.words.front();
    EXPECT_THAT(outcome.err, HasSubstr("HINT: ")) << each.words.front();
    EXPECT_THAT(outcome.err, HasSubstr(each.hint)) << each.words.front();
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(CliUsage, WrongArgumentsAreToldBeforeAnythingIsDone) {
  const struct {
    std::vector<std::string> words;
    std::string error;
  } cases[] = {
      {{}, "no command is given"},
      {{"flow", "import"}, "flow import needs FILE"},
      {{"session", "show", "a", "b"}, "'b' is one argument too many for session show"},
      {{"tasks", "retry", "one"}, "'one' is no task"},
      {{"tasks", "list", "--limit", "0"}, "--limit must be a whole number from 1 on, not '0'"},
      {{"migrate", "--to", "x"}, "--to must be a whole number from 1 on, not 'x'"},
      {{"migrate", "--check", "--to", "3"}, "--check changes nothing"},
      {{"endpoints", "show", "x"}, "'x' is no endpoint id"},
      {{"deliveries", "replay", "0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10"}, "needs --since TIME"},
      {{"events", "replay", "relay"}, "needs --since TIME"},
      {{"events", "discard", "relay"}, "EVENT"},
      {{"flow", "import", "x.json", "--format", "word"}, "unknown format 'word'"},
      {{"migrate", "--to"}, "flag --to needs a value"},
      {{"status", "--json=yes"}, "flag --json takes no value"},
  };
  for (const auto& each : cases) {
    const Outcome outcome = run_sluice(each.words);
    EXPECT_EQ(outcome.code, 2) << each.error;
    EXPECT_THAT(outcome.err, HasSubstr(each.error));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(CliUsage, BadConfigurationNamesFileLineKeyAndWhatIsAllowed) {
  const TextFile unknown("[log]\nlevle = \"info\"\n", "sluice.toml");
  const Outcome misspelt = run_sluice({"worker", "--config", unknown.path()});
  EXPECT_EQ(misspelt.code, 78);
  EXPECT_THAT(misspelt.err, StartsWith("error: " + unknown.path() + ":2"));
  EXPECT_THAT(misspelt.err, HasSubstr("log.levle"));
  EXPECT_THAT(misspelt.err, HasSubstr("log.level"));

  const TextFile bad("[database]\ndsn = \"\"\n\n[log]\nlevel = \"loud\"\n", "sluice.toml");
  const Outcome value = run_sluice({"check-config", "--config", bad.path()});
  EXPECT_EQ(value.code, 78);
  EXPECT_THAT(value.err, StartsWith("error: " + bad.path() + ":5"));
  EXPECT_THAT(value.err, HasSubstr("debug, info, warn, error"));

  const Outcome variable = run_sluice({"check-config"}, {}, {"SLUICE_LOG_LEVEL=loud"});
  EXPECT_EQ(variable.code, 78);
  EXPECT_THAT(variable.err, HasSubstr("SLUICE_LOG_LEVEL"));
}

TEST(CliUsage, DumpConfigShowsEachValueWithItsSourceAndNoPassword) {
  const TextFile file("[log]\nlevel = \"warn\"\n", "sluice.toml");
  const Outcome outcome =
      run_sluice({"check-config", "--dump-config", "--config", file.path(), "--dsn", "postgresql://me:hidden@host/db"},
                 {}, {"SLUICE_WORKER_CONCURRENCY=7"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("level = \"warn\"  # " + file.path() + ":2"));
  EXPECT_THAT(outcome.out, HasSubstr("concurrency = 7  # SLUICE_WORKER_CONCURRENCY"));
  EXPECT_THAT(outcome.out, HasSubstr("# --dsn"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("hidden")));
}

TEST(CliUsage, CheckConfigDoesNotConnectUnlessToldTo) {
  const std::vector<std::string> nowhere{"--dsn", "postgresql://nobody@127.0.0.1:1/none"};
  std::vector<std::string> words{"check-config"};
  words.insert(words.end(), nowhere.begin(), nowhere.end());
  EXPECT_EQ(run_sluice(words).code, 0);
  words.emplace_back("--connect");
  EXPECT_EQ(run_sluice(words).code, 69);
}

TEST(CliUsage, AnUnreachableDatabaseIs69) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"status"}, {"migrate"}, {"session", "list"}, {"chat", "x"}}) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--dsn", "postgresql://nobody@127.0.0.1:1/none"});
    const Outcome outcome = run_sluice(all);
    EXPECT_EQ(outcome.code, 69) << words.front();
    EXPECT_THAT(outcome.err, StartsWith("error: ")) << words.front();
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(CliUsage, FullDiskIsAFailure) {
  const Outcome outcome = run_sluice({"--help"});
  ASSERT_EQ(outcome.code, 0);
  const std::string command = fmt::format("{}/bin/sluice --help > /dev/full 2>/dev/null", SLUICE_BINARY_DIR);
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 1);
}

}  // namespace
}  // namespace sluice::test
