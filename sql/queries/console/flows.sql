-- Flows for the console. Counts are of the 10,000 newest sessions of all flows together.

-- name: console_flows
WITH counted AS (
  SELECT s.flow_id, count(*) FILTER (WHERE s.status = 'active') AS active, count(*) FILTER (WHERE s.status = 'completed') AS completed,
         count(*) FILTER (WHERE s.status = 'abandoned') AS abandoned, max(s.last_activity_at) AS last_activity_at
    FROM (SELECT c.flow_id, c.status, c.last_activity_at FROM sluice.conversation_sessions c ORDER BY c.started_at DESC LIMIT 10000) AS s
   GROUP BY s.flow_id
), shown AS (
  SELECT f.name AS flow_key, f.id AS flow_id, coalesce(v.version, f.version) AS version,
         CASE WHEN NOT f.is_active THEN 'inactive' WHEN f.is_published THEN 'published' ELSE 'draft' END AS status,
         f.description, f.published_at, f.updated_at, coalesce(c.active, 0) AS sessions_active, coalesce(c.completed, 0) AS sessions_completed,
         coalesce(c.abandoned, 0) AS sessions_abandoned, coalesce(c.completed + c.abandoned, 0) AS sessions_ended, c.last_activity_at
    FROM sluice.flow_definitions f
    LEFT JOIN sluice.flow_versions v ON v.id = f.published_version_id
    LEFT JOIN counted c ON c.flow_id = f.id
   WHERE f.name > coalesce($2::text, '') ORDER BY f.name LIMIT $1
)
SELECT json_build_object('rows', (SELECT coalesce(json_agg(r ORDER BY r.flow_key), '[]') FROM shown r),
                         'next', CASE WHEN (SELECT count(*) FROM shown) = $1 THEN (SELECT max(r.flow_key) FROM shown r) END)::text;
