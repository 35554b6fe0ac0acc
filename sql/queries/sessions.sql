-- Sessions and flow versions as the engine needs them.

-- name: load_sessions
-- $1 ids uuid[]: sessions anew, after commit_steps said restamped. Columns as in claim_tasks.
SELECT s.id, s.flow_id, s.flow_version_id, s.user_id, s.started_at, s.last_activity_at, s.current_node_id, s.status, s.revision,
       s.state::text AS state, s.stack::text AS stack, s.wait::text AS wait, s.info::text AS info, s.correlation_id
  FROM sluice.conversation_sessions s WHERE s.id = ANY ($1);

-- name: load_claimed_session
-- $1 task bigint, $2 token bigint: the session of a claimed task and the task's key, node and revision, all of one moment.
-- claim_tasks locks the newest version of a task but reads its session as its own snapshot has it: a patch that commits in between re-stamps
-- the one and is not seen in the other. And a row that follows its session (sql/migrations/0045_following_rows.sql) is what this one says.
SELECT s.id, s.flow_id, s.flow_version_id, s.user_id, s.started_at, s.last_activity_at, s.current_node_id, s.status, s.revision,
       s.state::text AS state, s.stack::text AS stack, s.wait::text AS wait, s.info::text AS info, s.correlation_id,
       coalesce(t.revision, s.revision) AS task_revision, coalesce(t.node_id, CASE WHEN t.revision IS NULL THEN s.current_node_id END) AS node_id,
       coalesce(t.key, CASE WHEN t.revision IS NULL AND s.wait ->> 'for' = 'task' THEN s.wait ->> 'key' END) AS key
  FROM sluice_private.tasks t JOIN sluice.conversation_sessions s ON s.id = t.session_id
 WHERE t.id = $1 AND t.claim_token = $2;

-- name: load_flow_version
-- $1 version id bigint: that version and every version it pins, at any depth; the asked one first. pins: {"reference": version id}.
WITH RECURSIVE reached (id) AS (
  SELECT $1::bigint
  UNION
  SELECT pin.value::bigint FROM reached r JOIN sluice.flow_versions v ON v.id = r.id CROSS JOIN LATERAL jsonb_each_text(v.pins) AS pin
)
SELECT v.id, v.flow_id, v.version, v.document::text AS document, v.pins::text AS pins,
       extract(epoch FROM v.session_timeout)::float8 AS session_timeout_s
  FROM reached r JOIN sluice.flow_versions v USING (id)
 ORDER BY v.id <> $1, v.id;
