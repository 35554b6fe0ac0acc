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

-- What each step changed in a session's state, for those who ask that it be kept (sluice.keep_state_changes); empty otherwise.
CREATE TABLE sluice.session_changes (
  session_id uuid NOT NULL,
  revision int NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  node_id text,
  status text NOT NULL,
  changes jsonb NOT NULL
) PARTITION BY RANGE (changed_at);
CREATE INDEX session_changes_by_session ON sluice.session_changes (session_id, revision);
CREATE TABLE sluice.session_changes_default PARTITION OF sluice.session_changes DEFAULT;
COMMENT ON TABLE sluice.session_changes IS 'append-only: what each revision changed in a session''s state, while keep_state_changes is on; kept for 7 days';
COMMENT ON TABLE sluice.session_changes_default IS 'holds what no daily partition is ready for';
COMMENT ON COLUMN sluice.session_changes.session_id IS 'the session';
COMMENT ON COLUMN sluice.session_changes.revision IS 'the revision that the change made';
COMMENT ON COLUMN sluice.session_changes.changed_at IS 'when; the partition key';
COMMENT ON COLUMN sluice.session_changes.node_id IS 'the node it is at since then';
COMMENT ON COLUMN sluice.session_changes.status IS 'its status since then';
COMMENT ON COLUMN sluice.session_changes.changes IS '[{"path": "user.name", "before", "after"}], at most 100, values over 2,000 bytes as cut texts';
INSERT INTO sluice_private.partitioned_logs (log, retention) VALUES ('sluice.session_changes', '7 days');

-- For a session's deliveries. Numbers of messages grow, so a new row goes to the index's end.
CREATE INDEX webhook_attempts_by_message ON sluice.webhook_attempts (message_no);
