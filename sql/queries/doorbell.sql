-- What core/service/doorbell.h asks besides the functions of sql/api/doorbell.sql, where the protocol is written down. $1 is the flag: events,
-- tasks or deliveries.

-- name: raise_flag
SELECT sluice_private.raise_flag($1);

-- name: lower_flag
SELECT sluice_private.lower_flag($1);

-- name: drain_horizon
-- DECLARE, second transaction: a writer that read the flag before it was raised had its id by then, so that id is below this one.
SELECT pg_current_xact_id()::text AS bound;

-- name: drain_passed
-- Whether every transaction below the bound has ended, so that the next snapshot sees all that they committed.
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 AS passed;

-- name: flag_is_up
-- Before a heartbeat's poll: what it finds while the flag is down was nobody's duty to tell.
SELECT pg_sequence_last_value(('sluice.' || $1::text || '_awake')::regclass) IS DISTINCT FROM 0;
