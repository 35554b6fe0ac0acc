// sluice top.
#include <fmt/format.h>
#include <unistd.h>

#include <limits>
#include <optional>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/full_screen.h"
#include "cli/table.h"
#include "cli/top_view.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::milliseconds kRefresh{1000};
constexpr std::chrono::milliseconds kOnce{2000};  // two looks of statistics that come once a second

struct Look {
  Json status;
  Json activity;
};

Look look_at(Database& database, Rates& rates) {
  const pg::Result result = database.query("SELECT sluice.status()::text, sluice.activity()::text");
  Look look{result.one().get<Json>(0), result.one().get<Json>(1)};
  rates.add(look.activity, std::chrono::steady_clock::now());
  return look;
}

ExitCode show_once(Invocation& invocation) {
  Database database(invocation);
  Rates rates;
  (void)look_at(database, rates);
  database.pause(kOnce);
  Look look = look_at(database, rates);
  Json speed = rates.per_second();
  if (invocation.json()) {
    set(look.activity, "rates", std::move(speed));
    set(look.activity, "processes", clone(*find(look.status, "processes")));
    set(look.activity, "failed_tasks", clone(*find(look.status, "failed_tasks")));
    print_json(look.activity);
  } else {
    fmt::print("{}", top_text(look.status, look.activity, speed, std::numeric_limits<std::size_t>::max(),
                              takes_colour(stdout)));
  }
  return ExitCode::kGood;
}

// Goes on through outages: the last look stays, under a line that says since when it is old.
ExitCode show_live(Invocation& invocation) {
  std::optional<Database> database(std::in_place, invocation);
  Rates rates;
  Look look = look_at(*database, rates);
  std::string trouble;
  const bool colour = takes_colour(stdout);
  FullScreen screen;
  while (true) {
    const std::size_t lines = FullScreen::size().lines - (trouble.empty() ? 0U : 1U);
    std::string text =
        trouble.empty() ? "" : inked(shortened(trouble, FullScreen::size().columns), Ink::kBad, colour) + "\n";
    text += top_text(look.status, look.activity, rates.per_second(), lines, colour);
    FullScreen::show(text);
    const FullScreen::Woken woken = screen.wait(kRefresh);
    if (woken == FullScreen::Woken::kQuit) return ExitCode::kGood;
    if (woken == FullScreen::Woken::kResized) continue;
    try {
      if (!database) database.emplace(invocation);
      look = look_at(*database, rates);
      trouble.clear();
    } catch (const pg::PgError& error) {
      trouble = "no answer from the database, trying again: " + printable(error.what());
      database.reset();
      rates.clear();
    }
  }
}

ExitCode run_top(Invocation& invocation) {
  if (invocation.has("once") || invocation.json()) return show_once(invocation);
  if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
    throw UsageError("top needs a terminal", "--once prints one look, --json one document");
  }
  return show_live(invocation);
}

constexpr Flag kFlags[] = {{"once", "", "print one look, measured over two seconds, and end"}, kJsonFlag};

constexpr Command kCommands[] = {
    {"top", "", "watch rates, latency, queues, lanes, breakers, lag and the slowest flows",
     "A view that is renewed every second; q ends it. Rates are of the last ten seconds, from the server's statistics. "
     "The tables show at most 20 rows, the worst first, and counts stop at 1,000, so watching is cheap at any size.\n"
     "Without a terminal: --once or --json. Examples:\n\n"
     "  sluice top\n"
     "  sluice top --json | jq .rates\n",
     kFlags, run_top},
};

}  // namespace

std::span<const Command> top_commands() {
  return kCommands;
}

}  // namespace sluice::cli
