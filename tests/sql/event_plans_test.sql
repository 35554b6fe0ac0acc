-- At a million events and a million deliveries every statement of listener and notifier reads what it needs and no more: counted in rows that
-- scans returned, which no busy machine can spoil.
SELECT no_plan();
CREATE TABLE test.big (name text PRIMARY KEY);
INSERT INTO test.big SELECT 'flow_events_' || n FROM generate_series(0, 7) AS n;
INSERT INTO test.big VALUES ('webhook_deliveries'), ('event_positions');
INSERT INTO test.big SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent IN ('sluice.webhook_messages'::regclass, 'sluice.webhook_attempts'::regclass);
-- Rows read from the large tables since the last flush: by sequential scans, by index scans.
CREATE FUNCTION test.rows_read(OUT seq_rows bigint, OUT index_rows bigint) LANGUAGE sql AS $$
  SELECT coalesce(sum(seq_tup_read), 0), coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_xact_user_tables JOIN test.big ON name = relname
$$;

SELECT format($$INSERT INTO sluice.flow_events (slot, event_type, session_id, flow_id, body, xid)
  SELECT %s, 'node_changed', gen_random_uuid(), gen_random_uuid(), '{"type":"node_changed"}', '3' FROM generate_series(1, 125000)$$, slot)
  FROM generate_series(0, 7) AS slot \gexec
INSERT INTO sluice.webhook_endpoints (id, url, events)
SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'https://e' || n || '.example/', '{never}' FROM generate_series(1, 1000) AS n;
INSERT INTO sluice_private.lanes (endpoint_id) SELECT id FROM sluice.webhook_endpoints;
INSERT INTO sluice.webhook_messages (no, id, event_id, event_type, body) SELECT n, 'msg_' || n, 0, 'ping', '{}' FROM generate_series(1, 1000) AS n;
-- One dead endpoint with 950,000 pending, the others with 50 each.
SELECT format($$INSERT INTO sluice.webhook_deliveries (message_no, message_at, endpoint_id, due_at)
  SELECT m.no, m.created_at, '00000000-0000-0000-0000-000000000001', now() - interval '1 hour' FROM sluice.webhook_messages m CROSS JOIN generate_series(1, 95) WHERE m.no <= 1000$$)
  FROM generate_series(1, 10) \gexec
INSERT INTO sluice.webhook_deliveries (message_no, message_at, endpoint_id, due_at)
SELECT m.no, m.created_at, e.id, now() - interval '1 hour' FROM sluice.webhook_endpoints e JOIN sluice.webhook_messages m ON m.no <= 50 WHERE e.url <> 'https://e1.example/';
CREATE FUNCTION test.nothing(events jsonb) RETURNS void LANGUAGE sql AS '';
SELECT sluice.on_event('nothing', '{*}', 'test.nothing(jsonb)');
SELECT id AS c FROM sluice.event_consumers WHERE name = 'nothing' \gset
SELECT id AS w FROM sluice.event_consumers WHERE name = 'webhooks' \gset
SELECT id AS r FROM sluice.event_consumers WHERE name = 'relay' \gset
DO $$ BEGIN UPDATE sluice_private.event_slots SET closed_xid = '4' WHERE slot > 0; END $$;
ANALYZE;
\if :{?emptied}
CREATE TABLE test.emptied AS
SELECT c.oid FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE coalesce(i.indrelid, c.oid) IN (SELECT t.oid FROM pg_class t JOIN test.big ON t.relname = name);
UPDATE pg_class SET reltuples = 0 WHERE oid IN (SELECT oid FROM test.emptied);
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM test.emptied);
\endif
SELECT snapshot FROM sluice_private.poll_events(NULL) \gset
SELECT sluice.emit('one'), sluice.emit('two');

SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(count(*), 20::bigint) FROM generate_series(1, 20), LATERAL sluice_private.poll_events(:'snapshot');
SELECT is((t.seq_rows, t.index_rows <= 40)::text, '(0,t)', format('poll_events: %s', t)) FROM test.rows_read() AS t;
COMMIT;
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(events, 2) FROM sluice_private.run_sql_handler(:c, 100);
SELECT is(events, 2) FROM sluice_private.run_relay(:r, 100);
SELECT is(events, 2) FROM sluice_private.run_webhooks(:w, 100);
SELECT is((t.seq_rows, t.index_rows <= 100)::text, '(0,t)', format('a batch: %s', t)) FROM test.rows_read() AS t;
COMMIT;
SELECT count(sluice.emit('gap')) FROM generate_series(1, 5000);
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(events, 100) FROM sluice_private.run_sql_handler(:c, 100);
SELECT is((t.seq_rows, t.index_rows < 6000)::text, '(0,t)', format('the first page of a gap of 5,000: %s', t)) FROM test.rows_read() AS t;
COMMIT;
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(events, 100) FROM sluice_private.run_sql_handler(:c, 100);
SELECT is((t.seq_rows, t.index_rows <= 400)::text, '(0,t)', format('another page: %s', t)) FROM test.rows_read() AS t;
COMMIT;

SELECT sluice_private.register_process('notifier', 'test', 1) AS p \gset
SELECT count(*) FROM sluice_private.acquire_lanes(:p) \gset lanes_
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(count(*), 256::bigint, 'a claim over 1,000 lanes') FROM sluice_private.claim_deliveries(:p, 0, 256, NULL, '{}', '{}', '{}', '{}', '{}');
SELECT is((t.seq_rows, t.index_rows < 2500)::text, '(0,t)', format('claim_deliveries, a look at each lane: %s', t)) FROM test.rows_read() AS t;
COMMIT;
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(count(*), 8::bigint, 'a claim from the dead endpoint, up to its cap')
  FROM sluice_private.claim_deliveries(:p, 0, 256, NULL, ARRAY(SELECT id FROM sluice.webhook_endpoints WHERE url <> 'https://e1.example/'), array_fill(0, ARRAY[999]), array_fill(NULL::timestamptz, ARRAY[999]), array_fill(NULL::bigint, ARRAY[999]), '{}');
SELECT is((t.seq_rows, t.index_rows < 50)::text, '(0,t)', format('its 950,000 are not scanned: %s', t)) FROM test.rows_read() AS t;
COMMIT;
CREATE TABLE test.claimed AS SELECT * FROM sluice_private.claim_deliveries(:p, 0, 128, NULL, '{}', '{}', '{}', '{}', '{}');
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is((SELECT cardinality(sluice_private.commit_attempts(:p, array_agg(delivery_id), array_agg(endpoint_id), array_agg(lane_token), array_agg(CASE WHEN n % 2 = 0 THEN 'delivered' ELSE 'retry' END),
    array_agg(1000::bigint), array_agg(1), array_agg(now()), array_agg(1), array_agg(200), array_agg(NULL::text), array_agg(NULL::text), array_agg(NULL::bytea), '{}', '{}', '{}', '{}'))
  FROM (SELECT *, row_number() OVER () AS n FROM test.claimed) AS c), 128);
SELECT is((t.seq_rows, t.index_rows <= 400)::text, '(0,t)', format('commit_attempts: %s', t)) FROM test.rows_read() AS t;
COMMIT;
SELECT sluice_private.heartbeat(:p);  -- alive however long this took
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT is(count(*), 1000::bigint) FROM sluice_private.acquire_lanes(:p);
SELECT is((t.seq_rows, t.index_rows)::text, '(0,0)', 'acquire_lanes touches no large table') FROM test.rows_read() AS t;
COMMIT;
SELECT * FROM finish();
