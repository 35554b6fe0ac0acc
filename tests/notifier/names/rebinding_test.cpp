// Names that lead a notifier elsewhere: the daemon as it is delivered, with no network allowed, and a real name server.
#include "tests/notifier/notifier_fixture.h"
#include "tests/support/name_server.h"
#include "tests/support/private_network.h"

namespace sluice::notifier {
namespace {

using test::NameServer;
using Mood = NameServer::Answer::Mood;

constexpr const char* kPublic = "93.184.216.34";
constexpr const char* kOtherPublic = "8.8.8.8";
constexpr const char* kPublicV6 = "2606:4700::1111";
constexpr std::uint16_t kPort = 8080;

// All addresses are held by the network of the test, so that a connection to any of them would succeed.
class RebindingTest : public NotifierTest {
 protected:
  static void SetUpTestSuite() { (void)test::PrivateNetwork::permitted(); }  // while there is one thread
  void SetUp() override {
    if (!test::PrivateNetwork::permitted()) GTEST_SKIP() << "the kernel lets this user make no network";
    network_.emplace(std::vector<std::string>{kPublic, kOtherPublic, kPublicV6, "10.0.0.7", "169.254.169.254"});
    for (const char* denied : {"127.0.0.1", "10.0.0.7", "169.254.169.254"}) traps_.push_back(listen(denied));
    receiver_ = listen(kPublic);
    other_ = listen(kOtherPublic);
  }

  std::unique_ptr<Receiver> listen(const std::string& address) {
    std::unique_ptr<Receiver> made;
    network_->within([&] { made = std::make_unique<Receiver>(std::ref(script_), address, kPort); });
    return made;
  }
  void names_lead(NameServer::Script script) {
    network_->within([&] { names_ = std::make_unique<NameServer>(std::move(script)); });
  }
  std::unique_ptr<test::DaemonProcess> start(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"--http.allow_networks", ""});
    std::unique_ptr<test::DaemonProcess> made;
    network_->within([&] { made = std::make_unique<test::DaemonProcess>("notifier", database_.socket_dsn(), flags); });
    return made;
  }
  Endpoint subscribe_name(const std::string& name, const std::string& options = R"({"retry_schedule": [0]})") {
    return subscribe("http://" + name + ":" + std::to_string(kPort) + "/hook", options);
  }
  void emit_and_wait(int attempts) {
    emit(1);
    wait_until("select count(*) = " + std::to_string(attempts) + " from sluice.webhook_attempts");
  }
  std::string attempts() {
    return value(
        "select string_agg(concat_ws(' ', outcome, status, error_class, address), ', ' order by started_at) from "
        "sluice.webhook_attempts");
  }
  void expect_no_trap_was_entered() {
    for (const auto& trap : traps_) EXPECT_EQ(trap->connections(), 0);
  }

  std::function<Answer(const Received&, int)> script_ = [](const Received&, int) { return answer(204); };
  std::optional<test::PrivateNetwork> network_;
  std::vector<std::unique_ptr<Receiver>> traps_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<Receiver> other_;
  std::unique_ptr<NameServer> names_;
};

TEST_F(RebindingTest, ANameThatLeadsInsideLaterIsRefusedThoughItsConnectionIsStillOpen) {
  const std::vector<std::string> where{kPublic, "127.0.0.1", "10.0.0.7", "169.254.169.254", kPublic};
  names_lead([&](const std::string&, int before) {
    return NameServer::Answer{{where[std::min<std::size_t>(static_cast<std::size_t>(before), where.size() - 1)]}};
  });
  subscribe_name("rebind.example");
  const auto notifier = start();
  for (int i = 1; i <= 5; ++i) emit_and_wait(i);
  EXPECT_EQ(attempts(),
            "delivered 204 93.184.216.34, dead refused_address, dead refused_address, dead refused_address, "
            "delivered 204 93.184.216.34");
  EXPECT_EQ(receiver_->connections(), 1) << "it was kept";
  expect_no_trap_was_entered();
}

// It takes the minute that a connection is kept at most.
TEST_F(RebindingTest, ANameThatMovesIsFollowedThoughItsConnectionIsNeverIdle) {
  names_lead([](const std::string&, int before) { return NameServer::Answer{{before == 0 ? kPublic : kOtherPublic}}; });
  subscribe_name("moving.example");
  const auto notifier = start();
  const auto pause = [](Loop& loop) -> Task<void> { (void)co_await loop.sleep(std::chrono::milliseconds(200)); };
  const Deadline patience = Clock::now() + std::chrono::seconds(120);
  for (int i = 1; other_->connections() == 0 && Clock::now() < patience; ++i) {
    emit_and_wait(i);
    loop_.run(pause(loop_));
  }
  EXPECT_EQ(receiver_->connections(), 1);
  EXPECT_EQ(other_->connections(), 1);
}

TEST_F(RebindingTest, ANameThatLeadsInsideAmongOthersIsRefusedAsAWhole) {
  const std::map<std::string, std::vector<std::string>> table{
      {"first.example", {"127.0.0.1", kPublic}},          {"last.example", {kPublic, kOtherPublic, "10.0.0.7"}},
      {"metadata.example", {kPublic, "169.254.169.254"}}, {"six.example", {kPublic, "::1"}},
      {"mapped.example", {kPublic, "::ffff:127.0.0.1"}},  {"translated.example", {kPublic, "64:ff9b::a00:7"}},
  };
  names_lead([&](const std::string& name, int) { return NameServer::Answer{table.at(name)}; });
  for (const auto& [name, addresses] : table) subscribe_name(name);
  const auto notifier = start();
  emit_and_wait(static_cast<int>(table.size()));
  EXPECT_EQ(value("select string_agg(distinct concat_ws(' ', outcome, error_class), ',') from sluice.webhook_attempts"),
            "dead refused_address");
  EXPECT_EQ(receiver_->connections() + other_->connections(), 0);
  expect_no_trap_was_entered();
}

// Whoever looks a name up once to judge it and once more to connect gets the second answer the second time.
TEST_F(RebindingTest, TheAnswerThatWasJudgedIsTheOneThatIsConnectedTo) {
  script_ = [](const Received&, int) { return answer(204, "connection: close\r\n"); };
  names_lead(
      [](const std::string&, int before) { return NameServer::Answer{{before % 2 == 0 ? kPublic : "127.0.0.1"}}; });
  subscribe_name("twice.example", R"({"ordering": "endpoint", "retry_schedule": [0, 0.01]})");
  const auto notifier = start();
  emit(10);
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  EXPECT_EQ(value("select count(*) from sluice.webhook_attempts"), std::to_string(names_->questions("twice.example")));
  EXPECT_EQ(
      value("select count(*) from sluice.webhook_attempts where outcome = 'delivered' and address = '93.184.216.34'"),
      "10");
  EXPECT_EQ(receiver_->connections(), 10);
  expect_no_trap_was_entered();
}

// Its endpoint may have more requests in flight than there are threads for look-ups.
TEST_F(RebindingTest, AnEndpointWhoseNameServerNeverAnswersHoldsNobodyElseUp) {
  names_lead([](const std::string& name, int) {
    return name == "silent.example" ? NameServer::Answer{{}, Mood::kIsSilent} : NameServer::Answer{{kPublic}};
  });
  subscribe_name("silent.example", R"({"timeout": 30, "max_in_flight": 20})");
  const auto notifier = start();
  emit(20);
  wait_for([&] { return names_->questions("silent.example") > 0; }, "a question for the name");
  const Endpoint live = subscribe_name("live.example", R"({"timeout": 5, "retry_schedule": [0]})");
  emit(1);
  wait_until("select count(*) = 1 from sluice.webhook_attempts where endpoint_id = '" + live.id + "'");
  EXPECT_EQ(attempts(), "delivered 204 93.184.216.34");
}

TEST_F(RebindingTest, AResolverThatIsDownSpendsNoAttempt) {
  names_lead([](const std::string&, int before) {
    return before < 3 ? NameServer::Answer{{}, Mood::kFails} : NameServer::Answer{{kPublic}};
  });
  subscribe_name("down.example");
  const auto notifier = start();
  emit_and_wait(1);
  EXPECT_EQ(attempts(), "delivered 204 93.184.216.34");
  EXPECT_EQ(value("select attempt from sluice.webhook_attempts"), "1");
}

}  // namespace
}  // namespace sluice::notifier
