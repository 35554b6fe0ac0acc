// The console as a browser or an attacker meets it: a real daemon, a real database, real sockets.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "core/base/errors.h"
#include "tests/support/daemon_process.h"
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kPatience = 20'000;  // ms, for what must come

// One connection to 127.0.0.1; what comes is read until a text is there or the peer closes.
class Socket {
 public:
  Socket(int port, const std::string& request) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::size_t sent = 0;
    while (sent < request.size()) {
      const ssize_t now = ::send(fd_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) break;  // refused before its end
      sent += static_cast<std::size_t>(now);
    }
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  const std::string& read_until(std::string_view text) {
    while (got_.find(text) == std::string::npos) {
      pollfd wait{fd_, POLLIN, 0};
      char buffer[16384];
      const ssize_t size = poll(&wait, 1, kPatience) == 1 ? recv(fd_, buffer, sizeof buffer, 0) : 0;
      if (size <= 0) break;
      got_.append(buffer, static_cast<std::size_t>(size));
    }
    return got_;
  }
  [[nodiscard]] bool closed() const {
    char byte = 0;
    return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }
  const std::string& read_to_end() { return read_until("\x01 never"); }

 private:
  int fd_;
  std::string got_;
};

class ConsoleTest : public CliTest {
 protected:
  void start(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"--listen", "127.0.0.1:0"});
    console_ = std::make_unique<DaemonProcess>("console", database_.dsn(), words);
    const std::string log = console_->log();
    const std::string mark = "http://127.0.0.1:";
    const auto at = log.find(mark);
    ASSERT_NE(at, std::string::npos) << log;
    const std::string link = log.substr(at, log.find('\n', at) - at);
    port_ = std::stoi(link.substr(mark.size()));
    host_ = "127.0.0.1:" + std::to_string(port_);
    token_ = link.substr(link.find("token=") + 6);
    const std::string answer = ask("GET", "/?token=" + token_, "");
    ASSERT_THAT(answer, StartsWith("HTTP/1.1 303"));
    const auto cookie = answer.find("Set-Cookie: ") + 12;
    cookie_ = "Cookie: " + answer.substr(cookie, answer.find(';', cookie) - cookie) + "\r\n";
    EXPECT_THAT(answer, HasSubstr("; HttpOnly; SameSite=Strict; Path=/"));
  }

  // The whole answer. `headers` are lines with their ends.
  std::string ask(const std::string& method, const std::string& target, const std::string& headers,
                  const std::string& body = "") const {
    const std::string host = headers.find("Host:") == std::string::npos ? "Host: " + host_ + "\r\n" : "";
    const std::string length = body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return Socket(port_, method + " " + target + " HTTP/1.1\r\n" + host + headers + length +
                             "Connection: close\r\n\r\n" + body)
        .read_to_end();
  }
  std::string get(const std::string& target) const { return ask("GET", target, cookie_); }
  std::string post(const std::string& target, const std::string& body = "{}") const {
    return ask("POST", target, cookie_ + "Origin: http://" + host_ + "\r\nContent-Type: application/json\r\n", body);
  }
  static int status(const std::string& answer) { return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3)); }
  static Json body(const std::string& answer) {
    auto parsed = parse_json(std::string_view(answer).substr(answer.find("\r\n\r\n") + 4));
    EXPECT_TRUE(parsed) << answer;
    return parsed ? std::move(*parsed) : make_object();
  }
  [[nodiscard]] Socket watch(const std::string& query, const std::string& headers = "") const {
    return {port_,
            "GET /api/events/live" + query + " HTTP/1.1\r\nHost: " + host_ + "\r\n" + cookie_ + headers + "\r\n"};
  }

  std::unique_ptr<DaemonProcess> console_;
  int port_ = 0;
  std::string host_, token_, cookie_;
};

TEST_F(ConsoleTest, ItsConnectionsAreThereBeforeAnybodyAsks) {
  start();
  EXPECT_EQ(value("select count(*) from pg_stat_activity where datname = current_database() and "
                  "application_name = 'sluice console'"),
            "3");
}

TEST_F(ConsoleTest, OnlyWhoHasTheAddressIsLetIn) {
  start();
  EXPECT_EQ(status(ask("GET", "/", "")), 401);
  EXPECT_EQ(status(ask("GET", "/api/me", "")), 401);
  EXPECT_EQ(status(ask("GET", "/assets/app.js", "")), 401);
  EXPECT_EQ(status(ask("GET", "/?token=" + std::string(64, '0'), "")), 401);
  EXPECT_EQ(status(ask("GET", "/?token=" + token_.substr(1), "")), 401);
  EXPECT_EQ(status(ask("GET", "/", cookie_.substr(0, cookie_.size() - 3) + "x\r\n")), 401);
  EXPECT_EQ(status(ask("GET", "/", cookie_ + cookie_)), 401);
  const std::string page = get("/sessions/anything");
  EXPECT_EQ(status(page), 200);
  EXPECT_THAT(
      page,
      HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
                "data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"));
  EXPECT_THAT(page, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_EQ(status(get("/assets/app.js")), 200);
  EXPECT_EQ(status(get("/assets/other.js")), 404);
  EXPECT_EQ(body(get("/api/me"))["role"], "sluice_reader");
  EXPECT_TRUE(body(get("/api/me"))["read_only"].GetBool());
  EXPECT_FALSE(body(get("/api/me"))["actions"].GetBool());
}

TEST_F(ConsoleTest, OtherNamesThatPointHereAreRefused) {
  start();
  for (const char* name : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", ""}) {
    EXPECT_EQ(status(ask("GET", "/api/me", cookie_ + "Host: " + name + "\r\n")), 421) << name;
  }
  EXPECT_EQ(status(ask("GET", "/api/me", cookie_ + "Host: " + host_ + "\r\nHost: " + host_ + "\r\n")) / 100, 4);
  for (const char* name : {"localhost", "localhost:1", "[::1]:80", "127.0.0.2"}) {
    EXPECT_EQ(status(ask("GET", "/api/me", cookie_ + "Host: " + name + "\r\n")), 200) << name;
  }
}

TEST_F(ConsoleTest, WithoutAllowActionsNothingIsDone) {
  run_sql("select sluice.enqueue('http', '{\"url\": \"https://example.org/\"}')");
  const std::string task = value("select max(task_id) from sluice.task_overview");
  start();
  const std::string answer = post("/api/tasks/" + task + "/discard");
  EXPECT_EQ(status(answer), 403);
  EXPECT_EQ(body(answer)["error"]["code"], "read_only");
  EXPECT_EQ(value("select count(*) from sluice.task_overview"), "1");
  EXPECT_EQ(value("select count(*) from sluice.audit_log"), "0");
}

TEST_F(ConsoleTest, AnActionOfTheOwnPageIsDoneAndAudited) {
  run_sql("select sluice.enqueue('http', '{\"url\": \"https://example.org/\"}')");
  const std::string task = value("select max(task_id) from sluice.task_overview");
  start({"--allow-actions"});
  const std::string target = "/api/tasks/" + task + "/discard";
  const std::string json = "Content-Type: application/json\r\n";
  EXPECT_EQ(status(ask("POST", target, cookie_ + json, "{}")), 403);
  EXPECT_EQ(status(ask("POST", target, cookie_ + json + "Origin: http://evil.example\r\n", "{}")), 403);
  EXPECT_EQ(status(ask("POST", target, cookie_ + "Origin: http://" + host_ + "\r\nContent-Type: text/plain\r\n", "{}")),
            415);
  EXPECT_EQ(status(ask("POST", target, json + "Origin: http://" + host_ + "\r\n", "{}")), 401);
  EXPECT_EQ(status(ask("PUT", target, cookie_, "{}")), 405);
  EXPECT_EQ(status(post(target, "[]")), 400);
  EXPECT_EQ(value("select count(*) from sluice.task_overview"), "1");

  EXPECT_TRUE(body(post(target))["ok"].GetBool());
  EXPECT_EQ(value("select count(*) from sluice.task_overview"), "0");
  EXPECT_EQ(value("select concat_ws(' ', actor, program, action, target, outcome) from sluice.audit_log"),
            "postgres sluice console discard task " + task + " done");
  EXPECT_EQ(body(get("/api/audit"))["rows"][0]["action"], "discard");
  EXPECT_EQ(status(post(target)), 409);
  EXPECT_EQ(status(post("/api/tasks/" + task + "/paint")), 404);
}

TEST_F(ConsoleTest, EndpointsAndDeliveriesAreActedOn) {
  const std::string endpoint = value("select endpoint_id from sluice.subscribe('https://example.org/hooks')");
  start({"--allow-actions"});
  const Json ping = body(post("/api/endpoints/" + endpoint + "/ping"));
  const std::string delivery = std::to_string(ping["delivery_id"].GetInt64());
  EXPECT_EQ(body(get("/api/deliveries"))["rows"][0]["status"], "pending");
  EXPECT_EQ(status(post("/api/deliveries/" + delivery + "/retry")), 200);
  EXPECT_EQ(status(post("/api/deliveries/" + delivery + "/discard")), 200);
  const Json dead = body(get("/api/deliveries/" + delivery));
  EXPECT_EQ(dead["status"], "dead");
  EXPECT_EQ(dead["attempts"][0]["error_class"], "discarded");
  EXPECT_EQ(dead["body"]["type"], "ping");
  EXPECT_EQ(status(post("/api/endpoints/" + endpoint + "/replay", R"({"since":"yesterday"})")), 400);
  EXPECT_EQ(
      body(post("/api/endpoints/" + endpoint + "/replay", R"({"since":"2020-01-01T00:00:00Z","until":null})"))["count"]
          .GetInt(),
      1);
  EXPECT_EQ(status(post("/api/endpoints/" + endpoint + "/disable")), 200);
  EXPECT_EQ(body(get("/api/endpoints/" + endpoint))["state"], "disabled");
  EXPECT_EQ(status(post("/api/endpoints/" + endpoint + "/enable")), 200);
  EXPECT_EQ(body(get("/api/endpoints?status=enabled"))["rows"].Size(), 1U);
  EXPECT_EQ(value("select string_agg(action, ' ' order by id) from sluice.audit_log"),
            "test_endpoint retry_delivery discard_delivery replay disable_endpoint enable_endpoint");
}

TEST_F(ConsoleTest, ListsAreGoneThroughPageByPage) {
  run_sql("select count(sluice.enqueue('http', '{\"url\": \"https://example.org/\"}')) from generate_series(1, 5)");
  publish_greeter();
  run_sql("select count(sluice.start_session('greeter')) from generate_series(1, 5)");
  start();
  for (const auto& [list, view] : {std::pair<std::string, std::string>{"tasks", "sluice.task_overview"},
                                   {"sessions", "sluice.session_overview"},
                                   {"events", "sluice.flow_events"}}) {
    std::set<std::string> rows;
    std::size_t shown = 0;
    std::string next;
    do {
      const Json page = body(get("/api/" + list + "?limit=2" + (next.empty() ? "" : "&before=" + next)));
      ASSERT_TRUE(page.HasMember("rows")) << list << to_text(page);
      for (const Json& row : page["rows"].GetArray()) rows.insert(to_text(row));
      shown += page["rows"].Size();
      next = std::string(string_member(page, "next"));
      for (auto plus = next.find('+'); plus != std::string::npos; plus = next.find('+')) next.replace(plus, 1, "%2B");
      for (auto blank = next.find(' '); blank != std::string::npos; blank = next.find(' '))
        next.replace(blank, 1, "%20");
    } while (!next.empty() && shown < 100);
    EXPECT_EQ(rows.size(), shown) << list << ": nothing comes twice";
    EXPECT_EQ(std::to_string(shown), value("select count(*) from " + view)) << list;
  }
  const Json session = body(get("/api/sessions"))["rows"][0].IsObject() ? body(get("/api/sessions")) : make_object();
  const std::string id(string_member(session["rows"][0], "session_id"));
  const Json shown = body(get("/api/sessions/" + id));
  EXPECT_EQ(shown["session"]["flow"], "greeter");
  EXPECT_EQ(shown["timeline"][0]["kind"], "revision");
  EXPECT_EQ(body(get("/api/flows/greeter"))["nodes"].Size(), 3U);
  EXPECT_EQ(status(get("/api/flows/none")), 404);
  EXPECT_EQ(status(get("/api/sessions/00000000-0000-0000-0000-000000000000")), 404);
}

TEST_F(ConsoleTest, NoParameterBreaksOutOfItsStatement) {
  publish_greeter();
  run_sql("select sluice.start_session('greeter')");
  start();
  const char* hostile[] = {"%27%3B%20drop%20table%20sluice.settings%3B--",
                           "%27%20or%20%271%27%3D%271",
                           "%24%24",
                           "%5C%27",
                           "%22",
                           "1%3Bselect%20pg_sleep(9)",
                           "%F0%9F%92%A3",
                           "-1",
                           "99999999999999999999",
                           "NaN"};
  const char* targets[] = {"sessions?flow=",
                           "sessions?status=",
                           "sessions?q=",
                           "sessions?before=",
                           "sessions?limit=",
                           "tasks?status=",
                           "tasks?queue=",
                           "tasks?kind=",
                           "tasks?session=",
                           "tasks?before=",
                           "deliveries?status=",
                           "deliveries?endpoint=",
                           "deliveries?event_type=",
                           "endpoints?q=",
                           "endpoints?status=",
                           "events?type=",
                           "events?session=",

                           "audit?before=",
                           "flows/",
                           "sessions/",
                           "tasks/",
                           "deliveries/",
                           "endpoints/",
                           "flows/greeter?version="};
  for (const char* target : targets) {
    for (const char* text : hostile) {
      const std::string answer = get(std::string("/api/") + target + text);
      EXPECT_TRUE(status(answer) == 200 || status(answer) == 400 || status(answer) == 404) << target << text << "\n"
                                                                                           << answer;
      if (status(answer) == 200 && std::string_view(target).find('/') == std::string_view::npos) {
        EXPECT_EQ(body(answer)["rows"].Size(), 0U) << target << text;
      }
    }
  }
  EXPECT_EQ(value("select count(*) from sluice.conversation_sessions"), "1");
  for (const char* bad : {"/api/tasks?%00=1", "/api/tasks?kind=%00", "/api/tasks?kind=%zz", "/api/tasks?kind=%C0%AF",
                          "/api/%FF", "/api/tasks?limit=1&limit=2", "/api/tasks?colour=1"}) {
    EXPECT_EQ(status(get(bad)), 400) << bad;
  }
}

TEST_F(ConsoleTest, WhatIsTooLargeIsRefusedAndNotKept) {
  start({"--allow-actions"});
  EXPECT_EQ(status(get("/api/tasks?kind=" + std::string(30'000, 'a'))) / 100, 4);
  EXPECT_EQ(status(ask("GET", "/api/me", cookie_ + "X-Long: " + std::string(30'000, 'a') + "\r\n")), 431);
  EXPECT_EQ(status(post("/api/tasks/1/retry", std::string(16 << 10, ' '))), 400) << "taken, and no JSON";
  EXPECT_EQ(status(post("/api/tasks/1/retry", std::string((16 << 10) + 1, ' '))), 413);
  EXPECT_EQ(status(get("/api/tasks?queue=" + std::string(255, 'a'))), 200);
  EXPECT_EQ(status(get("/api/tasks?queue=" + std::string(256, 'a'))), 400);
  std::string many = "/api/tasks?";
  for (int i = 0; i < 16; ++i) many += "a" + std::to_string(i) + "=1&";
  EXPECT_THAT(get(many), HasSubstr("unknown parameter"));
  EXPECT_THAT(get(many + "b=1"), HasSubstr("more than 16 parameters"));
  EXPECT_EQ(status(get("/api/me")), 200);
}

TEST_F(ConsoleTest, EventsComeLiveAndGoOnAfterTheLastOne) {
  start();
  Socket live = watch("?type=order.*");
  EXPECT_THAT(live.read_until("event: joined"), HasSubstr("Content-Type: text/event-stream"));
  run_sql("select sluice.emit('bill.paid'); select sluice.emit('order.paid')");
  const std::string seen = live.read_until("\"event_type\": \"order");
  EXPECT_THAT(seen, HasSubstr("\"event_type\": \"order.paid\""));
  EXPECT_THAT(seen, testing::Not(HasSubstr("bill.paid")));
  const std::string last = value("select sluice.emit('order.sent')");
  const std::string before = std::to_string(std::stoll(last) - 1);
  Socket again = watch("?type=order.sent", "Last-Event-ID: " + before + "\r\n");
  EXPECT_THAT(again.read_until("order.sent"), HasSubstr("id: " + last));
}

// What it missed is put together before any of it is sent.
TEST_F(ConsoleTest, SixtyFourKiBWaitForAReaderAndNoMore) {
  start();
  const auto after = [](const std::string& event) { return "Last-Event-ID: " + event + "\r\n"; };
  const std::string emit = "select sluice.emit('big.one', null, jsonb_build_object('x', repeat('y', 7100)))";
  const std::string before = value("select sluice.emit('before.all')");
  const std::string first = value(emit);
  for (int i = 0; i < 8; ++i) run_sql(emit);
  EXPECT_THAT(watch("", after(first)).read_until("event: joined"), testing::Not(HasSubstr("event: lost"))) << "eight";
  EXPECT_THAT(watch("", after(before)).read_until("event: joined"), HasSubstr("event: lost")) << "nine";
}

TEST_F(ConsoleTest, AReaderThatDoesNotReadIsDroppedAndTheOthersGoOn) {
  start();
  run_sql(
      "select count(sluice.emit('big.one', null, jsonb_build_object('x', repeat('y', 7000)))) from generate_series(1, "
      "900)");
  Socket slow = watch("", "Last-Event-ID: 1\r\n");  // about 6 MB of them at once: more than may wait for it
  EXPECT_THAT(slow.read_to_end(), HasSubstr("event: lost\ndata: {\"reason\":\"this browser read too slowly\"}"));
  EXPECT_EQ(status(get("/api/me")), 200);
}

// The one too many is answered when one of those that say nothing has been closed, and not before.
TEST_F(ConsoleTest, AtMostSixtyFourConnectionsAreOpenAndIdleOnesAreClosed) {
  start();
  std::vector<std::unique_ptr<Socket>> silent;
  silent.reserve(64);
  for (int i = 0; i < 64; ++i) silent.push_back(std::make_unique<Socket>(port_, ""));
  EXPECT_EQ(status(get("/api/me")), 200);
  EXPECT_TRUE(std::ranges::any_of(silent, [](const auto& socket) { return socket->closed(); }));
}

TEST_F(ConsoleTest, AtMostSixteenStreamsAreOpen) {
  start();
  std::vector<std::unique_ptr<Socket>> open;
  for (int i = 0; i < 16; ++i) {
    open.push_back(
        std::make_unique<Socket>(port_, "GET /api/events/live HTTP/1.1\r\nHost: " + host_ + "\r\n" + cookie_ + "\r\n"));
    EXPECT_THAT(open.back()->read_until("retry: 2000"), HasSubstr("HTTP/1.1 200"));
  }
  EXPECT_THAT(watch("").read_until("\r\n\r\n"), HasSubstr("HTTP/1.1 503"));
  EXPECT_EQ(status(get("/api/me")), 200);
}

TEST_F(ConsoleTest, WhileTheDatabaseIsClosedItSaysSoAndThenGoesOn) {
  start();
  const std::string server = TestCluster::instance().dsn("postgres");
  run_sql("alter database \"" + database_.name() + "\" allow_connections false", server);
  run_sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + database_.name() + "'", server);
  for (const char* target : {"/api/me", "/api/tasks"}) {
    const std::string answer = get(target);
    EXPECT_EQ(status(answer), 503) << target << answer;
    EXPECT_EQ(body(answer)["error"]["code"], "database_away") << target;
  }
  run_sql("alter database \"" + database_.name() + "\" allow_connections true", server);
  EXPECT_EQ(status(get("/api/me")), 200);
}

TEST_F(ConsoleTest, AnEmptyAddressAndATakenOneAreSaid) {
  start();
  const Outcome taken = sluice({"console", "--listen", host_});
  EXPECT_EQ(taken.code, 1);
  EXPECT_THAT(taken.err, HasSubstr("choose another console.listen"));
  EXPECT_EQ(sluice({"console", "--console.listen", ""}).code, 78);
}

}  // namespace
}  // namespace sluice::test
