// sluice chat: a conversation in the terminal, or played from a script.
#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/flow_document.h"
#include "cli/said.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::milliseconds kFirstPause{5};
constexpr std::chrono::milliseconds kLongestPause{200};
constexpr std::chrono::seconds kPatience{5};  // without a living worker

// Where answers come from: the lines of a script, or the person at the terminal.
class Answers {
 public:
  explicit Answers(const Invocation& invocation)
      : scripted_(invocation.has("script")), prompt_(!scripted_ && isatty(STDIN_FILENO) == 1) {
    if (!scripted_) return;
    const std::string text = read_text(invocation.flag("script"));
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      std::string line = text.substr(at, end - at);
      if (line.ends_with('\r')) line.pop_back();
      lines_.push_back(std::move(line));
      at = end + 1;
    }
  }

  std::optional<std::string> next() {
    if (scripted_) {
      if (lines_.empty()) return std::nullopt;
      std::string line = std::move(lines_.front());
      lines_.pop_front();
      return line;
    }
    if (prompt_) {
      fmt::print("{} ", inked(">", Ink::kBold, takes_colour(stdout)));
      (void)std::fflush(stdout);
    }
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }

  [[nodiscard]] bool scripted() const { return scripted_; }
  [[nodiscard]] bool shown() const { return prompt_; }  // by the terminal itself, while it is typed
  [[nodiscard]] std::size_t left() const { return lines_.size(); }

 private:
  bool scripted_;
  bool prompt_;
  std::deque<std::string> lines_;
};

// A line as send_input takes it: a JSON object as it is written, anything else as text.
Json input_of(const std::string& line) {
  if (line.starts_with('{')) {
    auto object = parse_json(line);
    if (object && object->IsObject()) return std::move(*object);
  }
  Json input = make_object();
  set(input, "text", line);
  return input;
}

class Conversation {
 public:
  Conversation(Database& database, const Invocation& invocation)
      : database_(database), json_(invocation.json()), colour_(takes_colour(stdout)) {}

  void start(const std::string& flow) {
    const pg::Result started =
        database_.query("SELECT session_id, session_token FROM sluice.start_session($1)", pg::Params().text(flow));
    id_ = started.one().get<std::string>("session_id");
    token_ = started.one().get<std::string>("session_token");
  }

  // Waits until the session waits for an answer later than the last one, or has ended; prints what is said meanwhile.
  void listen() {
    Clock::duration pause = kFirstPause;
    auto worker_seen = Clock::now();
    while (true) {
      session_ = database_.query("SELECT sluice.session($1)::text", pg::Params().text(token_)).one().get<Json>(0);
      print_news();
      if (ended() || (waits_for_input() && revision() > answered_)) return;
      if (Clock::now() - worker_seen > kPatience) {
        require_worker();
        worker_seen = Clock::now();
      }
      database_.pause(pause);
      pause = std::min<Clock::duration>(pause * 2, kLongestPause);
    }
  }

  void say(const std::string& line, bool shown) {
    if (!shown && !json_) fmt::print("{} {}\n", inked(">", Ink::kBold, colour_), printable(line));
    answered_ = revision();
    (void)database_.query("SELECT sluice.send_input($1, $2)", pg::Params().text(token_).jsonb(input_of(line)));
  }

  [[nodiscard]] bool ended() const { return string_member(session_, "status") != "active"; }
  [[nodiscard]] std::string_view node() const { return string_member(session_, "current_node_id"); }
  [[nodiscard]] const std::string& id() const { return id_; }

  void print_end() {
    if (json_) {
      Json document = clone(session_);
      set(document, "transcript", std::move(transcript_));
      return print_json(document);
    }
    const std::string_view status = string_member(session_, "status");
    fmt::print("{}\n", inked(fmt::format("the session {} is {}", id_, status), ink_of(status), colour_));
    const Json* info = find(session_, "info");
    const std::string_view reason =
        info == nullptr ? "" : string_member(*info, "last_error", string_member(*info, "reason"));
    if (!reason.empty()) fmt::print("{}\n", inked(printable(reason), Ink::kBad, colour_));
  }

 private:
  [[nodiscard]] int revision() const {
    const Json* found = find(session_, "revision");
    return found != nullptr && found->IsInt() ? found->GetInt() : 0;
  }
  [[nodiscard]] bool waits_for_input() const {
    const Json* wait = find(session_, "wait");
    return wait != nullptr && wait->IsObject() && string_member(*wait, "for") == "input";
  }

  void print_news() {
    const auto rows =
        database_.records("SELECT id, node_id, interaction_type, content, created_at FROM sluice.history($1, $2)",
                          pg::Params().text(token_).int8(seen_));
    for (const Json& row : rows) {
      seen_ = find(row, "id")->GetInt64();
      if (json_) {
        push(transcript_, clone(row));
      } else if (string_member(row, "interaction_type") == "message") {
        print_message(*find(row, "content"));
      }
    }
    (void)std::fflush(stdout);
  }

  void print_message(const Json& content) const {
    fmt::print("{}\n", printable_lines(words_of(content)));
    int number = 1;
    for (const std::string& option : options_of(content))
      fmt::print("  {} {}\n", inked(fmt::format("{}.", number++), Ink::kDim, colour_), printable(option));
  }

  void require_worker() {
    const pg::Result alive =
        database_.query("SELECT sluice.status() @? '$.processes[*] ? (@.kind == \"worker\" && @.alive == true)'");
    if (!alive.one().get<bool>(0))
      throw Error("nobody runs the session's tasks: no worker is alive",
                  "start one in another terminal: sluice worker, or sluice up");
  }

  Database& database_;
  bool json_;
  bool colour_;
  std::string id_;
  std::string token_;
  Json session_ = make_object();
  Json transcript_ = make_array();
  std::int64_t seen_ = 0;
  int answered_ = 0;
};

ExitCode run_chat(Invocation& invocation) {
  Answers answers(invocation);
  Database database(invocation);
  Conversation conversation(database, invocation);
  conversation.start(invocation.argument(0));
  conversation.listen();
  while (!conversation.ended()) {
    const auto answer = answers.next();
    if (!answer) {
      if (!answers.scripted()) break;
      throw Error(fmt::format("the script has no answer left for node '{}'", conversation.node()),
                  fmt::format("the session goes on: sluice session show {}", conversation.id()));
    }
    conversation.say(*answer, answers.shown());
    conversation.listen();
  }
  conversation.print_end();
  if (answers.left() > 0) fmt::print(stderr, "{} lines of the script were not needed\n", answers.left());
  return ExitCode::kGood;
}

constexpr Flag kFlags[] = {
    {"script", "FILE", "answer with the lines of this file, - for standard input"},
    {"json", "", "print one JSON document at the end: the session and its history"},
};

constexpr Command kCommands[] = {
    {"chat", "FLOW", "talk with a flow",
     "Starts a session and shows what it says; a worker must be running. A line is sent as text, a JSON object as it "
     "is written:\n"
     "{\"payload\": \"$0\"} takes the first option. The end of input leaves the session as it is. Examples:\n\n"
     "  sluice chat bookbot\n"
     "  printf 'Ada\\n15\\nI want it\\n' | sluice chat bookbot --script -\n",
     kFlags, run_chat},
};

}  // namespace

std::span<const Command> chat_commands() {
  return kCommands;
}

}  // namespace sluice::cli
