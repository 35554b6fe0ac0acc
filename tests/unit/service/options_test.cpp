#include "core/service/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/errors.h"
#include "core/service/http_options.h"

namespace sluice {
namespace {

using std::chrono::milliseconds;

constexpr Flag kFlags[] = {{"json", "", "as JSON"}, {"to", "N", "stop there"}};

struct OptionsTest : testing::Test {
  std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / ("sluice-" + std::to_string(getpid()) + ".toml");
  Environment environment;

  void TearDown() override { std::filesystem::remove(path); }

  CommandLine read(std::vector<std::string> arguments = {}) {
    return read_command_line(std::move(arguments), kFlags, environment);
  }
  CommandLine read_with_file(const std::string& text, std::vector<std::string> arguments = {}) {
    std::ofstream(path) << text;
    arguments.insert(arguments.begin(), {"--config", path.string()});
    return read(std::move(arguments));
  }
  // The message and hint of the ConfigError that the file leads to, with the file's name as FILE.
  std::string error_of(const std::string& text) {
    try {
      read_with_file(text);
    } catch (const ConfigError& error) {
      std::string message = std::string(error.what()) + " | " + error.hint();
      if (message.starts_with(path.string())) message.replace(0, path.string().size(), "FILE");
      return message;
    }
    return "no error";
  }
  std::string usage_error_of(std::vector<std::string> arguments) {
    try {
      read(std::move(arguments));
    } catch (const UsageError& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return "no error";
  }
};

TEST_F(OptionsTest, FlagsWinOverEnvironmentOverFileOverDefaults) {
  const std::string file = "[log]\nlevel = \"warn\"\n\n[worker]\nconcurrency = 7\n[notifier]\nconcurrency = 8\n";
  environment = {{"SLUICE_LOG_LEVEL", "error"},
                 {"SLUICE_WORKER_CONCURRENCY", "9"},
                 {"SLUICE_SECRET_X", "ignored"},
                 {"PATH", "/bin"}};
  const CommandLine line = read_with_file(file, {"--log.level", "debug"});
  EXPECT_EQ(line.options.text("log.level"), "debug");
  EXPECT_EQ(line.options.source("log.level"), "--log.level");
  EXPECT_EQ(line.options.integer("worker.concurrency"), 9);
  EXPECT_EQ(line.options.source("worker.concurrency"), "SLUICE_WORKER_CONCURRENCY");
  EXPECT_EQ(line.options.integer("notifier.concurrency"), 8);
  EXPECT_EQ(line.options.source("notifier.concurrency"), path.string() + ":7");
  EXPECT_EQ(line.options.text("log.format"), "text");
  EXPECT_EQ(line.options.source("log.format"), "default");
  EXPECT_EQ(line.config_file, path.string());
}

TEST_F(OptionsTest, FlagsAndArgumentsMayBeMixed) {
  const CommandLine line =
      read({"import", "--json", "a.json", "--dsn=postgresql:///x", "--to", "3", "--", "--not-a-flag"});
  EXPECT_EQ(line.arguments, (std::vector<std::string>{"import", "a.json", "--not-a-flag"}));
  EXPECT_EQ(line.flags.at("to"), "3");
  EXPECT_TRUE(line.flags.contains("json"));
  EXPECT_EQ(line.options.text("database.dsn"), "postgresql:///x");
  EXPECT_EQ(line.options.source("database.dsn"), "--dsn");
  EXPECT_FALSE(line.help);
  EXPECT_TRUE(read({"--dump-config"}).dump_config);
  EXPECT_TRUE(read({"-h"}).help);
  EXPECT_TRUE(read({"--version", "--config", "/nonexistent"}).version);
}

TEST_F(OptionsTest, BadFlagsAreUsageErrorsWithAHint) {
  EXPECT_EQ(usage_error_of({"--log.levle", "debug"}), "unknown flag --log.levle | did you mean '--log.level'?");
  EXPECT_EQ(usage_error_of({"--jsno"}), "unknown flag --jsno | did you mean '--json'?");
  EXPECT_EQ(usage_error_of({"--quux-is-nothing=5"}), "unknown flag --quux-is-nothing | --help lists the flags");
  EXPECT_EQ(usage_error_of({"-x"}), "unknown flag -x | --help lists the flags");
  EXPECT_EQ(usage_error_of({"--to"}), "flag --to needs a value | ");
  EXPECT_EQ(usage_error_of({"--json=1"}), "flag --json takes no value | ");
  EXPECT_EQ(usage_error_of({"--worker.concurrency", "0"}),
            "--worker.concurrency: worker.concurrency must be a whole number from 1 to 10000, not '0' | --help "
            "describes the flag");
}

TEST_F(OptionsTest, BadFilesAreConfigErrorsWithTheLine) {
  EXPECT_EQ(error_of("[log]\nlevel = \"info\"\nlevle = \"debug\"\n"),
            "FILE:3: unknown key 'log.levle' | did you mean 'log.level'?");
  EXPECT_EQ(error_of("\n[lgo]\nlevel = \"info\"\n"), "FILE:2: unknown section 'lgo' | did you mean 'log'?");
  EXPECT_TRUE(
      error_of("[zzzzzz]\n").starts_with("FILE:1: unknown section 'zzzzzz' | known: console, daemon, database,"))
      << error_of("[zzzzzz]\n");
  EXPECT_TRUE(error_of("log = 1\n").starts_with("FILE:1: 'log' is a section; write [log]"));
  EXPECT_TRUE(error_of("[log]\nlevel = \"loud\"\n")
                  .starts_with("FILE:2: log.level must be one of debug, info, warn, error, not 'loud'"));
  EXPECT_TRUE(error_of("[log]\nlevel = 3\n").starts_with("FILE:2: log.level must be a text in quotes"));
  EXPECT_TRUE(
      error_of("[worker]\nconcurrency = \"7\"\n").starts_with("FILE:2: worker.concurrency must be a whole number"));
  EXPECT_TRUE(error_of("[worker]\nconcurrency = 0\n")
                  .starts_with("FILE:2: worker.concurrency must be a whole number from 1 to 10000, not '0'"));
  EXPECT_TRUE(error_of("[daemon]\nshutdown_timeout = \"2 weeks\"\n")
                  .starts_with("FILE:2: daemon.shutdown_timeout must be a duration"));
  EXPECT_TRUE(
      error_of("[daemon]\nshutdown_timeout = \"2h\"\n")
          .starts_with(
              "FILE:2: daemon.shutdown_timeout must be a duration (500ms, 30s, 5m, 24h, 7d) from 0s to 1h, not '2h'"));
  EXPECT_TRUE(error_of("[http]\nallow_networks = \"10.0.0.0/8\"\n")
                  .starts_with("FILE:2: http.allow_networks must be an array"));
  EXPECT_TRUE(error_of("[http]\nallow_networks = [\"10.0.0.0/8\",\n  \"10.0.0.1/8\"]\n")
                  .starts_with("FILE:2: http.allow_networks: bad network '10.0.0.1/8'"));
  EXPECT_TRUE(error_of("[metrics]\nlisten = \"9464\"\n").starts_with("FILE:2: metrics.listen must be HOST:PORT"));
  EXPECT_TRUE(error_of("[log]\nlevel = \"info\nformat = 1\n").starts_with("FILE:2: "));
  EXPECT_TRUE(error_of("a = 1979-05-27T07:32:00Z\n[:.y]\nb = 1\n").starts_with("FILE:2: this is no TOML"));
  EXPECT_TRUE(error_of("a\u040e = 1\n").starts_with("FILE:1: Error while parsing key"));
  EXPECT_TRUE(error_of("[secrets]\ntoken = \"x\"\n").starts_with("FILE:2: unknown key 'secrets.token'"));
  EXPECT_EQ(error_of(std::string(1U << 20U, '#')), "no error");
  EXPECT_TRUE(error_of(std::string((1U << 20U) + 1, '#')).starts_with("FILE is longer than 1 MiB"));
  EXPECT_THROW(read({"--config", "/nonexistent/sluice.toml"}), ConfigError);
}

TEST_F(OptionsTest, BadVariablesAreConfigErrorsWithTheirName) {
  environment = {{"SLUICE_LOG_LEVEL", "loud"}};
  try {
    read();
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "SLUICE_LOG_LEVEL: log.level must be one of debug, info, warn, error, not 'loud'");
    EXPECT_EQ(error.exit_code(), ExitCode::kBadConfig);
  }
  environment = {{"SLUICE_LOG_LEVL", "info"}};
  try {
    read();
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "unknown variable SLUICE_LOG_LEVL");
    EXPECT_EQ(error.hint(), "did you mean 'SLUICE_LOG_LEVEL'?");
  }
  environment = {{"SLUICE_TEST_SOMETHING", "not ours"}};
  EXPECT_NO_THROW(read());
}

TEST_F(OptionsTest, DurationsAndListsAreReadFromEverySource) {
  CommandLine line =
      read_with_file("[daemon]\nshutdown_timeout = 5\n[http]\nallow_networks = [\"127.0.0.0/8\", \"::1\"]\n");
  EXPECT_EQ(line.options.duration("daemon.shutdown_timeout"), milliseconds(5000));
  EXPECT_EQ(line.options.list("http.allow_networks"), (std::vector<std::string>{"127.0.0.0/8", "::1"}));
  environment = {{"SLUICE_HTTP_ALLOW_NETWORKS", " 10.0.0.0/8 , 127.0.0.0/8,"},
                 {"SLUICE_DAEMON_SHUTDOWN_TIMEOUT", "1500ms"}};
  line = read();
  EXPECT_EQ(line.options.list("http.allow_networks"), (std::vector<std::string>{"10.0.0.0/8", "127.0.0.0/8"}));
  EXPECT_EQ(line.options.duration("daemon.shutdown_timeout"), milliseconds(1500));
  for (const auto& [text, expected] : std::map<std::string, int>{{"7", 7000}, {"3m", 180'000}, {"0", 0}}) {
    EXPECT_EQ(read({"--daemon.shutdown_timeout", text}).options.duration("daemon.shutdown_timeout"),
              milliseconds(expected))
        << text;
  }
  for (const char* text : {"", "s", "-1", "1.5s", "1 s", "99999999999999999999", "9223372036854775807d"}) {
    EXPECT_THROW(read({std::string("--daemon.shutdown_timeout=") + text}), UsageError) << text;
  }
}

TEST_F(OptionsTest, TheFileMayBeNamedByTheEnvironment) {
  std::ofstream(path) << "[log]\nlevel = \"warn\"\n";
  environment = {{"SLUICE_CONFIG", path.string()}};
  EXPECT_EQ(read().options.text("log.level"), "warn");
}

TEST_F(OptionsTest, RereadingTakesOverWhatIsReloadableAndNamesTheRest) {
  CommandLine line = read_with_file("[log]\nlevel = \"warn\"\n[worker]\nconcurrency = 7\n");
  std::ofstream(path) << "[log]\nlevel = \"debug\"\n[worker]\nconcurrency = 8\n";
  EXPECT_EQ(line.options.reload(line.reread()), (std::vector<std::string>{"worker.concurrency"}));
  EXPECT_EQ(line.options.text("log.level"), "debug");
  EXPECT_EQ(line.options.integer("worker.concurrency"), 7);
  std::ofstream(path) << "nonsense";
  EXPECT_THROW((void)line.reread(), ConfigError);
}

TEST_F(OptionsTest, TheDumpIsTomlWithSourcesAndWithoutPasswords) {
  environment = {{"SLUICE_WORKER_CONCURRENCY", "9"}};
  const std::string file = "[log]\nlevel = \"warn\"\n[http]\nallow_networks = [\"127.0.0.0/8\"]\n";
  const std::string dump = read_with_file(file, {"--dsn", "postgresql://sluice:s3cret@db/app"}).options.dump();
  EXPECT_TRUE(dump.starts_with("[database]\ndsn = \"postgresql://sluice:***@db/app\"  # --dsn\n")) << dump;
  EXPECT_NE(dump.find("\n[log]\nlevel = \"warn\"  # " + path.string() + ":2\n"), std::string::npos) << dump;
  EXPECT_NE(dump.find("\nconcurrency = 9  # SLUICE_WORKER_CONCURRENCY\n"), std::string::npos) << dump;
  EXPECT_NE(dump.find("\nallow_networks = [\"127.0.0.0/8\"]  # "), std::string::npos) << dump;
  EXPECT_NE(dump.find("\nshutdown_timeout = \"30s\"  # default\n"), std::string::npos) << dump;
  EXPECT_EQ(dump.find("s3cret"), std::string::npos);
  environment.clear();
  EXPECT_NO_THROW(read_with_file(dump)) << "a dump is a configuration file";
}

TEST(WithoutPassword, HidesItInEveryNotation) {
  const std::map<std::string, std::string> cases{
      {"", ""},
      {"postgresql:///x", "postgresql:///x"},
      {"postgresql://u@h/x", "postgresql://u@h/x"},
      {"postgresql://u:p@h:5432/x", "postgresql://u:***@h:5432/x"},
      {"postgresql://u:p@ss/w:rd@h/x", "postgresql://u:***@h/x"},
      {"postgresql://u:p@h1:1,h2:2/x?a=b", "postgresql://u:***@h1:1,h2:2/x?a=b"},
      {"postgresql://h:5432/x?user=u&password=p&sslpassword=q&c=d",
       "postgresql://h:5432/x?user=u&password=***&sslpassword=***&c=d"},
      {"host=h password=p user=u", "host=h password=*** user=u"},
      {"password = 'a \\' b' host=h", "password=*** host=h"},
      {"host=h PASSWORD=p\\ q", "host=h PASSWORD=***"},
      {"sslpassword=p passfile=/x", "sslpassword=*** passfile=/x"},
      {"password='never closed", "password=***"},
      {"password=", "password=***"},
  };
  for (const auto& [dsn, shown] : cases) EXPECT_EQ(without_password(dsn), shown) << dsn;
}

TEST(OptionTable, EveryRowIsDescribedAndShownEverywhere) {
  const std::string help = options_help(kFlags);
  const std::string reference = options_reference();
  for (const OptionSpec& spec : option_table()) {
    EXPECT_FALSE(spec.description.empty()) << spec.name;
    EXPECT_EQ(std::ranges::count(spec.name, '.'), 1) << spec.name;
    const std::string flag = "--" + std::string(spec.short_flag.empty() ? spec.name : spec.short_flag);
    EXPECT_NE(help.find("  " + flag + " "), std::string::npos) << spec.name;
    EXPECT_NE(reference.find("| `" + std::string(spec.name) + "` | `" + environment_name(spec) + "` |"),
              std::string::npos)
        << spec.name;
  }
  EXPECT_NE(help.find("  --to N "), std::string::npos);
  for (std::size_t line = 0; line < help.size(); line = help.find('\n', line) + 1)
    EXPECT_LE(help.find('\n', line) - line, 112U);
}

TEST(HttpOptions, ComeFromTheConfigurationAndDenyOurOwnListener) {
  const CommandLine line = read_command_line({"--http.allow_networks", "127.0.0.0/8"}, {}, {});
  const http::ClientOptions client = http_client_options(line.options, "127.0.0.1:9464");
  const http::AddressGuard guard(client.policy);
  const auto loopback = *http::Address::from_numeric("127.0.0.1");
  EXPECT_TRUE(guard.judge_target(loopback, 9465).allowed);
  EXPECT_EQ(guard.judge_target(loopback, 9464).reason, "own_service");
  EXPECT_TRUE(http_client_options(Options(), "").policy.deny.empty());
}

}  // namespace
}  // namespace sluice
