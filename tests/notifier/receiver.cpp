#include "tests/notifier/receiver.h"

#include <gtest/gtest.h>

namespace sluice::notifier {
namespace {

constexpr std::chrono::seconds kPatience{30};

Received parse(const std::string& request) {
  Received received;
  received.at = std::chrono::steady_clock::now();
  const auto end_of_head = request.find("\r\n\r\n");
  received.body = request.substr(end_of_head + 4);
  std::size_t at = request.find("\r\n");
  received.request_line = request.substr(0, at);
  while (at < end_of_head) {
    const auto next = request.find("\r\n", at + 2);
    const std::string line = request.substr(at + 2, next - at - 2);
    const auto colon = line.find(": ");
    received.headers[line.substr(0, colon)] = line.substr(colon + 2);
    at = next;
  }
  return received;
}

}  // namespace

std::string Received::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Receiver::Receiver(Script script, const std::string& host, std::uint16_t port)
    : script_(std::move(script)), server_([this](http::Peer& peer) { serve(peer); }, host, port) {}

Receiver::OpenGateAtEnd::~OpenGateAtEnd() {
  receiver.open_gate();
}

void Receiver::serve(http::Peer& peer) {
  while (true) {
    const std::string text = peer.read_request();
    if (text.empty()) return;
    const Received request = parse(text);
    int before = 0;
    {
      std::unique_lock lock(mutex_);
      before = static_cast<int>(received_.size());
      received_.push_back(request);
      at_once_ += 1;
      most_at_once_ = std::max(most_at_once_, at_once_);
      changed_.notify_all();
      changed_.wait(lock, [this] { return gate_open_; });
    }
    const Answer answer = script_(request, before);
    if (answer.never) peer.wait_until_closed();
    {
      const std::scoped_lock lock(mutex_);
      at_once_ -= 1;
    }
    if (answer.never || !peer.reply(answer.status, answer.body, answer.headers)) return;
  }
}

void Receiver::close_gate() {
  const std::scoped_lock lock(mutex_);
  gate_open_ = false;
}

void Receiver::open_gate() {
  const std::scoped_lock lock(mutex_);
  gate_open_ = true;
  changed_.notify_all();
}

std::vector<Received> Receiver::wait_for(std::size_t requests) {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, kPatience, [&] { return received_.size() >= requests; });
  EXPECT_TRUE(came) << received_.size() << " requests came, not " << requests;
  return received_;
}

std::vector<Received> Receiver::received() {
  const std::scoped_lock lock(mutex_);
  return received_;
}

std::map<std::string, int> Receiver::count_by_id() {
  std::map<std::string, int> counts;
  for (const Received& request : received()) counts[request.id()] += 1;
  return counts;
}

int Receiver::most_at_once() {
  const std::scoped_lock lock(mutex_);
  return most_at_once_;
}

}  // namespace sluice::notifier
