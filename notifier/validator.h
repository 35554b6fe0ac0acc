// Asks endpoints that wait for their validation, beside the deliveries, and writes down what they said.
#pragma once

#include <vector>

#include "core/async/task_scope.h"
#include "core/pg/connection.h"
#include "notifier/sender.h"
#include "notifier/validation.h"

namespace sluice::notifier {

class Validator {
 public:
  // `answered` is called when there is something for run_once() to write.
  Validator(Loop& loop, Sender& sender, std::function<void()> answered);

  // Writes the answers since the last time and asks those whose time has come, of the lanes of `process`. Throws
  // PgError; an answer that was not written is asked for again.
  Task<void> run_once(pg::Connection& connection, std::int64_t process);

  void stop() noexcept { stop_.request_stop(); }  // breaks off what is asked

 private:
  struct Waiting {
    Uuid endpoint;
    http::Request request;
    std::string certificate;
    int attempt = 1;
  };
  struct Answer {
    Uuid endpoint;
    Validation validation;
  };
  Task<void> ask(Waiting waiting);

  Sender& sender_;
  std::function<void()> answered_;
  std::string origin_;
  std::vector<Answer> answers_;
  StopSource stop_;
  TaskScope asking_;
};

}  // namespace sluice::notifier
