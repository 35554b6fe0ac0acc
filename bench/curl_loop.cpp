// What libcurl alone can post: the requests that a notifier sends, from a bare multi-socket loop on epoll. Nothing is
// signed, stored or judged; connections are kept alive. Prints {"per_second", "cpu_seconds"}; a request that is not
// answered with 2xx ends it with exit 1.
//
//   curl_loop URL REQUESTS IN_FLIGHT PATHS <BODY      requests go to URL/1 ... URL/PATHS in turn
#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::size_t ignore_body(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

class Loop {
 public:
  Loop(std::string url, int requests, int in_flight, int paths, std::string body)
      : url_(std::move(url)), requests_(requests), in_flight_(in_flight), paths_(paths), body_(std::move(body)) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Loop::watch_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Loop::set_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(2 * in_flight));
    for (const char* header :
         {"content-type: application/json", "user-agent: sluice/0.0.0",
          "Accept:", "Expect:", "webhook-id: msg_00000000000fa630b3c82c1c38", "webhook-timestamp: 1614265330",
          "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
          "x-webhook-signature: sha256=b107090aba2b5b29bf338dcc2ccf4005f943a458a75df1fae5454fc5e661104d"}) {
      headers_ = curl_slist_append(headers_, header);
    }
  }

  ~Loop() {
    for (CURL* easy : handles_) {
      curl_multi_remove_handle(multi_, easy);
      curl_easy_cleanup(easy);
    }
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
    close(epoll_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Seconds from the first request to the last answer.
  double run() {
    const auto start = Clock::now();
    for (int i = 0; i < std::min(in_flight_, requests_); ++i) send(handles_.emplace_back(make_handle()));
    std::array<epoll_event, 256> events{};
    int running = 0;
    while (answered_ < requests_) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms_);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const int ready = ((event.events & EPOLLIN) != 0U ? CURL_CSELECT_IN : 0) |
                          ((event.events & EPOLLOUT) != 0U ? CURL_CSELECT_OUT : 0) |
                          ((event.events & (EPOLLERR | EPOLLHUP)) != 0U ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi_, event.data.fd, ready, &running);
      }
      if (count == 0 || timeout_ms_ == 0) {  // 0: requests were added and want to start
        timeout_ms_ = -1;
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
      }
      take_answers();
    }
    return seconds_between(start, Clock::now());
  }

 private:
  CURL* make_handle() {
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body_.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &ignore_body);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    return easy;
  }

  void send(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_URL, fmt::format("{}/{}", url_, 1 + sent_++ % paths_).c_str());
    curl_multi_add_handle(multi_, easy);
  }

  void take_answers() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      CURL* easy = message->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      if (message->data.result != CURLE_OK || status / 100 != 2) {
        throw std::runtime_error(fmt::format("a request to {} failed: {}, status {}", url_,
                                             curl_easy_strerror(message->data.result), status));
      }
      ++answered_;
      curl_multi_remove_handle(multi_, easy);
      if (sent_ < requests_) send(easy);
    }
  }

  static int watch_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) noexcept {
    Loop& loop = *static_cast<Loop*>(self);
    epoll_event event{
        .events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U),
        .data = {.fd = fd}};
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(loop.epoll_, EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    epoll_ctl(loop.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(loop.multi_, fd, self);  // not null: known to epoll from now on
    return 0;
  }

  static int set_timer(CURLM*, long milliseconds, void* self) noexcept {
    static_cast<Loop*>(self)->timeout_ms_ = static_cast<int>(milliseconds);
    return 0;
  }

  std::string url_;
  int requests_;
  int in_flight_;
  int paths_;
  std::string body_;
  CURLM* multi_ = curl_multi_init();
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int timeout_ms_ = -1;
  curl_slist* headers_ = nullptr;
  std::vector<CURL*> handles_;
  int sent_ = 0;
  int answered_ = 0;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: curl_loop URL REQUESTS IN_FLIGHT PATHS <BODY\n");
    return 2;
  }
  try {
    const int requests = std::stoi(argv[2]);
    std::string body(std::istreambuf_iterator<char>(std::cin), {});
    curl_global_init(CURL_GLOBAL_DEFAULT);
    Loop loop(argv[1], requests, std::stoi(argv[3]), std::stoi(argv[4]), std::move(body));
    const double seconds = loop.run();
    fmt::print("{{\"per_second\":{:.1f},\"cpu_seconds\":{:.3f}}}\n", requests / seconds, cpu_seconds());
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
