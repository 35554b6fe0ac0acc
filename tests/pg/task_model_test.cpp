// Random interleavings of claims, commits, deaths, zombies, patches, inputs, retries and releases against a model of a
// session's life that is simple enough to be seen to be right. Each operation is a call as a worker or client makes it;
// after each, what the database says is compared with the model. SLUICE_MODEL_RUNS: how many (default 4);
// SLUICE_MODEL_SEED: the first seed.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>

#include "sql/sql_text.h"
#include "tests/pg/pg_fixture.h"

namespace sluice::workers {
namespace {

using Ids = std::vector<std::int64_t>;

// A session waits for a task (start, or work after each input) or for an input.
struct ModelTask {
  std::int64_t id = 0;
  std::string kind;  // start, input, webhook
  std::string key;
  int input = 0;
  int attempt = 1;
  std::int64_t token = 0;  // 0: never claimed, or given back
  std::int64_t owner = 0;  // the process that has it
};

struct ModelSession {
  std::string id;
  std::string token;
  int revision = 1;
  bool active = true;
  bool waits_for_input = false;
  std::optional<ModelTask> task;
  std::deque<std::pair<std::int64_t, int>> queued;  // inputs behind a pending task: id, number
  std::vector<int> taken;                           // inputs that the session has taken, in order
  int patches = 0;
};

// What a worker remembers of a claim, for as long as it likes: it may be a zombie's by then.
struct Memory {
  std::size_t session = 0;
  ModelTask task;
  int revision = 0;
  int worker = 0;
  std::vector<int> taken;
  int patches = 0;
};

class TaskModel : public pg::PgTest {
 protected:
  TaskModel() : PgTest(test::TestDatabase::From::kTemplate) {}

  void SetUp() override {
    query(*connection_, sql::query("prepare_worker_connection").text, pg::Params().boolean(false));
    value(*connection_,
          R"(select sluice.publish_flow(sluice.import_flow('{"name": "f", "entry_node_id": "ask", "nodes": [
      {"node_id": "ask", "node_type": "question", "content": {"question": "?", "variable": "v"}},
      {"node_id": "work", "node_type": "webhook", "content": {"url": "https://example.org/"}}],
      "connections": [{"source_node_id": "ask", "target_node_id": "work"}, {"source_node_id": "work", "target_node_id": "ask"}]}')))");
  }

  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  std::string one(const std::string& sql) { return value(*connection_, sql); }

  void start() {
    const pg::Result row = query(*connection_, "select session_id::text, session_token from sluice.start_session('f')");
    ModelSession session;
    session.id = row.one().get<std::string>(0);
    session.token = row.one().get<std::string>(1);
    session.task = ModelTask{.id = std::stoll(one("select max(id) from sluice_private.tasks where kind = 'start'")),
                             .kind = "start",
                             .key = session.id + ":ask:1"};
    sessions_.push_back(std::move(session));
  }

  void enroll(int worker) {
    processes_[worker] = std::stoll(one("select sluice_private.register_process('worker', 'model', 1)"));
    alive_[worker] = true;
  }

  void die(int worker) {
    one(
        fmt::format("update sluice_private.processes set heartbeat_at = clock_timestamp() - interval '5 seconds' where "
                    "id = {} returning 1",
                    processes_[worker]));
    alive_[worker] = false;
  }

  // Not of a living process. A worker's former ids stay dead.
  bool claimable(const ModelTask& task) {
    return std::ranges::none_of(processes_,
                                [&](const auto& one) { return one.second == task.owner && alive_[one.first]; });
  }

  void claim(int worker) {
    const int most = 1 + below(4);
    const pg::Result rows = query(*connection_, sql::query("claim_tasks").text,
                                  pg::Params().int8(processes_[worker]).int4(most).timestamptz(Timestamp{}));
    int expected = 0;
    for (const ModelSession& session : sessions_) expected += session.task && claimable(*session.task) ? 1 : 0;
    ASSERT_EQ(rows.rows(), std::min(expected, most)) << "claimable tasks";
    for (const pg::Row& row : rows) {
      const auto id = row.get<std::int64_t>("id");
      const auto found =
          std::ranges::find_if(sessions_, [&](const ModelSession& s) { return s.task && s.task->id == id; });
      ASSERT_NE(found, sessions_.end()) << "task " << id << " is none of the model's";
      ASSERT_TRUE(claimable(*found->task)) << "task " << id << " is a living worker's";
      ASSERT_EQ(row.get<std::int32_t>("revision"), found->revision);
      ASSERT_EQ(row.get<std::int32_t>("attempt"), found->task->attempt);
      found->task->token = row.get<std::int64_t>("claim_token");
      ASSERT_TRUE(tokens_.emplace(found->task->token, id).second) << "a token was given twice";
      found->task->owner = processes_[worker];
      memories_.push_back({.session = static_cast<std::size_t>(found - sessions_.begin()),
                           .task = *found->task,
                           .revision = found->revision,
                           .worker = worker,
                           .taken = found->taken,
                           .patches = found->patches});
    }
  }

  // Takes one memory, fresh or stale, and commits, retries or gives back.
  void finish() {
    if (memories_.empty()) return;
    const auto place = memories_.begin() + below(static_cast<int>(memories_.size()));
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): its place is erased, or moved, while it is in use
    const Memory memory = *place;
    const int what = below(12);
    if (what < 7 || what >= 9) {
      if (what < 7) memories_.erase(place);  // else committed, and once more later
      commit(memory);
    } else {
      memories_.erase(place);
      hand_back(memory, what == 7);
    }
  }

  bool owns(const Memory& memory) {
    const ModelSession& session = sessions_[memory.session];
    return session.task && session.task->id == memory.task.id && session.task->token == memory.task.token;
  }

  void hand_back(const Memory& memory, bool retry) {
    const std::string given = fmt::format("array[{}::bigint], array[{}::bigint]", memory.task.id, memory.task.token);
    const std::string count =
        retry ? one(fmt::format("select count(*) from sluice_private.retry_tasks({}, array[interval '0'], array['x'])",
                                given))
              : one(fmt::format("select count(*) from sluice_private.release_tasks({})", given));
    ASSERT_EQ(count, owns(memory) ? "1" : "0") << (retry ? "retry" : "release");
    if (!owns(memory)) return;
    ModelTask& task = *sessions_[memory.session].task;
    task.token = 0;
    task.owner = 0;
    if (retry) ++task.attempt;
  }

  // What commit_steps must answer, and what it must do. A row that went on with its session has the token that it had,
  // so a commit from before can be told by its key alone: it is lost, and so is the claim.
  void commit(const Memory& memory) {
    ModelSession& session = sessions_[memory.session];
    const bool own = owns(memory);
    const std::string expected = !own                                   ? "lost"
                                 : !session.active                      ? "discarded"
                                 : memory.task.key != session.task->key ? "lost"
                                 : session.revision != memory.revision  ? "restamped"
                                                                        : "applied";
    const int next = memory.revision + 1;
    const bool to_work = memory.task.kind == "input" || (memory.task.kind == "webhook" && below(2) == 0);
    std::vector<int> taken = memory.taken;
    if (memory.task.kind == "input") taken.push_back(memory.task.input);
    const std::string state =
        fmt::format(R"({{"taken": [{}], "patches": {}}})", fmt::join(taken, ", "), memory.patches);
    const std::string wait = to_work ? fmt::format(R"({{"for": "task", "key": "{}:work:{}"}})", session.id, next)
                                     : fmt::format(R"({{"for": "input", "key": "{}:ask:{}"}})", session.id, next);
    const bool take_on = to_work && below(2) == 0;
    const pg::Result row = query(
        *connection_,
        fmt::format(
            "select outcome from sluice_private.commit_steps({}, array[{}::bigint], "
            "array[{}::bigint], array['step'], array['{}'], array['work'], array[{}], array['{}'::jsonb], "
            "array[null::text], array['{}'], "
            "'{{null}}', array['{}'::jsonb], '{{null}}', array['active'], array[{}::text], array['work'], "
            "array[null::timestamptz], '{{null}}', array[null::text], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', {})",
            processes_[memory.worker], memory.task.id, memory.task.token, memory.task.key, memory.revision, state,
            to_work ? "work" : "ask", wait, to_work ? "'webhook'" : "null", take_on ? 1 : 0));
    ASSERT_EQ(row.empty() ? "applied" : row.one().get<std::string>(0), expected) << memory.task.kind;
    ++outcomes_[expected];
    if (own && expected == "lost") {
      ++outcomes_["overtaken by its own commit"];
      session.task->token = 0;
      session.task->owner = 0;
    }
    if (expected == "discarded") session.task.reset();
    if (expected == "restamped") {  // the worker reads the session again
      Memory again = memory;
      again.revision = session.revision;
      again.taken = session.taken;
      again.patches = session.patches;
      memories_.push_back(std::move(again));
    }
    if (expected != "applied") return;
    session.revision = next;
    session.taken = std::move(taken);
    session.waits_for_input = !to_work;
    session.task.reset();
    if (to_work) {
      const auto id = std::stoll(one(
          fmt::format("select id from sluice_private.tasks where session_id = '{}' and kind <> 'timer'", session.id)));
      session.task = ModelTask{.id = id, .kind = "webhook", .key = fmt::format("{}:work:{}", session.id, next)};
      if (take_on) {
        ASSERT_EQ(id, memory.task.id) << "a task that is taken on keeps its row";
        session.task->token = memory.task.token;
        session.task->owner = processes_[memory.worker];
        memories_.push_back({.session = memory.session,
                             .task = *session.task,
                             .revision = next,
                             .worker = memory.worker,
                             .taken = session.taken,
                             .patches = session.patches});
      }
    } else if (!session.queued.empty()) {
      session.task = ModelTask{
          .id = session.queued.front().first, .kind = "input", .key = {}, .input = session.queued.front().second};
      session.queued.pop_front();
    }
  }

  void send_input(ModelSession& session) {
    if (!session.active) return;
    const int number = ++inputs_;
    const auto id = std::stoll(one(fmt::format("select sluice.send_input('{}', '{}')", session.token, number)));
    if (session.waits_for_input && !session.task) {
      session.task = ModelTask{.id = id, .kind = "input", .key = {}, .input = number};
    } else {
      session.queued.emplace_back(id, number);
    }
  }

  void patch(ModelSession& session) {
    if (!session.active) return;
    const bool stale = below(4) == 0;
    const std::string sql = fmt::format("select sluice.patch_state('{}', '{{\"patches\": {}}}', {})", session.token,
                                        session.patches + 1, stale ? session.revision - 1 : session.revision);
    if (stale) {
      EXPECT_EQ(error_of(connection_->query(sql, {}, pg::patience())).sqlstate(), "40001");
      return;
    }
    ASSERT_EQ(one(sql), std::to_string(++session.revision));
    ++session.patches;
  }

  void end(ModelSession& session) {
    if (!session.active || below(4) != 0) return;
    one(fmt::format("select sluice.end_session('{}')", session.token));
    ++session.revision;
    session.active = false;
    session.waits_for_input = false;
    session.queued.clear();
  }

  void compare() {
    const pg::Result rows = query(*connection_, R"(
      select s.id::text as id, s.revision, s.status, coalesce(s.state ->> 'taken', '[]') as taken, s.wait ->> 'for' as waits,
             t.id as task, t.kind, t.claim_token as token, t.attempt, o.session_revision as stamp, o.idempotency_key as key,
             s.wait ->> 'key' as wait_key,
             (select count(*) from sluice_private.session_inputs i where i.session_id = s.id) as queued
        from sluice.conversation_sessions s
        left join sluice_private.tasks t on t.session_id = s.id and t.kind <> 'timer'
        left join sluice.task_overview o on o.task_id = t.id)");
    ASSERT_EQ(rows.rows(), static_cast<int>(sessions_.size())) << "a session has two tasks";
    for (const pg::Row& row : rows) {
      const auto found = std::ranges::find(sessions_, row.get<std::string>("id"), &ModelSession::id);
      ASSERT_NE(found, sessions_.end());
      const ModelSession& session = *found;
      ASSERT_EQ(row.get<std::int32_t>("revision"), session.revision) << session.id;
      ASSERT_EQ(row.get<std::string>("status") == "active", session.active);
      ASSERT_EQ(row.get<std::string>("taken"), fmt::format("[{}]", fmt::join(session.taken, ", ")));
      ASSERT_EQ(row.get<std::int64_t>("queued"), static_cast<std::int64_t>(session.queued.size()));
      ASSERT_EQ(row.is_null("task"), !session.task.has_value()) << session.id;
      if (!session.task) continue;
      ASSERT_EQ(row.get<std::int64_t>("task"), session.task->id);
      ASSERT_EQ(row.get<std::string>("kind"), session.task->kind);
      ASSERT_EQ(row.get<std::int32_t>("attempt"), session.task->attempt);
      ASSERT_EQ(row.get<std::optional<std::int64_t>>("token").value_or(0), session.task->token);
      if (session.active)
        ASSERT_EQ(row.get<std::int32_t>("stamp"), session.revision) << "a pending task is stamped anew";
      if (session.task->kind == "webhook") {
        ASSERT_EQ(row.get<std::string>("key"), session.task->key);
        if (session.active) ASSERT_EQ(row.get<std::string>("wait_key"), session.task->key);
      }
    }
  }

  void step() {
    const int worker = below(kWorkers);
    ModelSession* session =
        sessions_.empty() ? nullptr : &sessions_[static_cast<std::size_t>(below(static_cast<int>(sessions_.size())))];
    switch (below(16)) {
      case 0:
        if (sessions_.size() < 6) start();
        break;
      case 1:
        if (alive_[worker]) die(worker);
        break;
      case 2:
        if (!alive_[worker]) enroll(worker);  // a new life, under a new id
        break;
      case 3:
        if (!alive_[worker]) {  // or the old one wakes and goes on
          alive_[worker] = one(fmt::format("select sluice_private.heartbeat({})", processes_[worker])) == "t";
        }
        break;
      case 4:
      case 5:
      case 6:
        if (alive_[worker]) claim(worker);
        break;
      case 7:
      case 8:
        if (session != nullptr) send_input(*session);
        break;
      case 9:
        if (session != nullptr) patch(*session);
        break;
      case 10:
        if (session != nullptr) end(*session);
        break;
      default:
        finish();
    }
  }

  static constexpr int kWorkers = 3;
  std::unique_ptr<pg::Connection> connection_ = connect();
  std::mt19937 random_;
  std::vector<ModelSession> sessions_;
  std::vector<Memory> memories_;
  std::map<int, std::int64_t> processes_;
  std::map<int, bool> alive_;
  std::map<std::int64_t, std::int64_t> tokens_;
  std::map<std::string, int> outcomes_;
  int inputs_ = 0;
};

TEST_F(TaskModel, RandomInterleavingsDoWhatTheModelSays) {
  const char* runs_wanted = std::getenv("SLUICE_MODEL_RUNS");
  const char* seed_wanted = std::getenv("SLUICE_MODEL_SEED");
  const int runs = runs_wanted != nullptr ? std::atoi(runs_wanted) : 4;
  const unsigned first =
      seed_wanted != nullptr ? static_cast<unsigned>(std::atoi(seed_wanted)) : std::random_device{}();
  for (int run = 0; run < runs; ++run) {
    const unsigned seed = first + static_cast<unsigned>(run);
    SCOPED_TRACE(fmt::format("SLUICE_MODEL_SEED={} SLUICE_MODEL_RUNS=1", seed));
    random_.seed(seed);
    query(*connection_,
          "truncate sluice_private.tasks, sluice_private.session_inputs, sluice.conversation_sessions, "
          "sluice_private.processes cascade");
    sessions_.clear();
    memories_.clear();
    for (int worker = 0; worker < kWorkers; ++worker) enroll(worker);
    for (int i = 0; i < 250 && !HasFatalFailure(); ++i) {
      step();
      if (!HasFatalFailure()) compare();
    }
    ASSERT_FALSE(HasFatalFailure());
  }
  for (const char* outcome : {"applied", "lost", "restamped", "discarded", "overtaken by its own commit"})
    EXPECT_GT(outcomes_[outcome], 0) << outcome << " never happened, so the runs prove nothing about it";
}

}  // namespace
}  // namespace sluice::workers
