-- The sleep protocol of core/service/doorbell.h. $1 is the flag: events, tasks or deliveries.

-- name: doorbell_set
-- Not transactional: every session sees the new value at once, and a rollback does not take it back.
SELECT setval(('sluice.' || $1::text || '_awake')::regclass, $2::bigint);

-- name: doorbell_bound
-- A transaction that read the flag before it was set to 1 had its id by then, so that id is below this one.
SELECT pg_current_xact_id()::text AS bound;

-- name: doorbell_passed
-- Whether every transaction below the bound has ended, so that the next snapshot sees all that they committed.
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8 AS passed;
