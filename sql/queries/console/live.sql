-- Events as they are committed, for the console's live view. What $1, a snapshot, did not see yet; the next one is in every row, and alone when
-- there is nothing new.

-- name: console_live_begin
SELECT pg_current_snapshot()::text AS snapshot;

-- name: console_live
WITH news AS MATERIALIZED (
  (SELECT a.* FROM sluice.flow_events a WHERE a.xid >= pg_snapshot_xmax($1::text::pg_snapshot) ORDER BY a.xid, a.id LIMIT 1001)
  UNION ALL
  (SELECT b.* FROM sluice.flow_events b WHERE b.xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot))) LIMIT 1001)
)
SELECT n.snapshot, e.id, e.event_type, e.alias, e.line
  FROM (SELECT pg_current_snapshot()::text AS snapshot) AS n
  LEFT JOIN LATERAL (
    SELECT x.id, x.event_type, x.alias,
           jsonb_build_object('id', x.id, 'created_at', x.created_at, 'event_type', x.event_type, 'alias', x.alias, 'session_id', x.session_id,
             'flow_id', x.flow_id, 'user_id', x.user_id, 'key', x.key, 'correlation_id', x.correlation_id, 'version', x.version,
             'body', CASE WHEN octet_length(x.body) <= 8192 THEN x.body::jsonb END)::text AS line
      FROM news x ORDER BY x.id LIMIT 1001) AS e ON true
 ORDER BY e.id;

-- What came after an event that was seen last, up to the snapshot $2: the newest 1,001.
-- name: console_live_after
SELECT $2::text AS snapshot, x.id, x.event_type, x.alias,
       jsonb_build_object('id', x.id, 'created_at', x.created_at, 'event_type', x.event_type, 'alias', x.alias, 'session_id', x.session_id,
         'flow_id', x.flow_id, 'user_id', x.user_id, 'key', x.key, 'correlation_id', x.correlation_id, 'version', x.version,
         'body', CASE WHEN octet_length(x.body) <= 8192 THEN x.body::jsonb END)::text AS line
  FROM (SELECT e.* FROM sluice.flow_events e WHERE e.id > $1::bigint AND pg_visible_in_snapshot(e.xid, $2::text::pg_snapshot)
         ORDER BY e.id DESC LIMIT 1001) AS x
 ORDER BY x.id;
