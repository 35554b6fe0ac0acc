-- Which of several workers looks out for tasks (workers/scout.h). The scout holds an advisory lock of its session; the others listen on
-- sluice_workers, where "more" calls them all to claim and "scout" says that the lock is free.

-- name: take_scout
-- → mine boolean; alone boolean: another holds the lock but its session has not been heard of for 4 s. Of a session that we may not look into we
-- know nothing, so it counts as heard of.
WITH taken AS MATERIALIZED (SELECT pg_try_advisory_lock(1398099268, 0) AS mine)
SELECT t.mine,
       NOT t.mine AND NOT EXISTS (
         SELECT FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.classid = 1398099268 AND l.objid = 0 AND l.objsubid = 2 AND l.granted
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND coalesce(a.state_change > clock_timestamp() - interval '4 seconds', true)) AS alone
  FROM taken t;

-- name: leave_scout
SELECT pg_advisory_unlock(1398099268, 0), pg_notify('sluice_workers', 'scout');

-- name: call_workers
SELECT pg_notify('sluice_workers', 'more');

-- name: scout_beat
-- Says by its session's state_change that the scout is there; every second.
SELECT 1;
