-- Schedules: what is enqueued again and again by the calendar. Each has one task of kind cron, due at its next time.

ALTER TABLE sluice_private.tasks DROP CONSTRAINT IF EXISTS tasks_kind_check;
ALTER TABLE sluice_private.tasks ADD CONSTRAINT tasks_kind_check
  CHECK (kind IN ('start', 'input', 'action', 'webhook', 'timer', 'http', 'sql', 'cron'));
COMMENT ON COLUMN sluice_private.tasks.kind IS 'start, input, action, webhook, timer (of a session); http, sql (free-standing); cron (a schedule''s next time)';

CREATE TABLE sluice.cron_schedules (
  name text PRIMARY KEY CHECK (name <> '' AND length(name) <= 200),
  cron text NOT NULL,
  time_zone text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('http', 'sql')),
  payload jsonb NOT NULL,
  queue text NOT NULL,
  priority int NOT NULL,
  max_attempts int NOT NULL,
  missed text NOT NULL CHECK (missed IN ('skip', 'run_once', 'run_all')),
  enabled boolean NOT NULL,
  next_at timestamptz,
  tick_id bigint,
  last_at timestamptz,
  last_task_id bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice.cron_schedules IS 'one row a schedule; written by sluice.schedule and by the worker that fires it';
COMMENT ON COLUMN sluice.cron_schedules.name IS 'the schedule';
COMMENT ON COLUMN sluice.cron_schedules.cron IS 'minute hour day month weekday, or @hourly and the like';
COMMENT ON COLUMN sluice.cron_schedules.time_zone IS 'whose wall clock the expression means';
COMMENT ON COLUMN sluice.cron_schedules.kind IS 'http or sql, as in sluice.enqueue';
COMMENT ON COLUMN sluice.cron_schedules.payload IS 'as in sluice.enqueue';
COMMENT ON COLUMN sluice.cron_schedules.queue IS 'the queue of its tasks';
COMMENT ON COLUMN sluice.cron_schedules.priority IS 'the priority of its tasks';
COMMENT ON COLUMN sluice.cron_schedules.max_attempts IS 'the attempts of its tasks';
COMMENT ON COLUMN sluice.cron_schedules.missed IS 'what becomes of times that nobody was there for: skip, run_once, run_all';
COMMENT ON COLUMN sluice.cron_schedules.enabled IS 'false: nothing is enqueued';
COMMENT ON COLUMN sluice.cron_schedules.next_at IS 'the first due time that was not fired; null: disabled';
COMMENT ON COLUMN sluice.cron_schedules.tick_id IS 'the cron task that is due then';
COMMENT ON COLUMN sluice.cron_schedules.last_at IS 'the last due time that was enqueued';
COMMENT ON COLUMN sluice.cron_schedules.last_task_id IS 'the task that it became';
COMMENT ON COLUMN sluice.cron_schedules.created_at IS 'when it was first scheduled';
COMMENT ON COLUMN sluice.cron_schedules.updated_at IS 'when it was last scheduled';
