// What the tests of the client share: a client that may reach loopback, and names that resolve as a test wants.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/http/client.h"
#include "tests/unit/http/raw_server.h"

namespace sluice::http {

class StubResolver : public Resolver {
 public:
  std::vector<std::vector<std::string>>
      answers;  // one for each call, the last again and again; none: the name is unknown
  int calls = 0;

  Task<Resolution> resolve(std::string /*host*/, Deadline /*deadline*/, StopToken /*stop*/) override {
    calls += 1;
    if (answers.empty()) co_return Resolution{Resolution::Outcome::kNotFound, {}};
    Resolution found{Resolution::Outcome::kFound, {}};
    for (const auto& text : answers.front()) found.addresses.push_back(*Address::from_numeric(text));
    if (answers.size() > 1) answers.erase(answers.begin());
    co_return found;
  }
};

struct ClientTest : testing::Test {
  Loop loop;

  static ClientOptions open_to_loopback() {
    ClientOptions options;
    options.policy.allow_networks = {Network::parse("127.0.0.0/8")};
    return options;
  }

  Response send(Client& client, Request request) { return loop.run(client.send(std::move(request))); }
  Response send(Request request) {
    Client client(loop, open_to_loopback());
    return send(client, std::move(request));
  }
  Response post(const RawServer& server, std::chrono::milliseconds timeout = std::chrono::milliseconds(5000)) {
    Request request;
    request.url = server.url();
    request.body = "{}";
    request.timeout = timeout;
    return send(std::move(request));
  }
};

}  // namespace sluice::http
