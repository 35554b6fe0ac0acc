-- Reading: cursors, large gaps, handlers, parking, trimming, restored databases. Statements commit one by one: cursors live on commits.
SELECT no_plan();
CREATE TABLE test.seen (place bigint GENERATED ALWAYS AS IDENTITY, id bigint, event jsonb);
CREATE FUNCTION test.see(events jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO test.seen (id, event) SELECT (e ->> ''id'')::bigint, e FROM jsonb_array_elements(events) WITH ORDINALITY AS w (e, n) ORDER BY n';
CREATE FUNCTION test.choke(events jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF events::text LIKE '%poison%' THEN RAISE 'poison'; END IF;
  PERFORM test.see(events);
END $$;
CREATE FUNCTION test.consumer(n text) RETURNS bigint LANGUAGE sql AS 'SELECT id FROM sluice.event_consumers WHERE name = n';

SELECT sluice.emit('early');
SELECT sluice.on_event('see', '{orders.*}', 'test.see(jsonb)');
SELECT test.consumer('see') AS see \gset
SELECT is((h.events, h.produced, h.more)::text, '(0,0,f)', 'nothing before the registration') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT sluice.emit('orders.a'), sluice.emit('other'), sluice.emit('orders.b');
SELECT is((h.events, h.produced, h.more)::text, '(3,2,f)', 'a batch; what does not match is passed over') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is((SELECT string_agg(event ->> 'type', ' ' ORDER BY place) FROM test.seen), 'orders.a orders.b', 'in order');
SELECT is((SELECT count(*) FROM test.seen t JOIN sluice.flow_events e USING (id) WHERE e.body::jsonb || jsonb_build_object('id', e.id) = t.event), 2::bigint, 'the documented body with "id"');
SELECT is((h.events, h.produced, h.more)::text, '(0,0,f)', 'once') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SET synchronous_commit = on;
SELECT sluice.emit('other');
BEGIN;
SELECT is((h.events, h.produced)::text, '(1,0)') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is(current_setting('synchronous_commit'), 'off', 'nobody waits for the disk when nothing was for this consumer');
COMMIT;
SELECT sluice.emit('orders.flushed');
BEGIN;
SELECT is((h.events, h.produced)::text, '(1,1)') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is(current_setting('synchronous_commit'), 'on', 'what a handler did is flushed');
COMMIT;
RESET synchronous_commit;

-- poll
SELECT snapshot AS s, news FROM sluice_private.poll_events(NULL) \gset p_
SELECT ok(:'p_news', 'the first poll always finds');
SELECT ok(NOT news, 'nothing new') FROM sluice_private.poll_events(:'p_s');
SELECT sluice.emit('orders.c');
SELECT ok(news, 'something new') FROM sluice_private.poll_events(:'p_s');

-- a gap larger than the limit is read in pages, and what commits meanwhile comes afterwards
DELETE FROM test.seen;
SELECT count(sluice.emit('orders.' || n)) FROM generate_series(1, 24) AS n;
SELECT is((h.events, h.more)::text, '(10,t)') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT sluice.emit('orders.late');
SELECT ok(in_gap, 'the gap is remembered') FROM sluice.consumer_lag WHERE name = 'see';
SELECT is(events_behind, 16::bigint, 'lag counts what is left') FROM sluice.consumer_lag WHERE name = 'see';
SELECT is((h.events, h.more)::text, '(10,t)') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is((h.events, h.more)::text, '(5,t)', 'the last page does not reach beyond the gap') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is((h.events, h.more)::text, '(0,t)', 'the gap is closed; what came after it is next') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is((h.events, h.more)::text, '(1,f)') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is((SELECT array_agg(event ->> 'type' ORDER BY place) FROM test.seen), 'orders.c'::text || ARRAY(SELECT 'orders.' || n FROM generate_series(1, 24) AS n) || 'orders.late'::text, 'all, once, in order');
SELECT is(events_behind, 0::bigint) FROM sluice.consumer_lag WHERE name = 'see';
SELECT count(sluice.emit('orders.big', NULL, jsonb_build_object('a', repeat('x', 1000000)))) FROM generate_series(1, 10) AS n;
SELECT is((h.events, h.more)::text, '(9,t)', 'a batch ends at 8 MiB') FROM sluice_private.run_sql_handler(:see, 100) AS h;
SELECT is((h.events, h.more)::text, '(1,t)') FROM sluice_private.run_sql_handler(:see, 100) AS h;
SELECT is((h.events, h.more)::text, '(0,t)') FROM sluice_private.run_sql_handler(:see, 100) AS h;

-- a failed batch leaves the cursor; parking and what follows of the same session
SELECT sluice.on_event('choke', '{*}', 'test.choke(jsonb)');
SELECT test.consumer('choke') AS choke \gset
DELETE FROM test.seen;
INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token, current_node_id) VALUES (gen_random_uuid(), 1, 's1', 'poison'), (gen_random_uuid(), 1, 's2', 'a');
UPDATE sluice.conversation_sessions SET revision = 2, current_node_id = 'b' WHERE session_token = 's1';
UPDATE sluice.conversation_sessions SET revision = 2, current_node_id = 'b' WHERE session_token = 's2';
SELECT throws_ok(format('SELECT sluice_private.run_sql_handler(%s, 10)', :choke), 'P0001', 'poison');
SELECT throws_ok(format('SELECT sluice_private.run_sql_handler(%s, 1)', :choke), 'P0001', 'poison', 'again: the cursor did not move');
SELECT ok(sluice_private.park_event(:choke, 'poison', 10) IS NOT NULL, 'parked');
SELECT events, more FROM sluice_private.run_sql_handler(:choke, 10);
SELECT events, more FROM sluice_private.run_sql_handler(:choke, 10);
SELECT is((SELECT string_agg(format('%s %s', f.attempts, f.error), '; ' ORDER BY f.event_id) FROM sluice.event_failures f WHERE consumer_id = :choke),
          '10 poison; 0 parked behind an earlier event of its session', 'what is behind the poison in its session is parked too');
SELECT is((SELECT array_agg(DISTINCT s.session_token) FROM test.seen t JOIN sluice.conversation_sessions s ON s.id = (t.event ->> 'session_id')::uuid), '{s2}');

-- what was parked is tried again, from the first of its session on
SELECT throws_ok($$SELECT sluice.retry_event('choke', 0)$$, 'SL005');
SELECT is((SELECT sluice.retry_event('choke', max(event_id)) FROM sluice.event_failures), 1::bigint, 'asking for the second asks for the first');
SELECT throws_ok(format('SELECT * FROM sluice_private.run_parked(%s)', :choke), 'P0001', 'poison');
SELECT is(sluice_private.park_again(:choke, 'poison again'), (SELECT min(event_id) FROM sluice.event_failures), 'it stays parked');
SELECT is((SELECT event_id FROM sluice_private.run_parked(:choke)), NULL, 'and is left alone');
DELETE FROM test.seen;
CREATE OR REPLACE FUNCTION test.choke(events jsonb) RETURNS void LANGUAGE sql AS 'SELECT test.see(events)';
SELECT is(sluice.retry_event('choke'), 1::bigint);
SELECT ok((SELECT event_id FROM sluice_private.run_parked(:choke)) IS NOT NULL AND (SELECT event_id FROM sluice_private.run_parked(:choke)) IS NOT NULL
          AND (SELECT event_id FROM sluice_private.run_parked(:choke)) IS NULL, 'the first, then what stood behind it');
SELECT is((SELECT array_agg((event #>> '{data,revision}')::int ORDER BY place) FROM test.seen), '{1,2}', 'in order');
SELECT is_empty('SELECT FROM sluice.event_failures');

-- registration
SELECT throws_ok($$SELECT sluice.on_event('x', '{*}', 'pg_catalog.now()')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.on_event('x', '{a b}', 'test.see(jsonb)')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.on_event('relay', '{*}', 'test.see(jsonb)')$$, 'SL005', NULL, 'a name of another kind');
DROP ROLE IF EXISTS sluice_test_user;
CREATE ROLE sluice_test_user;
GRANT sluice_api TO sluice_test_user;
GRANT USAGE, CREATE ON SCHEMA test TO sluice_test_user;
SET SESSION AUTHORIZATION sluice_test_user;
CREATE FUNCTION test.sneak(events jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT throws_ok($$SELECT sluice.on_event('sneak', '{*}', 'test.sneak(jsonb)')$$, 'SL005', NULL, 'nobody''s code runs with the listener''s rights');
ALTER FUNCTION test.sneak(jsonb) SECURITY DEFINER;
SELECT lives_ok($$SELECT sluice.on_event('sneak', '{*}', 'test.sneak(jsonb)')$$);
SELECT throws_ok('SELECT * FROM sluice.flow_events', '42501');
RESET SESSION AUTHORIZATION;
SELECT lives_ok($$SELECT sluice.off_event('sneak')$$);
SELECT throws_ok($$SELECT sluice.off_event('sneak')$$, 'SL005');

-- two listeners on one consumer: the second loses
SELECT seq, cursor::text FROM sluice_private.next_events(:see, 10) \gset n_
SELECT sluice_private.move_cursor(:see, :n_seq, :'n_cursor', NULL, NULL);
SELECT throws_ok(format('SELECT sluice_private.move_cursor(%s, %s, %L, NULL, NULL)', :see, :n_seq, :'n_cursor'), '40001');
DO $$
DECLARE c bigint := test.consumer('see'); b record;
BEGIN
  FOR n IN 1..3000 LOOP
    b := sluice_private.next_events(c, 1);
    PERFORM sluice_private.move_cursor(c, b.seq, b.cursor, NULL, NULL);
  END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM sluice_private.event_positions WHERE consumer_id = :see), '<', 800::bigint, 'old positions are removed');

-- trimming
SELECT is(sluice_private.trim_events(), 'not due');
UPDATE sluice_private.event_slots SET opened_at = opened_at - interval '2 days';
SELECT is(sluice_private.trim_events(), 'rotated to slot 1');
SELECT sluice.emit('orders.next');
SELECT is((SELECT slot FROM sluice.flow_events ORDER BY id DESC LIMIT 1), 1::smallint, 'new rows go to the next slot');
SELECT is(sluice_private.trim_events(), 'not due');
SELECT ok(closed_xid IS NOT NULL, 'the slot that was left is closed') FROM sluice_private.event_slots WHERE slot = 0;
DELETE FROM test.seen;
SELECT is((h.events, h.more)::text, '(1,f)', 'readers go on in the next slot') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is(count(*), 1::bigint) FROM test.seen;
DO $$
BEGIN
  FOR n IN 2..7 LOOP
    UPDATE sluice_private.event_slots SET opened_at = opened_at - interval '2 days';
    PERFORM sluice_private.trim_events();
  END LOOP;
END $$;
SELECT is(sluice_private.current_slot(), 7::smallint);
UPDATE sluice_private.event_slots SET opened_at = opened_at - interval '2 days';
SELECT matches(sluice_private.trim_events(), '^held by ', 'a slot that somebody has not read is kept');
SELECT cmp_ok((SELECT count(*) FROM sluice.flow_events WHERE slot = 0), '>', 0::bigint);
-- A transaction that is open anywhere in the cluster, another test's too, holds every snapshot's xmin back, and the slot with it. A cursor
-- with nothing to read moves once a minute, so each round gives it an event.
CREATE PROCEDURE test.read_and_trim(INOUT answer text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
  unread boolean;
BEGIN
  FOR n IN 1..2000 LOOP
    PERFORM sluice.emit('orders.tick');
    unread := true;
    WHILE unread LOOP
      COMMIT;
      unread := (sluice_private.run_relay(test.consumer('relay'), 1000)).more OR (sluice_private.run_webhooks(test.consumer('webhooks'), 1000)).more;
      unread := (sluice_private.run_sql_handler(test.consumer('choke'), 1000)).more OR unread;
      unread := (sluice_private.run_sql_handler(test.consumer('see'), 1000)).more OR unread;
    END LOOP;
    COMMIT;
    answer := sluice_private.trim_events();
    COMMIT;
    EXIT WHEN answer NOT LIKE 'held by %' AND answer <> 'busy';
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
CALL test.read_and_trim() \gset
SELECT is(:'answer'::text, 'rotated to slot 0', 'until everybody has');
SELECT is((SELECT count(*) FROM sluice.flow_events WHERE slot = 0), 0::bigint);

-- a database restored elsewhere
SELECT is_empty('SELECT * FROM sluice_private.foreign_cursors()');
SELECT sluice.emit('orders.unread');
INSERT INTO sluice_private.event_positions (consumer_id, seq, cursor) SELECT :see, max(seq) + 1, '900000000:900000005:900000001' FROM sluice_private.event_positions WHERE consumer_id = :see;
UPDATE sluice.flow_events SET xid = '900000001' WHERE event_type = 'orders.unread';
SELECT results_eq('SELECT name, problem FROM sluice_private.foreign_cursors()', $$VALUES ('see', 'the cursor is ahead of the cluster''s transactions')$$);
UPDATE sluice.event_consumers SET system_identifier = 1 WHERE name = 'choke';
SELECT is((SELECT count(*) FROM sluice_private.foreign_cursors()), 2::bigint);
DELETE FROM test.seen;
SELECT is(sluice.events_resync(), 1::bigint, 'one event was not handled');
SELECT is_empty('SELECT * FROM sluice_private.foreign_cursors()');
SELECT is((h.events, h.produced)::text, '(1,1)', 'and is handled now') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT is((h.events, h.produced)::text, '(0,0)', 'once') FROM sluice_private.run_sql_handler(:see, 10) AS h;
SELECT sluice.emit('orders.after');
SELECT is((h.events, h.produced)::text, '(1,1)') FROM sluice_private.run_sql_handler(:see, 10) AS h;
-- a consumer that nobody runs: told by name, and given up aloud
SELECT sluice.on_event('asleep', '{orders.*}', 'test.see(jsonb)');
UPDATE sluice.event_consumers SET enabled = false WHERE name = 'asleep';
SELECT count(sluice.emit('orders.missed')) FROM generate_series(1, 3);
SELECT is((SELECT events_behind FROM sluice.consumer_lag WHERE name = 'asleep'), 3::bigint, 'a disabled consumer keeps its place');
SELECT is(sluice.skip_events('asleep'), 3::bigint, 'what is given up is counted');
SELECT is((SELECT (body::jsonb -> 'data') - 'cursor' FROM sluice.flow_events ORDER BY id DESC LIMIT 1), '{"consumer": "asleep", "events": 3}', 'and an event says so');
SELECT is((SELECT events_behind FROM sluice.consumer_lag WHERE name = 'asleep'), 1::bigint, 'the consumer goes on with what comes now');
SELECT throws_ok($$SELECT sluice.skip_events('nobody')$$, 'SL005');
SELECT sluice.off_event('asleep');

-- Registration in a transaction that has its id already, while a younger one ends: what the transaction emits afterwards is news.
BEGIN;
SELECT pg_current_xact_id() IS NOT NULL;
\! psql -XAtq -c 'SELECT pg_current_xact_id()' >/dev/null
SELECT sluice.on_event('young', '{orders.*}', 'test.see(jsonb)');
SELECT sluice.emit('orders.own');
COMMIT;
SELECT is((h.events, h.produced)::text, '(1,1)', 'an event of the registering transaction') FROM sluice_private.run_sql_handler(test.consumer('young'), 10) AS h;
SELECT is((h.events, h.produced)::text, '(0,0)', 'once') FROM sluice_private.run_sql_handler(test.consumer('young'), 10) AS h;

DROP OWNED BY sluice_test_user;
DROP ROLE sluice_test_user;
SELECT * FROM finish();
