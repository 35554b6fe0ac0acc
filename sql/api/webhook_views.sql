-- What people look at: endpoints and deliveries, the unfinished and the finished.

CREATE OR REPLACE VIEW sluice.delivery_overview AS
SELECT d.id AS delivery_id, d.endpoint_id, e.url, m.id AS message_id, m.event_type, m.session_id, m.correlation_id, d.status,
       d.attempt::int AS attempt, CASE WHEN d.due_at < 'infinity' THEN d.due_at END AS due_at, d.created_at, NULL::timestamptz AS finished_at,
       a.status::int AS response_status, a.error_class, a.started_at AS last_attempt_at, a.duration_ms
  FROM sluice.webhook_deliveries d
  LEFT JOIN sluice.webhook_endpoints e ON e.id = d.endpoint_id
  LEFT JOIN sluice.webhook_messages m ON m.no = d.message_no AND m.created_at = d.message_at
  LEFT JOIN LATERAL (SELECT w.* FROM sluice.webhook_attempts w WHERE w.delivery_id = d.id ORDER BY w.created_at DESC LIMIT 1) AS a ON true
UNION ALL
SELECT a.delivery_id, a.endpoint_id, e.url, m.id, m.event_type, m.session_id, m.correlation_id, a.outcome,
       a.attempt::int, NULL, a.message_at, a.created_at, a.status::int, a.error_class, a.started_at, a.duration_ms
  FROM sluice.webhook_attempts a
  LEFT JOIN sluice.webhook_endpoints e ON e.id = a.endpoint_id
  LEFT JOIN sluice.webhook_messages m ON m.no = a.message_no AND m.created_at = a.message_at
 WHERE a.outcome <> 'retry'
   AND NOT EXISTS (SELECT FROM sluice.webhook_deliveries d WHERE d.id = a.delivery_id)
   AND NOT EXISTS (SELECT FROM sluice.webhook_attempts w
                    WHERE w.delivery_id = a.delivery_id AND w.outcome <> 'retry' AND w.created_at > a.created_at);
COMMENT ON VIEW sluice.delivery_overview IS 'one row a delivery: pending, held, delivered or dead, with its last attempt';

CREATE OR REPLACE VIEW sluice.endpoint_overview AS
SELECT e.id AS endpoint_id, e.url, e.events, e.flow_id, e.description, e.enabled, e.disabled_at, e.disabled_reason, e.ordering, e.max_in_flight,
       e.rate_limit, e.timeout_seconds, e.payload_version, b.pending, b.held, b.oldest_seconds,
       CASE WHEN l.paused_until > clock_timestamp() THEN l.paused_until END AS paused_until, l.failing_since, l.breaker, l.owner AS notifier,
       s.attempts, s.success_rate, s.p50_ms, s.p99_ms, e.created_at, e.validation, e.validation_error
  FROM sluice.webhook_endpoints e
  LEFT JOIN sluice_private.lanes l ON l.endpoint_id = e.id
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE d.status = 'pending') AS pending, count(*) FILTER (WHERE d.status = 'held') AS held,
                            extract(epoch FROM clock_timestamp() - min(d.created_at))::float8 AS oldest_seconds
                       FROM sluice.webhook_deliveries d WHERE d.endpoint_id = e.id) AS b
 CROSS JOIN LATERAL (SELECT count(*) AS attempts, (count(*) FILTER (WHERE a.outcome = 'delivered'))::float8 / nullif(count(*), 0) AS success_rate,
                            percentile_cont(0.5) WITHIN GROUP (ORDER BY a.duration_ms) AS p50_ms,
                            percentile_cont(0.99) WITHIN GROUP (ORDER BY a.duration_ms) AS p99_ms
                       FROM sluice.webhook_attempts a
                      WHERE a.endpoint_id = e.id AND a.created_at > clock_timestamp() - interval '15 minutes') AS s;
COMMENT ON VIEW sluice.endpoint_overview IS 'endpoints with backlog, breaker, and success and duration of the last 15 minutes; secrets are never shown';

-- Scalar subqueries, so that they are answered for the endpoints that are asked for and no others.
CREATE OR REPLACE VIEW sluice.endpoint_health AS
SELECT e.id AS endpoint_id,
       CASE WHEN NOT e.enabled THEN 'disabled' WHEN l.breaker IS NOT NULL AND l.breaker ->> 'state' <> 'closed' THEN l.breaker ->> 'state'
            WHEN l.paused_until > clock_timestamp() THEN 'paused' WHEN l.failing_since IS NOT NULL THEN 'failing' ELSE 'good' END AS state,
       l.breaker, CASE WHEN l.paused_until > clock_timestamp() THEN l.paused_until END AS paused_until, l.failing_since, l.owner AS notifier,
       (SELECT count(*) FROM (SELECT FROM sluice.webhook_deliveries d WHERE d.endpoint_id = e.id LIMIT 1000) AS x) AS waiting,
       (SELECT greatest(extract(epoch FROM clock_timestamp() - min(n.due_at)), 0)::float8
          FROM unnest(ARRAY[0, 1, 2]::smallint[]) AS k (lane)
         CROSS JOIN LATERAL (SELECT d.due_at FROM sluice.webhook_deliveries d
                              WHERE d.endpoint_id = e.id AND d.lane = k.lane AND d.due_at < 'infinity'
                              ORDER BY d.due_at, d.id LIMIT 1) AS n) AS late_seconds
  FROM sluice.webhook_endpoints e
  LEFT JOIN sluice_private.lanes l ON l.endpoint_id = e.id;
COMMENT ON VIEW sluice.endpoint_health IS
  'how each endpoint fares at this moment: state, breaker, deliveries waiting (counted up to 1,000), and for how long the first of them has been due';

SELECT sluice_private.grant_to(r.role, g.what)
  FROM unnest(ARRAY['sluice_reader', 'sluice_api']) AS r (role)
 CROSS JOIN unnest(ARRAY['SELECT ON sluice.delivery_overview', 'SELECT ON sluice.endpoint_overview']) AS g (what);
SELECT sluice_private.grant_to('sluice_reader', g.what)
  FROM unnest(ARRAY['SELECT ON sluice.endpoint_health', 'SELECT ON sluice.flow_events', 'SELECT ON sluice.event_consumers', 'SELECT ON sluice.event_handlers', 'SELECT ON sluice.event_failures',
    'SELECT ON sluice.webhook_endpoints', 'SELECT ON sluice.webhook_messages', 'SELECT ON sluice.webhook_deliveries', 'SELECT ON sluice.webhook_attempts']) AS g (what);
