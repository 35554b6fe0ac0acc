#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::test {
namespace {

using Clock = std::chrono::steady_clock;

enum class Mode { kPass, kDrop, kBlock };

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

Descriptor listen_on(int port) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = loopback(port);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), 64) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  return listener;
}

int port_of(const Descriptor& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

// Bytes on their way in one direction.
struct Flow {
  struct Chunk {
    Clock::time_point due;
    std::string bytes;
  };
  int from;
  int to;
  std::deque<Chunk> held;
  bool ended = false;      // the sender has finished
  bool passed_on = false;  // and the receiver was told
};

struct Link {
  Link(Descriptor near_end, Descriptor far_end)
      : client(std::move(near_end)),
        server(std::move(far_end)),
        up{client.get(), server.get(), {}},
        down{server.get(), client.get(), {}} {}

  Descriptor client;
  Descriptor server;
  Flow up;
  Flow down;
  bool broken = false;
};

}  // namespace

struct TcpProxy::State {
  explicit State(int target) : target_port(target), listener(listen_on(0)), port(port_of(listener)) {}

  void run() {
    while (true) {
      std::vector<pollfd> watched;
      int timeout = -1;
      {
        const std::scoped_lock lock(mutex);
        if (closing) {
          changes_seen = changes;
          seen.notify_all();
          return;
        }
        timeout = watch(watched);
      }
      poll(watched.data(), watched.size(), timeout);
      const std::scoped_lock lock(mutex);
      std::uint64_t woken = 0;
      [[maybe_unused]] const ssize_t ignored = read(wake.get(), &woken, sizeof woken);
      accept_all();
      for (Link& link : links) {
        move(link, link.up);
        move(link, link.down);
      }
      std::erase_if(links, [](const Link& link) { return link.broken || (link.up.passed_on && link.down.passed_on); });
      changes_seen = changes;
      seen.notify_all();
    }
  }

  // Fills in what to wait for; returns for how many milliseconds at most.
  int watch(std::vector<pollfd>& watched) {
    watched.push_back({wake.get(), POLLIN, 0});
    if (listener.get() >= 0) watched.push_back({listener.get(), POLLIN, 0});
    if (mode == Mode::kBlock) return -1;
    auto next = Clock::time_point::max();
    for (const Link& link : links) {
      for (const Flow* flow : {&link.up, &link.down}) {
        if (!flow->ended && flow->held.size() < kMostHeld) watched.push_back({flow->from, POLLIN, 0});
        if (flow->held.empty()) continue;
        if (flow->held.front().due <= Clock::now())
          watched.push_back({flow->to, POLLOUT, 0});
        else
          next = std::min(next, flow->held.front().due);
      }
    }
    if (next == Clock::time_point::max()) return -1;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count());
  }

  void accept_all() {
    while (listener.get() >= 0) {
      Descriptor client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (client.get() < 0) return;
      Descriptor server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in address = loopback(target_port);
      // A target that refuses closes the client too; on one machine connecting does not take long.
      if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
      fcntl(server.get(), F_SETFL, O_NONBLOCK);
      links.emplace_back(std::move(client), std::move(server));
    }
  }

  void move(Link& link, Flow& flow) {
    if (mode == Mode::kBlock) return;
    char buffer[16384];
    while (!flow.ended && flow.held.size() < kMostHeld) {
      const ssize_t got = read(flow.from, buffer, sizeof buffer);
      if (got < 0) {
        link.broken = link.broken || errno != EAGAIN;
        break;
      }
      flow.ended = got == 0;
      if (got == 0) break;
      if (mode == Mode::kDrop)
        dropped += static_cast<std::size_t>(got);
      else
        flow.held.push_back({Clock::now() + delay, std::string(buffer, static_cast<std::size_t>(got))});
    }
    while (!flow.held.empty() && flow.held.front().due <= Clock::now()) {
      std::string& bytes = flow.held.front().bytes;
      const ssize_t sent = send(flow.to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        link.broken = link.broken || errno != EAGAIN;
        return;
      }
      bytes.erase(0, static_cast<std::size_t>(sent));
      if (bytes.empty()) flow.held.pop_front();
    }
    if (flow.ended && flow.held.empty() && !flow.passed_on && mode == Mode::kPass) {
      shutdown(flow.to, SHUT_WR);
      flow.passed_on = true;
    }
  }

  // Changes something under the lock and waits until the thread has looked: a socket that is closed while the thread
  // polls it lives until the poll returns.
  template <typename Change>
  void change(Change apply) {
    std::unique_lock lock(mutex);
    apply();
    const std::uint64_t mine = ++changes;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = write(wake.get(), &one, sizeof one);
    seen.wait(lock, [&] { return changes_seen >= mine; });
  }

  static constexpr std::size_t kMostHeld = 256;  // chunks a flow

  const int target_port;
  std::mutex mutex;  // guards all below
  std::condition_variable seen;
  std::uint64_t changes = 0;
  std::uint64_t changes_seen = 0;
  Descriptor listener;
  const int port;
  Descriptor wake{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Mode mode = Mode::kPass;
  std::chrono::milliseconds delay{0};
  std::list<Link> links;
  std::size_t dropped = 0;
  bool closing = false;
  std::thread thread;
};

TcpProxy::TcpProxy(int target_port) : state_(std::make_unique<State>(target_port)) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

TcpProxy::~TcpProxy() {
  state_->change([this] { state_->closing = true; });
  state_->thread.join();
}

int TcpProxy::port() const {
  return state_->port;
}

void TcpProxy::pass_traffic() {
  state_->change([this] {
    state_->mode = Mode::kPass;
    state_->delay = std::chrono::milliseconds(0);
  });
}
void TcpProxy::drop_traffic() {
  state_->change([this] { state_->mode = Mode::kDrop; });
}
void TcpProxy::block_traffic() {
  state_->change([this] { state_->mode = Mode::kBlock; });
}
void TcpProxy::delay_traffic(std::chrono::milliseconds delay) {
  state_->change([this, delay] {
    state_->mode = Mode::kPass;
    state_->delay = delay;
  });
}
void TcpProxy::cut_connections() {
  state_->change([this] {
    const linger at_once{1, 0};  // closes with a reset
    for (const Link& link : state_->links) {
      setsockopt(link.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      setsockopt(link.server.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    state_->links.clear();
  });
}
void TcpProxy::refuse_connections() {
  state_->change([this] { state_->listener = Descriptor(); });
}
void TcpProxy::accept_connections() {
  state_->change([this] {
    if (state_->listener.get() < 0) state_->listener = listen_on(state_->port);
  });
}
int TcpProxy::connections() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<int>(state_->links.size());
}
std::size_t TcpProxy::bytes_dropped() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->dropped;
}

}  // namespace sluice::test
