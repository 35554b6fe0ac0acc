// Receivers that do all they can to a notifier: each costs it one attempt and nobody else anything.
#include <poll.h>

#include <deque>

#include "tests/notifier/notifier_fixture.h"

namespace sluice::notifier {
namespace {

using namespace std::string_literals;
using HostileReceiversTest = NotifierTest;

struct Hostile {
  const char* name;
  std::function<void(http::Peer&)> script;
  const char* outcome;  // as the log of attempts has it: outcome, status, class
};

// Until the client leaves: writes `bytes` every fifth of a second, as fast as it can with 0.
void pour(http::Peer& peer, const std::string& bytes, int pause_ms) {
  while (peer.write(bytes)) {
    pollfd watched{peer.fd(), POLLIN | POLLRDHUP, 0};
    if (::poll(&watched, 1, pause_ms) != 0) return;
  }
}

std::vector<Hostile> hostile_receivers() {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const auto says = [](const std::string& text) { return [text](http::Peer& peer) { peer.write(text); }; };
  return {
      {"never answers", [](http::Peer& peer) { peer.wait_until_closed(); }, "dead - timeout"},
      {"slow headers",
       [ok](http::Peer& peer) {
         peer.write(ok);
         pour(peer, "x-a: b\r\n", 200);
       },
       "dead - timeout"},
      {"a byte at a time",
       [ok](http::Peer& peer) {
         peer.write(ok + "content-length: 1000\r\n\r\n");
         pour(peer, "x", 200);
       },
       "delivered 200 -"},
      {"endless body",
       [ok](http::Peer& peer) {
         peer.write(ok + "\r\n");
         pour(peer, std::string(65536, 'x'), 0);
       },
       "delivered 200 -"},
      {"gzip bomb", says(ok + "content-encoding: gzip\r\ncontent-length: 5\r\n\r\n\x1f\x8b\x08\x01\x02"),
       "delivered 200 -"},
      {"NUL and broken UTF-8", says("HTTP/1.1 500 x\r\ncontent-length: 4\r\n\r\n\0\xff\xc3("s), "dead 500 status"},
      {"reset in the body",
       [ok](http::Peer& peer) {
         peer.write(ok + "content-length: 1000\r\n\r\nabc");
         peer.reset();
       },
       "delivered 200 -"},
      {"reset at once", [](http::Peer& peer) { peer.reset(); }, "dead - reset"},
      {"a storm of 1xx", [](http::Peer& peer) { pour(peer, "HTTP/1.1 103 x\r\nlink: </a>\r\n\r\n", 0); },
       "dead - too_large"},
      {"a length too long", says("HTTP/1.1 500 x\r\ncontent-length: 99\r\n\r\nabc"), "dead 500 status"},
      {"a length too short", says("HTTP/1.1 500 x\r\ncontent-length: 1\r\n\r\nabcdef"), "dead 500 status"},
      {"64 KiB of headers", says(ok + "x-long: " + std::string(65536, 'x') + "\r\n\r\n"), "dead - too_large"},
      {"a redirect to a cloud's metadata",
       says("HTTP/1.1 302 x\r\nlocation: http://169.254.169.254/latest/meta-data/\r\ncontent-length: 0\r\n\r\n"),
       "dead 302 status"},
      {"no HTTP", says("SSH-2.0-OpenSSH_9.2\r\n"), "dead - protocol"},
  };
}

TEST_F(HostileReceiversTest, EachCostsItsOneAttemptAndNobodyElseAnything) {
  const std::vector<Hostile> table = hostile_receivers();
  std::deque<http::RawServer> servers;
  std::vector<Endpoint> endpoints;
  for (const Hostile& hostile : table) {
    http::RawServer& server = servers.emplace_back([script = hostile.script](http::Peer& peer) {
      if (!peer.read_request().empty()) script(peer);
    });
    endpoints.push_back(subscribe(server.url(), R"({"timeout": 2, "retry_schedule": [0]})"));
  }
  Receiver healthy;
  const Endpoint good = subscribe(healthy.url());
  const auto notifier = start_notifier();
  emit(1);
  (void)healthy.wait_for(1);
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(value("select string_agg(concat_ws(' ', outcome, coalesce(status::text, '-'), coalesce(error_class, "
                    "'-')), ', ') from "
                    "sluice.webhook_attempts where endpoint_id = '" +
                    endpoints[i].id + "'"),
              table[i].outcome)
        << table[i].name;
  }
  EXPECT_EQ(value("select max(octet_length(response)) <= 16384 from sluice.webhook_attempts"), "t");
  emit(1);
  (void)healthy.wait_for(2);
}

TEST_F(HostileReceiversTest, ARetryAfterThatMeansNothingIsIgnored) {
  std::deque<Receiver> receivers;
  for (const char* retry_after : {"-1", "1e99", "Sun, 06 Nov 1994 08:49:37 GMT", "soon", ""}) {
    Receiver& receiver = receivers.emplace_back([retry_after](const Received&, int before) {
      return before == 0 ? answer(500, std::string("Retry-After: ") + retry_after + "\r\n") : answer(204);
    });
    subscribe(receiver.url(), R"({"retry_schedule": [0, 0.1]})");
  }
  const auto notifier = start_notifier();
  emit(1);
  for (Receiver& receiver : receivers) (void)receiver.wait_for(2);
}

}  // namespace
}  // namespace sluice::notifier
