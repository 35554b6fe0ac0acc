// A subscriber for tests: keeps what it got and answers as the test says.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/unit/http/raw_server.h"

namespace sluice::notifier {

struct Received {
  std::string request_line;
  std::map<std::string, std::string> headers;  // names as they came
  std::string body;
  std::chrono::steady_clock::time_point at;

  [[nodiscard]] std::string header(const std::string& name) const;
  [[nodiscard]] std::string id() const { return header("webhook-id"); }
};

struct Answer {
  int status = 204;
  std::string headers;  // lines, each with its CR LF
  std::string body;
  bool never = false;  // keeps the connection open without a word until the client leaves
};

inline Answer answer(int status, std::string headers = {}, std::string body = {}) {
  return {status, std::move(headers), std::move(body), false};
}

class Receiver {
 public:
  // Called on the connection's thread, with how many came before this one.
  using Script = std::function<Answer(const Received&, int before)>;
  explicit Receiver(
      Script script = [](const Received&, int) { return Answer{}; }, const std::string& host = "127.0.0.1",
      std::uint16_t port = 0);

  [[nodiscard]] std::string url(std::string_view path = "/hook") const { return server_.url(path); }

  // While closed, requests are taken but not answered.
  void close_gate();
  void open_gate();

  // Waits until so many requests came (answered or not) and returns all; fails the test after 30 s.
  std::vector<Received> wait_for(std::size_t requests);
  [[nodiscard]] std::vector<Received> received();
  [[nodiscard]] std::map<std::string, int> count_by_id();
  [[nodiscard]] int most_at_once();
  [[nodiscard]] int connections() const { return server_.connections(); }

 private:
  void serve(http::Peer& peer);

  Script script_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Received> received_;
  bool gate_open_ = true;
  int at_once_ = 0;
  int most_at_once_ = 0;
  struct OpenGateAtEnd {
    Receiver& receiver;
    ~OpenGateAtEnd();
  };
  http::RawServer server_;
  OpenGateAtEnd last_{*this};  // destroyed first, so that no thread of the server waits for ever
};

}  // namespace sluice::notifier
