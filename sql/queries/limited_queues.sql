-- Claiming from queues that have limits (sql/api/queue_limits.sql). Sent behind claim_tasks, in its transaction.

-- name: limited_queues
-- → boolean: whether any queue is limited; asked once a second
SELECT EXISTS (SELECT FROM sluice_private.queues WHERE limited);

-- name: claim_limited
-- $1 process bigint, $2 limit int → look_again, then the columns of claim_tasks that a free-standing task has: one row a task in the order in
-- which they should run, or one row with a null id. look_again: when the clock alone will let more be claimed, null: unknown.
SELECT l.look_again, (t).id, (t).claim_token, (t).kind, (t).queue, (t).priority, (t).order_key, (t).run_at, (t).attempt, (t).max_attempts,
       (t).session_id, (t).node_id, (t).key, (t).revision AS task_revision, (t).payload::text AS payload, (t).correlation_id
  FROM sluice_private.claim_limited($1, $2) AS l (look_again, t);
