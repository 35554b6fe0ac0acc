-- What the console says of itself and of the whole.

-- name: console_me
SELECT current_user::text AS role, current_setting('transaction_read_only') = 'on' AS read_only, current_database()::text AS database, (sluice.status() ->> 'schema_version')::int AS schema_version;

-- What the overview shows, and one sample of its plots: totals that only grow, then what stands now. Failed requests since $1 are found by endpoint, at most 1,000 of each.
-- name: console_sample
SELECT a.look::text AS activity, extract(epoch FROM clock_timestamp())::float8 AS at, clock_timestamp() AS taken_at,
       (a.look #>> '{totals,events}')::float8 AS events, (a.look #>> '{totals,steps}')::float8 AS steps,
       (a.look #>> '{totals,attempts}')::float8 AS attempts, pg_stat_get_tuples_inserted('sluice.task_failures'::regclass)::float8 AS tasks_failed,
       (SELECT count(*) FROM sluice.webhook_endpoints e
         CROSS JOIN LATERAL (SELECT FROM sluice.webhook_attempts w
                              WHERE w.endpoint_id = e.id AND w.outcome <> 'delivered' AND w.created_at > $1::timestamptz LIMIT 1000) AS f)::float8 AS deliveries_failed,
       (SELECT coalesce(max((c ->> 'lag_seconds')::float8), 0) FROM jsonb_array_elements(a.look -> 'consumers') AS c) AS lag,
       (SELECT coalesce(sum((q ->> 'due')::float8), 0) FROM jsonb_array_elements(a.look -> 'queues') AS q) AS backlog
  FROM (SELECT sluice.activity() AS look OFFSET 0) AS a;
