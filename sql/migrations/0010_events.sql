-- The event log, the doorbell flags, and the consumers with their durable cursors (DESIGN 4).

-- The log is eight slots filled one after another, not a partition per day: nothing has to be made ahead of time, trimming is
-- TRUNCATE of the slot whose turn is next, and a reader knows from the xids which slots hold nothing new, mostly all but one.
CREATE SEQUENCE sluice.flow_events_id AS bigint CACHE 1;
CREATE TABLE sluice.flow_events (
  id             bigint      NOT NULL DEFAULT nextval('sluice.flow_events_id'),
  xid            xid8        NOT NULL DEFAULT pg_current_xact_id(),
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  session_id     uuid,
  flow_id        uuid,
  user_id        uuid,
  slot           smallint    NOT NULL,
  event_type     text        NOT NULL,
  alias          text,
  key            text,
  correlation_id text,
  version        int,
  body           text        NOT NULL
) PARTITION BY LIST (slot);
CREATE INDEX flow_events_by_xid ON sluice.flow_events (xid, id);
CREATE INDEX flow_events_by_id ON sluice.flow_events (id);
COMMENT ON TABLE sluice.flow_events IS 'append-only log of events; rows are never updated, and removed only by truncating a whole slot';
COMMENT ON COLUMN sluice.flow_events.id IS 'order of reading; of one session it is commit order';
COMMENT ON COLUMN sluice.flow_events.xid IS 'transaction that wrote the row; cursors compare it with their snapshot';
COMMENT ON COLUMN sluice.flow_events.alias IS 'second name that patterns match, such as session.completed';
COMMENT ON COLUMN sluice.flow_events.version IS 'version of the event type when it was written, if it was defined';
COMMENT ON COLUMN sluice.flow_events.body IS 'the JSON text that receivers get, built once';

CREATE TABLE sluice.event_types (
  event_type text PRIMARY KEY,
  version    int         NOT NULL,
  schema     jsonb,
  defined_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE sluice.event_types IS 'types of the users'' own events that were described by define_event';
COMMENT ON COLUMN sluice.event_types.schema IS 'JSON Schema of the member data; null: anything goes';

CREATE SEQUENCE sluice_private.event_slot MINVALUE 0 MAXVALUE 7 START 0;
COMMENT ON SEQUENCE sluice_private.event_slot IS 'slot of flow_events that is being filled';
SELECT setval('sluice_private.event_slot', 0);
CREATE TABLE sluice_private.event_slots (
  slot       smallint PRIMARY KEY,
  opened_at  timestamptz,
  closed_xid xid8
);
COMMENT ON TABLE sluice_private.event_slots IS 'when each slot of the event log was last filled';
COMMENT ON COLUMN sluice_private.event_slots.closed_xid IS 'every row of the slot has a smaller xid; null while it is filled and for up to a minute after';
DO $$
BEGIN
  FOR n IN 0..7 LOOP
    EXECUTE format('CREATE TABLE sluice_private.flow_events_%s PARTITION OF sluice.flow_events FOR VALUES IN (%s)', n, n);
    EXECUTE format('ALTER TABLE sluice_private.flow_events_%s SET (autovacuum_vacuum_insert_scale_factor = 0.5)', n);
    EXECUTE format('COMMENT ON TABLE sluice_private.flow_events_%s IS %L', n, 'slot of the event log');
    INSERT INTO sluice_private.event_slots VALUES (n, CASE WHEN n = 0 THEN clock_timestamp() END, CASE WHEN n > 0 THEN xid8 '0' END);
  END LOOP;
END $$;

-- Doorbell flags: 0 = somebody polls, do not notify; anything else = notify. Sequences, because a flag must be seen at
-- once, outside transactions and snapshots. A table row would be seen as of the writer's snapshot and lose wake-ups.
CREATE SEQUENCE IF NOT EXISTS sluice.events_awake AS bigint MINVALUE 0;
CREATE SEQUENCE IF NOT EXISTS sluice.tasks_awake AS bigint MINVALUE 0;
CREATE SEQUENCE IF NOT EXISTS sluice.deliveries_awake AS bigint MINVALUE 0;
COMMENT ON SEQUENCE sluice.events_awake IS 'doorbell flag of the listeners: 0 awake, else notify';
COMMENT ON SEQUENCE sluice.tasks_awake IS 'doorbell flag of the workers: 0 awake, else notify';
COMMENT ON SEQUENCE sluice.deliveries_awake IS 'doorbell flag of the notifiers: 0 awake, else notify';

CREATE TABLE sluice.event_consumers (
  id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name              text        NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9_.:-]{1,100}$'),
  kind              text        NOT NULL CHECK (kind IN ('webhooks', 'relay', 'sql', 'task', 'log')),
  patterns          text[]      NOT NULL DEFAULT '{*}',
  settings          jsonb       NOT NULL DEFAULT '{}',
  enabled           boolean     NOT NULL DEFAULT true,
  system_identifier bigint      NOT NULL DEFAULT (pg_control_system()).system_identifier,
  created_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE sluice.event_consumers IS 'readers of the event log; each has a durable cursor in sluice_private.event_positions';
COMMENT ON COLUMN sluice.event_consumers.settings IS 'max_attempts (10), ordering (session or none), and for kind task the task to enqueue';
COMMENT ON COLUMN sluice.event_consumers.enabled IS 'a disabled consumer is not run, but still holds back trimming';
COMMENT ON COLUMN sluice.event_consumers.system_identifier IS 'cluster in which the cursor is meaningful; another one means a restored copy';

-- A cursor moves by a new row, not by an update: while a transaction is held open old versions of an updated row could
-- not be removed, and every later move would walk all of them. The newest row is found from the index's end.
CREATE TABLE sluice_private.event_positions (
  consumer_id  bigint      NOT NULL,
  seq          bigint      NOT NULL,
  cursor       pg_snapshot NOT NULL,
  gap_snapshot pg_snapshot,
  gap_after_id bigint,
  moved_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer_id, seq)
);
COMMENT ON TABLE sluice_private.event_positions IS 'positions of consumers; the row with the greatest seq counts';
COMMENT ON COLUMN sluice_private.event_positions.cursor IS 'everything visible in this snapshot was handled';
COMMENT ON COLUMN sluice_private.event_positions.gap_snapshot IS 'set while a large gap is read in pages by id: its upper end';
COMMENT ON COLUMN sluice_private.event_positions.gap_after_id IS 'last id handled within the gap';

CREATE TABLE sluice.event_handlers (
  name       text PRIMARY KEY REFERENCES sluice.event_consumers (name) ON DELETE CASCADE,
  handler    text        NOT NULL,
  created_by name        NOT NULL DEFAULT session_user,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE sluice.event_handlers IS 'functions called by consumers of kind sql, as schema-qualified signatures';

CREATE TABLE sluice.event_failures (
  id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer_id    bigint      NOT NULL REFERENCES sluice.event_consumers ON DELETE CASCADE,
  event_id       bigint      NOT NULL,
  event_type     text        NOT NULL,
  session_id     uuid,
  key            text,
  correlation_id text,
  body           text        NOT NULL,
  error          text        NOT NULL,
  attempts       int         NOT NULL,
  parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  retry_at       timestamptz,
  UNIQUE (consumer_id, event_id)
);
CREATE INDEX event_failures_to_retry ON sluice.event_failures (consumer_id, event_id) WHERE retry_at IS NOT NULL;
CREATE INDEX event_failures_by_session ON sluice.event_failures (consumer_id, session_id) WHERE session_id IS NOT NULL;
COMMENT ON TABLE sluice.event_failures IS 'events parked after a consumer''s last attempt, and those parked behind them';
COMMENT ON COLUMN sluice.event_failures.retry_at IS 'when somebody asked that the consumer take it again; null: it stays parked';
COMMENT ON COLUMN sluice.event_failures.attempts IS '0 for an event that was parked behind an earlier one of its session';

WITH c AS (
  INSERT INTO sluice.event_consumers (name, kind) VALUES ('webhooks', 'webhooks'), ('relay', 'relay') RETURNING id
)
INSERT INTO sluice_private.event_positions (consumer_id, seq, cursor) SELECT id, 1, pg_current_snapshot() FROM c;
