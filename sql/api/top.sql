-- What goes on at this moment, for `sluice top`. Asked every second, so nothing here counts or reads what grows: totals are the server's own
-- statistics, and of queues, lanes and logs the ends are looked at by index.

CREATE OR REPLACE FUNCTION sluice.activity() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
  -- The first delivery due of each endpoint's lane, found by leaps from one to the next: those with nothing to deliver cost nothing.
  WITH RECURSIVE next_due (endpoint_id, lane, due_at) AS (
    (SELECT d.endpoint_id, d.lane, d.due_at FROM sluice.webhook_deliveries d ORDER BY d.endpoint_id, d.lane, d.due_at, d.id LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id, n.lane, n.due_at
      FROM next_due b
     CROSS JOIN LATERAL (SELECT d.endpoint_id, d.lane, d.due_at FROM sluice.webhook_deliveries d
                          WHERE (d.endpoint_id, d.lane) > (b.endpoint_id, b.lane)
                          ORDER BY d.endpoint_id, d.lane, d.due_at, d.id LIMIT 1) AS n
  ), written AS (
    SELECT t.root, sum(pg_stat_get_tuples_inserted(t.part)) AS inserted, sum(pg_stat_get_tuples_updated(t.part)) AS updated,
           sum(pg_stat_get_tuples_deleted(t.part)) AS deleted
      FROM (SELECT r.name AS root, r.name::regclass::oid AS part
              FROM unnest(ARRAY['sluice.conversation_sessions', 'sluice_private.tasks', 'sluice.webhook_deliveries']) AS r (name)
            UNION ALL
            SELECT r.name, i.inhrelid
              FROM unnest(ARRAY['sluice.flow_events', 'sluice.webhook_attempts']) AS r (name)
              JOIN pg_inherits i ON i.inhparent = r.name::regclass) AS t
     GROUP BY t.root)
  SELECT jsonb_build_object(
    'time', clock_timestamp(),
    -- Totals since the server's statistics began; rows of transactions that were rolled back are in them.
    'totals', (SELECT jsonb_build_object(
        'sessions', sum(w.inserted) FILTER (WHERE w.root = 'sluice.conversation_sessions'),
        'steps', sum(w.updated) FILTER (WHERE w.root = 'sluice.conversation_sessions'),
        'tasks', sum(w.deleted) FILTER (WHERE w.root = 'sluice_private.tasks'),
        'events', sum(w.inserted) FILTER (WHERE w.root = 'sluice.flow_events'),
        'deliveries', sum(w.deleted) FILTER (WHERE w.root = 'sluice.webhook_deliveries'),
        'attempts', sum(w.inserted) FILTER (WHERE w.root = 'sluice.webhook_attempts')) FROM written w),
    -- Of the newest 1,000 deliveries: the request, and from the event to the answer where the first attempt was taken.
    'delivery_ms', (SELECT jsonb_build_object(
        'attempts', count(*),
        'request_p50', percentile_disc(0.5) WITHIN GROUP (ORDER BY a.duration_ms),
        'request_p99', percentile_disc(0.99) WITHIN GROUP (ORDER BY a.duration_ms),
        'total_p50', percentile_disc(0.5) WITHIN GROUP (ORDER BY a.total_ms) FILTER (WHERE a.attempt = 1 AND a.outcome = 'delivered'),
        'total_p99', percentile_disc(0.99) WITHIN GROUP (ORDER BY a.total_ms) FILTER (WHERE a.attempt = 1 AND a.outcome = 'delivered'))
      FROM (SELECT w.duration_ms, w.attempt, w.outcome, round(extract(epoch FROM w.created_at - w.message_at) * 1000)::bigint AS total_ms
              FROM sluice.webhook_attempts w ORDER BY w.delivery_id DESC LIMIT 1000) AS a),
    'queues', (SELECT coalesce(jsonb_agg(to_jsonb(q) ORDER BY q.oldest_seconds DESC NULLS LAST, q.name), '[]')
      FROM (SELECT q.name, q.paused, d.due, extract(epoch FROM clock_timestamp() - d.oldest)::float8 AS oldest_seconds
              FROM sluice_private.queues q
             CROSS JOIN LATERAL (
               SELECT count(*) AS due, min(x.run_at) AS oldest
                 FROM ((SELECT sluice_private.due_since(t) AS run_at FROM sluice_private.tasks t
                         WHERE t.queue = q.name AND t.priority = 0 AND t.order_key <= clock_timestamp() ORDER BY t.order_key, t.id LIMIT 1000)
                       UNION ALL
                       (SELECT t.run_at FROM sluice_private.tasks t
                         WHERE t.queue = q.name AND t.priority <> 0 AND t.run_at <= clock_timestamp() ORDER BY t.run_at LIMIT 1000)) AS x) AS d
             ORDER BY d.oldest, q.name LIMIT 20) AS q),
    -- Endpoints behind or not well; only the worst are counted.
    'lanes', (SELECT coalesce(jsonb_agg(to_jsonb(l) ORDER BY l.late_seconds DESC NULLS LAST, l.url), '[]')
      FROM (SELECT w.url, w.state, w.late_seconds,
                   (SELECT count(*) FROM (SELECT 1 FROM sluice.webhook_deliveries d WHERE d.endpoint_id = w.id LIMIT 1000) AS x) AS waiting
              FROM (SELECT e.id, e.url,
                           CASE WHEN NOT e.enabled THEN 'disabled' WHEN l.breaker IS NOT NULL AND l.breaker ->> 'state' <> 'closed' THEN l.breaker ->> 'state'
                                WHEN l.paused_until > clock_timestamp() THEN 'paused' WHEN l.failing_since IS NOT NULL THEN 'failing' ELSE 'good' END AS state,
                           greatest(extract(epoch FROM clock_timestamp() - f.due_at), 0)::float8 AS late_seconds
                      FROM sluice.webhook_endpoints e
                      LEFT JOIN sluice_private.lanes l ON l.endpoint_id = e.id
                      LEFT JOIN (SELECT n.endpoint_id, min(n.due_at) AS due_at FROM next_due n WHERE n.due_at < 'infinity' GROUP BY n.endpoint_id) AS f
                             ON f.endpoint_id = e.id) AS w
             WHERE w.late_seconds IS NOT NULL OR w.state NOT IN ('good', 'disabled')
             ORDER BY w.late_seconds DESC NULLS LAST, w.url LIMIT 20) AS l),
    'breakers', (SELECT coalesce(jsonb_agg(to_jsonb(b) ORDER BY b.key), '[]')
      FROM (SELECT b.key, b.state, greatest(extract(epoch FROM b.open_until - clock_timestamp()), 0)::float8 AS open_seconds
              FROM sluice.circuit_breakers b WHERE b.state <> 'closed' ORDER BY b.key LIMIT 20) AS b),
    'consumers', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.lag_seconds DESC, c.name), '[]')
      FROM (SELECT c.name, c.kind,
                   EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = 1398099267 AND l.objid = c.id::oid AND l.objsubid = 2
                              AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) AS running,
                   coalesce(greatest(extract(epoch FROM clock_timestamp() - sluice_private.oldest_behind(c.id)), 0), 0)::float8 AS lag_seconds,
                   (SELECT count(*) FROM (SELECT 1 FROM sluice.event_failures f WHERE f.consumer_id = c.id LIMIT 1000) AS x) AS parked
              FROM sluice.event_consumers c) AS c),
    -- Flows by their oldest step that is due or under way, among the 1,000 oldest such steps. Sessions' tasks have no priority but 0.
    'flows', (SELECT coalesce(jsonb_agg(to_jsonb(f) ORDER BY f.oldest_seconds DESC, f.flow), '[]')
      FROM (SELECT d.name AS flow, count(*) AS steps, extract(epoch FROM clock_timestamp() - min(t.run_at))::float8 AS oldest_seconds,
                   (array_agg(coalesce(t.node_id, CASE WHEN t.revision IS NULL THEN s.current_node_id END, t.kind) ORDER BY t.run_at))[1] AS at
              FROM (SELECT t.session_id, sluice_private.due_since(t) AS run_at, t.node_id, t.kind, t.revision FROM sluice_private.tasks t
                     WHERE t.queue = 'default' AND t.priority = 0 AND t.order_key <= clock_timestamp()
                     ORDER BY t.order_key, t.id LIMIT 1000) AS t
              JOIN sluice.conversation_sessions s ON s.id = t.session_id
              JOIN sluice.flow_definitions d ON d.id = s.flow_id
             GROUP BY d.id, d.name ORDER BY min(t.run_at), d.name LIMIT 20) AS f))
$$;
COMMENT ON FUNCTION sluice.activity() IS
  'rates'' totals, latency, queues, lanes, breakers, consumers and the slowest flows as one object; cheap enough to be asked every second. Counts stop at 1,000';

SELECT sluice_private.publish_api('sluice.activity()');
SELECT sluice_private.grant_to('sluice_reader', 'EXECUTE ON FUNCTION sluice.activity()');
