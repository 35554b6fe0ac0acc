-- The console's lists, newest first. $1 = rows wanted; then the cursor: what was shown last, null at the begin; then the filters, null: none.
-- A filter looks at the 10,000 rows after the cursor (2,000 tasks and deliveries) and no more, so that no question costs more than that; `next` then says where to go on,
-- though fewer rows were found than were wanted. `next` is null at the end.

-- name: console_sessions
WITH page AS (
  SELECT s.id AS session_id, s.flow_id, s.flow_version_id, s.user_id, s.status, s.current_node_id, s.revision, s.wait ->> 'for' AS waits_for,
         s.started_at, s.last_activity_at, s.ended_at, s.correlation_id, s.info ->> 'last_error' AS last_error
    FROM (SELECT c.id, c.flow_id, c.flow_version_id, c.user_id, c.status, c.current_node_id, c.revision, c.wait, c.info, c.started_at,
                 c.last_activity_at, c.ended_at, c.correlation_id
            FROM sluice.conversation_sessions c
           WHERE c.started_at <= coalesce($2::timestamptz, 'infinity')
             AND (c.started_at, c.id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
           ORDER BY c.started_at DESC, c.id DESC LIMIT 10000) AS s
   WHERE ($4::text IS NULL OR s.flow_id IN (SELECT f.id FROM sluice.flow_definitions f WHERE f.name = $4 OR f.id::text = $4))
     AND ($5::text IS NULL OR s.status = $5)
     AND ($6::text IS NULL OR s.current_node_id = $6 OR s.correlation_id = $6 OR s.id::text LIKE $6 || '%' OR s.id::text LIKE '%' || $6 OR s.user_id::text = $6)
   ORDER BY s.started_at DESC, s.id DESC LIMIT $1
), shown AS (
  SELECT p.session_id, f.name AS flow, v.version AS flow_version, p.user_id, p.status, p.current_node_id, p.revision, p.waits_for, p.started_at,
         p.last_activity_at, p.ended_at, p.correlation_id, p.last_error
    FROM page p
    LEFT JOIN sluice.flow_definitions f ON f.id = p.flow_id
    LEFT JOIN sluice.flow_versions v ON v.id = p.flow_version_id
)
SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(r ORDER BY r.started_at DESC, r.session_id DESC), '[]') FROM shown r),
  'next', CASE WHEN (SELECT count(*) FROM page) = $1
               THEN (SELECT p.started_at || '_' || p.session_id FROM page p ORDER BY p.started_at, p.session_id LIMIT 1)
               ELSE (SELECT c.started_at || '_' || c.id
                       FROM sluice.conversation_sessions c
                      WHERE c.started_at <= coalesce($2::timestamptz, 'infinity')
                        AND (c.started_at, c.id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
                      ORDER BY c.started_at DESC, c.id DESC OFFSET 9999 LIMIT 1) END)::text;

-- A session by its id, or all of a user.
-- name: console_sessions_of
WITH page AS (
  SELECT s.* FROM sluice.session_overview s WHERE s.session_id = $2::uuid
  UNION ALL
  (SELECT s.* FROM sluice.session_overview s WHERE s.user_id = $2::uuid ORDER BY s.started_at DESC LIMIT $1)
)
SELECT json_build_object('rows', (SELECT coalesce(json_agg(r ORDER BY r.started_at DESC, r.session_id DESC), '[]') FROM page r), 'next', NULL)::text;

-- Unfinished tasks and dead letters together, of each the 2,000 next; what is beyond the end of either is left to the next page.
-- name: console_tasks
WITH looked AS MATERIALIZED (
  SELECT t.task_id, t.kind, t.queue, t.session_id, t.node_id, t.status, t.attempt, t.max_attempts, t.run_at, t.priority, t.idempotency_key,
         t.session_revision, t.errors -> -1 ->> 'error' AS error, t.created_at, NULL::timestamptz AS failed_at, t.host, t.pid, t.correlation_id,
         t.status IN ('scheduled', 'retrying') AS retryable, t.status = 'queued' OR t.session_id IS NULL AND t.kind <> 'cron' AS discardable
    FROM sluice.newest_tasks($2::bigint, CASE WHEN coalesce($3, $4, $5) IS NULL THEN $1 ELSE 2000 END) AS t
  UNION ALL
  SELECT f.task_id, f.kind, f.queue, f.session_id, f.node_id, 'failed', f.attempts, f.max_attempts, NULL, f.priority, f.idempotency_key,
         f.session_revision, f.reason, f.created_at, f.failed_at, NULL, NULL, f.correlation_id, f.retryable, true
    FROM (SELECT * FROM sluice.task_failures d WHERE d.task_id < coalesce($2::bigint, 9223372036854775807) ORDER BY d.task_id DESC
           LIMIT CASE WHEN coalesce($3, $4, $5) IS NULL THEN $1 ELSE 2000 END) AS f
), depth AS MATERIALIZED (
  SELECT max(x.id) AS id
    FROM (SELECT min(l.task_id) AS id FROM looked l GROUP BY l.status = 'failed'
          HAVING count(*) >= CASE WHEN coalesce($3, $4, $5) IS NULL THEN $1 ELSE 2000 END) AS x
), page AS MATERIALIZED (
  SELECT l.* FROM looked l, depth
   WHERE ($3::text IS NULL OR l.status = $3) AND ($4::text IS NULL OR l.queue = $4) AND ($5::text IS NULL OR l.kind = $5)
     AND (depth.id IS NULL OR l.task_id >= depth.id)
   ORDER BY l.task_id DESC LIMIT $1
)
SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(p ORDER BY p.task_id DESC), '[]') FROM page p),
  'next', CASE WHEN (SELECT count(*) FROM page) = $1 THEN (SELECT min(p.task_id) FROM page p) ELSE (SELECT d.id FROM depth d) END::text)::text;

-- name: console_tasks_of
WITH page AS (
  SELECT t.task_id, t.kind, t.queue, t.session_id, t.node_id, t.status, t.attempt, t.max_attempts, t.run_at, t.priority, t.idempotency_key,
         t.session_revision, t.errors -> -1 ->> 'error' AS error, t.created_at, NULL::timestamptz AS failed_at, t.host, t.pid, t.correlation_id,
         t.status IN ('scheduled', 'retrying') AS retryable, t.status = 'queued' AS discardable
    FROM sluice.tasks_of_session($2::uuid) AS t LIMIT $1
)
SELECT json_build_object('rows', (SELECT coalesce(json_agg(p ORDER BY p.task_id DESC), '[]') FROM page p), 'next', NULL)::text;

-- Of the 2,000 next: which they are is told by the tables themselves, the rest is asked for what is shown.
-- name: console_deliveries
WITH looked AS MATERIALIZED (
  SELECT DISTINCT ON (x.id) x.*
    FROM ((SELECT d.id, d.endpoint_id, d.message_no, d.message_at, d.status, 'infinity'::timestamptz AS ended FROM sluice.webhook_deliveries d
            WHERE d.id < coalesce($2::bigint, 9223372036854775807) ORDER BY d.id DESC LIMIT 2000)
          UNION ALL
          (SELECT a.delivery_id, a.endpoint_id, a.message_no, a.message_at, a.outcome, a.created_at FROM sluice.webhook_attempts a
            WHERE a.delivery_id < coalesce($2::bigint, 9223372036854775807) ORDER BY a.delivery_id DESC LIMIT 2000)) AS x
   ORDER BY x.id DESC, x.ended DESC LIMIT 2000
), depth AS MATERIALIZED (
  SELECT min(l.id) AS id, count(*) AS rows FROM looked l
), page AS MATERIALIZED (
  SELECT l.id FROM looked l
   WHERE ($3::text IS NULL OR l.status = $3) AND ($4::uuid IS NULL OR l.endpoint_id = $4)
     AND ($5::text IS NULL OR EXISTS (SELECT FROM sluice.webhook_messages m WHERE m.no = l.message_no AND m.created_at = l.message_at AND m.event_type = $5))
   ORDER BY l.id DESC LIMIT $1
), shown AS (
  SELECT d.delivery_id, d.endpoint_id, d.url, d.message_id, d.event_type, d.session_id, d.correlation_id, d.status, d.attempt, d.due_at,
         d.created_at, d.finished_at, d.response_status, d.error_class, d.last_attempt_at, d.duration_ms
    FROM page p CROSS JOIN LATERAL (SELECT * FROM sluice.delivery_overview o WHERE o.delivery_id = p.id OFFSET 0) AS d
)
SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(s ORDER BY s.delivery_id DESC), '[]') FROM shown s),
  'next', CASE WHEN (SELECT count(*) FROM page) = $1 THEN (SELECT min(p.id) FROM page p)
               WHEN (SELECT d.rows FROM depth d) >= 1000 THEN (SELECT d.id FROM depth d) END::text)::text;

-- Health is that of the newest 10,000 attempts of all endpoints together.
-- name: console_endpoints
WITH page AS (
  SELECT e.id AS endpoint_id, e.url, e.events, e.flow_id, e.description, e.enabled, e.disabled_at, e.disabled_reason, e.ordering, e.max_in_flight,
         e.rate_limit, e.timeout_seconds, e.payload_version, e.validation, e.validation_error, e.created_at
    FROM sluice.webhook_endpoints e
   WHERE (e.created_at, e.id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     AND ($4::text IS NULL OR position($4 IN e.url) > 0 OR e.id::text = $4)
     AND ($5::text IS NULL OR e.enabled = ($5 = 'enabled'))
   ORDER BY e.created_at DESC, e.id DESC LIMIT least($1, 100)
), attempts AS (
  SELECT w.endpoint_id, count(*) AS attempts, (count(*) FILTER (WHERE w.outcome = 'delivered'))::float8 / count(*) AS success_rate,
         percentile_disc(0.5) WITHIN GROUP (ORDER BY w.duration_ms) AS p50_ms, percentile_disc(0.99) WITHIN GROUP (ORDER BY w.duration_ms) AS p99_ms
    FROM (SELECT a.endpoint_id, a.outcome, a.duration_ms FROM sluice.webhook_attempts a ORDER BY a.delivery_id DESC LIMIT 10000) AS w
   GROUP BY w.endpoint_id
), shown AS (
  SELECT p.*, h.state, h.breaker, h.paused_until, h.failing_since, h.notifier, h.waiting, h.late_seconds, a.attempts, a.success_rate, a.p50_ms, a.p99_ms
    FROM page p
    JOIN sluice.endpoint_health h ON h.endpoint_id = p.endpoint_id
    LEFT JOIN attempts a ON a.endpoint_id = p.endpoint_id
)
SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(r ORDER BY r.created_at DESC, r.endpoint_id DESC), '[]') FROM shown r),
  'next', CASE WHEN (SELECT count(*) FROM page) = least($1, 100)
               THEN (SELECT p.created_at || '_' || p.endpoint_id FROM page p ORDER BY p.created_at, p.endpoint_id LIMIT 1) END)::text;

-- name: console_events
WITH page AS (
  SELECT l.id, l.created_at, l.event_type, l.alias, l.session_id, l.flow_id, l.user_id, l.key, l.correlation_id, l.version,
         CASE WHEN octet_length(l.body) <= 8192 THEN l.body::json END AS body
    FROM (SELECT e.id, e.created_at, e.event_type, e.alias, e.session_id, e.flow_id, e.user_id, e.key, e.correlation_id, e.version, e.body
            FROM sluice.flow_events e
           WHERE e.id < coalesce($2::bigint, 9223372036854775807) ORDER BY e.id DESC LIMIT 10000) AS l
   WHERE ($3::text IS NULL OR l.event_type = $3 OR l.alias = $3 OR $3 LIKE '%.*' AND starts_with(l.event_type, left($3, -1)))
     AND ($4::uuid IS NULL OR l.session_id = $4)
   ORDER BY l.id DESC LIMIT $1
)
SELECT json_build_object(
  'rows', (SELECT coalesce(json_agg(p ORDER BY p.id DESC), '[]') FROM page p),
  'next', CASE WHEN (SELECT count(*) FROM page) = $1 THEN (SELECT min(p.id) FROM page p)
               ELSE (SELECT e.id FROM sluice.flow_events e WHERE e.id < coalesce($2::bigint, 9223372036854775807)
                      ORDER BY e.id DESC OFFSET 9999 LIMIT 1) END::text)::text;

-- name: console_audit
WITH page AS (
  SELECT a.id, a.at, a.actor, a.program, a.action, a.target, a.outcome
    FROM sluice.audit_log a WHERE a.id < coalesce($2::bigint, 9223372036854775807) ORDER BY a.id DESC LIMIT $1
)
SELECT json_build_object('rows', (SELECT coalesce(json_agg(p ORDER BY p.id DESC), '[]') FROM page p),
                         'next', CASE WHEN (SELECT count(*) FROM page) = $1 THEN (SELECT min(p.id) FROM page p) END::text)::text;
