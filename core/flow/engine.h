// The flow engine: (flow version, session, what happened) → (new session, messages, history, what it waits for). Pure:
// time and randomness are arguments, nothing is read or written (FLOW 2, 3). Safe to call from any thread with distinct
// sessions.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/json.h"
#include "core/flow/model.h"

namespace sluice::flow {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

enum class Status { kActive, kCompleted, kAbandoned };
[[nodiscard]] std::string_view to_text(Status status);  // "active", "completed", "abandoned"
[[nodiscard]] std::optional<Status> status_from(std::string_view text);

// A session as it is stored. `state` holds user, variables, context, temp; `stack` the composite frames and whatever
// else the engine must remember between steps (its own format, [] at the top level); `wait` is FLOW 2's object or null.
struct Session {
  std::string id;
  std::string user_id;  // empty: none
  Time started_at;
  std::string current_node;
  Status status = Status::kActive;
  int revision = 1;
  Json state = make_object();
  Json stack = make_array();
  Json wait;
  Json info = make_object();

  [[nodiscard]] Session copy() const;

  // A copy that takes the state, which is most of a session; this one is left with null in its place.
  [[nodiscard]] Session take_over();
};

// What a step is about.
struct Start {};
struct Input {
  Json value;  // as send_input got it: {"text"}, {"value"}, {"payload"}, a string or a number
};
struct Timeout {
  std::string key;  // the wait key whose deadline passed
};
struct Abandon {};  // idle longer than settings.session_timeout

// One request that a webhook node or an api_call action wants made. Secrets are not in it, only marks for their keys:
// who sends it calls put_secrets (secrets.h) on a copy, last of all, and forgets that copy.
struct HttpCall {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // content-type included when there is a body
  std::string body;
  bool json_body = false;
  std::chrono::milliseconds timeout{30'000};
  std::string idempotency_key;
  std::string breaker_key;  // empty: the host
  struct Retry {
    int attempts = 1;  // requests in all
    std::chrono::milliseconds delay{1000};
    double backoff = 2;
  } retry;
  struct Breaker {
    int failures = 5, window = 20;
    std::chrono::seconds span{60}, open{30};
  } breaker;
  bool has_fallback = false;  // a breaker that is open then takes the fallback at once
};

struct HttpOutcome {
  int status = 0;  // 0: no response
  std::string body;
  std::string
      error;  // error class when there is no response: timeout, connect, dns, refused_address, tls, circuit_open …
  bool cut = false;  // the body was longer than what was kept
};

struct Message {
  std::string node_id;
  Json content;  // rendered, with "type"
};

struct HistoryRow {
  std::string node_id;
  std::string interaction_type;  // message, input, action
  Json content;
};

// The task to store in the transaction that stores the session; its key is session:node:revision with the new revision.
struct TaskRequest {
  std::string kind;  // action or webhook
  std::string node_id;
  std::string key;
  std::optional<Time> deadline;  // after which the node's timeout edge, else its failure, is taken
};

// The committed result of one step: revision is the old one plus 1.
struct Step {
  Session session;
  std::vector<Message> messages;
  std::vector<HistoryRow> history;
  std::vector<std::string> path;  // nodes entered, in order
  std::optional<TaskRequest> task;
  std::optional<Time> deadline;  // of the wait, whatever it waits for
  std::string error;             // what failed in a node on the way; empty: nothing. Also in session.info.last_error
};

// Where content ids lead (FLOW 6). A row: {"type", "content": {…}, "variants": [{"id", "weight", "if", "content": {…}},
// …]}; a variant's content is merged over the row's. Flow::content_ids names what a flow may ask for.
class ContentSource {
 public:
  virtual ~ContentSource() = default;
  // The active row, or nullptr. The pointer lives as long as the source.
  [[nodiscard]] virtual const Json* active(std::string_view content_id) const = 0;
};

struct Context {
  Time now;
  std::uint64_t seed = 0;                  // for weighted variants; seed_of (session.h) makes it from a session
  const ContentSource* content = nullptr;  // none: every content id is unknown
};

// Why nothing happened: the trigger does not fit what the session waits for. The session is unchanged.
struct Discarded {
  std::string reason;
};

// One step from a start, an input, a passed deadline or abandonment.
[[nodiscard]] std::variant<Step, Discarded> step(const FlowSet& flows, const Session& session,
                                                 const std::variant<Start, Input, Timeout, Abandon>& trigger,
                                                 const Context& context);

// The work of one pending action or webhook node: ask for calls until there is none, then finish. Cheap to abandon.
class NodeRun {
 public:
  // `task_key` must be the key that session.wait names; else finish() gives Discarded. `flows` outlives the run.
  NodeRun(const FlowSet& flows, const Session& session, std::string task_key, const Context& context);
  ~NodeRun();
  NodeRun(NodeRun&&) noexcept;
  NodeRun& operator=(NodeRun&&) noexcept;

  // The next request to make, or none when the node has all it needs. Give its outcome before asking again.
  [[nodiscard]] std::optional<HttpCall> next_call();

  // Whether this outcome should be tried again by policy (status or error may pass); attempts are the caller's to
  // count.
  [[nodiscard]] static bool may_pass(const HttpOutcome& outcome);
  void give(HttpOutcome outcome);

  // The step that follows from the outcomes given so far. With `session` (the same session, read anew after its state
  // was patched) the recorded outcomes are applied to that instead; no request is repeated.
  [[nodiscard]] std::variant<Step, Discarded> finish(const Session& session, const Context& context);

  // The same, taking over the session's state (Session::take_over) unless it is discarded.
  [[nodiscard]] std::variant<Step, Discarded> finish_last(Session& session, const Context& context);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::flow
