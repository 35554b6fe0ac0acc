-- A session and its timeline, at most 1,000 entries of each kind, oldest first; of one instant in the order of `place`, then of `nth`. Events have no index by session, and get none: they are found by the
-- transactions that wrote the session's history, which wrote them too (the column xmin; of a restored database there are none).

-- name: console_session
WITH s AS MATERIALIZED (
  SELECT c.id, c.user_id, c.flow_id, c.flow_version_id, c.current_node_id, c.state, c.wait, c.info, c.started_at, c.last_activity_at, c.ended_at,
         c.status, c.revision, c.state_hash, c.correlation_id
    FROM sluice.conversation_sessions c WHERE c.id = $1::uuid
), history AS MATERIALIZED (
  SELECT h.id, h.node_id, h.interaction_type, h.content, h.created_at, h.xmin AS written_by
    FROM sluice.conversation_history h
   WHERE h.session_id = $1::uuid AND h.created_at >= (SELECT s.started_at FROM s) ORDER BY h.id DESC LIMIT 1000
), written AS MATERIALIZED (
  SELECT DISTINCT (n.top - ((n.top - w.written_by::text::bigint) & 4294967295))::text::xid8 AS xid
    FROM history w
   CROSS JOIN (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS top) AS n
), events AS MATERIALIZED (
  SELECT e.id, e.created_at, e.event_type, e.correlation_id, e.body
    FROM written w JOIN sluice.flow_events e ON e.xid = w.xid AND e.session_id = $1::uuid ORDER BY e.id DESC LIMIT 1000
), changes AS MATERIALIZED (
  SELECT c.revision, c.changed_at, c.node_id, c.status, c.changes FROM sluice.session_changes c
   WHERE c.session_id = $1::uuid ORDER BY c.revision DESC LIMIT 1000
), attempts AS MATERIALIZED (
  SELECT a.delivery_id, a.endpoint_id, a.started_at, a.attempt, a.status, a.outcome, a.error_class, a.duration_ms
    FROM (SELECT e.id * 4 + v.version AS no FROM events e CROSS JOIN (VALUES (1), (2)) AS v (version)) AS m
    JOIN sluice.webhook_attempts a ON a.message_no = m.no AND a.created_at >= (SELECT s.started_at FROM s) ORDER BY a.created_at DESC LIMIT 1000
), entries AS (
  SELECT s.started_at AS at, 'revision' AS kind, 'started' AS title, 1 AS revision, NULL::jsonb AS diff, jsonb_build_object('user_id', s.user_id) AS detail, 0 AS place, 0::bigint AS nth
    FROM s
  UNION ALL
  SELECT c.changed_at, 'revision', format('revision %s: %s', c.revision, concat_ws(', ', c.node_id, nullif(c.status, 'active'))), c.revision, c.changes,
         jsonb_build_object('node_id', c.node_id, 'status', c.status), 1, c.revision
    FROM changes c
  UNION ALL
  SELECT e.created_at, 'revision', format('revision %s: %s', e.body::jsonb #>> '{data,revision}',
                                          concat_ws(' → ', e.body::jsonb #>> '{data,previous_node}', e.body::jsonb #>> '{data,current_node}')),
         (e.body::jsonb #>> '{data,revision}')::int, NULL, e.body::jsonb -> 'data', 1, e.id
    FROM events e
   WHERE e.event_type IN ('session_status_changed', 'node_changed', 'session_updated') AND e.body::jsonb #>> '{data,revision}' IS NOT NULL
     AND (e.body::jsonb #>> '{data,revision}')::int NOT IN (SELECT c.revision FROM changes c)
  UNION ALL
  SELECT h.created_at, 'message', h.interaction_type || coalesce(' at ' || h.node_id, ''), NULL, NULL,
         jsonb_build_object('id', h.id, 'node_id', h.node_id, 'interaction_type', h.interaction_type, 'content', h.content), 2, h.id
    FROM history h
  UNION ALL
  SELECT e.created_at, 'event', e.event_type, NULL, NULL,
         jsonb_build_object('id', e.id, 'event_type', e.event_type, 'correlation_id', e.correlation_id, 'body', e.body::jsonb), 3, e.id
    FROM events e
  UNION ALL
  SELECT t.created_at, 'task', t.kind || coalesce(' at ' || t.node_id, '') || ': ' || t.status, t.session_revision, NULL,
         jsonb_build_object('task_id', t.task_id, 'kind', t.kind, 'status', t.status, 'node_id', t.node_id, 'attempt', t.attempt, 'run_at', t.run_at,
                            'errors', t.errors), 4, t.task_id
    FROM sluice.tasks_of_session($1::uuid) AS t
  UNION ALL
  SELECT r.created_at, 'task', coalesce(r.kind, 'task') || coalesce(' at ' || r.node_id, '') || ': ' || r.status, r.session_revision, NULL,
         jsonb_build_object('task_id', r.task_id, 'kind', r.kind, 'status', r.status, 'node_id', r.node_id, 'result', r.result_data, 'error', r.error_message), 4, r.session_revision
    FROM s CROSS JOIN (SELECT DISTINCT h.node_id FROM history h WHERE h.interaction_type = 'action') AS n
   CROSS JOIN LATERAL generate_series(greatest(s.revision - 200, 1), s.revision) AS g (revision)
    JOIN sluice.task_idempotency_records r ON r.idempotency_key = s.id || ':' || n.node_id || ':' || g.revision
  UNION ALL
  SELECT a.started_at, 'delivery', format('attempt %s: %s', a.attempt, coalesce(a.status::text, a.error_class)), NULL, NULL,
         jsonb_build_object('delivery_id', a.delivery_id, 'endpoint_id', a.endpoint_id, 'url', e.url, 'status', a.outcome, 'response_status', a.status,
                            'error_class', a.error_class, 'duration_ms', a.duration_ms), 5, a.delivery_id
    FROM attempts a LEFT JOIN sluice.webhook_endpoints e ON e.id = a.endpoint_id
), kept AS (
  SELECT * FROM entries ORDER BY at DESC, place DESC, nth DESC LIMIT 1000
)
SELECT json_build_object(
  'session', (SELECT json_build_object('session_id', s.id, 'flow', f.name, 'flow_version', v.version, 'user_id', s.user_id, 'status', s.status,
                'current_node_id', s.current_node_id, 'revision', s.revision, 'waits_for', s.wait ->> 'for', 'wait', s.wait,
                'state', CASE WHEN octet_length(s.state::text) <= 262144 THEN s.state END, 'state_hash', s.state_hash, 'info', s.info,
                'started_at', s.started_at, 'last_activity_at', s.last_activity_at, 'ended_at', s.ended_at, 'correlation_id', s.correlation_id,
                'last_error', s.info ->> 'last_error')
                FROM s LEFT JOIN sluice.flow_definitions f ON f.id = s.flow_id LEFT JOIN sluice.flow_versions v ON v.id = s.flow_version_id),
  'correlation_id', (SELECT s.correlation_id FROM s),
  'diffs', EXISTS (SELECT FROM changes),
  'truncated', (SELECT count(*) FROM kept) = 1000,
  'timeline', (SELECT coalesce(json_agg(json_build_object('at', k.at, 'kind', k.kind, 'title', k.title, 'revision', k.revision, 'diff', k.diff, 'detail', k.detail)
                                        ORDER BY k.at, k.place, k.nth), '[]') FROM kept k))::text
  FROM s;
