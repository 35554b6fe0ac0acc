-- The listener's statements. All run in READ COMMITTED, on the primary, each call a transaction of its own.
--
-- One connection holds the advisory locks of the consumers that this listener runs; a batch that fails rolls back with its
-- cursor, and is tried again after a backoff while other consumers go on. To find a poison event, go down to batches of one; when
-- that has used up its attempts (settings.max_attempts, default 10), park_event. SQLSTATE 40001 from any of these means that another
-- listener runs the consumer: take it anew.
-- HOT loop: poll_events with the snapshot of the last poll; when it found something, run every consumer that is held and not backing
-- off, until none says more. Rung while IDLE, run them without a poll. The sleep protocol is in sql/api/doorbell.sql (flag events). Payload "consumers" on sluice_wake: list again.

-- name: list_consumers
-- → id bigint, name text, kind text, patterns text[], settings text; those to be run. Read again at payload "consumers" and every 2 s:
-- a listener that died leaves its locks to the first that asks. retries boolean: parked events of it are to be taken again.
SELECT c.id, c.name, c.kind, c.patterns, c.settings::text,
       EXISTS (SELECT FROM sluice.event_failures f WHERE f.consumer_id = c.id AND f.retry_at IS NOT NULL) AS retries
  FROM sluice.event_consumers c WHERE c.enabled ORDER BY c.id;

-- name: at_work
-- $1 pids int[] of connections that owe an answer → pid of each that is still at work on it
SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND state IN ('active', 'disabled');

-- name: take_consumer
-- $1 consumer bigint → boolean. Held until the connection ends or release_consumer.
SELECT pg_try_advisory_lock(1398099267, $1::int);

-- name: release_consumer
SELECT pg_advisory_unlock(1398099267, $1::int);

-- name: foreign_cursors
-- → name, problem. Run after every connect, before the first batch. Rows: refuse to run, advise "sluice events resync".
SELECT name, problem FROM sluice_private.foreign_cursors();

-- name: poll_events
-- $1 snapshot text of the last poll (null the first time: then found is true) → snapshot text, xmin text, found boolean. xmin is for DRAIN.
SELECT snapshot, xmin, news AS found FROM sluice_private.poll_events($1);

-- name: run_webhooks
-- $1 consumer bigint, $2 limit int → events int, produced int, more boolean, xmin text. more: call again at once.
SELECT h.events, h.produced, h.more, h.xmin::text FROM sluice_private.run_webhooks($1, $2) AS h;

-- name: run_relay
SELECT h.events, h.produced, h.more, h.xmin::text FROM sluice_private.run_relay($1, $2) AS h;

-- name: run_sql_handler
-- The handler's own errors come through with their SQLSTATE.
SELECT h.events, h.produced, h.more, h.xmin::text FROM sluice_private.run_sql_handler($1, $2) AS h;

-- name: run_task_handler
SELECT h.events, h.produced, h.more, h.xmin::text FROM sluice_private.run_task_handler($1, $2) AS h;

-- name: next_events
-- For handlers outside the database (kind log): $1 consumer bigint, $2 limit int → the position once a row, with a null id when there
-- is no event. Handle the rows, then move_cursor with seq, cursor, gap_snapshot and gap_after_id of any of them.
SELECT b.seq, b.cursor::text, b.gap_snapshot::text, b.gap_after_id, b.more, b.xmin::text,
       e.id, e.event_type, e.session_id, e.flow_id, e.user_id, e.key, e.correlation_id, e.created_at, e.body
  FROM sluice_private.next_events($1, $2) AS b LEFT JOIN LATERAL unnest(b.events) AS e ON true
 ORDER BY e.id;

-- name: move_cursor
-- $1 consumer bigint, $2 seq bigint, $3 cursor text, $4 gap_snapshot text or null, $5 gap_after_id bigint or null → new seq bigint
SELECT sluice_private.move_cursor($1, $2, $3::text::pg_snapshot, $4::text::pg_snapshot, $5);

-- name: park_event
-- $1 consumer bigint, $2 error text, $3 attempts int → event id, null if the next event does not match
SELECT sluice_private.park_event($1, $2, $3);

-- name: run_parked
-- $1 consumer bigint → event_id (null: none is to be retried), event_type, session_id, correlation_id, body. The handler's own errors come
-- through: then park_again. Kind log handles the row itself.
SELECT p.event_id, p.event_type, p.session_id, p.correlation_id, p.body FROM sluice_private.run_parked($1) AS p;

-- name: park_again
-- $1 consumer bigint, $2 error text → event id
SELECT sluice_private.park_again($1, $2);

-- name: lag
-- → name, events_behind (counted up to 100,000), seconds_behind, parked; for metrics, every few seconds
SELECT name, events_behind, seconds_behind, parked FROM sluice.consumer_lag;

-- name: trim_events
-- → text: not due, busy, held by <consumer>, rotated to slot <n>; every minute
SELECT sluice_private.trim_events();

-- name: ensure_partitions
-- every hour
SELECT sluice_private.ensure_partitions();
