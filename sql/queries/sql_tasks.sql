-- Free-standing sql tasks.

-- name: run_sql_task
-- $1 task bigint, $2 token bigint; in a transaction that goes on with commit_steps
SELECT sluice_private.run_sql_task($1, $2)::text AS result;
