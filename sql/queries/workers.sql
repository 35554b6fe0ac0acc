-- The worker's statements. Prepare them on connections whose preparation is prepare_worker_connection: the task table is nearly empty one moment and
-- a million rows deep the next, so plans made from statistics would be wrong half of the time.

-- name: prepare_worker_connection
-- $1 boolean: for the transaction alone
SELECT set_config('enable_seqscan', 'off', $1), set_config('enable_hashjoin', 'off', $1), set_config('enable_mergejoin', 'off', $1),
       set_config('enable_bitmapscan', 'off', $1), set_config('plan_cache_mode', 'force_generic_plan', $1), set_config('jit', 'off', $1);

-- name: register_process
-- $1 kind text (worker), $2 host text, $3 pid int → id bigint
SELECT sluice_private.register_process($1, $2, $3), clock_timestamp();

-- name: heartbeat
-- $1 process bigint → boolean; every second. False: drop all claims, register anew.
SELECT sluice_private.heartbeat($1), clock_timestamp();

-- name: unregister_process
SELECT sluice_private.unregister_process($1);

-- name: reap_processes
SELECT sluice_private.reap_processes();

-- name: claim_tasks
-- $1 process bigint, $2 limit int, $3 watermark timestamptz.
-- The watermark keeps the scan off dead rows: pass the greatest order_key claimed so far, less 100 ms every 20 ms and whenever there is no
-- backlog (a task is visible some time after its order_key was taken), and '-infinity' once a second to find stragglers. Tasks with a priority
-- are found whatever the watermark is.
-- A claim is live while its process is heard of. Rows come in the order in which they should run; session columns are null for
-- free-standing tasks and for a session that is gone. Of a row that follows its session key, node and revision are null: load_claimed_session.
WITH live AS MATERIALIZED (
  SELECT id FROM sluice_private.processes WHERE heartbeat_at > statement_timestamp() - interval '4 seconds'
), due AS MATERIALIZED (
  SELECT d.id, d.order_key
    FROM sluice_private.queues q
    CROSS JOIN LATERAL (
      SELECT t.id, t.order_key FROM sluice_private.tasks t
       WHERE t.queue = q.name AND t.priority = 0 AND t.order_key >= $3 AND t.order_key <= statement_timestamp()
         AND (t.claimed_by IS NULL OR t.claimed_by NOT IN (SELECT id FROM live))
       ORDER BY t.order_key, t.id LIMIT $2 FOR UPDATE SKIP LOCKED) AS d
   WHERE NOT q.paused AND NOT q.limited
), due_by_priority AS MATERIALIZED (
  SELECT d.id, d.order_key
    FROM sluice_private.queues q
    CROSS JOIN LATERAL (
      SELECT t.id, t.order_key FROM sluice_private.tasks t
       WHERE t.queue = q.name AND t.priority <> 0 AND t.run_at <= statement_timestamp()
         AND (t.claimed_by IS NULL OR t.claimed_by NOT IN (SELECT id FROM live))
       ORDER BY t.order_key, t.id LIMIT $2 FOR UPDATE SKIP LOCKED) AS d
   WHERE NOT q.paused AND NOT q.limited
), claimed AS (
  UPDATE sluice_private.tasks t
     SET claimed_by = $1, claim_token = sluice_private.new_claim_token($1)
   WHERE t.id = ANY (ARRAY(SELECT a.id FROM (SELECT id, order_key FROM due UNION ALL SELECT id, order_key FROM due_by_priority) AS a
                            ORDER BY a.order_key, a.id LIMIT $2))
  RETURNING t.*
)
SELECT c.id, c.claim_token, c.kind, c.queue, c.priority, c.order_key, c.run_at, c.attempt, c.max_attempts, c.session_id, c.node_id, c.key,
       c.revision AS task_revision, c.payload::text AS payload, coalesce(s.correlation_id, c.correlation_id) AS correlation_id,
       s.flow_id, s.flow_version_id, s.user_id, s.started_at, s.last_activity_at, s.current_node_id, s.status, s.revision,
       s.state::text AS state, s.stack::text AS stack, s.wait::text AS wait, s.info::text AS info
  FROM claimed c LEFT JOIN sluice.conversation_sessions s ON s.id = ANY (ARRAY[c.session_id])  -- docs/decisions/0048
 ORDER BY c.order_key, c.id;

-- name: claim_unflushed
-- Sent before claim_tasks when nothing else is in the transaction: a claim that a crash of the server undoes is only made again, and its token
-- is never given a second time (docs/decisions/0033).
SELECT set_config('synchronous_commit', 'off', true);

-- name: next_due_task
-- → timestamptz, null: nothing is scheduled. When an idle worker should look again, besides its heartbeat and the doorbell.
SELECT min(d.due)
  FROM sluice_private.queues q
  CROSS JOIN LATERAL (
    (SELECT t.order_key AS due FROM sluice_private.tasks t
      WHERE t.queue = q.name AND t.priority = 0 AND t.order_key > statement_timestamp() ORDER BY t.order_key, t.id LIMIT 1)
    UNION ALL
    (SELECT t.run_at FROM sluice_private.tasks t
      WHERE t.queue = q.name AND t.priority <> 0 AND t.run_at > statement_timestamp() ORDER BY t.run_at LIMIT 1)) AS d
 WHERE NOT q.paused AND NOT q.limited;

-- name: commit_steps
-- Arguments and outcomes: see sql/api/steps.sql.
SELECT task_id, outcome
  FROM sluice_private.commit_steps($1::bigint, $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::int[], $8::jsonb[], $9::text[],
                                   $10::text[], $11::int[], $12::jsonb[], $13::int[], $14::text[], $15::text[], $16::text[], $17::timestamptz[],
                                   $18::int[], $19::text[], $20::int[], $21::text[], $22::text[], $23::int[], $24::jsonb[], $25::int);

-- name: retry_tasks
-- $1 ids bigint[], $2 tokens bigint[], $3 delays in ms bigint[], $4 errors text[] → ids that were still the caller's
SELECT sluice_private.retry_tasks($1, $2, (SELECT array_agg(d.ms * interval '1 ms' ORDER BY d.place)
                                             FROM unnest($3::bigint[]) WITH ORDINALITY AS d (ms, place)), $4);

-- name: release_tasks
-- $1 ids bigint[], $2 tokens bigint[]: back without counting an attempt, to be run at once by others
SELECT sluice_private.release_tasks($1, $2);

-- name: postpone_tasks
-- $1 ids bigint[], $2 tokens bigint[], $3 delays in ms bigint[]: back without counting an attempt; for timers that are not due and open breakers
SELECT sluice_private.release_tasks($1, $2, (SELECT array_agg(d.ms * interval '1 ms' ORDER BY d.place)
                                               FROM unnest($3::bigint[]) WITH ORDINALITY AS d (ms, place)));
