-- One thing of the console's lists, with what belongs to it; no row or null when there is no such thing.

-- name: console_task
SELECT to_json(t)::text
  FROM (SELECT t.task_id, t.kind, t.queue, t.session_id, t.node_id, t.status, t.attempt, t.max_attempts, t.run_at, t.priority, t.idempotency_key,
               t.session_revision, t.errors -> -1 ->> 'error' AS error, t.errors, t.created_at, NULL::timestamptz AS failed_at, t.process_id, t.host, t.pid,
               t.correlation_id, t.status IN ('scheduled', 'retrying') AS retryable,
               t.status = 'queued' OR t.session_id IS NULL AND t.kind <> 'cron' AS discardable, NULL::jsonb AS payload
          FROM sluice.task_overview t WHERE t.task_id = $1::bigint
        UNION ALL
        SELECT f.task_id, f.kind, f.queue, f.session_id, f.node_id, 'failed', f.attempts, f.max_attempts, NULL, f.priority, f.idempotency_key,
               f.session_revision, f.reason, f.errors, f.created_at, f.failed_at, NULL, NULL, NULL, f.correlation_id, f.retryable, true,
               CASE WHEN octet_length(f.payload::text) <= 65536 THEN f.payload END
          FROM sluice.task_failures f WHERE f.task_id = $1::bigint) AS t;

-- name: console_delivery
SELECT to_json(d)::text
  FROM (SELECT o.*,
               (SELECT CASE WHEN octet_length(m.body) <= 65536 THEN m.body::jsonb END FROM sluice.webhook_messages m
                 WHERE m.no = x.message_no AND m.created_at = x.message_at) AS body,
               (SELECT coalesce(json_agg(a ORDER BY a.started_at), '[]')
                  FROM (SELECT w.started_at, w.attempt, w.status, w.outcome, w.error_class, w.duration_ms, w.address, encode(left4k.bytes, 'escape') AS response
                          FROM sluice.webhook_attempts w CROSS JOIN LATERAL (SELECT substring(w.response FROM 1 FOR 4096)) AS left4k (bytes)
                         WHERE w.delivery_id = $1::bigint ORDER BY w.created_at DESC LIMIT 100) AS a) AS attempts
          FROM sluice.delivery_overview o
          CROSS JOIN LATERAL (SELECT d.message_no, d.message_at FROM sluice.webhook_deliveries d WHERE d.id = o.delivery_id
                              UNION ALL
                              SELECT w.message_no, w.message_at FROM sluice.webhook_attempts w WHERE w.delivery_id = o.delivery_id LIMIT 1) AS x
         WHERE o.delivery_id = $1::bigint) AS d;

-- name: console_endpoint
SELECT to_json(r)::text
  FROM (SELECT e.id AS endpoint_id, e.url, e.events, e.flow_id, e.description, e.enabled, e.disabled_at, e.disabled_reason, e.ordering, e.max_in_flight,
               e.rate_limit, e.timeout_seconds, e.retry_schedule, e.max_age, e.payload_version, e.validation, e.validation_error, e.created_at, e.created_by,
               h.state, h.breaker, h.paused_until, h.failing_since, h.notifier, h.waiting, h.late_seconds, a.attempts, a.success_rate, a.p50_ms, a.p99_ms,
               (SELECT coalesce(json_agg(f ORDER BY f.created_at DESC), '[]')
                  FROM (SELECT w.created_at, w.delivery_id, w.attempt, w.status, w.outcome, w.error_class, w.duration_ms FROM sluice.webhook_attempts w
                         WHERE w.endpoint_id = e.id AND w.outcome <> 'delivered' ORDER BY w.created_at DESC LIMIT 20) AS f) AS failures
          FROM sluice.webhook_endpoints e
          JOIN sluice.endpoint_health h ON h.endpoint_id = e.id
         CROSS JOIN LATERAL (
           SELECT count(*) AS attempts, (count(*) FILTER (WHERE w.outcome = 'delivered'))::float8 / nullif(count(*), 0) AS success_rate,
                  percentile_disc(0.5) WITHIN GROUP (ORDER BY w.duration_ms) AS p50_ms, percentile_disc(0.99) WITHIN GROUP (ORDER BY w.duration_ms) AS p99_ms
             FROM (SELECT a.endpoint_id, a.outcome, a.duration_ms FROM sluice.webhook_attempts a ORDER BY a.delivery_id DESC LIMIT 10000) AS w
            WHERE w.endpoint_id = $1::uuid) AS a
         WHERE e.id = $1::uuid) AS r;
