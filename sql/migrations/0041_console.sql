-- What the console needs: who did what by hand.

CREATE TABLE sluice.audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor name NOT NULL,
  program text NOT NULL,
  action text NOT NULL,
  target text NOT NULL,
  outcome text NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX audit_log_by_id ON sluice.audit_log (id);
CREATE TABLE sluice.audit_log_default PARTITION OF sluice.audit_log DEFAULT;
COMMENT ON TABLE sluice.audit_log IS
  'append-only: what people did by hand through the SQL functions, from whatever program, written in the transaction that did it; kept for 90 days';
COMMENT ON TABLE sluice.audit_log_default IS 'holds what no partition is ready for';
COMMENT ON COLUMN sluice.audit_log.id IS 'order of writing';
COMMENT ON COLUMN sluice.audit_log.at IS 'when; the partition key';
COMMENT ON COLUMN sluice.audit_log.actor IS 'the user who connected, whatever role he took on';
COMMENT ON COLUMN sluice.audit_log.program IS 'the connection''s application_name, which the client chooses: sluice console, psql';
COMMENT ON COLUMN sluice.audit_log.action IS 'the function: retry_task, discard, replay';
COMMENT ON COLUMN sluice.audit_log.target IS 'what it was done to: task 12, endpoint <id>';
COMMENT ON COLUMN sluice.audit_log.outcome IS 'done, or how many';

INSERT INTO sluice_private.partitioned_logs (log, step, retention) VALUES ('sluice.audit_log', '7 days', '90 days');
