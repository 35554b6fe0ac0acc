-- What a worker runs as one call each: free-standing sql tasks and schedules.

-- name: run_sql_task
-- $1 task bigint, $2 token bigint; in a transaction that goes on with commit_steps
SELECT sluice_private.run_sql_task($1, $2)::text AS result;

-- name: fire_schedule
-- $1 task bigint, $2 token bigint → int: tasks enqueued; null: the claim or the schedule is another's now
SELECT sluice_private.fire_schedule($1, $2);
