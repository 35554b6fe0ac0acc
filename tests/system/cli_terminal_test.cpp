// What is shown on a terminal and nowhere else: colour, and a sign of life for work over a second.
#include "core/pg/connection.h"
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CliTerminal : public CliTest {
 protected:
  std::vector<std::string> flow_list() const { return {"flow", "list", "--dsn", database_.dsn()}; }
};

TEST_F(CliTerminal, ColourIsForTerminalsAndNoColorTurnsItOff) {
  publish_greeter();
  OnTerminal coloured(flow_list());
  EXPECT_THAT(coloured.read_to_end(), HasSubstr("\x1b[1mNAME\x1b[0m"));
  OnTerminal plain(flow_list(), {"NO_COLOR=1"});
  EXPECT_THAT(plain.read_to_end(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(good({"flow", "list"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(CliTerminal, WorkOverASecondShowsThatItGoesOnAndCleansUp) {
  publish_greeter();
  Loop loop;
  BlockingPool pool(loop, 1);
  const auto blocker = loop.run(pg::Connection::connect(loop, pool, {.dsn = database_.dsn()}));
  (void)loop.run(blocker->query("begin"));
  (void)loop.run(blocker->query("lock table sluice.flow_definitions"));
  OnTerminal waiting(flow_list());
  EXPECT_THAT(waiting.read_until(" s\x1b[K"), HasSubstr("waiting for the database … 1 s"));
  (void)loop.run(blocker->query("rollback"));
  EXPECT_THAT(waiting.read_to_end(), HasSubstr("\r\x1b[K\x1b[1mNAME")) << "the line is cleared before the table";
}

}  // namespace
}  // namespace sluice::test
