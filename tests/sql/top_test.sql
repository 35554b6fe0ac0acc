-- sluice.activity() is asked every second, so nothing that grows is read from end to end, whatever the planner believes.
BEGIN;
SELECT plan(8);

SET LOCAL session_replication_role = replica;
INSERT INTO sluice.conversation_sessions (id, flow_id, flow_version_id, session_token, current_node_id)
SELECT md5(n::text)::uuid, f.flow_id, f.id, 't' || n, 'work'
  FROM (SELECT id, flow_id FROM sluice.flow_versions LIMIT 1) AS f, generate_series(1, 20000) AS n;
INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision, order_key, run_at)
SELECT md5(n::text)::uuid, 'webhook', 'work', n, 1, now() - interval '1 hour' + n * interval '1 ms', now() - interval '1 hour' FROM generate_series(1, 20000) AS n;
INSERT INTO sluice.webhook_endpoints (url) SELECT 'https://example.org/' || n FROM generate_series(1, 200) AS n;
INSERT INTO sluice.webhook_deliveries (message_no, message_at, due_at, endpoint_id)
SELECT n, now(), now() - interval '1 minute' - n * interval '1 s', e.id FROM sluice.webhook_endpoints e, generate_series(1, 100) AS n;
INSERT INTO sluice.webhook_attempts (delivery_id, message_no, message_at, started_at, endpoint_id, duration_ms, attempt, status, outcome)
SELECT n, n, now(), now(), (SELECT e.id FROM sluice.webhook_endpoints e LIMIT 1), 5, 1, 200, 'delivered' FROM generate_series(1, 20000) AS n;
SET LOCAL session_replication_role = origin;
ANALYZE sluice.conversation_sessions, sluice_private.tasks, sluice.webhook_deliveries, sluice.webhook_attempts;

CREATE FUNCTION pg_temp.scans(p_table text) RETURNS bigint LANGUAGE sql AS $$
  SELECT sum(pg_stat_get_xact_numscans(c.oid)) FROM pg_class c
   WHERE c.oid = p_table::regclass OR c.oid IN (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = p_table::regclass)
$$;
CREATE TEMP TABLE before AS
  SELECT t.name, pg_temp.scans(t.name) AS scans
    FROM unnest(ARRAY['sluice.conversation_sessions', 'sluice_private.tasks', 'sluice.webhook_deliveries', 'sluice.webhook_attempts', 'sluice.flow_events']) AS t (name);

CREATE TEMP TABLE seen AS SELECT sluice.activity() AS a;
SELECT is(pg_temp.scans(b.name), b.scans, format('%s is not read from end to end', b.name)) FROM before b;
SELECT is(a -> 'queues' -> 0 ->> 'due', '1000', 'counts stop at 1,000') FROM seen;
SELECT is(jsonb_array_length(a -> 'lanes'), 20, 'the twenty worst lanes') FROM seen;
SELECT is(a -> 'flows' -> 0 ->> 'steps', '1000', 'flows are judged by their oldest steps') FROM seen;

SELECT * FROM finish();
ROLLBACK;
