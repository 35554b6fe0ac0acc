// A TCP relay on 127.0.0.1 that can misbehave as networks do. Runs on a thread of its own; every member may be called
// from any thread.
#pragma once

#include <chrono>
#include <memory>

namespace sluice::test {

class TcpProxy {
 public:
  explicit TcpProxy(int target_port);  // relays to 127.0.0.1:target_port; throws std::runtime_error
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] int port() const;  // where it listens

  void pass_traffic();   // the state at first: relays, at once
  void drop_traffic();   // reads and throws away, both ways: the peers see a connection that is half open
  void block_traffic();  // reads nothing and relays nothing; what is sent meanwhile comes when traffic passes again
  void delay_traffic(std::chrono::milliseconds delay);  // relays all bytes that much later, in order

  void cut_connections();     // resets all that there are; new ones are accepted
  void refuse_connections();  // stops listening (what there is goes on) …
  void accept_connections();  // … until called

  [[nodiscard]] int connections() const;            // relayed at this moment
  [[nodiscard]] std::size_t bytes_dropped() const;  // since it was made

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::test
