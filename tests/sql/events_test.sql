-- Emitting: what the session triggers, emit and watched tables append to the log. Statements commit one by one: cursors live on commits.
SELECT no_plan();
CREATE TABLE test.mark (id bigint);
CREATE FUNCTION test.mark() RETURNS void LANGUAGE sql AS 'DELETE FROM test.mark; INSERT INTO test.mark SELECT coalesce(max(id), 0) FROM sluice.flow_events';
CREATE FUNCTION test.emitted() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(event_type, ' ' ORDER BY id) FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark)
$$;
CREATE FUNCTION test.last_body() RETURNS jsonb LANGUAGE sql AS 'SELECT body::jsonb FROM sluice.flow_events ORDER BY id DESC LIMIT 1';

SELECT test.mark();
INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token, current_node_id, user_id, correlation_id)
SELECT '00000000-0000-0000-0000-0000000000f1', 1, 'e' || n, 'ask', '00000000-0000-0000-0000-0000000000a1', 'c1' FROM generate_series(1, 3) AS n;
SELECT is(test.emitted(), 'session_started session_started session_started', 'one event a session, whatever the statement');
SELECT is((SELECT array_agg(DISTINCT correlation_id) FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark)), '{c1}');

SELECT test.mark();
UPDATE sluice.conversation_sessions SET current_node_id = 'say "hi"' || E'\n', revision = revision + 1 WHERE session_token = 'e1';
SELECT is(test.emitted(), 'node_changed');
SELECT is(test.last_body() - 'timestamp' - 'session_id', '{"type": "node_changed", "event_type": "node_changed", "flow_id": "00000000-0000-0000-0000-0000000000f1",
  "user_id": "00000000-0000-0000-0000-0000000000a1", "data": {"current_node": "say \"hi\"\n", "previous_node": "ask", "status": "active",
  "previous_status": "active", "revision": 2, "previous_revision": 1}}'::jsonb, 'the documented body');
SELECT is(test.last_body() ->> 'session_id', (SELECT id::text FROM sluice.conversation_sessions WHERE session_token = 'e1'));
SELECT matches(test.last_body() ->> 'timestamp', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$');
SELECT matches((SELECT body FROM sluice.flow_events ORDER BY id DESC LIMIT 1), '^\{"type":"node_changed","event_type":"node_changed","timestamp":"', 'in the documented order');

SELECT test.mark();
UPDATE sluice.conversation_sessions SET status = 'completed', current_node_id = 'end', revision = revision + 1 WHERE session_token = 'e1';
UPDATE sluice.conversation_sessions SET state = '{"a": 1}', revision = revision + 1 WHERE session_token = 'e2';
UPDATE sluice.conversation_sessions SET info = '{"a": 1}', last_activity_at = now();
UPDATE sluice.conversation_sessions SET revision = revision WHERE false;
SELECT is(test.emitted(), 'session_status_changed session_updated', 'the first type that applies; nothing when node, status and revision stay');
SELECT is((SELECT alias FROM sluice.flow_events WHERE event_type = 'session_status_changed' ORDER BY id DESC LIMIT 1), 'session.completed');
SELECT test.mark();
UPDATE sluice.conversation_sessions SET current_node_id = NULL, revision = revision + 1 WHERE session_token = 'e2';
SELECT is(test.last_body() #> '{data,current_node}', 'null'::jsonb, 'null is a value like others');

SELECT test.mark();
DELETE FROM sluice.conversation_sessions WHERE session_token = 'e1';
SELECT is(test.emitted(), 'session_deleted');
SELECT is(test.last_body() -> 'data', '{"current_node": null, "previous_node": "end", "status": null, "previous_status": "completed", "revision": null, "previous_revision": 3}');
SELECT test.mark();
TRUNCATE sluice.conversation_sessions CASCADE;
SELECT is(test.emitted(), 'session_deleted session_deleted', 'truncate is a deletion of each');

-- A bulk update after single ones in the same connection: the cached plan must not be quadratic.
INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token) SELECT gen_random_uuid(), 1, 'bulk' || n FROM generate_series(1, 100000) AS n;
SELECT test.mark();
SET statement_timeout = '40s';
UPDATE sluice.conversation_sessions SET revision = revision + 1;
SELECT is((SELECT count(*) FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark)), 100000::bigint, '100,000 sessions in one statement');
RESET statement_timeout;

-- Any writer, whatever its search_path; operators and functions of the writer's are not used.
DROP ROLE IF EXISTS sluice_test_writer;
CREATE ROLE sluice_test_writer;
CREATE SCHEMA evil AUTHORIZATION sluice_test_writer;
GRANT USAGE ON SCHEMA sluice TO sluice_test_writer;
GRANT ALL ON sluice.conversation_sessions TO sluice_test_writer;
SET SESSION AUTHORIZATION sluice_test_writer;
CREATE FUNCTION evil.to_char(timestamp, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE FUNCTION evil.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
SET search_path = evil, pg_catalog;
UPDATE sluice.conversation_sessions SET revision = revision + 1 WHERE session_token = 'bulk1';
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT is((SELECT count(*) FROM sluice.flow_events WHERE session_id = (SELECT id FROM sluice.conversation_sessions WHERE session_token = 'bulk1')), 3::bigint, 'a writer without rights on the log emits');

-- emit
SELECT test.mark();
SELECT sluice.emit('order.paid', 'k"1', '{"sum": 3}', 'c2') AS emitted \gset
SELECT is(:emitted::bigint, (SELECT max(id) FROM sluice.flow_events), 'emit returns the id');
SELECT is(test.last_body() - 'timestamp', '{"type": "order.paid", "event_type": "order.paid", "session_id": null, "flow_id": null, "user_id": null, "key": "k\"1", "data": {"sum": 3}}'::jsonb);
SELECT throws_ok($$SELECT sluice.emit('a b')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.emit(NULL)$$, 'SL005');
SELECT throws_ok($$SELECT sluice.emit('big', NULL, jsonb_build_object('a', repeat('x', 1048576)))$$, 'SL005', NULL, 'bodies over 1 MiB are refused');

-- watched tables
CREATE TABLE test.orders (id int PRIMARY KEY, sum numeric, note text);
SELECT throws_ok($$SELECT sluice.watch_table('test.orders', 'orders', 'sum')$$, 'SL005', NULL, 'the key must be unique');
SELECT throws_ok($$SELECT sluice.watch_table('test.orders', 'orders', 'nope')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.watch_table('test.orders', 'or ders', 'id')$$, 'SL005');
SELECT sluice.watch_table('test.orders', 'orders', 'id', '{id,sum}');
SELECT test.mark();
INSERT INTO test.orders VALUES (1, 10, 'a'), (2, 20, 'b');
UPDATE test.orders SET sum = sum + 1 WHERE id = 2;
SELECT is(test.last_body() -> 'data', '{"new": {"id": 2, "sum": 21}, "old": {"id": 2, "sum": 20}}');
UPDATE test.orders SET note = 'c';
DELETE FROM test.orders WHERE id = 1;
TRUNCATE test.orders;
SELECT is(test.emitted(), 'orders.inserted orders.inserted orders.updated orders.deleted orders.deleted', 'row events; none when no watched column changed');
SELECT is((SELECT key FROM sluice.flow_events ORDER BY id DESC LIMIT 1), '2');
SELECT is_empty($$SELECT FROM pg_trigger WHERE tgrelid = 'test.orders'::regclass AND NOT tgname LIKE 'sluice%'$$);
SET SESSION AUTHORIZATION sluice_test_writer;
SELECT throws_ok($$SELECT sluice.watch_table('test.orders', 'orders', 'id')$$, '42501');
RESET SESSION AUTHORIZATION;

-- keys that change, columns of other types, correlation, and the end of watching
-- The columns n, o, at and type are called as things in the trigger are.
CREATE TABLE test.items (sku text PRIMARY KEY, at timestamptz, tags text[], n int, o int, type text);
SELECT sluice.watch_table('test.items', 'shop.items', 'sku');
SELECT sluice.watch_table('test.items', 'shop.items', 'sku');
SELECT test.mark();
BEGIN;
SET LOCAL sluice.correlation_id = 'c7';
INSERT INTO test.items VALUES ('a', '2026-01-02 03:04Z', '{x,"y z"}'), ('b', NULL, NULL);
COMMIT;
SELECT is(test.emitted(), 'shop.items.inserted shop.items.inserted', 'watched twice is watched once');
SELECT is((SELECT array_agg(DISTINCT correlation_id) FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark)), '{c7}', 'rows carry the transaction''s correlation id');
SELECT test.mark();
UPDATE test.items SET at = now() WHERE false;
UPDATE test.items SET sku = 'c' WHERE sku = 'b';
SELECT is((SELECT string_agg(event_type || ' ' || key, ', ' ORDER BY event_type) FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark)),
          'shop.items.deleted b, shop.items.inserted c', 'a changed key shows as an end and a start; a statement without rows as nothing');
SELECT test.mark();
INSERT INTO test.items (sku) SELECT 'n' || n FROM generate_series(1, 50) AS n ON CONFLICT DO NOTHING;
UPDATE test.items SET tags = '{t}' WHERE sku LIKE 'n%';
SELECT is((SELECT string_agg(format('%s %s', event_type, n), ', ' ORDER BY event_type) FROM (SELECT event_type, count(*) AS n FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark) GROUP BY 1) AS w),
          'shop.items.inserted 50, shop.items.updated 50', 'one event a row, whatever the statement');
SELECT test.mark();
TRUNCATE test.items;
SELECT is((SELECT string_agg(DISTINCT event_type, ' ') || ' ' || count(*) FROM sluice.flow_events WHERE id > (SELECT id FROM test.mark)), 'shop.items.deleted 52');
SELECT sluice.unwatch_table('test.items');
SELECT test.mark();
INSERT INTO test.items (sku) VALUES ('z');
SELECT is(test.emitted(), NULL, 'unwatched');
SELECT throws_ok($$SELECT sluice.unwatch_table('test.items')$$, 'SL005');

-- defined types: a version to carry, a schema to fit
SELECT throws_ok(format('SELECT sluice.define_event(%L, %L)', 'order.paid', s), 'SL005', m, 'refused: ' || s)
  FROM (VALUES ('{"type": "objekt"}', NULL), ('{"type": []}', NULL), ('{"required": ["a", 1]}', NULL), ('{"properties": {"a": 3}}', NULL), ('[]', NULL),
               ('{"minimum": "1"}', NULL), ('{"minLength": -1}', NULL), ('{"pattern": "("}', NULL), ('{"enum": []}', NULL),
               ('{"$ref": "#/x"}', 'schema keyword ''$ref'' at its root is not checked here'),
               ('{"properties": {"a": {"items": {"oneOf": []}}}}', 'schema keyword ''oneOf'' at /properties/a/items is not checked here')) AS c (s, m);
SELECT throws_ok($$SELECT sluice.define_event('node_changed')$$, 'SL005', NULL, 'a type of Sluice itself cannot be defined');
SELECT is(sluice_private.schema_fault(s::jsonb, v::jsonb), f, format('%s %s', s, v))
  FROM (VALUES ('true', '1', NULL), ('false', '1', 'the data is not allowed'), ('{}', '{"a": 1}', NULL),
               ('{"type": "integer"}', '1.0', NULL), ('{"type": "integer"}', '1.5', 'the data is of type number, not "integer"'),
               ('{"type": ["string", "null"]}', 'null', NULL), ('{"type": "object"}', '[]', 'the data is of type array, not "object"'),
               ('{"required": ["a"]}', '{"b": 1}', 'the data has no member ''a'''), ('{"required": ["a"]}', '3', NULL),
               ('{"properties": {"a": {"type": "string"}}}', '{"a": 1}', '/a is of type number, not "string"'),
               ('{"properties": {"a": {}}, "additionalProperties": false}', '{"a": 1, "b": 2}', '/b is not allowed'),
               ('{"additionalProperties": {"type": "number"}}', '{"b": "x"}', '/b is of type string, not "number"'),
               ('{"enum": [1, "a", null]}', 'null', NULL), ('{"enum": [1, "a"]}', '2', 'the data is none of [1, "a"]'),
               ('{"const": {"a": [1]}}', '{"a": [1]}', NULL), ('{"const": 1}', '2', 'the data is not 1'),
               ('{"items": {"properties": {"n": {"minimum": 1}}}}', '[{"n": 1}, {"n": 0}]', '/1/n is below 1'),
               ('{"maximum": 2}', '2.1', 'the data is above 2'), ('{"maximum": 2}', '"x"', NULL),
               ('{"minLength": 2}', '"ü"', 'the data is shorter than 2'), ('{"maxLength": 1}', '"üü"', 'the data is longer than 1'),
               ('{"minItems": 1}', '[]', 'the data has fewer items than 1'), ('{"maxItems": 1}', '[1, 2]', 'the data has more items than 1'),
               ('{"pattern": "^a+$"}', '"aab"', 'the data does not match "^a+$"'), ('{"pattern": "^a+$"}', '"aa"', NULL)) AS c (s, v, f);
SELECT sluice.define_event('order.paid', '{"title": "An order was paid", "type": "object", "required": ["sum"], "properties": {"sum": {"type": "number", "minimum": 0}}}', 2);
SELECT sluice.define_event('order.paid', '{"title": "An order was paid", "type": "object", "required": ["sum"], "properties": {"sum": {"type": "number", "minimum": 0}}}', 2);
SELECT throws_ok($$SELECT sluice.define_event('order.paid', '{}', 2)$$, 'SL005', NULL, 'a version means one schema');
SELECT throws_ok($$SELECT sluice.define_event('order.paid', NULL, 1)$$, 'SL005', NULL, 'versions go up');
SELECT test.mark();
SELECT throws_ok($$SELECT sluice.emit('order.paid', 'k', '{"sum": -1}')$$, 'SL005', 'event order.paid does not fit its schema: /sum is below 0');
SELECT throws_ok($$SELECT sluice.emit('order.paid', 'k', NULL)$$, 'SL005');
SELECT sluice.emit('order.paid', 'k', '{"sum": 1}');
SELECT is(test.emitted(), 'order.paid', 'what does not fit is not written');
SELECT is((test.last_body() -> 'version')::int, 2, 'the body has the version');
SELECT is((SELECT version FROM sluice.flow_events ORDER BY id DESC LIMIT 1), 2);
BEGIN;
SET LOCAL sluice.correlation_id = 'c8';
SELECT sluice.emit('order.sent'), sluice.emit('order.sent', correlation_id => 'c9');
COMMIT;
SELECT is((SELECT array_agg(correlation_id ORDER BY id) FROM sluice.flow_events WHERE event_type = 'order.sent'), '{c8,c9}', 'the transaction''s correlation id, or the call''s own');
SELECT sluice.watch_table('test.items', 'shop.items', 'sku', '{sku}');
SELECT sluice.define_event('shop.items.inserted', '{"properties": {"new": {"properties": {"sku": {"maxLength": 3}}}}}', 3);
SELECT throws_ok($$INSERT INTO test.items VALUES ('ok'), ('too long')$$, 'SL005', 'event shop.items.inserted does not fit its schema: /new/sku is longer than 3');
INSERT INTO test.items VALUES ('fit');
SELECT is((test.last_body() ->> 'version', test.last_body() #>> '{data,new,sku}')::text, '(3,fit)', 'rows of watched tables are checked and carry the version');
SELECT sluice.undefine_event('shop.items.inserted');
INSERT INTO test.items VALUES ('too long');
SELECT ok(NOT test.last_body() ? 'version', 'a type that is no longer defined');
SELECT throws_ok($$SELECT sluice.undefine_event('shop.items.inserted')$$, 'SL005');

-- patterns
SELECT ok(sluice_private.event_matches(t, a, p::text[]) = m, format('%s %s %s', t, a, p))
  FROM (VALUES ('session_started', NULL, '{*}', true), ('session_started', NULL, '{session_started}', true), ('session_started', NULL, '{session.started}', true),
               ('session_started', NULL, '{session.*}', true), ('session_started', NULL, '{session.completed}', false), ('session_started', NULL, '{node.*}', false),
               ('session_status_changed', 'session.completed', '{session.completed}', true), ('session_status_changed', 'session.abandoned', '{session.completed}', false),
               ('session_status_changed', 'session.abandoned', '{x,session.abandoned}', true), ('node_changed', NULL, '{node.changed}', true),
               ('orders.eu.paid', NULL, '{orders.*}', true), ('orders.eu.paid', NULL, '{orders.eu.*}', true), ('orders.eu.paid', NULL, '{orders.us.*}', false),
               ('orders_x', NULL, '{orders.*}', false), ('ordersx.a', NULL, '{orders.*}', false)) AS c (t, a, p, m);
SELECT throws_ok($$SELECT sluice_private.check_patterns('{a*}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice_private.check_patterns('{}')$$, 'SL005');

-- The doorbell rings when the flag is up, and not when it is down; direct mode notifies by itself.
LISTEN sluice_wake;
LISTEN flow_events;
SELECT sluice_private.raise_flag('events');
SELECT ok(sluice_private.lower_flag('events'), 'the flag was up');
SELECT ok(NOT sluice_private.lower_flag('events'), 'the flag is down');
SELECT is(pg_sequence_last_value('sluice.events_awake'), 0::bigint);
INSERT INTO sluice.settings (key, value) VALUES ('notify', '"direct"') ON CONFLICT (key) DO UPDATE SET value = excluded.value;
BEGIN;
SELECT sluice.emit('one'), sluice.emit('two');
SELECT is(current_setting('sluice.notified_to'), (SELECT max(id)::text FROM sluice.flow_events), 'direct mode has notified up to the last event');
ROLLBACK;
DELETE FROM sluice.settings WHERE key = 'notify';
SELECT is(sluice_private.notify_body(e)::jsonb, e.body::jsonb || jsonb_build_object('id', e.id), 'a notification is the body with the id')
  FROM (SELECT * FROM sluice.flow_events ORDER BY id DESC LIMIT 1) AS e;
SELECT sluice.emit('big', 'k', jsonb_build_object('a', repeat('ü', 4000)));
SELECT is(sluice_private.notify_body(e)::jsonb - 'timestamp', jsonb_build_object('type', 'big', 'event_type', 'big', 'session_id', NULL, 'flow_id', NULL,
          'user_id', NULL, 'truncated', true, 'id', e.id), 'a large one says so') FROM (SELECT * FROM sluice.flow_events ORDER BY id DESC LIMIT 1) AS e;
DROP OWNED BY sluice_test_writer;
DROP ROLE sluice_test_writer;
SELECT * FROM finish();
