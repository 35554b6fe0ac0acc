-- What a worker runs as one call each: free-standing sql tasks and schedules.

-- name: run_sql_tasks
-- $1 ids bigint[], $2 tokens bigint[], all of one function and role → ids of those that were the caller's, run and ended, each with how many
-- microseconds all took together, without the commit; a transaction of its own
SELECT id, (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint FROM sluice_private.run_sql_tasks($1, $2) AS id;

-- name: fire_schedule
-- $1 task bigint, $2 token bigint → int: tasks enqueued; null: the claim or the schedule is another's now
SELECT sluice_private.fire_schedule($1, $2);
