-- Limits of queues: how many of their tasks may run at once, in all and for each key, and how many may start within a period.

ALTER TABLE sluice_private.queues
  ADD COLUMN max_running int CHECK (max_running BETWEEN 1 AND 10000),
  ADD COLUMN max_per_key int CHECK (max_per_key BETWEEN 1 AND 10000),
  ADD COLUMN key_path text[],
  ADD COLUMN rate int CHECK (rate BETWEEN 1 AND 10000),
  ADD COLUMN rate_period interval,
  ADD COLUMN limited boolean NOT NULL
    GENERATED ALWAYS AS (max_running IS NOT NULL OR max_per_key IS NOT NULL OR rate IS NOT NULL) STORED;
COMMENT ON COLUMN sluice_private.queues.max_running IS 'so many of its tasks run at once in all processes, null: any number';
COMMENT ON COLUMN sluice_private.queues.max_per_key IS 'so many of one key, null: any number';
COMMENT ON COLUMN sluice_private.queues.key_path IS 'where the key stands in the payload; a task without one has no key';
COMMENT ON COLUMN sluice_private.queues.rate IS 'so many start within rate_period, null: any number';
COMMENT ON COLUMN sluice_private.queues.rate_period IS 'a window that slides';
COMMENT ON COLUMN sluice_private.queues.limited IS 'whether it has any limit; then claim_limited claims from it';

-- A task that is met while its key is full steps aside, so that it is not met again and again; it comes back when a place is free.
ALTER TABLE sluice_private.tasks ADD COLUMN limit_key text, ADD COLUMN parked_key timestamptz;
CREATE INDEX tasks_parked ON sluice_private.tasks (queue, limit_key, parked_key, id) WHERE parked_key IS NOT NULL;
COMMENT ON COLUMN sluice_private.tasks.limit_key IS 'the key that it waits for while it is parked';
COMMENT ON COLUMN sluice_private.tasks.parked_key IS 'its order_key (which is infinity meanwhile) while it waits for its key to have room';

CREATE TABLE sluice_private.limited_runs (
  queue text NOT NULL,
  token bigint NOT NULL,
  task_id bigint NOT NULL,
  limit_key text,
  PRIMARY KEY (queue, token)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE sluice_private.limited_runs IS
  'claims of limited queues. A row counts while its task has that token and the process that claimed it lives; the next claim removes the others';
COMMENT ON COLUMN sluice_private.limited_runs.queue IS 'the queue';
COMMENT ON COLUMN sluice_private.limited_runs.token IS 'the claim';
COMMENT ON COLUMN sluice_private.limited_runs.task_id IS 'the task';
COMMENT ON COLUMN sluice_private.limited_runs.limit_key IS 'its key';

CREATE TABLE sluice_private.limited_starts (
  queue text NOT NULL,
  started_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX limited_starts_by_time ON sluice_private.limited_starts (queue, started_at);
COMMENT ON TABLE sluice_private.limited_starts IS 'claims of queues with a rate, within its period: at most as many rows as the rate allows';
COMMENT ON COLUMN sluice_private.limited_starts.queue IS 'the queue';
COMMENT ON COLUMN sluice_private.limited_starts.started_at IS 'when the task was claimed, or a little later';
