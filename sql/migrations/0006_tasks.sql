-- Tasks: what workers run. Narrow and hot: a claim changes two columns that stand in no index, so it is a HOT update.

CREATE SEQUENCE sluice_private.process_ids;
COMMENT ON SEQUENCE sluice_private.process_ids IS 'ids of processes';

CREATE TABLE sluice_private.processes (
  id bigint PRIMARY KEY DEFAULT nextval('sluice_private.process_ids'),
  kind text NOT NULL,
  host text NOT NULL,
  pid int NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE sluice_private.processes IS
  'one row a daemon process, refreshed every second. A claim is live while its process is: not heard of for 4 s means dead';
COMMENT ON COLUMN sluice_private.processes.id IS 'never used twice';
COMMENT ON COLUMN sluice_private.processes.kind IS 'worker, listener or notifier';
COMMENT ON COLUMN sluice_private.processes.host IS 'where it runs';
COMMENT ON COLUMN sluice_private.processes.pid IS 'its process id there';
COMMENT ON COLUMN sluice_private.processes.started_at IS 'when it registered';
COMMENT ON COLUMN sluice_private.processes.heartbeat_at IS 'when it was last heard of, by the database''s clock';

CREATE TABLE sluice_private.queues (
  name text PRIMARY KEY CHECK (name <> '' AND length(name) <= 100),
  paused boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice_private.queues IS 'every queue that tasks were put in; sessions use default';
COMMENT ON COLUMN sluice_private.queues.name IS 'the queue';
COMMENT ON COLUMN sluice_private.queues.paused IS 'true: nothing is claimed from it';
COMMENT ON COLUMN sluice_private.queues.created_at IS 'first use';
INSERT INTO sluice_private.queues (name) VALUES ('default');

CREATE SEQUENCE sluice_private.task_ids;
COMMENT ON SEQUENCE sluice_private.task_ids IS 'ids of tasks and of inputs that wait to become tasks';
CREATE SEQUENCE sluice_private.claim_tokens;
COMMENT ON SEQUENCE sluice_private.claim_tokens IS 'the lower half of fencing tokens: see sluice_private.new_claim_token';

-- The workers' doorbell: 0 means that a worker is polling, anything else that writers must notify.
CREATE SEQUENCE IF NOT EXISTS sluice.tasks_awake AS bigint MINVALUE 0;
COMMENT ON SEQUENCE sluice.tasks_awake IS 'doorbell flag of the workers: 0 awake, else notify';

CREATE TABLE sluice_private.tasks (
  id bigint NOT NULL DEFAULT nextval('sluice_private.task_ids') PRIMARY KEY,
  session_id uuid,
  order_key timestamptz NOT NULL DEFAULT clock_timestamp(),
  run_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  claimed_by bigint,
  claim_token bigint,
  priority int NOT NULL DEFAULT 0,
  revision int,
  attempt int NOT NULL DEFAULT 1,
  max_attempts int NOT NULL DEFAULT 10,
  kind text NOT NULL CHECK (kind IN ('start', 'input', 'action', 'webhook', 'timer', 'http', 'sql')),
  queue text NOT NULL DEFAULT 'default',
  node_id text,
  key text,
  correlation_id text,
  payload jsonb,
  errors jsonb
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX tasks_due ON sluice_private.tasks (queue, order_key, id) WHERE priority = 0;
CREATE INDEX tasks_due_by_priority ON sluice_private.tasks (queue, order_key, id) WHERE priority <> 0;
CREATE INDEX tasks_scheduled_by_priority ON sluice_private.tasks (queue, run_at) WHERE priority <> 0;
CREATE UNIQUE INDEX tasks_one_a_session ON sluice_private.tasks (session_id) WHERE session_id IS NOT NULL AND kind <> 'timer';
CREATE INDEX tasks_timers ON sluice_private.tasks (session_id) WHERE kind = 'timer';

COMMENT ON TABLE sluice_private.tasks IS
  'unfinished tasks; a finished one is deleted in the transaction that commits its effect. A session has at most one besides timers';
COMMENT ON COLUMN sluice_private.tasks.id IS 'the task';
COMMENT ON COLUMN sluice_private.tasks.session_id IS 'null: free-standing (http, sql)';
COMMENT ON COLUMN sluice_private.tasks.order_key IS
  'run_at less 10 s for each step of priority, fixed when it is queued: a linear aging, so nothing starves';
COMMENT ON COLUMN sluice_private.tasks.run_at IS 'not before';
COMMENT ON COLUMN sluice_private.tasks.created_at IS 'when it was queued, by the clock, not the transaction''s start';
COMMENT ON COLUMN sluice_private.tasks.claimed_by IS 'the process that has it; counts only while that process lives. In no index';
COMMENT ON COLUMN sluice_private.tasks.claim_token IS 'every write of the claim is conditional on it. In no index';
COMMENT ON COLUMN sluice_private.tasks.priority IS 'higher is sooner';
COMMENT ON COLUMN sluice_private.tasks.revision IS 'the session''s revision it belongs to; a state patch re-stamps it, its key stays';
COMMENT ON COLUMN sluice_private.tasks.attempt IS 'this attempt, from 1';
COMMENT ON COLUMN sluice_private.tasks.max_attempts IS 'attempts before it becomes a dead letter';
COMMENT ON COLUMN sluice_private.tasks.kind IS 'start, input, action, webhook, timer (of a session); http, sql (free-standing)';
COMMENT ON COLUMN sluice_private.tasks.queue IS 'a row of queues';
COMMENT ON COLUMN sluice_private.tasks.node_id IS 'the node it runs';
COMMENT ON COLUMN sluice_private.tasks.key IS
  'idempotency key session:node:revision; of a timer the wait key it guards, or session for the session''s own timeout';
COMMENT ON COLUMN sluice_private.tasks.correlation_id IS 'of free-standing tasks; a session''s is in its row';
COMMENT ON COLUMN sluice_private.tasks.payload IS 'an input, or what http and sql run; null for most';
COMMENT ON COLUMN sluice_private.tasks.errors IS 'failed attempts so far: [{"attempt", "at", "error"}], null: none';

CREATE TABLE sluice_private.session_inputs (
  id bigint PRIMARY KEY,
  session_id uuid NOT NULL,
  input jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX session_inputs_by_session ON sluice_private.session_inputs (session_id, id);
COMMENT ON TABLE sluice_private.session_inputs IS 'inputs that came while the session had a task pending; each becomes an input task in turn';
COMMENT ON COLUMN sluice_private.session_inputs.id IS 'the id that its task will have';
COMMENT ON COLUMN sluice_private.session_inputs.session_id IS 'the session';
COMMENT ON COLUMN sluice_private.session_inputs.input IS 'as send_input got it';
COMMENT ON COLUMN sluice_private.session_inputs.created_at IS 'when it came';
