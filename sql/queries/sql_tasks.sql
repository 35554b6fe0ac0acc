-- What a worker runs as one call each: free-standing sql tasks and schedules.

-- name: run_sql_tasks
-- $1 ids bigint[], $2 tokens bigint[], all of one function and role → ids of those that were the caller's, run and ended, each with how many
-- microseconds all took together, without the commit; a transaction of its own
SELECT id, (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint FROM sluice_private.run_sql_tasks($1, $2) AS id;

-- name: run_due_sql_tasks
-- $1 function text, $2 role text, $3 at most int, $4 watermark timestamptz as that of claim_tasks → id, order_key and correlation id of those that were
-- run and ended, in their order, each with how many microseconds all took together, without the commit; a transaction of its own. Fewer than asked
-- for: other tasks are due as well, or none is left.
SELECT id, order_key, correlation_id, (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint
  FROM sluice_private.run_due_sql_tasks($1, $2, $3, $4);

-- name: fire_schedule
-- $1 task bigint, $2 token bigint → int: tasks enqueued; null: the claim or the schedule is another's now
SELECT sluice_private.fire_schedule($1, $2);
