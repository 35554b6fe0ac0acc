#include "console/questions.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::console {
namespace {

constexpr int kDefaultRows = 50;
constexpr int kMaxRows = 200;
constexpr std::size_t kMaxValue = 255;

enum class Cursor { kNumber, kName, kTimeAndId };

struct Filter {
  std::string_view name;
  std::string_view choices = {};  // separated by spaces; any text when empty
  bool id = false;                // a UUID
};

struct List {
  std::string_view path;
  std::string_view statement;
  Cursor cursor;
  std::vector<Filter> filters;
};

const std::vector<List>& lists() {
  static const std::vector<List> kLists{
      {"sessions", "console_sessions", Cursor::kTimeAndId, {{"flow"}, {"status", "active completed abandoned"}, {"q"}}},
      {"tasks",
       "console_tasks",
       Cursor::kNumber,
       {{"status", "running ready scheduled retrying paused limited queued failed"},
        {"queue"},
        {"kind", "start input action webhook timer http sql cron"}}},
      {"deliveries",
       "console_deliveries",
       Cursor::kNumber,
       {{"status", "pending held delivered dead"}, {.name = "endpoint", .id = true}, {"event_type"}}},
      {"endpoints", "console_endpoints", Cursor::kTimeAndId, {{"q"}, {"status", "enabled disabled"}}},
      {"flows", "console_flows", Cursor::kName, {}},
      {"events", "console_events", Cursor::kNumber, {{"type"}, {.name = "session", .id = true}}},
      {"audit", "console_audit", Cursor::kNumber, {}},
  };
  return kLists;
}

std::unexpected<Refusal> bad(std::string message, std::string hint) {
  return std::unexpected(Refusal{400, "bad_request", std::move(message), std::move(hint)});
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const std::string_view each = choices.substr(0, choices.find(' '));
    if (each == value) return true;
    choices.remove_prefix(std::min(each.size() + 1, choices.size()));
  }
  return false;
}

std::optional<std::string_view> value_of(const http::Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::expected<void, Refusal> check_names(const http::Parameters& parameters, std::span<const Filter> filters) {
  for (const auto& [name, value] : parameters) {
    const bool known = name == "limit" || name == "before" ||
                       std::ranges::find(filters, std::string_view(name), &Filter::name) != filters.end();
    if (!known) {
      std::string names = "limit, before";
      for (const Filter& filter : filters) names += ", " + std::string(filter.name);
      return bad("unknown parameter '" + name + "'", "there are " + names);
    }
    if (value.size() > kMaxValue)
      return bad(name + " is longer than " + std::to_string(kMaxValue) + " bytes", "shorten it");
  }
  return {};
}

std::expected<void, Refusal> add_limit(const http::Parameters& parameters, pg::Params& params) {
  const std::optional<std::string_view> text = value_of(parameters, "limit");
  const std::optional<std::int64_t> rows = text ? number(*text) : kDefaultRows;
  if (!rows || *rows > kMaxRows)
    return bad("limit must be a number from 1 to " + std::to_string(kMaxRows), "leave it out for 50");
  params.int4(static_cast<std::int32_t>(*rows));
  return {};
}

std::expected<void, Refusal> add_cursor(const http::Parameters& parameters, Cursor cursor, pg::Params& params) {
  const std::optional<std::string_view> text = value_of(parameters, "before");
  const std::string hint = "it is the `next` of the page before";
  switch (cursor) {
    case Cursor::kName:
      params.text(text);
      return {};
    case Cursor::kNumber: {
      const std::optional<std::int64_t> value = text ? number(*text) : std::nullopt;
      if (text && !value) return bad("before is no number", hint);
      params.int8(value);
      return {};
    }
    case Cursor::kTimeAndId: {
      const auto mark = text ? text->find('_') : 0;
      const std::optional<Timestamp> time = text ? parse_rfc3339(text->substr(0, mark)) : std::nullopt;
      const std::optional<Uuid> id =
          text && mark != std::string_view::npos ? Uuid::parse(text->substr(mark + 1)) : std::nullopt;
      if (text && (!time || !id)) return bad("before is no time and id", hint);
      params.timestamptz(time).uuid(id);
      return {};
    }
  }
  return {};
}

std::expected<void, Refusal> add_filter(const http::Parameters& parameters, const Filter& filter, pg::Params& params) {
  const std::optional<std::string_view> value = value_of(parameters, filter.name);
  if (value && !filter.choices.empty() && !is_choice(filter.choices, *value)) {
    return bad(std::string(filter.name) + " cannot be '" + std::string(*value) + "'",
               "one of " + std::string(filter.choices));
  }
  if (!filter.id) {
    params.text(value);
    return {};
  }
  const std::optional<Uuid> id = value ? Uuid::parse(*value) : std::nullopt;
  if (value && !id) return bad(std::string(filter.name) + " is no UUID", "give all 36 characters");
  params.uuid(id);
  return {};
}

// Lists of one session or user are found by their own indexes, not by a look at the newest.
std::expected<std::optional<Question>, Refusal> list_of_one(const List& list, const http::Parameters& parameters) {
  const std::string_view name = list.path == "tasks" ? "session" : list.path == "sessions" ? "q" : "";
  const std::optional<std::string_view> value = value_of(parameters, name);
  const std::optional<Uuid> id = value ? Uuid::parse(*value) : std::nullopt;
  if (value && !id && list.path == "tasks") return bad("session is no UUID", "give all 36 characters");
  if (!id) return std::nullopt;
  Question question{list.path == "tasks" ? "console_tasks_of" : "console_sessions_of", {}};
  if (auto done = add_limit(parameters, question.params); !done) return std::unexpected(done.error());
  question.params.uuid(id);
  return question;
}

std::expected<Question, Refusal> list_question(const List& list, const http::Parameters& parameters) {
  auto one = list_of_one(list, parameters);
  if (!one) return std::unexpected(one.error());
  if (*one) return std::move(**one);
  Question question{list.statement, {}};
  std::expected<void, Refusal> done = check_names(parameters, list.filters);
  if (done) done = add_limit(parameters, question.params);
  if (done) done = add_cursor(parameters, list.cursor, question.params);
  for (const Filter& filter : list.filters) {
    if (done) done = add_filter(parameters, filter, question.params);
  }
  if (!done) return std::unexpected(done.error());
  return question;
}

std::expected<Question, Refusal> detail_question(std::string_view kind, std::string_view word,
                                                 const http::Parameters& parameters) {
  Question question;
  if (kind == "flows") {
    question = {"console_flow", {}};
    question.params.text(word).text(value_of(parameters, "version"));
    return question;
  }
  if (kind == "tasks" || kind == "deliveries") {
    const auto id = number_in(word);
    if (!id) return std::unexpected(id.error());
    question.statement = kind == "tasks" ? "console_task" : "console_delivery";
    question.params.int8(*id);
    return question;
  }
  const auto id = id_in(word);
  if (!id) return std::unexpected(id.error());
  question.statement = kind == "sessions" ? "console_session" : "console_endpoint";
  question.params.uuid(*id);
  return question;
}

}  // namespace

std::expected<std::int64_t, Refusal> number_in(std::string_view word) {
  if (const auto id = number(word)) return *id;
  return bad("'" + std::string(word.substr(0, kMaxValue)) + "' is no number", "tasks and deliveries have numbers");
}

std::expected<Uuid, Refusal> id_in(std::string_view word) {
  if (const auto id = Uuid::parse(word)) return *id;
  return bad("'" + std::string(word.substr(0, kMaxValue)) + "' is no UUID", "sessions and endpoints have UUIDs");
}

std::expected<Question, Refusal> question_for(std::span<const std::string> words, const http::Parameters& parameters) {
  constexpr std::string_view kDetails[] = {"sessions", "tasks", "deliveries", "endpoints", "flows"};
  const auto list = words.empty() ? lists().end() : std::ranges::find(lists(), words.front(), &List::path);
  if (list != lists().end() && words.size() == 1) return list_question(*list, parameters);
  if (words.size() == 2 && std::ranges::find(kDetails, words.front()) != std::end(kDetails)) {
    return detail_question(words[0], words[1], parameters);
  }
  return std::unexpected(Refusal{404, "not_found", "there is nothing at this path", "docs/console.md lists the paths"});
}

std::vector<Question> first_questions() {
  constexpr std::string_view kNobody = "00000000-0000-0000-0000-000000000000";
  std::vector<Question> questions;
  const auto ask = [&](std::string_view list, const http::Parameters& parameters) {
    questions.push_back(*question_for(std::array{std::string(list)}, parameters));
  };
  for (const List& list : lists()) {
    ask(list.path, {});
    for (const Filter& filter : list.filters) {
      const std::string_view value = filter.id ? kNobody : filter.choices.empty() ? "none" : filter.choices;
      ask(list.path, {{std::string(filter.name), std::string(value.substr(0, value.find(' ')))}});
    }
  }
  ask("tasks", {{"session", std::string(kNobody)}});
  ask("sessions", {{"q", std::string(kNobody)}});
  for (const auto& [kind, word] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"sessions", kNobody}, {"tasks", "1"}, {"deliveries", "1"}, {"endpoints", kNobody}, {"flows", ""}})
    questions.push_back(*question_for(std::array{std::string(kind), std::string(word)}, {}));
  return questions;
}

}  // namespace sluice::console
