-- The notifier's statements. How lanes, claims and floors work together is written at the top of sql/api/webhook_lanes.sql; the
-- arguments of commit_attempts in sql/api/webhook_outcomes.sql; the sleep protocol in sql/api/doorbell.sql (flag deliveries).
-- Processes register and beat with the statements of workers.sql (kind notifier).

-- name: acquire_lanes
-- $1 process bigint → endpoint_id uuid, token bigint, paused_ms bigint, breaker text (JSON) or null, enabled boolean, fair_share int.
-- At the start, every second, at payload "lanes". All lanes of the process; none at all if it is taken for dead: register anew.
SELECT endpoint_id, token, paused_ms, breaker, enabled, fair_share FROM sluice_private.acquire_lanes($1);

-- name: release_lanes
-- $1 process bigint, $2 endpoints uuid[] or null for all → int. Only lanes without anything in flight, or at shutdown.
SELECT sluice_private.release_lanes($1, $2);

-- name: claim_deliveries
-- $1 process bigint, $2 lane int (0 first attempts, 1 retries, 2 replays), $3 limit int, $4 endpoint of the last row of the last claim, or null,
-- $5 endpoints uuid[], $6 rooms int[] (null element = max_in_flight), $7 floors timestamptz[] and $8 their ids bigint[] (null element = none),
-- $9 busy delivery ids bigint[].
-- secrets: JSON list in signing order, [{"kind": "hmac|ed25519|legacy", "secret", "key_id", "ciphertext"}]; headers: JSON object;
-- attempt: attempts made so far; body: bytes to sign and send; message_id null: the message is gone, end the delivery as dead.
-- Rows of an endpoint stand together; its own columns, from endpoint_id on, are in the first of them only. Columns are read by place:
-- notifier/delivery.cpp, notifier/destination.h. due_us, created_us: microseconds since 1970, cheaper to write and to read than a date in words;
-- a float8 holds them exactly until 2106.
SELECT delivery_id, attempt, (date_part('epoch', due_at) * 1000000)::bigint AS due_us, (date_part('epoch', created_at) * 1000000)::bigint AS created_us,
       age_ms, message_id, correlation_id, body,
       CASE WHEN url IS NOT NULL THEN endpoint_id END AS endpoint_id, CASE WHEN url IS NOT NULL THEN lane_token END AS lane_token,
       url, headers, timeout_seconds, secrets, client_certificate, retry_schedule, max_age_ms, rate_limit, max_in_flight
  FROM sluice_private.claim_deliveries($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: commit_attempts
-- $1 process bigint; per delivery $2 ids bigint[], $3 endpoints uuid[], $4 lane tokens bigint[], $5 outcomes text[] (delivered, retry, dead, deferred),
-- $6 delays in ms bigint[], $7 attempt numbers int[], $8 started_at timestamptz[], $9 durations in ms int[], $10 statuses int[],
-- $11 error classes text[], $12 addresses text[], $13 responses bytea[]; per lane $14 endpoints uuid[], $15 pauses in ms bigint[], $16 breakers
-- jsonb[], $17 reasons to disable text[]; per delivery $18 created_at timestamptz[] → boolean[]: per delivery, false = lost
SELECT sluice_private.commit_attempts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18);

-- name: next_due_delivery
-- $1 process bigint → ms until something of its lanes is due, 0 if it is overdue, null if nothing is scheduled; before going idle
SELECT greatest(extract(epoch FROM min(d.due_at) - clock_timestamp()) * 1000, 0)::bigint
  FROM sluice_private.lanes l
 CROSS JOIN LATERAL generate_series(0, 2) AS k (lane)
 CROSS JOIN LATERAL (SELECT w.due_at FROM sluice.webhook_deliveries w
                      WHERE w.endpoint_id = l.endpoint_id AND w.lane = k.lane AND w.due_at < 'infinity'
                        AND (l.paused_until IS NULL OR w.due_at > l.paused_until)
                      ORDER BY w.endpoint_id, w.lane, w.due_at, w.id LIMIT 1) AS d
 WHERE l.owner = $1;

-- name: delivery_horizon
-- → xmin text: what a DRAIN poll compares with B; send it in front of claim_deliveries
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: attempts_written
-- $1 delivery ids bigint[], $2 started_at timestamptz[] → delivery_id of those that are in the log: what a commit whose answer was lost has done
SELECT a.delivery_id
  FROM unnest($1::bigint[], $2::timestamptz[]) AS g (id, started_at)
  JOIN sluice.webhook_attempts a ON a.delivery_id = g.id AND a.started_at = g.started_at;

-- name: database_address
-- → address text, port int, as the server sees them, or nulls through a socket file: never a destination
SELECT host(inet_server_addr()) AS address, inet_server_port() AS port

-- name: expire_deliveries
-- → int; hourly, and again while it returns 1,000
SELECT sluice_private.expire_deliveries();

-- name: plain_secrets
-- → id bigint, endpoint_id uuid, kind text, secret text: signing secrets that are not encrypted yet, up to 100
SELECT s.id, s.endpoint_id, s.kind, s.secret FROM sluice.webhook_secrets s WHERE s.secret IS NOT NULL ORDER BY s.id LIMIT 100;

-- name: seal_secrets
-- $1 ids bigint[], $2 key id text, $3 ciphertexts bytea[]; a secret never changes once it is stored
UPDATE sluice.webhook_secrets s SET secret = NULL, key_id = $2, ciphertext = g.ciphertext
  FROM unnest($1::bigint[], $3::bytea[]) AS g (id, ciphertext)
 WHERE s.id = g.id AND s.secret IS NOT NULL;

-- name: take_validations
-- $1 process bigint → endpoints to ask by OPTIONS now
SELECT endpoint_id, url, headers, timeout_seconds, client_certificate, attempt FROM sluice_private.take_validations($1);

-- name: end_validation
-- $1 endpoint uuid, $2 validated | refused | pending, $3 error text or null, $4 requests a second it allows or null, $5 delay in ms for pending
SELECT sluice_private.end_validation($1, $2, $3, $4, $5);
