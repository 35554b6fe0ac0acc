#include "tests/system/cli_fixture.h"

#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/pg/connection.h"

extern char** environ;

namespace sluice::test {
namespace {

// Standard streams as files in memory: no pipe can fill up.
class Stream {
 public:
  explicit Stream(std::string_view text = {}) : fd_(memfd_create("stream", MFD_CLOEXEC)) {
    if (fd_ < 0 || write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("no file in memory");
    lseek(fd_, 0, SEEK_SET);
  }
  ~Stream() { close(fd_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::string text() const {
    std::string text;
    char buffer[65536];
    lseek(fd_, 0, SEEK_SET);
    for (ssize_t got = 0; (got = read(fd_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

 private:
  int fd_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

Outcome run_sluice(const std::vector<std::string>& words, std::string_view input,
                   const std::vector<std::string>& environment) {
  std::vector<std::string> argument_texts{std::string(SLUICE_BINARY_DIR) + "/bin/sluice"};
  argument_texts.insert(argument_texts.end(), words.begin(), words.end());
  std::vector<std::string> environment_texts = environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("SLUICE_") && !text.starts_with("PG")) environment_texts.emplace_back(text);
  }
  const Stream in(input);
  const Stream out;
  const Stream err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.fd(), STDERR_FILENO);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argument_texts.front().c_str(), &actions, nullptr,
                                 pointers(argument_texts).data(), pointers(environment_texts).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot run " + argument_texts.front());
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out.text(), err.text()};
}

OnTerminal::OnTerminal(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  std::vector<std::string> texts{std::string(SLUICE_BINARY_DIR) + "/bin/sluice"};
  texts.insert(texts.end(), words.begin(), words.end());
  std::vector<std::string> variables = environment;
  variables.emplace_back("TERM=xterm");
  const std::vector<char*> argv = pointers(texts);
  const std::vector<char*> envp = pointers(variables);
  child_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
  if (child_ < 0) throw std::runtime_error("no terminal");
  if (child_ == 0) {
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
}

OnTerminal::~OnTerminal() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  close(terminal_);
}

const std::string& OnTerminal::read_until(std::string_view text) {
  char buffer[4096];
  while (output_.find(text) == std::string::npos) {
    const ssize_t got = read(terminal_, buffer, sizeof buffer);
    if (got <= 0) break;
    output_.append(buffer, static_cast<std::size_t>(got));
  }
  return output_;
}

Json Outcome::json() const {
  auto document = parse_json(out);
  EXPECT_TRUE(document) << out << err;
  return document ? std::move(*document) : Json();
}

std::vector<Json> json_lines(std::string_view text) {
  std::vector<Json> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto document = parse_json(text.substr(0, end));
    EXPECT_TRUE(document) << text.substr(0, end);
    lines.push_back(document ? std::move(*document) : Json());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

TextFile::TextFile(std::string_view text, std::string_view name)
    : folder_(std::filesystem::temp_directory_path() / "sluice-test-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("cannot make " + folder_);
  path_ = folder_ + "/" + std::string(name);
  std::ofstream(path_) << text;
}

TextFile::~TextFile() {
  std::filesystem::remove_all(folder_);
}

Outcome CliTest::sluice(std::vector<std::string> words, std::string_view input) const {
  words.insert(words.end(), {"--dsn", database_.dsn()});
  return run_sluice(words, input);
}

Outcome CliTest::good(const std::vector<std::string>& words, std::string_view input) const {
  Outcome outcome = sluice(words, input);
  EXPECT_EQ(outcome.code, 0) << testing::PrintToString(words) << "\n" << outcome.out << outcome.err;
  return outcome;
}

std::string CliTest::value(const std::string& sql) const {
  Loop loop;
  BlockingPool pool(loop, 1);
  const auto ask = [](Loop& on, BlockingPool& with, std::string dsn, std::string text) -> Task<std::string> {
    const std::unique_ptr<pg::Connection> connection =
        co_await pg::Connection::connect(on, with, {.dsn = std::move(dsn)});
    const pg::Result result = co_await connection->query(text);
    co_return result.one().get<std::optional<std::string>>(0).value_or("null");
  };
  return loop.run(ask(loop, pool, database_.dsn(), sql));
}

void CliTest::run_sql(const std::string& script, const std::string& dsn) const {
  Loop loop;
  BlockingPool pool(loop, 1);
  const auto run = [](Loop& on, BlockingPool& with, std::string where, std::string text) -> Task<void> {
    const std::unique_ptr<pg::Connection> connection =
        co_await pg::Connection::connect(on, with, {.dsn = std::move(where)});
    co_await connection->execute_script(std::move(text));
  };
  loop.run(run(loop, pool, dsn, script));
}

void CliTest::publish_greeter() const {
  (void)good({"flow", "import", "-", "--publish"}, kGreeter);
}

}  // namespace sluice::test
