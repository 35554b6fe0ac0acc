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

-- A flow's graph. `live` are sessions that are at a node, `left` those that were abandoned there, `ended` those that completed there; `reached`
-- those whose history names it: null at nodes that leave none (conditions, composites, scripts). Sessions are the 10,000 newest of all flows;
-- history is looked at for the newest 500 of this version. Edges are the connections, and the nodes that conditions name without one: called by what
-- they refer to, by the case's number, or else.
-- name: console_flow
WITH chosen AS MATERIALIZED (
  SELECT f.id AS flow_id, f.name, f.description, f.is_active, f.is_published, f.published_at, v.id AS version_id, coalesce(v.version, f.version) AS version,
         coalesce(v.document, f.flow_data) AS document, coalesce(v.entry_node_id, f.entry_node_id) AS entry
    FROM sluice.flow_definitions f
    LEFT JOIN LATERAL (SELECT w.* FROM sluice.flow_versions w
                        WHERE w.flow_id = f.id AND CASE WHEN $2::text IS NULL THEN w.id = f.published_version_id ELSE w.version = $2 END) AS v ON true
   WHERE f.name = $1::text AND ($2::text IS NULL OR v.id IS NOT NULL)
), sessions AS MATERIALIZED (
  SELECT s.id, s.current_node_id, s.status, s.started_at
    FROM (SELECT x.id, x.flow_version_id, x.current_node_id, x.status, x.started_at
            FROM sluice.conversation_sessions x ORDER BY x.started_at DESC LIMIT 10000) AS s
   WHERE s.flow_version_id = (SELECT c.version_id FROM chosen c)
), places AS (
  SELECT s.current_node_id AS id, count(*) FILTER (WHERE s.status = 'active') AS live, count(*) FILTER (WHERE s.status = 'abandoned') AS abandoned,
         count(*) FILTER (WHERE s.status = 'completed') AS ended
    FROM sessions s GROUP BY s.current_node_id
), passed AS (
  SELECT p.node_id AS id, count(*) AS reached
    FROM (SELECT DISTINCT n.id, h.node_id
            FROM (SELECT s.id FROM sessions s ORDER BY s.started_at DESC LIMIT 500) AS n
           CROSS JOIN LATERAL (SELECT w.node_id FROM sluice.conversation_history w
                                WHERE w.session_id = n.id AND w.created_at >= (SELECT min(s.started_at) FROM sessions s) ORDER BY w.id LIMIT 200) AS h) AS p
   GROUP BY p.node_id
), nodes AS MATERIALIZED (
  SELECT n.node, n.place, n.node ->> 'node_id' AS id
    FROM chosen c CROSS JOIN jsonb_array_elements(c.document -> 'nodes') WITH ORDINALITY AS n (node, place)
), edges AS (
  SELECT e.edge ->> 'source_node_id' AS source, e.edge ->> 'target_node_id' AS target, coalesce(e.edge ->> 'connection_type', 'default') AS label,
         0::bigint AS node, e.place, 0 AS branch
    FROM chosen c CROSS JOIN jsonb_array_elements(c.document -> 'connections') WITH ORDINALITY AS e (edge, place)
  UNION ALL
  SELECT n.id, w.target #>> '{}', w.label, n.place, w.place, w.branch
    FROM nodes n
   CROSS JOIN LATERAL (
     SELECT k.entry -> 'then', coalesce(k.entry #>> '{if,$ref}', 'case ' || k.place), k.place, 1
       FROM jsonb_array_elements(CASE WHEN jsonb_typeof(n.node #> '{content,conditions}') = 'array' THEN n.node #> '{content,conditions}' ELSE '[]' END)
            WITH ORDINALITY AS k (entry, place)
     UNION ALL
     SELECT k.entry -> 'else', 'not case ' || k.place, k.place, 2
       FROM jsonb_array_elements(CASE WHEN jsonb_typeof(n.node #> '{content,conditions}') = 'array' THEN n.node #> '{content,conditions}' ELSE '[]' END)
            WITH ORDINALITY AS k (entry, place)
     UNION ALL
     SELECT coalesce(n.node #> '{content,else}', n.node #> '{content,default_path}'), 'else', NULL, 3) AS w (target, label, place, branch)
   WHERE n.node ->> 'node_type' = 'condition' AND jsonb_typeof(w.target) = 'string'
     AND w.target #>> '{}' !~ '^(default|success|failure|timeout|\$[0-9]+)$' AND w.target #>> '{}' IN (SELECT o.id FROM nodes o)
)
SELECT json_build_object(
  'flow', json_build_object('flow_key', c.name, 'flow_id', c.flow_id, 'version', c.version, 'description', c.description,
            'status', CASE WHEN NOT c.is_active THEN 'inactive' WHEN c.is_published THEN 'published' ELSE 'draft' END, 'published_at', c.published_at,
            'sessions', (SELECT count(*) FROM sessions), 'sampled', (SELECT least(count(*), 500) FROM sessions),
            'versions', (SELECT coalesce(json_agg(w.version ORDER BY w.id DESC), '[]') FROM (SELECT x.id, x.version FROM sluice.flow_versions x
                          WHERE x.flow_id = c.flow_id ORDER BY x.id DESC LIMIT 100) AS w)),
  'nodes', (SELECT coalesce(json_agg(json_build_object('id', n.id, 'type', n.node ->> 'node_type', 'label', n.id,
                      'entry', n.id = c.entry, 'live', coalesce(p.live, 0),
                      'reached', CASE WHEN n.node ->> 'node_type' IN ('message', 'question', 'action', 'webhook') THEN coalesce(r.reached, 0) END,
                      'left', coalesce(p.abandoned, 0), 'ended', coalesce(p.ended, 0)) ORDER BY n.place), '[]')
              FROM nodes n
              LEFT JOIN places p ON p.id = n.id
              LEFT JOIN passed r ON r.id = n.id),
  'edges', (SELECT coalesce(json_agg(json_build_object('from', e.source, 'to', e.target, 'label', e.label) ORDER BY e.node, e.place, e.branch), '[]')
              FROM edges e))::text
  FROM chosen c;
