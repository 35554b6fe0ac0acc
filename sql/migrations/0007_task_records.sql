-- What remains of tasks: finished records, dead letters, idempotency keys; and what workers share: circuit breakers, secrets' names.

CREATE TABLE sluice.task_idempotency_records (
  idempotency_key text NOT NULL,
  status text NOT NULL CHECK (status IN ('completed', 'failed', 'discarded')),
  session_id uuid,
  node_id text,
  session_revision int,
  result_data jsonb,
  error_message text,
  created_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  task_id bigint,
  kind text
) PARTITION BY RANGE (created_at);
CREATE INDEX task_idempotency_records_by_key ON sluice.task_idempotency_records (idempotency_key);
CREATE TABLE sluice.task_idempotency_records_default PARTITION OF sluice.task_idempotency_records DEFAULT;
COMMENT ON TABLE sluice.task_idempotency_records IS
  'append-only: how each action, webhook, http and sql task ended; kept for 24 h by dropping partitions';
COMMENT ON TABLE sluice.task_idempotency_records_default IS 'holds what no daily partition is ready for';
COMMENT ON COLUMN sluice.task_idempotency_records.idempotency_key IS 'session:node:revision, the caller''s key, or task:<id>';
COMMENT ON COLUMN sluice.task_idempotency_records.status IS 'completed, failed, or discarded: the session had moved on and nothing was changed';
COMMENT ON COLUMN sluice.task_idempotency_records.session_id IS 'the session, null: free-standing';
COMMENT ON COLUMN sluice.task_idempotency_records.node_id IS 'the node';
COMMENT ON COLUMN sluice.task_idempotency_records.session_revision IS 'the revision that the task belonged to';
COMMENT ON COLUMN sluice.task_idempotency_records.result_data IS 'what came of it, in short';
COMMENT ON COLUMN sluice.task_idempotency_records.error_message IS 'why it failed or was discarded';
COMMENT ON COLUMN sluice.task_idempotency_records.created_at IS 'the partition key';
COMMENT ON COLUMN sluice.task_idempotency_records.completed_at IS 'when its effect was committed';
COMMENT ON COLUMN sluice.task_idempotency_records.expires_at IS 'not before this is the row dropped';
COMMENT ON COLUMN sluice.task_idempotency_records.task_id IS 'the task';
COMMENT ON COLUMN sluice.task_idempotency_records.kind IS 'the task''s kind';

-- A partitioned table has no unique key over all its partitions, so a key is unique within a day by its primary key and across
-- midnight by an advisory lock and a look at both days.
CREATE TABLE sluice_private.idempotency_keys (
  scope text NOT NULL,
  key text NOT NULL,
  day date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
  target_id bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, key, day)
) PARTITION BY RANGE (day);
CREATE TABLE sluice_private.idempotency_keys_default PARTITION OF sluice_private.idempotency_keys DEFAULT;
COMMENT ON TABLE sluice_private.idempotency_keys IS 'keys of enqueue and send_input, good for 24 h';
COMMENT ON TABLE sluice_private.idempotency_keys_default IS 'holds what no daily partition is ready for';
COMMENT ON COLUMN sluice_private.idempotency_keys.scope IS 'enqueue, or a session''s id';
COMMENT ON COLUMN sluice_private.idempotency_keys.key IS 'as the caller gave it';
COMMENT ON COLUMN sluice_private.idempotency_keys.day IS 'the partition key: in UTC, so that callers of all time zones look at the same rows';
COMMENT ON COLUMN sluice_private.idempotency_keys.target_id IS 'the id that the first call returned';
COMMENT ON COLUMN sluice_private.idempotency_keys.created_at IS 'when the key was first used';

INSERT INTO sluice_private.partitioned_logs (log, retention) VALUES
  ('sluice.task_idempotency_records', '24 hours'), ('sluice_private.idempotency_keys', '24 hours');

CREATE TABLE sluice.task_failures (
  task_id bigint PRIMARY KEY,
  kind text NOT NULL,
  queue text NOT NULL,
  priority int NOT NULL,
  session_id uuid,
  node_id text,
  session_revision int,
  idempotency_key text,
  payload jsonb,
  reason text NOT NULL,
  errors jsonb NOT NULL DEFAULT '[]',
  attempts int NOT NULL,
  max_attempts int NOT NULL,
  correlation_id text,
  retryable boolean NOT NULL,
  created_at timestamptz NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX task_failures_by_time ON sluice.task_failures (failed_at);
COMMENT ON TABLE sluice.task_failures IS 'dead letters: tasks that are out of attempts or failed for good; sluice.retry_task takes one back';
COMMENT ON COLUMN sluice.task_failures.task_id IS 'the task';
COMMENT ON COLUMN sluice.task_failures.kind IS 'its kind';
COMMENT ON COLUMN sluice.task_failures.queue IS 'its queue';
COMMENT ON COLUMN sluice.task_failures.priority IS 'its priority';
COMMENT ON COLUMN sluice.task_failures.session_id IS 'its session, null: free-standing';
COMMENT ON COLUMN sluice.task_failures.node_id IS 'its node';
COMMENT ON COLUMN sluice.task_failures.session_revision IS 'the revision it belonged to';
COMMENT ON COLUMN sluice.task_failures.idempotency_key IS 'its key, which a retry keeps';
COMMENT ON COLUMN sluice.task_failures.payload IS 'its payload';
COMMENT ON COLUMN sluice.task_failures.reason IS 'the last error';
COMMENT ON COLUMN sluice.task_failures.errors IS 'the attempts'' errors, oldest first: [{"attempt", "at", "error"}]';
COMMENT ON COLUMN sluice.task_failures.attempts IS 'attempts made';
COMMENT ON COLUMN sluice.task_failures.max_attempts IS 'attempts allowed';
COMMENT ON COLUMN sluice.task_failures.correlation_id IS 'its correlation id';
COMMENT ON COLUMN sluice.task_failures.retryable IS 'false when its session took another way, so that running it again could only be discarded';
COMMENT ON COLUMN sluice.task_failures.created_at IS 'when it was queued';
COMMENT ON COLUMN sluice.task_failures.failed_at IS 'when it was given up';

CREATE TABLE sluice.circuit_breakers (
  key text PRIMARY KEY,
  state text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
  results boolean[] NOT NULL DEFAULT '{}',
  result_times timestamptz[] NOT NULL DEFAULT '{}',
  opened_at timestamptz,
  open_until timestamptz,
  probe_by bigint,
  probe_at timestamptz,
  good_probes int NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
COMMENT ON TABLE sluice.circuit_breakers IS 'one row per host or key that workers call and that failed of late; shared by all workers';
COMMENT ON COLUMN sluice.circuit_breakers.key IS 'host, or the flow''s circuit_breaker.key';
COMMENT ON COLUMN sluice.circuit_breakers.state IS 'closed, open (calls fail at once), half_open (one probe at a time)';
COMMENT ON COLUMN sluice.circuit_breakers.results IS 'the sliding window, oldest first: true is good';
COMMENT ON COLUMN sluice.circuit_breakers.result_times IS 'when each of results came';
COMMENT ON COLUMN sluice.circuit_breakers.opened_at IS 'when it last opened';
COMMENT ON COLUMN sluice.circuit_breakers.open_until IS 'when the first probe may go';
COMMENT ON COLUMN sluice.circuit_breakers.probe_by IS 'the process whose probe is under way; counts only while that process lives';
COMMENT ON COLUMN sluice.circuit_breakers.probe_at IS 'when that probe began';
COMMENT ON COLUMN sluice.circuit_breakers.good_probes IS 'good probes in a row; three close it';
COMMENT ON COLUMN sluice.circuit_breakers.updated_at IS 'last change';

CREATE TABLE sluice.secrets_used (
  name text PRIMARY KEY,
  flow_ids uuid[] NOT NULL DEFAULT '{}',
  first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice.secrets_used IS 'names of secrets that published flows refer to; never a value';
COMMENT ON COLUMN sluice.secrets_used.name IS 'as in {{secret:name}}';
COMMENT ON COLUMN sluice.secrets_used.flow_ids IS 'the flows that refer to it';
COMMENT ON COLUMN sluice.secrets_used.first_seen_at IS 'first publication that named it';
