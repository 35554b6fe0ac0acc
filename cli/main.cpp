// The `sluice` command: finds the command that is asked for, and turns exceptions into messages and exit codes.
#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "core/base/log.h"
#include "core/pg/pg_error.h"

namespace sluice::cli {
namespace {

bool is_help(const std::string& word) {
  return word == "--help" || word == "-h" || word == "help";
}

// Help that belongs to no command: of all, or of a group such as `flow`.
bool print_general_help(const std::vector<std::string>& words) {
  std::string text;
  if (is_help(words.front())) {
    text = words.size() == 1 ? overview() : group_help(words[1]);
  } else if (words.size() == 2 && is_help(words[1])) {
    text = group_help(words[0]);
  }
  fmt::print("{}", text);
  return !text.empty();
}

ExitCode run(std::vector<std::string> words) {
  if (words.empty()) throw UsageError("no command is given", "sluice --help lists them");
  if (words.front() == "--version") {
    fmt::print("{}", version());
    return ExitCode::kGood;
  }
  if (print_general_help(words)) return ExitCode::kGood;
  if (words.front() == "help") words.erase(words.begin()), words.emplace_back("--help");
  const Command& command = take_command(words);
  Invocation invocation{read_command_line(std::move(words), command.flags, process_environment())};
  if (invocation.line.help || invocation.line.version) {
    fmt::print("{}", invocation.line.help ? command_help(command) : version());
    return ExitCode::kGood;
  }
  if (invocation.line.dump_config) {
    fmt::print("{}", invocation.line.options.dump());
    return ExitCode::kGood;
  }
  check_arguments(command, invocation.line.arguments);
  const Options& options = invocation.line.options;
  // A command tells what it did; what happened on the way is of interest only to those who ask for it.
  const bool quiet = !command.daemon && options.source("log.level") == "default";
  configure_log(quiet ? LogLevel::kWarn : log_level_from(options.text("log.level")).value(),
                log_format_from(options.text("log.format")).value());
  return command.run(invocation);
}

void print_error(std::string_view message, std::string_view detail, std::string_view hint) {
  const bool colour = takes_colour(stderr);
  fmt::print(stderr, "{} {}\n", inked("error:", Ink::kBad, colour), printable_lines(message));
  if (!detail.empty()) fmt::print(stderr, "DETAIL: {}\n", printable_lines(detail));
  if (!hint.empty()) fmt::print(stderr, "{} {}\n", inked("HINT:", Ink::kBold, colour), printable_lines(hint));
}

// What the server says of a schema that is not there, or older than this program.
std::string_view schema_hint(std::string_view sqlstate) {
  const bool absent = sqlstate == "3F000" || sqlstate == "42P01" || sqlstate == "42883" || sqlstate == "42703";
  return absent ? "the schema may be missing or of another version: sluice migrate --check" : "";
}

void print_database_error(const pg::PgError& error) {
  const auto& fields = error.fields();
  const bool report = print_report_in(fields.detail);  // SL004 carries one
  print_error(error.message(), report ? "" : fields.detail,
              error.hint().empty() ? schema_hint(error.sqlstate()) : error.hint());
}

// Output that could not be written is a failure, as with a full disk.
int flushed(ExitCode code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return static_cast<int>(code);
  fmt::print(stderr, "error: standard output cannot be written: {}\n", std::generic_category().message(errno));
  return static_cast<int>(code == ExitCode::kGood ? ExitCode::kFailed : code);
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  using namespace sluice;
  ExitCode code = ExitCode::kFailed;
  try {
    code = cli::run({argv + 1, argv + argc});
  } catch (const pg::PgError& error) {
    cli::print_database_error(error);
    code = error.exit_code();
  } catch (const Error& error) {
    cli::print_error(error.what(), "", error.hint());
    code = error.exit_code();
  } catch (const std::exception& error) {
    cli::print_error(error.what(), "", "");
  }
  return cli::flushed(code);
}
