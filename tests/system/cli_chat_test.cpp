// sluice chat with a real worker, and what sluice session says of the conversation.
#include "tests/support/daemon_process.h"
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;

class CliChat : public CliTest {
 protected:
  std::string last_session() const {
    return value("select id::text from sluice.conversation_sessions order by started_at desc limit 1");
  }
};

TEST_F(CliChat, PlaysAScriptAndPrintsWhatIsSaid) {
  publish_greeter();
  DaemonProcess worker("worker", database_.dsn());
  const Outcome outcome = good({"chat", "greeter", "--script", "-"}, "Ada\n");
  EXPECT_THAT(outcome.out, HasSubstr("Hello!\nWhat is your name?\n> Ada\nBye, Ada.\n"));
  EXPECT_THAT(outcome.out, HasSubstr("is completed"));

  const Outcome json = good({"chat", "greeter", "--script", "-", "--json"}, "Bo\n");
  EXPECT_EQ(string_member(json.json(), "status"), "completed");
  EXPECT_EQ(find(json.json(), "transcript")->Size(), 4U) << json.out;

  const Outcome hostile = good({"chat", "greeter", "--script", "-"}, "\x1b[2J\n");
  EXPECT_THAT(hostile.out, testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(hostile.out, HasSubstr("Bye, \\x1b[2J."));
}

TEST_F(CliChat, AScriptThatIsTooShortFailsAndNamesTheNode) {
  publish_greeter();
  DaemonProcess worker("worker", database_.dsn());
  const Outcome outcome = sluice({"chat", "greeter", "--script", "-"}, "");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the script has no answer left for node 'name'"));
  EXPECT_THAT(outcome.err, HasSubstr(last_session()));
  const Outcome longer = good({"chat", "greeter", "--script", "-"}, "Ada\nand more\n");
  EXPECT_THAT(longer.err, HasSubstr("1 lines of the script were not needed"));
}

TEST_F(CliChat, WithoutAWorkerItSaysSoInsteadOfWaiting) {
  publish_greeter();
  const Outcome outcome = sluice({"chat", "greeter", "--script", "-"}, "Ada\n");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no worker is alive"));
  EXPECT_THAT(outcome.err, HasSubstr("sluice worker"));
}

TEST_F(CliChat, AnUnknownFlowIsSL001) {
  const Outcome outcome = sluice({"chat", "nothing"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("flow 'nothing' is unknown"));
  EXPECT_THAT(outcome.err, HasSubstr("HINT: "));
}

TEST_F(CliChat, SessionsAreListedShownAndEnded) {
  publish_greeter();
  DaemonProcess worker("worker", database_.dsn());
  (void)good({"chat", "greeter", "--script", "-"}, "Ada\n");
  const std::string done = last_session();
  EXPECT_EQ(sluice({"chat", "greeter", "--script", "-"}, "").code, 1);
  const std::string open = last_session();
  ASSERT_NE(open, done);

  EXPECT_EQ(good({"session", "list", "--json"}).json().Size(), 2U);
  EXPECT_EQ(string_member(good({"session", "list", "--status", "active", "--json"}).json()[0], "session_id"), open);
  EXPECT_EQ(good({"session", "list", "--flow", "other"}).out, "no sessions\n");

  const Json shown = good({"session", "show", done, "--json"}).json();
  EXPECT_EQ(string_member(*find(*find(shown, "state"), "user"), "name"), "Ada");
  EXPECT_EQ(find(shown, "history")->Size(), 4U);
  const std::string token = value("select session_token from sluice.conversation_sessions where id = '" + open + "'");
  EXPECT_THAT(good({"session", "show", token}).out, HasSubstr("What is your name?"));
  EXPECT_THAT(good({"session", "show", done}).out, testing::Not(HasSubstr("token")));

  EXPECT_THAT(good({"session", "end", open, "--status", "abandoned"}).out, HasSubstr("abandoned at revision 3"));
  const Outcome twice = sluice({"session", "end", open});
  EXPECT_EQ(twice.code, 1);
  EXPECT_THAT(twice.err, HasSubstr("DETAIL: it ended at"));
}

TEST_F(CliChat, AnUnknownSessionIsSL002) {
  for (const std::string& command : {"show", "end"}) {
    for (const std::string& session : {"nobody", "0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10"}) {
      const Outcome outcome = sluice({"session", command, session});
      EXPECT_EQ(outcome.code, 1) << command << " " << session;
      EXPECT_EQ(
          outcome.err,
          "error: the session token is unknown\nHINT: start_session returns the token; it is not the session's id\n");
    }
  }
}

}  // namespace
}  // namespace sluice::test
