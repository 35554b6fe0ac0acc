-- What the console may do, when it is allowed to. Each function notes itself in sluice.audit_log, in the same transaction.

-- name: console_retry_task
WITH done AS MATERIALIZED (SELECT sluice.retry_task($1::bigint)) SELECT json_build_object('ok', true)::text FROM done;
-- name: console_discard_task
WITH done AS MATERIALIZED (SELECT sluice.discard($1::bigint)) SELECT json_build_object('ok', true)::text FROM done;
-- name: console_retry_delivery
WITH done AS MATERIALIZED (SELECT sluice.retry_delivery($1::bigint)) SELECT json_build_object('ok', true)::text FROM done;
-- name: console_discard_delivery
WITH done AS MATERIALIZED (SELECT sluice.discard_delivery($1::bigint)) SELECT json_build_object('ok', true)::text FROM done;
-- name: console_enable_endpoint
WITH done AS MATERIALIZED (SELECT sluice.enable_endpoint($1::uuid)) SELECT json_build_object('ok', true)::text FROM done;
-- name: console_disable_endpoint
WITH done AS MATERIALIZED (SELECT sluice.disable_endpoint($1::uuid, 'disabled in the console')) SELECT json_build_object('ok', true)::text FROM done;
-- name: console_ping_endpoint
SELECT json_build_object('ok', true, 'delivery_id', sluice.test_endpoint($1::uuid))::text;
-- name: console_replay_endpoint
SELECT json_build_object('ok', true, 'count', sluice.replay($1::uuid, $2::timestamptz, coalesce($3::timestamptz, now())))::text;
