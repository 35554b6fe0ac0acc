// An HTTP server on 127.0.0.1 that remembers what it was asked and answers as a test says. Runs on threads of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::test {

struct SeenRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct TargetReply {
  int status = 200;
  std::string body = "{}";
};

class HttpTarget {
 public:
  // `answer` is called on a thread of the request's own, with the number of requests seen so far (this one included);
  // it may block.
  using Answer = std::function<TargetReply(const SeenRequest& request, int count)>;
  explicit HttpTarget(Answer answer);
  ~HttpTarget();  // waits for requests under way
  HttpTarget(const HttpTarget&) = delete;
  HttpTarget& operator=(const HttpTarget&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const;
  [[nodiscard]] std::vector<SeenRequest> seen() const;
  void wait_for_requests(std::size_t count) const;  // throws std::runtime_error when they do not come

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A gate that threads wait at until a test opens it.
class Gate {
 public:
  Gate();
  void open();
  void wait() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice::test
